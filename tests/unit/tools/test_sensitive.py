"""Sensitive arguments: given to the tool as they are, plain to a model, and quoted by no mistake."""

import traceback
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from langchain_core.tools import tool as langchain_tool
from pydantic import AfterValidator, BaseModel, Field, SecretBytes, SecretStr, field_validator, model_validator
from typing_extensions import TypedDict

from toolcrib import Secret, Sensitive, ToolContext, tool
from toolcrib.core.errors import ArgumentsInvalid
from toolcrib.core.redaction import Mask, Masks
from toolcrib.core.tools import Tool
from toolcrib.tools.adapt import adapt

NUMBER = "4111-1111-1111-1111"
CONTEXT = ToolContext(tool="pay", call_id="c-1", release="r")


def declined(value: str) -> str:
    if "9" in value:
        raise ValueError(f"the bank does not know {value.replace('-', '')}")
    return value


class Card(BaseModel):
    number: Annotated[str, Sensitive(), Field(min_length=4, max_length=30), AfterValidator(declined)]
    holder: str = Field(default="", max_length=5)

    @model_validator(mode="after")
    def _not_hers(self) -> "Card":
        if self.holder == "Eve":
            raise ValueError(f"{self.number} is not hers")
        return self


class Voucher(BaseModel):
    kind: Literal["voucher"]
    amount: int


@dataclass
class Address:
    street: Annotated[str, Sensitive]
    city: str


class Person(TypedDict):
    name: str
    born: Annotated[int, Sensitive()]


@tool
def pay(
    card: Card,
    *,
    pin: SecretStr | None = None,
    proof: SecretBytes | None = None,
    others: list[Card] = [],  # noqa: B006  # as authors write it
    address: Address | None = None,
    people: dict[str, Person] = {},  # noqa: B006
    by: Card | Voucher | None = None,
    amount: int = 1,
    key: Annotated[str, Secret("KEY")] = "",
    context: ToolContext | None = None,
) -> list[Any]:
    """Pay."""
    return [card, pin, proof, others, address, people, by, amount]


GOOD: dict[str, Any] = {"card": {"number": NUMBER}}


def mask(made: Tool, name: str) -> Mask:
    assert isinstance(made.spec.sensitive.args, dict)
    found: Mask = made.spec.sensitive.args[name]
    return found


def test_what_annotations_mark_anywhere_in_the_arguments_is_sensitive() -> None:
    made = adapt(pay)
    card = {"*": True, "number": True, "holder": False}
    assert mask(made, "*") is True
    assert mask(made, "pin") is mask(made, "proof") is True
    assert mask(made, "card") == mask(made, "others") == card
    assert mask(made, "address") == {"*": True, "street": True, "city": False}
    assert mask(made, "people") == {"*": {"*": True, "name": False, "born": True}}
    assert mask(made, "by") == card | {"kind": False, "amount": False}
    assert mask(made, "amount") is False
    assert {"key", "context"}.isdisjoint(made.spec.to_dict()["sensitive"]["args"])


def test_the_tool_is_given_the_real_values() -> None:
    made = adapt(pay)
    args = {**GOOD, "pin": "1234", "proof": "ab", "address": {"street": "Elm 1", "city": "X"}, "by": GOOD["card"]}
    card, pin, proof, _, address, _, by, _ = made.run(made.validate(args), CONTEXT)
    assert card == by == Card(number=NUMBER)
    assert (pin.get_secret_value(), proof.get_secret_value()) == ("1234", b"ab")
    assert address == Address("Elm 1", "X")


def test_a_model_sees_plain_strings() -> None:
    @tool
    def plain(card: str, pin: str, token: str = "", *, maybe: str | None = None) -> None:
        """Plain."""

    @tool
    def marked(
        card: Annotated[str, Sensitive()],
        pin: SecretStr,
        token: Annotated[str, Sensitive] = "dev-token",
        *,
        maybe: SecretStr | None = None,
    ) -> None:
        """Plain."""

    wanted = dict(adapt(plain).spec.args_schema)
    del wanted["properties"]["token"]["default"]  # it is not shown either
    assert adapt(marked).spec.args_schema == wanted


def test_a_tool_without_marks_has_no_masks() -> None:
    @tool
    def plain(card: str, box: dict[str, Any]) -> str:
        """Plain."""
        return card

    assert adapt(plain).spec.sensitive == Masks()


@pytest.mark.parametrize(
    ("hint", "result"),
    [
        (Annotated[str, Sensitive()], True),
        (SecretStr, True),
        (list[Card], {"*": True, "number": True, "holder": False}),
        (Annotated[Any, Sensitive], True),
        (Annotated["object", Sensitive()], True),
        (list[Annotated[object, Sensitive]], True),
        (str, False),
        (Any, False),
        (None, False),
        (object, False),
    ],
)
def test_what_the_return_annotation_marks_is_sensitive_in_the_result(hint: Any, result: Mask) -> None:
    def make_key() -> None:
        """Make a key."""

    make_key.__annotations__["return"] = hint
    spec = adapt(tool(make_key)).spec
    assert spec.sensitive == Masks(result=result)
    assert "writeOnly" not in str(spec.result_schema)


