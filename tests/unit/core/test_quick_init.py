"""A quick `__init__` changes nothing but its price."""

import copy
import inspect
import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, field, replace
from typing import Any

import pytest

from toolcrib.core.quick_init import quick_init


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A value with defaults of all kinds."""

    name: str
    size: int = 3
    parts: list[int] = field(default_factory=list)
    quiet: str = field(default="q", repr=False, compare=False)


@quick_init
@dataclass(frozen=True, slots=True, kw_only=True)
class Quick(Base):
    """The same with one more, some of its slots inherited."""

    more: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow(Base):
    """What `dataclass` itself makes of it."""

    more: str | None = None


def test_it_is_made_as_dataclass_would() -> None:
    given: dict[str, Any] = {"name": "n", "parts": [1], "more": "m"}
    quick = Quick(**given)
    assert asdict(quick) == asdict(Slow(**given)) == {"name": "n", "size": 3, "parts": [1], "quiet": "q", "more": "m"}
    assert Quick(name="n") == Quick(name="n", quiet="other") != Quick(name="n", size=4)
    assert Quick(name="a").parts is not Quick(name="b").parts
    assert inspect.signature(Quick) == inspect.signature(Slow)


def test_it_is_a_value_like_any_other() -> None:
    quick = Quick(name="n", parts=[1])
    assert replace(quick, size=5) == Quick(name="n", size=5, parts=[1])
    assert pickle.loads(pickle.dumps(quick)) == copy.deepcopy(quick) == quick
    with pytest.raises(FrozenInstanceError):
        quick.size = 5  # type: ignore[misc]  # what is refused
    assert repr(quick) == "Quick(name='n', size=3, parts=[1], more=None)"


@pytest.mark.parametrize("wrong", [{}, {"name": "n", "sise": 3}])
def test_wrong_arguments_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"name|sise"):
        Quick(**wrong)
    with pytest.raises(TypeError):
        Quick("n")  # type: ignore[call-arg]  # what is refused
