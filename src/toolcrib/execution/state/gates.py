"""`Gates`: one gate for each key, shared by the chains of all releases."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from toolcrib.core.policies import Concurrency
from toolcrib.execution.state.adaptive import AdaptiveLimit, Outcome
from toolcrib.execution.state.gate import Gate, GateState

KEEP = 1_024
DURATION_WEIGHT = 0.1
GUESS_S = 1.0


class GateKey(NamedTuple):
    """Whose gate it is: a tool's, or one tenant's of a tool; `scope` is the tool's own."""

    tool: str
    tenant: str = ""
    scope: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The limits under which the calls of one chain come; the chain composed later has the higher `edition`."""

    policy: Concurrency
    edition: int


class Bulkhead:
    """What is kept for one key: the gate, whose terms hold at it, and what its calls taught.

    While two releases serve, both send calls. The terms of the newest that has calls here hold for all; when its last
    call has gone, as after a roll-back, an older one's next call brings its own terms back.

    Attributes:
        gate: the gate itself.
        terms: those that hold.
    """

    __slots__ = ("_adaptive", "_calls", "_mean_s", "gate", "terms")

    def __init__(self, terms: Terms) -> None:
        self.gate = Gate(limit=terms.policy.limit, queue=terms.policy.queue)
        self._adaptive: AdaptiveLimit | None = None
        self._calls: dict[int, int] = {}  # edition -> its calls that run or wait
        self._mean_s: float | None = None
        self._apply(terms)

    @property
    def is_idle(self) -> bool:
        """Whether no call runs or waits."""
        return not self._calls

    def enter(self, terms: Terms) -> None:
        """A call comes, which will `leave` or `finish`; it has no permit yet."""
        edition, calls = terms.edition, self._calls
        if self.terms is not terms and (edition > self.terms.edition or self.terms.edition not in calls):
            self._apply(terms)
        calls[edition] = calls.get(edition, 0) + 1

    def leave(self, terms: Terms) -> None:
        """A call goes without having had a permit."""
        edition, calls = terms.edition, self._calls
        if calls[edition] == 1:
            del calls[edition]
        else:
            calls[edition] -= 1

    def finish(self, terms: Terms, *, began: float, ended: float, outcome: Outcome) -> None:
        """A call that had a permit goes.

        Args:
            terms: those it came under.
            began, ended: readings of the monotonic clock, when it had the permit and now.
            outcome: how it ended.
        """
        mean_s, took_s = self._mean_s, ended - began
        self._mean_s = took_s if mean_s is None else mean_s + (took_s - mean_s) * DURATION_WEIGHT
        if self._adaptive is not None:
            self._adapt(self._adaptive, began, ended, outcome)
        self.leave(terms)
        self.gate.release()

    def free_in_s(self) -> float:
        """Seconds until the line of today is worked off, as recent calls went; a guess before the first has ended."""
        mean_s = GUESS_S if self._mean_s is None else self._mean_s
        return mean_s * (self.gate.waiting + 1) / self.gate.limit

    def _adapt(self, adaptive: AdaptiveLimit, began: float, ended: float, outcome: Outcome) -> None:
        gate = self.gate
        adaptive.learn(began=began, ended=ended, running=gate.running, outcome=outcome)
        if adaptive.limit != gate.limit:
            gate.resize(limit=adaptive.limit, queue=gate.queue)

    def _apply(self, terms: Terms) -> None:
        policy, self.terms = terms.policy, terms
        if not policy.adaptive:
            self._adaptive = None
        elif self._adaptive is None:
            self._adaptive = AdaptiveLimit(most=policy.limit, tolerance=policy.tolerance)
        else:
            self._adaptive.resize(most=policy.limit, tolerance=policy.tolerance)
        limit = policy.limit if self._adaptive is None else self._adaptive.limit
        self.gate.resize(limit=limit, queue=policy.queue)


class Gates:
    """The bulkheads by key, made when first asked for.

    Idle ones are kept for what they have learnt, up to `keep` of them: when there are more, all idle ones go. Memory is
    bounded by `keep` and by what runs and waits, however many tenants come and go.
    """

    def __init__(self, *, keep: int = KEEP) -> None:
        self._bulkheads: dict[GateKey, Bulkhead] = {}
        self._keep = keep
        self._sweep_at = keep
        self._editions = 0

    def terms(self, policy: Concurrency) -> Terms:
        """Terms for a chain that is composed now, newer than all before."""
        self._editions += 1
        return Terms(policy=policy, edition=self._editions)

    def enter(self, key: GateKey, terms: Terms) -> Bulkhead:
        """The key's bulkhead, for a call that comes under these terms; see `Bulkhead.enter`."""
        bulkhead = self._bulkheads.get(key)
        if bulkhead is None:
            bulkhead = self._make(key, terms)
        bulkhead.enter(terms)
        return bulkhead

    def snapshot(self) -> Mapping[GateKey, GateState]:
        """What goes on at each gate now, as values of its own."""
        return {key: bulkhead.gate.state for key, bulkhead in self._bulkheads.items()}

    def _make(self, key: GateKey, terms: Terms) -> Bulkhead:
        if len(self._bulkheads) >= self._sweep_at:
            self._bulkheads = {key: one for key, one in self._bulkheads.items() if not one.is_idle}
            # Where most are busy the next sweep comes after as many again: its cost stays small beside the calls'.
            self._sweep_at = max(self._keep, 2 * len(self._bulkheads))
        made = self._bulkheads[key] = Bulkhead(terms)
        return made
