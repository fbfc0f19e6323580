"""`AdaptiveLimit`: finds how many calls at once a tool bears, by their latency (AIMD, as TCP does)."""

from typing import Literal

Outcome = Literal["answered", "timed_out", "other"]

FIRST_LIMIT = 4
BACKOFF = 0.9
LIGHT_WEIGHT = 0.05
LOADED_WEIGHT = 0.01


class AdaptiveLimit:
    """One more at once while calls are quick and the limit is used; a tenth fewer when one is slow or times out.

    *Slow* is a call that takes more than `tolerance` times the usual. The *usual* is a moving mean, but it rises only
    by calls that ran while at most half of the limit was in use: what takes longer under load must not become usual. At
    a limit of one every call counts as such; so a tool that has become slower for good is first cut down to one call at
    a time, then its new usual is learnt, then the limit grows again.

    The limit begins low and grows with every quick call until the first cut, later once in a round of calls. It is cut
    once in a round too: calls that began before the last cut say nothing about the limit after it.

    Attributes:
        most: the limit never exceeds it.
        tolerance: see above.
        usual_s: seconds a call takes without load; None before the first.
    """

    __slots__ = ("_cut_at", "_limit", "_quick", "most", "tolerance", "usual_s")

    def __init__(self, *, most: int, tolerance: float) -> None:
        self.most = most
        self.tolerance = tolerance
        self.usual_s: float | None = None
        self._limit = float(min(most, FIRST_LIMIT))
        self._cut_at: float | None = None
        self._quick = 0

    @property
    def limit(self) -> int:
        """How many calls may run at once now; between 1 and `most`."""
        return int(self._limit)

    def resize(self, *, most: int, tolerance: float) -> None:
        """Other bounds; what was learnt stays."""
        self.most, self.tolerance = most, tolerance
        self._limit = min(self._limit, float(most))

    def learn(self, *, began: float, ended: float, running: int, outcome: Outcome) -> None:
        """Learn from a call that ended.

        Args:
            began, ended: readings of the monotonic clock, when it was let in and when it ended.
            running: how many ran at its end, it included.
            outcome: a call that failed early or was cancelled (`other`) tells nothing about latency.
        """
        if outcome == "other":
            return
        took_s = ended - began
        usual_s = took_s if self.usual_s is None else self.usual_s
        # A call cut off before its usual time (its caller was late, or it waited long) is no sign of overload.
        is_slow = took_s >= usual_s if outcome == "timed_out" else took_s > usual_s * self.tolerance
        if outcome == "answered":
            self._learn_usual(took_s, usual_s, running)
        if is_slow:
            self._cut(began, ended)
        elif outcome == "answered" and running >= self.limit:
            self._grow()

    def _learn_usual(self, took_s: float, usual_s: float, running: int) -> None:
        if running <= max(1, self.limit // 2):
            usual_s += (took_s - usual_s) * LIGHT_WEIGHT
        elif took_s < usual_s:
            usual_s += (took_s - usual_s) * LOADED_WEIGHT
        self.usual_s = usual_s

    def _cut(self, began: float, now: float) -> None:
        if self._cut_at is None or began >= self._cut_at:
            self._limit = max(1.0, self._limit * BACKOFF)
            self._cut_at, self._quick = now, 0

    def _grow(self) -> None:
        self._quick += 1
        if self._cut_at is None or self._quick >= self._limit:
            self._limit = min(float(self.most), self._limit + 1.0)
            self._quick = 0
