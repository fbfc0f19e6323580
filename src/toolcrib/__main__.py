"""`toolcrib`, and `python -m toolcrib`: the command line."""

import atexit
import os
import signal
from types import FrameType

from toolcrib.core.wire.signals import take_signals


def main() -> None:
    """Run one command line. Signals end it at once, in one line, unless what runs then takes them itself."""
    for signum in take_signals(_leave):
        atexit.register(signal.signal, signum, signal.SIG_IGN)  # the interpreter's own end takes a moment
    from toolcrib.cli.main import main as commands

    commands()


def _leave(signum: int, frame: FrameType | None) -> None:
    """Nothing is open yet, or any more."""
    os.write(2, b"Interrupted.\n")
    os._exit(128 + signum)


if __name__ == "__main__":
    main()
