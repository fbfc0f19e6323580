"""Wrong arguments: one message with every mistake, in words a model can act on."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from toolcrib.core.decorator import tool
from toolcrib.core.errors import ArgumentsInvalid
from toolcrib.tools.adapt import adapt


class Line(BaseModel):
    sku: str
    count: Annotated[int, Field(ge=1)]


@tool
def place_order(
    customer: str,
    lines: list[Line],
    speed: Literal["fast", "slow"] = "slow",
    limit: Annotated[float, Field(gt=0)] = 10.0,
    copy: bool = False,
) -> None:
    """Place an order."""


GOOD: dict[str, Any] = {"customer": "ada", "lines": [{"sku": "a", "count": 1}]}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"lines": []}, "customer: is required"),
        ({**GOOD, "custmer": "x"}, "custmer: there is no such argument; did you mean 'customer'?"),
        ({**GOOD, "zzz": "x"}, "zzz: there is no such argument"),
        ({**GOOD, "cop": True}, "cop: there is no such argument; did you mean 'copy'?"),
        ({**GOOD, "customer": 3}, "customer: Input should be a valid string"),
        ({**GOOD, "customer": None}, "customer: Input should be a valid string"),
        ({**GOOD, "speed": "warp"}, "speed: Input should be 'fast' or 'slow'"),
        ({**GOOD, "limit": 0}, "limit: Input should be greater than 0"),
        ({**GOOD, "limit": "many"}, "limit: Input should be a valid number, unable to parse string as a number"),
        ({**GOOD, "copy": "perhaps"}, "copy: Input should be a valid boolean, unable to interpret input"),
        ({**GOOD, "lines": "a"}, "lines: Input should be a valid list"),
        ({**GOOD, "lines": [{"sku": "a", "count": 0}]}, "lines.0.count: Input should be greater than or equal to 1"),
        ({**GOOD, "lines": [{"count": 1}]}, "lines.0.sku: is required"),
        ({"customer": 3}, "customer: Input should be a valid string; lines: is required"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_would_be_right(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentsInvalid) as caught:
        adapt(place_order).validate(args)
    assert caught.value.message == f"Wrong arguments for tool 'place_order': {message}."
    assert caught.value.hint == "Arguments are: customer, lines, speed, limit, copy."
    assert "pydantic" not in caught.value.message


@pytest.mark.parametrize("args", [None, [], "customer", 3])
def test_arguments_that_are_no_object_are_refused(args: Any) -> None:
    with pytest.raises(ArgumentsInvalid, match="arguments: must be an object"):
        adapt(place_order).validate(args)


def test_a_tool_without_arguments_says_so() -> None:
    @tool
    def ping() -> None:
        """Ping."""

    with pytest.raises(ArgumentsInvalid) as caught:
        adapt(ping).validate({"x": 1})
    assert caught.value.hint == "Arguments are: none."


def test_validation_leaves_what_the_caller_sent_as_it_was() -> None:
    sent = {"customer": "ada", "lines": [{"sku": "a", "count": "2"}]}
    valid = adapt(place_order).validate(sent)
    assert valid["lines"] == [Line(sku="a", count=2)]
    assert sent["lines"] == [{"sku": "a", "count": "2"}]
