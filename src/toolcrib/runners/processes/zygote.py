"""The fork server: warm, single-threaded, never running a line of project code itself; forks workers and buries them.

It is told to fork by a message with two descriptors: the worker's connection and where its output goes. It tells when a
worker has ended, after it has killed whatever that worker left running, and keeps its process id reserved until it is
told to reap it. When the process that started it is gone, it kills all workers and ends. Started by
`toolcrib.runners.processes.fork_server`.
"""

import gc
import importlib
import os
import select
import signal
import socket
import sys
from typing import Any

import orjson

from toolcrib.core.wire.prctl import adopt_orphans
from toolcrib.runners.processes.linux import children, kill_group
from toolcrib.runners.processes.serving import Load, Station, serve

MESSAGE_BYTES = 4096
BURIAL_ROUNDS = 200
TICK_S = 0.001


def main() -> None:
    """Serve until the other end of the control socket closes. Arguments: its descriptor, `MODULE:FUNCTION`, limits."""
    control = socket.socket(fileno=int(sys.argv[2]))
    load = _resolve(sys.argv[3])
    station = Station(memory_bytes=int(sys.argv[4]), message_bytes=int(sys.argv[5]))
    adopt_orphans()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    gc.collect()
    gc.freeze()
    yard = _Yard(control, load, station)
    try:
        yard.work()
    finally:
        yard.kill_all()


def _resolve(target: str) -> Load:
    module, _, name = target.partition(":")
    load: Load = getattr(importlib.import_module(module), name)
    return load


class _Yard:
    """The living workers, those that wait to be reaped, and the talk about them."""

    def __init__(self, control: socket.socket, load: Load, station: Station) -> None:
        self._control = control
        self._load = load
        self._station = station
        self._living: set[int] = set()
        self._ended: set[int] = set()
        self._wake, self._bell = socket.socketpair()
        for end in (self._wake, self._bell):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self._bell.fileno(), warn_on_full_buffer=False)

    def work(self) -> None:
        """Tell that it is ready; then fork and bury until nobody is there to ask for it."""
        self._tell({"ready": os.getpid()})
        while True:
            ready, _, _ = select.select([self._control, self._wake], [], [])
            if self._wake in ready:
                self._wake.recv(MESSAGE_BYTES)
                self._bury()
            if self._control in ready:
                try:
                    message, descriptors, _, _ = socket.recv_fds(self._control, MESSAGE_BYTES, 2)
                except ConnectionResetError:  # it has gone with some of our news unread
                    return
                if not message:
                    return
                self._obey(orjson.loads(message), descriptors)

    def kill_all(self) -> None:
        """End every worker and all they have started."""
        for pid in self._living:
            kill_group(pid)
        self._living.clear()
        self._ended.clear()
        self._sweep()

    def _obey(self, order: dict[str, Any], descriptors: list[int]) -> None:
        if "fork" in order:
            pid = self._fork(*descriptors)
            self._living.add(pid)
            self._tell({"forked": order["fork"], "pid": pid})
            self._bury()  # a death just now has not rung the bell
        elif order["reap"] in self._ended:
            os.waitpid(order["reap"], 0)
            self._ended.discard(order["reap"])

    def _fork(self, connection: int, output: int) -> int:
        """Fork a worker; gives back its process id here, and never returns there."""
        signal.set_wakeup_fd(-1)  # a worker must not ring this bell
        parent, pid = os.getpid(), os.fork()
        if pid == 0:
            for end in (self._control, self._wake, self._bell):
                end.close()
            serve(connection, output, self._load, self._station, parent)
        signal.set_wakeup_fd(self._bell.fileno(), warn_on_full_buffer=False)
        for descriptor in (connection, output):
            os.close(descriptor)
        return pid

    def _bury(self) -> None:
        """Find workers that have ended, kill what they left, then tell of them."""
        gone: dict[int, int] = {}
        for pid in self._living:
            found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if found is not None:
                gone[pid] = found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
        for pid in gone:
            kill_group(pid)  # the rest of its group: the id is still reserved
            self._living.discard(pid)
            self._ended.add(pid)
        self._sweep()
        for pid, status in gone.items():
            self._tell({"ended": pid, "status": status})

    def _sweep(self) -> None:
        """Kill and reap what dead workers left outside their group: orphans, now children of this process.

        Each one's own children come next. Bounded: who forks faster than it is killed is met again at the next death.
        """
        for _ in range(BURIAL_ROUNDS):
            orphans = set(children()) - self._living - self._ended
            if not orphans:
                return
            for pid in orphans:
                kill_group(pid)
            if not any(os.waitpid(pid, os.WNOHANG)[0] for pid in orphans):
                select.select([], [], [], TICK_S)

    def _tell(self, message: dict[str, Any]) -> None:
        try:
            self._control.send(orjson.dumps(message))
        except OSError:
            raise SystemExit(0) from None  # nobody is there any more


if __name__ == "__main__":
    main()
