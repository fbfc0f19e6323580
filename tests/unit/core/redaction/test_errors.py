"""Errors in other words: nothing secret in them, and everything else as it was."""

import traceback
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from toolcrib.core.errors import DeadlineExceeded, ToolError
from toolcrib.core.policies import Retry
from toolcrib.core.redaction import hiding, without

VALUE = "4111-1111-1111"
scrub = hiding([VALUE])


def drawn(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except BaseException as caught:  # noqa: BLE001  # any of them
        return caught


class Blocked(ConnectionError):
    def __init__(self, card: str, *, code: int) -> None:
        super().__init__(f"card {card} is blocked")
        self.card = card
        self.code = code


class Silent(Exception):
    def __str__(self) -> str:
        raise RuntimeError(VALUE)


class Frozen(Exception):
    __slots__ = ("card",)

    def __init__(self, card: str) -> None:
        super().__init__(card)
        self.card = card


class Wayward(Exception):
    def __new__(cls, *args: Any) -> "Wayward":
        if len(args) != 2:
            raise TypeError("wants two")
        return super().__new__(cls)

    def __init__(self, *args: Any) -> None:
        super().__init__(f"of {args[0]} and {args[1]}")


class Final(Exception):
    def __init_subclass__(cls, **more: Any) -> None:
        raise TypeError("nobody derives from it")


def test_an_error_without_the_text_is_the_same_object() -> None:
    for error in (ValueError("no"), Blocked("x", code=3), ExceptionGroup("g", [OSError(2, "no")]), Silent()):
        assert without(raised(error, KeyError("y")), scrub) is error


@pytest.mark.parametrize(
    "error",
    [
        ValueError(f"card {VALUE}"),
        Blocked(VALUE, code=3),
        KeyError(VALUE),
        OSError(2, f"no {VALUE}", VALUE),
        UnicodeDecodeError("utf-8", VALUE.encode(), 0, 1, VALUE),
        Frozen(VALUE),
        Wayward(VALUE, 2),
        Final(VALUE),
        ToolError(f"card {VALUE}", hint=f"not {VALUE}", retry_after_s=3.0),
        ToolError("no", hint=f"{'x' * 3_000} {VALUE}"),
        ValueError("x" * 3_000, {"card": VALUE}),
        ExceptionGroup(f"both {VALUE}", [ValueError(VALUE), TypeError("fine")]),
        ExceptionGroup("both", [ValueError(VALUE)]),
        ValueError({"card": VALUE}, [VALUE]),
    ],
)
def test_the_text_is_in_no_part_of_an_error_and_type_place_and_other_words_stay(error: Exception) -> None:
    clean = without(raised(error), scrub)
    assert VALUE not in drawn(clean)
    assert VALUE not in repr(clean)
    assert VALUE not in str(vars(clean))
    assert "[redacted]" in drawn(clean) + str(vars(clean))
    assert type(clean).__name__ == type(error).__name__
    assert type(clean).__module__ == type(error).__module__
    assert "in raised" in drawn(clean)
    assert VALUE in drawn(error) + str(vars(error)), "the error itself is left as it is"


def test_whoever_decides_by_type_decides_alike() -> None:
    clean = without(Blocked(VALUE, code=3), scrub)
    assert isinstance(clean, Blocked)
    assert (clean.code, clean.card) == (3, "[redacted]")
    assert Retry(retry_on=("Blocked",)).wants(clean)
    assert Retry(retry_on=(Blocked,)).wants(clean)
    assert Retry(retry_on=(ConnectionError,)).wants(clean)
    late = DeadlineExceeded.of(VALUE, "attempt", 3.0)
    told = without(late, scrub)
    assert isinstance(told, DeadlineExceeded)
    assert (told.level, told.retryable, told.message) == ("attempt", True, str(told))


def test_a_class_nobody_can_derive_from_is_replaced_by_its_nearest_base_of_the_same_name() -> None:
    clean = without(Final(VALUE), scrub)
    assert type(clean).__qualname__ == "Final"
    assert Retry(retry_on=("Final",)).wants(clean)


def test_causes_contexts_and_notes_are_cleaned_too() -> None:
    inner = raised(ValueError(VALUE))
    middle = raised(RuntimeError("in between"), inner)
    outer = raised(TypeError("outside"), middle)
    outer.add_note(f"given {VALUE}")
    clean = without(outer, scrub)
    assert VALUE not in drawn(clean)
    assert drawn(clean).count("[redacted]") == 2
    assert str(clean.__cause__) == "in between"
    assert clean.__suppress_context__
    try:
        try:
            raise inner
        except ValueError:
            raise TypeError("while handling")  # noqa: B904  # the context is what this is about
    except TypeError as error:
        assert VALUE not in drawn(without(error, scrub))


def test_a_chain_that_leads_back_to_itself_has_an_end() -> None:
    first, second = ValueError(VALUE), TypeError(VALUE)
    first.__context__, second.__context__ = second, first
    assert VALUE not in drawn(without(first, scrub))


def test_pydantics_error_that_quotes_its_input_only_in_part_quotes_nothing() -> None:
    class Card(BaseModel):
        number: int

    long = f"{VALUE}-" + "9" * 200
    with pytest.raises(ValidationError) as caught:
        Card.model_validate({"number": long})
    assert "4111" in str(caught.value)
    clean = without(caught.value, hiding([long]))
    assert "4111" not in drawn(clean)
    assert "number: Input should be a valid integer" in str(clean)
    assert isinstance(clean, ValueError)
    assert Retry(retry_on=("ValidationError",)).wants(clean)


def test_an_argument_that_only_its_repr_tells_of_is_not_shown_either() -> None:
    class Holder:
        def __repr__(self) -> str:
            return f"Holder({VALUE})"

    clean = without(ValueError(Holder(), 3), scrub)
    assert VALUE not in repr(clean)
    assert VALUE not in str(clean)
