"""The models of a process: made once, kept while they are asked for, and failures of their making in words."""

import gc
import weakref
from datetime import date
from typing import Any

import pytest

from toolcrib.agents.models import catalogue
from toolcrib.agents.models.catalogue import Models
from toolcrib.core.errors import ModelUnavailable

pytestmark = pytest.mark.anyio


def models(**more: Any) -> Models:
    return Models(today=lambda: date(2026, 11, 21), **more)


async def test_options_that_nobody_asks_for_any_more_leave_no_model_behind() -> None:
    """A hot change of `model_options` makes another model; a rotated key must not stay for ever."""
    found = models(most=2)
    kept = await found.get("offline", {"key": 1})
    in_use = await found.get("offline", {"key": 2})
    dropped = weakref.ref(in_use)
    assert await found.get("offline", {"key": 1}) is kept

    await found.get("offline", {"key": 3})

    assert await found.get("offline", {"key": 1}) is kept, "the one asked for least recently goes"
    assert (await in_use.ainvoke("Hello?")).text
    del in_use
    gc.collect()
    assert dropped() is None


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NotImplementedError(), "NotImplementedError"),
        (ValueError("\nno key\nand more"), "ValueError: no key"),
    ],
)
async def test_a_model_that_cannot_be_made_says_why_in_one_line(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: Any, **options: Any) -> Any:
        raise error

    monkeypatch.setattr(catalogue, "init_chat_model", fails)
    with pytest.raises(ModelUnavailable) as raised:
        await models().get("openai:x", {})
    assert raised.value.message == f"Model 'openai:x' cannot be used: {said}"
