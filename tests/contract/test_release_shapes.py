"""The shapes of releases in every `ReleaseStore`."""

import pytest

from tests.contract.test_release_store import release
from toolcrib.core.compat.shapes import AgentShape, FieldShape, GraphShape, Shape, StateShape, ToolShape
from toolcrib.core.errors import ReleaseNotFound
from toolcrib.core.ports import ReleaseStore

pytestmark = pytest.mark.anyio

SHAPE = Shape(
    tools={
        "t": ToolShape(
            digest="1",
            args_schema={"properties": {"a": {"default": "\ud800", "enum": [1, None, "你好"]}}},
            policy={"scopes": ["a"]},
        )
    },
    agents={
        "a": AgentShape(
            settings={"kind": "1"},
            tools=("t",),
            graph=GraphShape(nodes=("n",), edges=("start -> n",), pauses=("before n",), code="2"),
            state=StateShape(fields={"f": FieldShape(type={"type": "integer"}, missing="refused")}, id="s-1", number=2),
        )
    },
)


async def test_a_shape_comes_back_as_it_was_put(store: ReleaseStore) -> None:
    manifest, contents = release({"a.py": b"x"})
    await store.put(manifest, contents, at=1.0, shape=SHAPE)
    for name in (manifest.digest, manifest.release):
        assert await store.shape(name) == SHAPE
    found = await store.shape(manifest.digest)
    assert found is not None
    assert found.agents["a"].state.id == "s-1"


async def test_a_release_put_without_a_shape_gets_one_when_it_comes_again(store: ReleaseStore) -> None:
    manifest, contents = release({"a.py": b"x"})
    await store.put(manifest, contents, at=1.0, state="verified")
    assert await store.shape(manifest.digest) is None
    await store.put(manifest, contents, at=9.0, shape=SHAPE)
    assert await store.shape(manifest.digest) == SHAPE
    await store.put(manifest, contents, at=9.0, shape=Shape())
    assert await store.shape(manifest.digest) == SHAPE
    found = await store.find(manifest.digest)
    assert (found.state, found.at) == ("verified", 1.0)


async def test_a_shape_is_not_affected_by_what_is_done_with_it_later(store: ReleaseStore) -> None:
    manifest, contents = release({"a.py": b"x"})
    mine = SHAPE.model_copy(deep=True)
    await store.put(manifest, contents, at=1.0, shape=mine)
    mine.tools.clear()
    got = await store.shape(manifest.digest)
    assert got is not None
    got.tools["t"].args_schema.clear()
    assert await store.shape(manifest.digest) == SHAPE


async def test_what_is_not_in_the_store_has_no_shape(store: ReleaseStore) -> None:
    with pytest.raises(ReleaseNotFound):
        await store.shape("r-ffffffff")


async def test_a_release_that_was_not_kept_left_no_shape(store: ReleaseStore) -> None:
    manifest, contents = release({"a.py": b"x"})
    with pytest.raises(KeyError):
        await store.put(manifest, {}, at=1.0, shape=SHAPE)
    await store.put(manifest, contents, at=1.0)
    assert await store.shape(manifest.digest) is None
