"""What stands in checkpoints: objects of the project under lasting names, built by the release that reads."""

import sys
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from types import ModuleType
from typing import Any
from uuid import UUID

import ormsgpack
import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Interrupt, Send

from toolcrib.agents.state.saved import Builder, Saved, SavedMember
from toolcrib.agents.state.serializer import StateSerializer
from toolcrib.core.errors import StateUnreadable

CODE = """
import os
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import NamedTuple
from pydantic import BaseModel, Field, RootModel

class Color(Enum):
    RED = "red"

class Size(IntEnum):
    BIG = 2

class Mood(str, Enum):
    GOOD = "good"

class Place(NamedTuple):
    city: str
    color: Color

@dataclass(frozen=True, slots=True)
class Ticket:
    title: str
    place: Place
    number: int = field(init=False, default=7)

class Person(BaseModel):
    name: str = Field(alias="Name")
    ticket: Ticket | None = None
    anything: object = None

class Names(RootModel[list[str]]):
    pass

class Outer:
    @dataclass
    class Inner:
        x: int

class Plain:
    ran = []
    def __init__(self, *given, **named):
        Plain.ran.append(given)

def call(*given, **named):
    Plain.ran.append(given)

def local():
    @dataclass
    class Hidden:
        x: int
    return Hidden(1)
"""
FIRST, SECOND = "1" * 16, "2" * 16


def project(digest: str, code: str = CODE) -> ModuleType:
    module = ModuleType(f"_toolcrib.r_{digest}.graphs.desk")
    sys.modules[module.__name__] = module
    exec(code, module.__dict__)
    return module


@pytest.fixture
def first() -> Iterator[ModuleType]:
    yield project(FIRST)
    del sys.modules[f"_toolcrib.r_{FIRST}.graphs.desk"]


@pytest.fixture
def second() -> Iterator[ModuleType]:
    yield project(SECOND)
    del sys.modules[f"_toolcrib.r_{SECOND}.graphs.desk"]


def serializer(module: ModuleType, release: str = "r-1") -> StateSerializer:
    def load(dotted: str) -> ModuleType:
        if dotted != "graphs.desk":
            raise ModuleNotFoundError(dotted)
        return module

    return StateSerializer(Builder(load, release=release))


def values(module: Any) -> list[Any]:
    place = module.Place("Oslo", module.Color.RED)
    ticket = module.Ticket("t", place)
    return [
        module.Color.RED,
        module.Size.BIG,
        module.Mood.GOOD,
        place,
        ticket,
        module.Person(Name="Ann", ticket=ticket, anything=[ticket]),
        module.Names(["a"]),
        module.Outer.Inner(3),
        {"deep": [{"er": (ticket,)}], 5: {module.Color.RED}},
        frozenset([ticket]),
        deque([module.Size.BIG]),
        Send("node", ticket),
        Interrupt(value=ticket, id="i"),
    ]