def test_more_arguments_can_be_named_from_outside() -> None:
    made = adapt(pay, sensitive=("amount", "by.amount"))
    assert mask(made, "amount") is True
    assert mask(made, "by") == {"*": True, "number": True, "holder": False, "kind": False, "amount": True}
    assert mask(made, "pin") is True


def test_a_langchain_tool_marks_in_the_same_way() -> None:
    @langchain_tool
    def charge(card: Card, pin: SecretStr, note: str, amount: int = 1) -> str:
        """Charge."""
        return f"{card.number} {pin.get_secret_value()}"

    made = adapt(charge, sensitive=("note",))
    assert made.spec.sensitive.args == {
        "*": True,
        "card": {"*": True, "number": True, "holder": False},
        "pin": True,
        "note": True,
        "amount": False,
    }
    assert made.spec.args_schema["properties"]["pin"] == {"type": "string"}
    with pytest.raises(ArgumentsInvalid) as caught:
        made.validate({"card": {"number": [NUMBER]}, "pin": "1", "note": "x"})
    assert NUMBER not in caught.value.message


MISTAKES = [
    ({"card": {"number": [NUMBER]}}, "card.number: Input should be a valid string"),
    ({"card": {"number": "999"}}, "card.number: String should have at least 4 characters"),
    ({"card": {"number": NUMBER * 2}}, "card.number: String should have at most 30 characters"),
    ({"card": {"number": f"{NUMBER}9"}}, "card.number: is not accepted"),
    ({"card": {"number": NUMBER, "holder": "Eve"}}, "card: is not accepted"),
    ({"card": {"number": NUMBER, "holder": "Adalbert"}}, "card.holder: String should have at most 5 characters"),
    ({"card": {"holder": "Ada"}}, "card.number: is required"),
    ({"card": NUMBER}, "card: Input should be a valid dictionary or instance of Card"),
    ({"card": [NUMBER]}, "card: Input should be a valid dictionary or instance of Card"),
    ({**GOOD, "card_number": NUMBER}, "card_number: there is no such argument"),
    ({**GOOD, "pinn": NUMBER}, "pinn: there is no such argument; did you mean 'pin'?"),
    ({**GOOD, "pin": {"is": NUMBER}}, "pin: Input should be a valid string"),
    ({**GOOD, "others": {"number": NUMBER}}, "others: Input should be a valid list"),
    ({**GOOD, "address": {"street": "Elm 1"}}, "address.city: is required"),
    ({**GOOD, "people": {"ada": {"name": "Ada", "born": NUMBER}}}, "people.ada.born: Input should be a valid integer"),
    ({**GOOD, "amount": "many"}, "amount: Input should be a valid integer"),
    ({**GOOD, "by": {"kind": "voucher", "amount": "five"}}, "by.Voucher.amount: Input should be a valid integer"),
    ({**GOOD, "by": {"number": [NUMBER]}}, "Card].number: Input should be a valid string"),
]


@pytest.mark.parametrize(("args", "message"), MISTAKES)
def test_a_mistake_says_what_would_be_right_and_quotes_nothing_sensitive(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentsInvalid) as caught:
        adapt(pay).validate(args)
    assert message in caught.value.message
    everything = "".join(traceback.format_exception(caught.value)) + caught.value.hint
    for text in (NUMBER, NUMBER.replace("-", ""), "4111"):
        assert text not in everything


def test_a_mistake_within_a_value_that_is_sensitive_as_a_whole_does_not_tell_where() -> None:
    @tool
    def keep(headers: Annotated[dict[str, int], Sensitive()]) -> None:
        """Keep."""

    with pytest.raises(ArgumentsInvalid) as caught:
        adapt(keep).validate({"headers": {NUMBER: "x"}})
    assert caught.value.message == (
        "Wrong arguments for tool 'keep': headers: Input should be a valid integer, "
        "unable to parse string as an integer."
    )


def test_whatever_else_a_validator_raises_is_told_without_quoting() -> None:
    class Strict(BaseModel):
        number: Annotated[str, Sensitive()]

        @field_validator("number")
        @classmethod
        def _look_up(cls, value: str) -> str:
            raise LookupError(f"no {value}")

    @tool
    def look(card: Strict) -> None:
        """Look."""

    with pytest.raises(LookupError) as caught:
        adapt(look).validate({"card": {"number": NUMBER}})
    assert str(caught.value) == "no [redacted]"
    assert NUMBER not in "".join(traceback.format_exception(caught.value))


def test_mistakes_of_tools_without_marks_keep_their_cause() -> None:
    @tool
    def plain(amount: int) -> None:
        """Plain."""

    with pytest.raises(ArgumentsInvalid) as caught:
        adapt(plain).validate({"amount": "x"})
    assert caught.value.__cause__ is not None
