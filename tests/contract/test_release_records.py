"""What every `ReleaseStore` writes at once: a change of what serves, and the record of the deployment that made it."""

import pytest

from tests.contract.conftest import activate
from tests.contract.test_release_store import DEPLOYMENT, in_state
from toolcrib.core.errors import Conflict, GenerationConflict
from toolcrib.core.ports import ReleaseStore
from toolcrib.core.releases import Channel, Deployment

pytestmark = pytest.mark.anyio


async def test_a_change_of_what_serves_is_recorded_with_it_or_not_at_all(store: ReleaseStore) -> None:
    one = await in_state(store, "verified")
    first = Deployment(state="active", release=one.release, generation=1)
    await store.point(Channel(generation=1, digest=one.digest), deployment=first)
    with pytest.raises(GenerationConflict):
        await store.point(Channel(generation=1, digest=one.digest), deployment=DEPLOYMENT)
    two = await in_state(store, "staged", "two")
    with pytest.raises(Conflict):  # what is only staged may not serve
        await store.point(Channel(generation=2, digest=two.digest), deployment=DEPLOYMENT)
    assert await store.history() == [first]
    assert (await store.channel()).generation == 1


async def test_a_deployment_is_recorded_with_its_tree_and_states_or_not_at_all(store: ReleaseStore) -> None:
    one, two = await in_state(store, "verified"), await in_state(store, "verified", "two")
    await activate(store, one.digest, expected=0, seen_tree="t1")
    with pytest.raises(Conflict):
        await store.record(DEPLOYMENT, seen_tree="t2", moves={two.digest: "inactive", one.digest: "retired"})
    assert (await store.history(), (await store.channel()).seen_tree) == ([], "t1")
    assert (await store.find(two.digest)).state == "verified"
    await store.record(DEPLOYMENT, seen_tree="t2", moves={two.digest: "inactive"})
    assert (await store.history(), (await store.channel()).seen_tree) == ([DEPLOYMENT], "t2")
    assert (await store.find(two.digest)).state == "inactive"
