"""What holds a release beside its leases: threads, told by their last run, which goes on with it or may do so."""

from dataclasses import dataclass
from typing import Literal

RunStatus = Literal["running", "success", "error", "interrupted", "cancelled", "drained", "suspended"]
"""How a run is, or ended. `interrupted` waits for a human; `drained` and `suspended` were stopped and can go on:
`drained` when somebody says so, `suspended` by itself, when a server has the project open."""

STOPPED: frozenset[str] = frozenset({"drained", "suspended"})
UNFINISHED: frozenset[str] = frozenset({"running", "interrupted"}) | STOPPED


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadPin:
    """Threads of one agent that are alike: their last runs ended alike, and they go on with the same release.

    Attributes:
        release: digest of that release.
        moved: whether an operator moved them there.
        threads: how many there are.
        since: Unix time at which the first of these runs began.
    """

    agent: str
    release: str
    status: str
    moved: bool
    threads: int
    since: float
