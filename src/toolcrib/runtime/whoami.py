"""Who this process works for."""

import getpass
import os
import socket


def local_user() -> str:
    """The user and the machine, `user@host`, for the history of deployments."""
    try:
        name = getpass.getuser()
    except (ImportError, KeyError, OSError):  # no such user, as in some containers
        name = f"uid{os.getuid()}" if hasattr(os, "getuid") else "somebody"
    return f"{name}@{socket.gethostname()}"
