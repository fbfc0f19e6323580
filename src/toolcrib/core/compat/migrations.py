"""State migrations as values: one step, the chain of an agent, and the way of a thread from one revision to another."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

State = dict[str, Any]
Direction = Literal["up", "down"]


class Revision(Protocol):
    """What must be known of a migration to find a way; a chain has the oldest first."""

    @property
    def revision(self) -> str:
        """Its name, unique for the agent."""

    @property
    def nodes(self) -> Mapping[str, str]:
        """Former name of a node -> its name from this revision on."""

    @property
    def reversible(self) -> bool:
        """Whether there is a way back."""

    @property
    def file(self) -> str:
        """Where it stands in the project."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One file under `migrations/`.

    Attributes:
        agent: whose threads it changes.
        revision: what their state is called after it.
        replaces: the revision before it; empty for the agent's first.
        nodes: former name of a node -> its name now.
        up, down: from the saved state (field -> value) to the new one, and back; None changes nothing, for `down` only
            where `up` does not either.
        file, line: where it stands.
    """

    agent: str
    revision: str
    replaces: str = ""
    nodes: Mapping[str, str] = field(default_factory=dict)
    up: Callable[[State], State] | None = None
    down: Callable[[State], State] | None = None
    file: str = ""
    line: int = 0

    @property
    def reversible(self) -> bool:
        """Whether there is a way back."""
        return self.up is None or self.down is not None


class NoWay(Exception):
    """A thread's state cannot come to where it should; the message says why.

    Attributes:
        file, line: what is to blame in the project; empty and 0 when nothing is.
    """

    def __init__(self, message: str, *, file: str = "", line: int = 0) -> None:
        super().__init__(message)
        self.file = file
        self.line = line


R = TypeVar("R", bound=Revision)
Step = tuple[R, Direction]


def head(chain: Sequence[Revision]) -> str:
    """What the state of threads is called after the whole chain; empty without one."""
    return chain[-1].revision if chain else ""


def way(have: str, chain: Sequence[R], former: Sequence[R]) -> tuple[Step[R], ...]:
    """The steps that bring a state to the end of a chain.

    Args:
        have: the revision of the state; empty before the first.
        chain: the migrations of the release it should come to.
        former: those of the release that saved it; asked for the way back when `chain` does not know the revision.

    Raises:
        NoWay: neither knows the revision, or a step has no way back.
    """
    known, held = [one.revision for one in chain], [one.revision for one in former]
    back: list[Step[R]] = []
    while have and have not in known:
        if have not in held:
            raise NoWay(f"its state is at revision {have!r}, which no migration there leads away from")
        place = held.index(have)
        step = former[place]
        if not step.reversible:
            raise NoWay(f"its state is at revision {have!r}, and {step.file} has no `down`")
        back.append((step, "down"))
        have = held[place - 1] if place else ""
    start = known.index(have) + 1 if have else 0
    ahead: list[Step[R]] = [(one, "up") for one in chain[start:]]
    return (*back, *ahead)


def renamed(node: str, steps: Sequence[Step[R]]) -> str:
    """What a node is called after these steps."""
    for step, direction in steps:
        names = step.nodes if direction == "up" else {new: old for old, new in step.nodes.items()}
        node = names.get(node, node)
    return node
