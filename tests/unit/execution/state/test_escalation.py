"""The record of failures: bounded, and shared by policies that differ."""

from toolcrib.core.policies import Escalate
from toolcrib.execution.state.escalation import MAX_RECORDS, EscalationKey, Escalations
from toolcrib.testing import RecordingEvents


def key(tool: str = "t") -> EscalationKey:
    return EscalationKey(tool, "digest", "")


def test_only_so_many_tools_are_remembered_those_that_failed_last() -> None:
    escalations, policy = Escalations(events=RecordingEvents()), Escalate(after=1, window_s=1e4)
    for number in range(MAX_RECORDS):
        escalations.note(key(str(number)), policy, 1.0, release="r")
    assert escalations.note(key("0"), policy, 1.0, release="r"), "it is remembered, and failed last now"
    escalations.note(key("new"), policy, 1.0, release="r")
    assert [bool(escalations.episodes(name, 2.0)) for name in ("0", "1", "2", "new")] == [True, False, True, True]


def test_policies_that_differ_count_the_same_failures() -> None:
    escalations = Escalations(events=RecordingEvents())
    few, many = Escalate(after=2, window_s=60), Escalate(after=4, window_s=60)
    assert [escalations.note(key(), many, now, release="r") for now in (1.0, 2.0, 3.0)] == [False] * 3
    assert not escalations.note(key(), few, 4.0, release="r")
    assert escalations.note(key(), many, 5.0, release="r")


def test_nobody_listening_costs_no_event() -> None:
    events = RecordingEvents(active=False)
    Escalations(events=events).note(key(), Escalate(after=1), 1.0, release="r")
    assert not events.events
