"""Policies: what is refused, and which errors a retry wants."""

from typing import Any

import pytest
from pydantic import ValidationError

from toolcrib.core.policies import Retry, ToolPolicy


class HttpConnectError(ConnectionError): ...


@pytest.mark.parametrize(
    "fields",
    [
        {"timeout_s": 0},
        {"timeout_s": -1},
        {"timeout_s": float("inf")},
        {"timeout_s": float("nan")},
        {"timeout_s": 86_401},
        {"attempt_timeout_s": 0},
        {"isolation": "orbit"},
        {"rate_limit": "many"},
        {"concurrency": 0},
        {"side_effect": "some"},
        {"unknown": 1},
        {"escalate": {"after": 0}},
        {"escalate": {"after": 1_001}},
        {"escalate": {"window_s": 0}},
        {"escalate": {"then": "retry"}},
        {"retry": {"attempts": 0}},
        {"retry": {"attempts": 21}},
        {"retry": {"base_s": 0}},
        {"retry": {"retry_on": ["not a name"]}},
        {"retry": {"retry_on": [int]}},
        {"retry": {"unknown": 1}},
        {"approval": "sometimes"},
        {"approval": "when(amount >)"},
        {"approval": "when(open('x'))"},
        {"approval": "when(len.__class__)()"},
        {"approval": "when(amount ** 99)"},
        {"approval": "when([x for x in y])"},
        {"approval": "when(lambda: 1)"},
        {"approval": {"decisions": []}},
        {"approval": {"decisions": ["perhaps"]}},
    ],
)
def test_impossible_policies_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ToolPolicy(**fields)


def test_what_may_have_written_is_not_repeatable_unless_the_author_says_so() -> None:
    assert not ToolPolicy().repeatable
    assert [ToolPolicy(side_effect=one).repeatable for one in ("none", "read", "idempotent")] == [True] * 3


@pytest.mark.parametrize(
    ("retry_on", "wanted"),
    [
        ((ConnectionError,), True),
        ((HttpConnectError,), True),
        (("ConnectionError",), True),
        (("HttpConnectError",), True),
        (("builtins.ConnectionError",), True),
        ((f"{__name__}.HttpConnectError",), True),
        ((OSError,), True),
        (("OSError",), True),
        (("ConnectError",), False),
        (("other.HttpConnectError",), False),
        ((ValueError, "KeyError"), False),
        ((), False),
    ],
)
def test_a_retry_wants_an_error_by_its_type_or_by_the_name_of_one(retry_on: Any, wanted: bool) -> None:
    assert Retry(retry_on=retry_on).wants(HttpConnectError("x")) is wanted


def test_a_policy_is_json_ready_whatever_types_it_names() -> None:
    policy = ToolPolicy(retry=Retry(retry_on=(ConnectionError, "httpx.ConnectError")))
    dumped = policy.model_dump(mode="json")
    assert list(dumped["retry"]["retry_on"]) == ["ConnectionError", "httpx.ConnectError"]
    assert ToolPolicy(**dumped).retry is not None