def plain(value: Any) -> Any:
    """Tuples become lists on the way, as with LangGraph's serializer."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if type(value) in (list, tuple) else value


@pytest.mark.parametrize("index", range(13))
def test_objects_come_back_as_those_of_the_release_that_reads(
    first: ModuleType, second: ModuleType, index: int
) -> None:
    kind, packed = serializer(first).dumps_typed({"it": values(first)[index]})
    assert FIRST.encode() not in packed, "no release stands in it"
    assert b"_toolcrib.graphs.desk" in packed
    assert serializer(first).loads_typed((kind, packed))["it"] == plain(values(first)[index])
    assert serializer(second).loads_typed((kind, packed))["it"] == plain(values(second)[index])


def test_what_older_versions_saved_under_a_release_is_read_by_another(first: ModuleType, second: ModuleType) -> None:
    ticket = first.Ticket("t", first.Place("Oslo", first.Color.RED))
    packed = JsonPlusSerializer().dumps_typed([ticket])
    assert FIRST.encode() in packed[1]
    assert serializer(second).loads_typed(packed) == [second.Ticket("t", second.Place("Oslo", second.Color.RED))]


def test_everything_else_is_saved_and_read_as_by_langgraph(first: ModuleType) -> None:
    known: list[Any] = [
        None,
        b"bytes",
        [1, 2.5, "text", True, {"a": None}],
        {UUID(int=5), datetime(2026, 1, 1, tzinfo=UTC)},
        [AIMessage("calls _toolcrib.r_1.tools.math", id="1")],
        Interrupt(value={"_toolcrib.": 1}, id="x"),
    ]
    strict = JsonPlusSerializer(allowed_msgpack_modules=None)
    for value in known:
        mine = serializer(first)
        assert mine.loads_typed(mine.dumps_typed(value)) == value
        assert mine.loads_typed(strict.dumps_typed(value)) == strict.loads_typed(strict.dumps_typed(value))
        assert strict.loads_typed(mine.dumps_typed(value)) == value


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    "forged",
    [
        ("os", "system"),
        ("builtins", "eval"),
        ("_toolcrib.graphs.desk", "Plain"),
        ("_toolcrib.graphs.desk", "call"),
        ("_toolcrib.graphs.desk", "os.system"),
        ("_toolcrib.graphs.desk", "BaseModel"),
        ("_toolcrib.graphs.other", "Ticket"),
        ("_toolcrib.r_1.graphs.desk", "local"),
        ("_toolcrib.", "x"),
    ],
)
def test_a_forged_row_builds_nothing_but_data(
    first: ModuleType, code: int, forged: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []
    monkeypatch.setattr("os.system", calls.append)
    given: Any = {"a": "_toolcrib."} if code in (2, 4, 5) else ["touch _toolcrib."]
    packed = ormsgpack.packb(ormsgpack.Ext(code, ormsgpack.packb((*forged, given, "run"))))
    try:
        found = serializer(first).loads_typed(("msgpack", packed))
    except StateUnreadable:
        found = None
    assert found is None or found == given
    assert not calls
    assert not first.Plain.ran


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("class Ticket", "class Case"), "release r-9 has no class graphs.desk:Ticket"),
        (("title: str", "subject: str"), "does not take what was saved: TypeError"),
        (("@dataclass(frozen=True, slots=True)", ""), "is no dataclass, model, enumeration or tuple"),
        (('RED = "red"', 'BLUE = "blue"'), "graphs.desk:Color of release r-9 does not take"),
    ],
)
def test_what_the_release_cannot_build_is_an_error_that_names_it(
    first: ModuleType, change: tuple[str, str], why: str
) -> None:
    saved = serializer(first).dumps_typed([first.Ticket("t", first.Place("Oslo", first.Color.RED))])
    later = project(SECOND, CODE.replace(*change).replace("ticket: Ticket | None = None", "ticket: object = None"))
    try:
        with pytest.raises(StateUnreadable, match=why):
            serializer(later, "r-9").loads_typed(saved)
    finally:
        del sys.modules[later.__name__]


def test_an_error_of_a_model_tells_no_value_of_the_state(first: ModuleType) -> None:
    saved = serializer(first).dumps_typed([first.Person(Name="the-secret-name")])
    later = project(SECOND, CODE.replace('name: str = Field(alias="Name")', 'name: int = Field(alias="Name")'))
    try:
        with pytest.raises(StateUnreadable, match="ValidationError: name: Input should be a valid integer") as caught:
            serializer(later).loads_typed(saved)
        assert "the-secret-name" not in caught.value.message
    finally:
        del sys.modules[later.__name__]


def test_an_object_that_could_not_be_found_again_is_not_saved(first: ModuleType) -> None:
    with pytest.raises(StateUnreadable, match=r"has no class graphs\.desk:local\.<locals>\.Hidden"):
        serializer(first).dumps_typed({"it": first.local()})


def test_a_migration_sees_fields_and_saves_what_it_made_of_them(first: ModuleType, second: ModuleType) -> None:
    place = first.Place("Oslo", first.Color.RED)
    saved = serializer(first).dumps_typed({"it": first.Ticket("t", place), "all": {place}})
    loose = serializer(second).loosely()
    state = loose.loads_typed(saved)
    assert isinstance(state["it"], Saved)
    assert state["it"].kind == "graphs.desk:Ticket"
    assert state["it"]["place"] == {"city": "Oslo", "color": second.Color.RED}
    state["it"]["title"] = "other"
    back = serializer(second).loads_typed(loose.dumps_typed(state))
    assert back["it"] == second.Ticket("other", second.Place("Oslo", second.Color.RED))
    assert back["all"] == {second.Place("Oslo", second.Color.RED)}


def test_a_member_that_is_gone_is_shown_to_a_migration_and_refused_when_it_stays(first: ModuleType) -> None:
    saved = serializer(first).dumps_typed({"it": first.Color.RED})
    later = project(SECOND, CODE.replace("RED", "BLUE").replace('"red"', '"blue"'))
    try:
        state = serializer(later).loosely().loads_typed(saved)
        assert state == {"it": SavedMember("graphs.desk:Color", "red")}
        kept = serializer(later).loosely().dumps_typed(state)
        with pytest.raises(StateUnreadable, match="does not take what was saved"):
            serializer(later).loads_typed(kept)
        assert serializer(later).loads_typed(serializer(later).dumps_typed(later.Color.BLUE)) is later.Color.BLUE
    finally:
        del sys.modules[later.__name__]
