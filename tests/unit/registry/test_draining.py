"""A release that drains: leases that there are stay, new ones are refused, and their age is known."""

import pytest

from tests.support import make_release
from toolcrib.core.errors import ReleaseDraining, ReleaseInUse
from toolcrib.registry.registry import Registry
from toolcrib.registry.routing import Split
from toolcrib.testing import FakeClock

OLD, NEW, HELD = (make_release(content=name) for name in ("old", "new", "held"))


def registry(clock: FakeClock | None = None) -> Registry:
    """The new release serves, the old one does not any more."""
    made = Registry(monotonic=clock.monotonic) if clock else Registry()
    made.publish(OLD, expected=0)
    made.publish(NEW, expected=1)
    return made


def test_while_it_drains_nobody_begins_and_who_has_begun_goes_on() -> None:
    here = registry()
    with here.lease(holder="run", release=OLD):
        with here.draining(OLD):
            with pytest.raises(ReleaseDraining):
                here.lease(holder="run", release=OLD)
            assert here.holders(OLD) == {"run": 1}
            with here.lease(holder="call") as serving:
                assert serving is NEW
        here.lease(holder="call", release=OLD).__exit__()
    assert here.holders(OLD) == {}


def test_two_do_not_drain_the_same_release_and_nobody_one_that_serves() -> None:
    here = registry()
    here.publish(NEW, expected=2, split=Split(held={"acme": HELD}))
    with here.draining(OLD), pytest.raises(ReleaseDraining), here.draining(OLD):
        pass
    for serves in (NEW, HELD):
        with pytest.raises(ReleaseInUse, match="serves"), here.draining(serves):
            pass


def test_a_release_that_is_wanted_again_while_it_drains_can_be_leased() -> None:
    here = registry()
    with here.draining(OLD):
        here.publish(OLD, expected=2)
        with here.lease(holder="run") as release:
            assert release is OLD


def test_the_age_of_the_oldest_lease_is_known() -> None:
    clock = FakeClock()
    here = registry(clock)
    assert here.oldest_s(OLD) is None
    first = here.lease(holder="run", release=OLD)
    clock.advance(5.0)
    second = here.lease(holder="call", release=OLD)
    clock.advance(2.0)
    assert here.oldest_s(OLD) == 7.0
    first.__exit__()
    assert here.oldest_s(OLD) == 2.0
    second.__exit__()
    assert here.oldest_s(OLD) is None
