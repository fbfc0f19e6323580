"""Whether somebody is still at work on a tree: git in the middle of a checkout, a program with a file half written."""

import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

if sys.platform == "linux":
    import fcntl


def at_work(root: Path, paths: Iterable[str], *, git: bool) -> str:
    """Who is still at work on the tree, in words; empty when nobody is known to be.

    What was read before this was asked, and is still the same afterwards, is whole.

    Args:
        root: the project's directory.
        paths: files in it that nobody may have open for writing.
        git: whether a lock of git counts; it may be a stale one.
    """
    if git and (lock := _git_lock(root)):
        return f"git holds {lock}"
    for path in paths:
        if _open_for_writing(root / path):
            return f"{path} is open in a program that writes it"
    return ""


def _git_lock(root: Path) -> Path | None:
    """The lock that git holds while it changes files of the working tree `root` is in; None when it holds none."""
    folder = next((one for one in (root, *root.parents) if os.path.exists(one / ".git")), root)
    place = folder / ".git"
    try:
        # In a linked working tree it is a file that says `gitdir: PATH`.
        linked = place.read_text(encoding="utf-8", errors="surrogateescape") if os.path.isfile(place) else ""
    except OSError:
        return None
    lock = folder / (linked.removeprefix("gitdir:").strip() or ".git") / "index.lock"
    return lock if os.path.exists(lock) else None


def _open_for_writing(path: Path) -> bool:
    """Whether any process has the file open for writing; False also where the system does not tell.

    Linux gives a read lease on a file only while nobody does (fcntl(2), F_SETLEASE).
    """
    if sys.platform != "linux":
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        # Who opens the file in the moment of the lease waits until it is given back, and we are sent a signal. By
        # default that signal is one that ends the process; this one is ignored.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:  # another user's file, or a file system without leases
        return False
    finally:
        os.close(descriptor)
    return False
