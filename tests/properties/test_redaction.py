"""Whatever the shape of a tool's arguments and result, and however wrong a call is: nothing sensitive is told."""

import json
import logging
import traceback
from collections.abc import Callable, Mapping
from dataclasses import make_dataclass
from typing import Annotated, Any, NamedTuple

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ConfigDict, SecretStr, create_model
from typing_extensions import TypedDict

from tests.support import Bench
from toolcrib import Sensitive, tool
from toolcrib.agents.scope import RunScope
from toolcrib.core.calls import ToolCall
from toolcrib.core.tasks import TaskRecord
from toolcrib.core.tools import Tool
from toolcrib.testing import FakeRandom
from toolcrib.tools.adapt import adapt

pytestmark = pytest.mark.anyio
MARKER = "s3nsitive"
"""In every sensitive text, and nowhere else."""


class Shape(NamedTuple):
    """A type, JSON values of it, and wrong ones: something sensitive is where the type has no place for it.

    Attributes:
        wrong: None when there is nothing sensitive in the type.
    """

    hint: Any
    right: st.SearchStrategy[Any]
    wrong: st.SearchStrategy[Any] | None = None


TEXTS = st.text(st.characters(codec="utf-8"), max_size=8).map(lambda text: f"{MARKER}-{text}-{MARKER}")
MISPLACED = st.one_of(TEXTS.map(lambda text: [[text]]), TEXTS.map(lambda text: {"typo": {"deep": text}}), TEXTS)
PLAIN = st.sampled_from(
    [
        Shape(int, st.integers(-5, 5)),
        Shape(str, st.text(max_size=5)),
        Shape(bool, st.booleans()),
        Shape(list[str], st.lists(st.text(max_size=3), max_size=2)),
    ]
)
MARKED = st.sampled_from(
    [
        Shape(Annotated[str, Sensitive()], TEXTS, MISPLACED),
        Shape(Annotated[str, Sensitive], TEXTS, MISPLACED),
        Shape(SecretStr, TEXTS, MISPLACED),
        Shape(Annotated[int, Sensitive()], TEXTS, MISPLACED),
        Shape(Annotated[list[str], Sensitive()], st.lists(TEXTS, max_size=2), MISPLACED),
        Shape(Annotated[dict[str, str], Sensitive()], st.dictionaries(st.sampled_from("ab"), TEXTS), MISPLACED),
    ]
)


def model(fields: Mapping[str, Any], extra: Any) -> Any:
    config = ConfigDict(extra=extra)
    return create_model("Model", __config__=config, **{name: (hint, ...) for name, hint in fields.items()})  # type: ignore[call-overload]  # fields by name


def other_names(fields: Mapping[str, Any], extra: Any) -> Any:
    config = ConfigDict(extra=extra, alias_generator=str.upper, populate_by_name=True)
    return create_model("Aliased", __config__=config, **{name: (hint, ...) for name, hint in fields.items()})  # type: ignore[call-overload]  # fields by name


def data(fields: Mapping[str, Any], extra: Any) -> Any:
    return make_dataclass("Data", list(fields.items()))


def typed(fields: Mapping[str, Any], extra: Any) -> Any:
    made: Any = TypedDict("Typed", dict(fields))  # type: ignore[misc]  # made while the test runs
    return made


@st.composite
def records(draw: st.DrawFn, inner: st.SearchStrategy[Shape]) -> Shape:
    """A type with named fields."""
    fields = {name: draw(inner) for name in sorted(draw(st.sets(st.sampled_from(["one", "two"]), min_size=1)))}
    make: Callable[..., Any] = draw(st.sampled_from([model, other_names, data, typed]))
    extra = draw(st.sampled_from(["forbid", "ignore", "allow"]))
    hint = make({name: shape.hint for name, shape in fields.items()}, extra)
    right = st.fixed_dictionaries({name: shape.right for name, shape in fields.items()})
    ways = [MISPLACED, right.flatmap(lambda value: TEXTS.map(lambda text: {**value, "unknown": text}))]
    for name, shape in fields.items():
        if shape.wrong is not None:
            ways.append(st.tuples(right, shape.wrong).map(lambda two, name=name: {**two[0], name: two[1]}))  # type: ignore[misc]  # a lambda with a default
            ways.append(right.map(lambda value, name=name: _renamed(value, name)))  # type: ignore[misc]  # a lambda with a default
    return Shape(hint, right, st.one_of(ways) if any(shape.wrong is not None for shape in fields.values()) else None)


