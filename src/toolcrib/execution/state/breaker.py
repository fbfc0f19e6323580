"""Circuit breakers: closed, open after too many failures in a sliding window, half-open for a bounded number of probes.

Semantics of https://resilience4j.readme.io/docs/circuitbreaker. Nothing here reads a clock: callers tell the time.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

from toolcrib.core.events import BreakerChanged
from toolcrib.core.policies import Breaker
from toolcrib.core.ports import EventSink

State = Literal["closed", "open", "half_open"]
Outcome = Literal["success", "failure", "unknown"]
"""`unknown`: the call ended without telling anything of the tool's health; it was cancelled, or never reached it."""
MAX_CIRCUITS = 10_000


class CircuitKey(NamedTuple):
    """Whose failures count together: a tool's code, called by one tenant with one credential."""

    tool: str
    digest: str
    tenant: str
    credential: str


class Ticket(NamedTuple):
    """Leave to call: `epoch` tells results of an earlier state from those of the present one."""

    epoch: int
    began: float


class Circuit:
    """One breaker. `admit` each call, then `settle` it with what came of it."""

    def __init__(self, policy: Breaker, changed: Callable[["Circuit"], None]) -> None:
        self.policy = policy
        self._changed = changed
        self.state: State = "closed"
        self._epoch = 0
        self._opened_at = 0.0
        self._window: deque[tuple[float, bool, bool]] = deque()
        self._failed = 0
        self._slow = 0
        self._probing = 0
        self._passed = 0
        self._why = ""

    def admit(self, now: float) -> Ticket | None:
        """Leave to call, or None when the tool is not to be called now."""
        if self.state == "closed":
            return Ticket(self._epoch, now)
        if self.state == "open":
            if now < self._opened_at + self.policy.open_s:
                return None
            self._enter("half_open")
        if self._probing + self._passed >= self.policy.probes:
            return None
        self._probing += 1
        return Ticket(self._epoch, now)

    def settle(self, ticket: Ticket, outcome: Outcome, now: float) -> None:
        """Say what came of an admitted call; a late result of an earlier state says nothing of the present one."""
        if ticket.epoch != self._epoch:
            return
        slow = self.policy.slow_s is not None and now - ticket.began >= self.policy.slow_s
        if self.state == "half_open":
            self._probing -= 1
            if outcome == "failure" or (outcome == "success" and slow):
                self._open(now, "a probe failed" if outcome == "failure" else "a probe was slow")
            elif outcome == "success":
                self._passed += 1
                if self._passed >= self.policy.probes:
                    self._enter("closed")
        elif outcome != "unknown":
            self._note(now, failed=outcome == "failure", slow=slow)

    def is_open(self, now: float) -> bool:
        """Whether a call now would be refused for a known time; False when a probe is due."""
        return self.state == "open" and now < self._opened_at + self.policy.open_s

    def retry_after_s(self, now: float) -> float:
        """Seconds until a probe may be let through."""
        return max(0.0, self._opened_at + self.policy.open_s - now) if self.state == "open" else 0.0

    @property
    def why(self) -> str:
        """What opened it last, in words."""
        return self._why

    def is_blank(self, now: float) -> bool:
        """Whether it remembers nothing: a new one would do as well."""
        self._expire(now)
        return self.state == "closed" and not self._window

    def _note(self, now: float, *, failed: bool, slow: bool) -> None:
        self._window.append((now, failed, slow))
        self._failed += failed
        self._slow += slow
        self._expire(now)
        if not (failed or slow) or len(self._window) < self.policy.min_calls:
            return
        calls = len(self._window)
        if self._failed >= calls * self.policy.failure_rate:
            self._open(now, f"{self._failed} of its last {calls} calls failed")
        elif self.policy.slow_s is not None and self._slow >= calls * self.policy.slow_rate:
            self._open(now, f"{self._slow} of its last {calls} calls took {self.policy.slow_s:g} s or longer")

    def _expire(self, now: float) -> None:
        window, oldest, most = self._window, now - self.policy.window_s, self.policy.window_calls
        while window and (window[0][0] <= oldest or len(window) > most):
            _, failed, slow = window.popleft()
            self._failed -= failed
            self._slow -= slow

    def _open(self, now: float, why: str) -> None:
        self._opened_at, self._why = now, why
        self._enter("open")

    def _enter(self, state: State) -> None:
        self.state = state
        self._epoch += 1
        self._probing = self._passed = self._failed = self._slow = 0
        self._window.clear()
        self._changed(self)


class Circuits:
    """The breakers of a process, made when first needed; outlives releases, so that unchanged code keeps its record."""

    def __init__(self, *, events: EventSink) -> None:
        self._events = events
        self._circuits: dict[CircuitKey, Circuit] = {}
        self._not_closed: set[CircuitKey] = set()

    def of(self, key: CircuitKey, policy: Breaker, now: float) -> Circuit:
        """The circuit of this key, under this policy from now on."""
        circuit = self._circuits.get(key)
        if circuit is None:
            if len(self._circuits) >= MAX_CIRCUITS:
                self._forget(now)
            circuit = self._circuits[key] = Circuit(policy, partial(self._tell, key))
        elif circuit.policy is not policy:
            circuit.policy = policy
        return circuit

    def is_open(self, key: CircuitKey, now: float) -> bool:
        """Whether calls with this key are refused at present."""
        circuit = self._circuits.get(key)
        return circuit is not None and circuit.is_open(now)

    @property
    def any_open(self) -> bool:
        """Whether there is any breaker that is not closed."""
        return bool(self._not_closed)

    def states(self) -> dict[CircuitKey, State]:
        """Every breaker that is known, for those who watch."""
        return {key: circuit.state for key, circuit in self._circuits.items()}

    def _tell(self, key: CircuitKey, circuit: Circuit) -> None:
        if circuit.state == "closed":
            self._not_closed.discard(key)
        else:
            self._not_closed.add(key)
        if self._events.wants(BreakerChanged):
            why = circuit.why if circuit.state == "open" else ""
            self._events.emit(BreakerChanged(tool=key.tool, tenant=key.tenant, state=circuit.state, why=why))

    def _forget(self, now: float) -> None:
        """Drop blank ones, and the oldest when all have something to remember."""
        for key in [key for key, circuit in self._circuits.items() if circuit.is_blank(now)]:
            del self._circuits[key]
        if len(self._circuits) >= MAX_CIRCUITS:
            oldest = next(iter(self._circuits))
            del self._circuits[oldest]
            self._not_closed.discard(oldest)
