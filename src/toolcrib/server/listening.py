"""The socket a server listens on, and who can reach it."""

import errno
import os
import socket
from collections.abc import Callable
from ipaddress import ip_address

from toolcrib.core.errors import Conflict, ToolcribError
from toolcrib.server.guards import LOOPBACK_HOSTS

BACKLOG = 2048
NEXT_PORTS = 50
LAST_PORT = 65_535


class OpenToAll(ToolcribError):
    """The address can be reached by others and there is no authentication. Bind to 127.0.0.1."""


class CannotListen(ToolcribError):
    """The operating system does not let us listen there. The message holds its words."""


def bind(host: str, port: int, *, given: bool, announce: Callable[[str], None]) -> socket.socket:
    """A listening socket; the next free port when the settings' one is taken. The caller closes it.

    Args:
        host: a name or an address; the first address of a name is taken.
        port: 0 takes any free one.
        given: somebody asked for this very port: no other one will do.
        announce: told when another port was taken.

    Raises:
        Conflict: the port was given explicitly and is taken, or all of the next 50 are.
        CannotListen: the host is none of this machine, or the port is not allowed.
    """
    last = port if given or port == 0 else min(port + NEXT_PORTS, LAST_PORT)
    for candidate in range(port, last + 1):
        if listener := _listen(host, candidate):
            if candidate != port:
                announce(f"port {port} is taken, taking {candidate}")
            return listener
    what = f"Port {port} on {host} is taken." if last == port else f"Ports {port} to {last} on {host} are taken."
    raise Conflict(what, hint="Give another --port, or 0 for any free one.")


def refuse_strangers(host: str) -> None:
    """Allow loopback addresses only.

    Raises:
        OpenToAll: others can reach this address.
    """
    if not is_loopback(host):
        raise OpenToAll(
            f"{host} can be reached by others, and this server asks nobody who they are.",
            hint="Bind to 127.0.0.1, or add --insecure-no-auth behind something that does ask.",
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address; a name that is not `localhost` counts as open."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def known_hosts(host: str) -> frozenset[str] | None:
    """The names a server bound to `host` answers for; None, all, when others may reach it by names we do not know."""
    return LOOPBACK_HOSTS | {_bracketed(host)} if is_loopback(host) else None


def url_of(listener: socket.socket) -> str:
    """The address to open in a browser; a server bound to all addresses is shown as this machine's loopback."""
    host, port = listener.getsockname()[:2]
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{_bracketed(reachable)}:{port}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _listen(host: str, port: int) -> socket.socket | None:
    """A listening socket, or None when the port is taken."""
    listener = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        if os.name == "posix":  # elsewhere it lets two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        return listener
    except OSError as error:
        if listener:
            listener.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise CannotListen(f"Cannot listen on {host}, port {port}: {error.strerror}.") from error