def _renamed(value: dict[str, Any], name: str) -> dict[str, Any]:
    return {f"{key}s" if key == name else key: inner for key, inner in value.items()}


def listed(inner: Shape) -> Shape:
    wrong = None if inner.wrong is None else st.one_of(MISPLACED, inner.wrong.map(lambda one: [one]))
    return Shape(list[inner.hint], st.lists(inner.right, max_size=2), wrong)  # type: ignore[name-defined]  # made here


def keyed(inner: Shape) -> Shape:
    wrong = None if inner.wrong is None else st.one_of(MISPLACED, inner.wrong.map(lambda one: {"x": one}))
    right = st.dictionaries(st.sampled_from("xy"), inner.right, max_size=2)
    return Shape(dict[str, inner.hint], right, wrong)  # type: ignore[name-defined]  # made here


def optional(inner: Shape) -> Shape:
    return Shape(inner.hint | None, st.none() | inner.right, inner.wrong)


def either(first: Shape, second: Shape) -> Shape:
    wrong = [one.wrong for one in (first, second) if one.wrong is not None]
    return Shape(first.hint | second.hint, first.right | second.right, st.one_of(wrong) if wrong else None)


def deeper(inner: st.SearchStrategy[Shape]) -> st.SearchStrategy[Shape]:
    return st.one_of(
        records(inner), inner.map(listed), inner.map(keyed), inner.map(optional), st.builds(either, inner, inner)
    )


SHAPES = st.recursive(MARKED | MARKED | PLAIN, deeper, max_leaves=6)


@st.composite
def wishes(draw: st.DrawFn) -> tuple[Any, Any]:
    """The type of an argument, and a value for it, right or wrong."""
    shape = draw(SHAPES)
    return shape.hint, draw(st.one_of(*(ways for ways in (shape.right, shape.wrong) if ways is not None)))


def made(hint: Any, answers: Callable[[Any], Any]) -> Tool:
    """A tool with one argument of this type, and a result of it."""

    async def use(given: Any) -> Any:
        """Use."""
        return answers(given)

    use.__annotations__ = {"given": hint, "return": hint}
    return adapt(tool(use))


async def everything_told(one: Tool, value: Any) -> str:
    """All that a run and a task tell of one call of the tool, as text."""
    steps: list[Any] = []
    bench = Bench()
    scope = RunScope(
        release=bench.release(one),
        calls=bench.executor,
        models=None,  # type: ignore[arg-type]  # no model is asked
        clock=bench.clock,
        random=FakeRandom(),
        tools=("use",),
        notify=lambda event, told: steps.append((event, told)),
        emit=bench.events.emit,
    )
    context = scope.context(extras={}, deadline=None, level="run")
    with anyio.fail_after(5):
        result = await scope.call(ToolCall(name="use", args={"given": value}, id="c-1"), context)
    task = TaskRecord(
        id="1",
        tool="use",
        args={"given": value},
        result=result.to_dict(),
        error=result.error.message if result.error else "",
        sensitive=one.spec.sensitive,
    )
    try:
        one.validate({"given": value})
        wrong = ""
    except Exception as error:  # noqa: BLE001  # whatever it is, it is shown to nobody as it is
        wrong = "".join(traceback.format_exception(error))
    events = [event.to_dict() for event in bench.events.events]
    objects = repr(bench.events.events)
    documents = [steps, events, task.to_dict(), task.summary(), result.to_dict()["error"]]
    return json.dumps(documents, ensure_ascii=False, default=str) + objects + wrong


def fail(given: Any) -> Any:
    try:
        raise KeyError(given)
    except KeyError as error:
        raise RuntimeError(f"{given} {given!r}", [given], _values(given)) from error


def _values(given: Any) -> str:
    """What a tool gets out of a secret."""
    return given.get_secret_value() if isinstance(given, SecretStr) else str(given)


@settings(max_examples=300)
@given(wish=wishes(), answers=st.sampled_from([fail, lambda given: given]))
async def test_nothing_sensitive_is_told_of_any_call(wish: tuple[Any, Any], answers: Callable[[Any], Any]) -> None:
    hint, value = wish
    logged: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: logged.append(logging.Formatter().format(record))  # type: ignore[method-assign]  # a handler of one function
    log = logging.getLogger("toolcrib.execution")
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        told = await everything_told(made(hint, answers), value)
    finally:
        log.removeHandler(handler)
        log.setLevel(logging.NOTSET)
    assert MARKER not in told
    assert not [line for line in logged if MARKER in line]
