"""The socket a server listens on, and who can reach it."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from toolcrib.core.errors import Conflict
from toolcrib.server.listening import (
    CannotListen,
    OpenToAll,
    bind,
    is_loopback,
    known_hosts,
    refuse_strangers,
    url_of,
)

LOCAL = "127.0.0.1"


def silent(line: str) -> None:
    raise AssertionError(f"nothing was to be told, but: {line}")


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server((LOCAL, 0)) as listener:
        yield listener.getsockname()[1]


def test_a_taken_port_of_the_settings_gives_way_to_the_next_free_one(taken: int) -> None:
    lines: list[str] = []
    with closing(bind(LOCAL, taken, given=False, announce=lines.append)) as listener:
        port = listener.getsockname()[1]
    assert taken < port <= taken + 50
    assert lines == [f"port {taken} is taken, taking {port}"]


def test_a_taken_port_that_was_asked_for_is_a_conflict(taken: int) -> None:
    with pytest.raises(Conflict, match=f"Port {taken} on {LOCAL} is taken"):
        bind(LOCAL, taken, given=True, announce=silent)


@pytest.mark.parametrize("given", [True, False])
def test_port_zero_takes_any_free_one_without_a_word(given: bool) -> None:
    with closing(bind(LOCAL, 0, given=given, announce=silent)) as listener:
        assert listener.getsockname()[1] > 0
        assert url_of(listener) == f"http://{LOCAL}:{listener.getsockname()[1]}"


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_of_another_machine_is_not_called_taken(host: str) -> None:
    with pytest.raises(CannotListen, match=host):
        bind(host, 0, given=True, announce=silent)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.2", "::1"])
def test_loopback_addresses_need_no_key(host: str) -> None:
    refuse_strangers(host)
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org", "localhost.example.org"])
def test_addresses_that_others_can_reach_are_refused(host: str) -> None:
    with pytest.raises(OpenToAll) as refused:
        refuse_strangers(host)
    assert "--insecure-no-auth" in refused.value.hint


def test_a_loopback_server_answers_for_its_own_names_and_an_open_one_for_all() -> None:
    assert known_hosts("127.0.0.2") == frozenset({"localhost", "127.0.0.1", "[::1]", "127.0.0.2"})
    assert known_hosts("::1") == frozenset({"localhost", "127.0.0.1", "[::1]"})
    assert known_hosts("0.0.0.0") is None


def test_an_open_server_is_shown_by_an_address_one_can_open() -> None:
    with closing(bind("0.0.0.0", 0, given=True, announce=silent)) as listener:
        assert url_of(listener).startswith("http://127.0.0.1:")
