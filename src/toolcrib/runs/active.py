"""`ActiveRuns`: the runs under way in this process, and stopping them: between two steps, or at once."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, TypedDict

from toolcrib.agents.money.purse import Purse
from toolcrib.agents.running import Outcome, TurnControl
from toolcrib.core.agents import Agent
from toolcrib.core.errors import RunCut, RunStopped, ToolcribError
from toolcrib.core.results import ErrorInfo
from toolcrib.core.stores.ledger import RunRecord
from toolcrib.registry.release import Release
from toolcrib.runs.ports import RunRequest

STEPS = frozenset({"tool.finished", "model.finished", "answer.degraded"})
"""What a run tells that becomes a step of its trace; the first word is the step's `kind`."""
CANCELLED = ErrorInfo(code="cancelled", message="The caller went away, or the process ends.", severity="LOW")
Notify = Callable[[str, Mapping[str, Any]], None]
StopKind = Literal["drained", "suspended"]
"""What becomes of stopped runs: `drained` ones wait for somebody's word, `suspended` ones go on by themselves."""


class Total(TypedDict):
    """What a run's models came to; `cost_usd` is None where a price is not known."""

    cost_usd: Decimal | None
    input_tokens: int
    output_tokens: int


def total(purse: Purse, record: RunRecord, agent: Agent, *, goes_on: bool = False) -> Total:
    """What the models of a run came to: the bills, and where it goes on what its record knows of before."""
    bills = purse.bills
    costs = [bill.usd for bill in bills if bill.usd is not None]
    unseen = agent.spec.kind == "graph" and not bills  # its own code may ask models and tells nobody
    unknown = unseen or len(costs) < len(bills) or (goes_on and record.cost_usd is None)
    return Total(
        cost_usd=None if unknown else sum(costs, record.cost_usd or Decimal(0)),
        input_tokens=record.input_tokens + sum(bill.usage.input_tokens for bill in bills),
        output_tokens=record.output_tokens + sum(bill.usage.output_tokens for bill in bills),
    )


@dataclass(slots=True, kw_only=True)
class ActiveRun:
    """One accepted run.

    Attributes:
        purse: what its models are paid from.
        follows: see `RunLedger.accept`.
        goes_on: it was stopped before, and goes on where it was.
        control: stops its graph before the next step.
        timer: ends it at once when it is put forward; None before its graph begins.
        over: its graph has ended, and that is being written down.
        stop: what it was asked to become.
        cut: why it was ended in the middle of a step; empty when it was not.
    """

    record: RunRecord
    agent: Agent
    release: Release
    request: RunRequest
    purse: Purse
    began: float
    notify: Notify
    follows: str | None = None
    goes_on: bool = False
    steps: list[Mapping[str, Any]] = field(default_factory=list)
    control: TurnControl = field(default_factory=TurnControl)
    timer: asyncio.Timeout | None = None
    over: bool = False
    stop: StopKind | None = None
    cut: str = ""

    @property
    def ends(self) -> bool:
        """Its graph has ended, or was told to: by its time limit, or by a cut."""
        return self.over or bool(self.cut) or (self.timer is not None and self.timer.expired())

    def status(self, outcome: Outcome, error: ToolcribError | None) -> str:
        """What the ledger says of its end."""
        if isinstance(error, RunCut):
            return "suspended" if self.stop == "suspended" else "cancelled"
        if outcome.stopped:
            return self.stop or "drained"
        if outcome.interrupts:
            return "interrupted"
        return "success" if error is None else "error"

    def total(self) -> Total:
        """What its models came to: in this process, and where it goes on in those before."""
        return total(self.purse, self.record, self.agent, goes_on=self.goes_on)

    def stopped(self) -> RunStopped:
        """What its caller hears when it was stopped between two steps."""
        by_itself = self.stop == "suspended"
        return RunStopped(
            f"The run {self.record.run_id} was stopped between two steps.",
            hint="It goes on by itself when the server is back."
            if by_itself
            else f"It goes on from there: `toolcrib runs resume {self.record.run_id}`.",
        )

    def was_cut(self) -> RunCut:
        """What its caller hears when it was ended in the middle of a step."""
        by_itself = self.stop == "suspended"
        return RunCut(
            f"The run {self.record.run_id} was cut in the middle of a step: {self.cut}.",
            hint="It goes on from its last whole step when the server is back." if by_itself else "Ask again.",
        )


class ActiveRuns:
    """The runs under way in this process."""

    def __init__(self) -> None:
        self._runs: dict[str, ActiveRun] = {}

    def add(self, run: ActiveRun) -> None:
        """It begins."""
        self._runs[run.record.run_id] = run

    def remove(self, run: ActiveRun) -> None:
        """It has ended."""
        self._runs.pop(run.record.run_id, None)

    def records(self, release: str = "") -> Sequence[RunRecord]:
        """Those on the release with this digest; on any when it is empty."""
        return [run.record for run in self._meant(release)]

    def ask_to_stop(self, release: str = "", *, become: StopKind) -> None:
        """Let each stop before its next step; the step it is in comes to its end."""
        for run in self._meant(release):
            run.stop = run.stop or become
            run.control.request_drain(become)

    def cut(
        self, release: str = "", *, run_id: str = "", why: str, become: StopKind | None = None
    ) -> Sequence[RunRecord]:
        """End each at once, with the calls of tools it waits for; those that were. One that ends already is left alone.

        Args:
            release: digest; those on any release when it is empty.
            run_id: only this one.
            why: for its caller and the ledger.
            become: `suspended` lets it go on by itself later, from its last whole step; without it the run is over.
        """
        living = [run for run in self._meant(release) if not run.ends]
        meant = [run for run in living if run_id in ("", run.record.run_id)]
        for run in meant:
            run.stop, run.cut = become, why
            if run.timer is not None:
                run.timer.reschedule(asyncio.get_running_loop().time())
        return [run.record for run in meant]

    def _meant(self, release: str) -> list[ActiveRun]:
        return [run for run in self._runs.values() if release in ("", run.record.release)]
