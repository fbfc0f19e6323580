"""The signals that ask a process to end, and who hears them; imported before anything else of the command line."""

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

STOP_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


def take_signals(handler: Callable[[int, FrameType | None], None]) -> dict[int, Any]:
    """Let the handler have them, but for those that are ignored, e.g. under nohup; gives back who had them before."""
    heard = [signum for signum in STOP_SIGNALS if signal.getsignal(signum) is not signal.SIG_IGN]
    return {signum: signal.signal(signum, handler) for signum in heard}
