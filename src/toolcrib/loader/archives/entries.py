"""What an archive may hold: regular files and directories, each under a plain path of its own."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from toolcrib.core.reasons import Reason

MAX_PATH_BYTES, MAX_DEPTH = 1_024, 64
MAX_REASONS = 20
DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of an archive.

    Attributes:
        name: its path as the archive writes it.
        kind: `file`, `directory`, or in words what else it is.
        size: bytes it unpacks to.
        read: gives these bytes.
    """

    name: str
    kind: str
    size: int = 0
    read: Callable[[], bytes] = bytes


class Places:
    """The paths that entries of one archive have taken.

    Two paths are the same when a file system that ignores case, or composes letters, takes them for the same.
    """

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: dict[str, str] = {}

    def take(self, path: str, *, directory: bool) -> str:
        """Take a path; why that cannot be, empty when it can."""
        parts = path.split("/")
        above = ["/".join(parts[:end]) for end in range(1, len(parts))]
        for folder in [*above, *([path] if directory else [])]:
            key = _key(folder)
            if key in self._files:
                return "is a file and a directory"
            if self._folders.setdefault(key, folder) != folder:
                return f"is the same directory as {self._folders[key]!r} where case does not count"
        if directory:
            return ""
        key = _key(path)
        if key in self._files:
            return "is there twice, or differs from another one by case or accents alone"
        if key in self._folders:
            return "is a file and a directory"
        self._files.add(key)
        return ""


def checked(entries: Iterable[Entry]) -> tuple[dict[str, Entry], list[Reason]]:
    """The files by path, and why the archive is refused: up to 20 reasons."""
    places, files, reasons = Places(), dict[str, Entry](), list[Reason]()
    for entry in entries:
        path = plain(entry.name)
        if not path and entry.kind == "directory":
            continue  # the project's directory itself, `./`
        problem = _problem(entry.name, path) or _misfit(entry.kind) or places.take(path, directory=entry.kind != "file")
        if problem:
            hint = "Leave it out: pack regular files alone, each under its own path below the project's directory."
            reasons.append(Reason(code="archive_entry", message=problem, file=shown(entry.name), hint=hint))
        elif entry.kind == "file":
            files[path] = entry
        if len(reasons) >= MAX_REASONS:
            break
    return files, reasons


def plain(name: str) -> str:
    """The path without a `./` before it and a `/` behind it, as archives write them."""
    while name.startswith("./"):
        name = name[2:]
    return "" if name == "." else name.removesuffix("/")


def shown(name: str) -> str:
    """A name as it may be printed: without control characters, not too long."""
    text = name.encode("utf-8", "backslashreplace").decode()[:200]
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text) or "(no name)"


def _problem(name: str, path: str) -> str:
    """What is wrong with a path; empty when nothing is."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "has a name that is not UTF-8"
    rules = (
        (not path, "has no name"),
        (size > MAX_PATH_BYTES, f"has a path of more than {MAX_PATH_BYTES} bytes"),
        (path.count("/") > MAX_DEPTH, f"lies more than {MAX_DEPTH} directories deep"),
        (not path.isprintable(), "has control characters in its name"),
        ("\\" in path, "has a backslash in its path"),
        (path.startswith("/"), "has an absolute path"),
        (DRIVE.match(path) is not None, "has a path with a drive letter"),
        (".." in path.split("/"), "leads out of the archive by `..`"),
        (not {"", "."}.isdisjoint(path.split("/")), "has an empty part in its path"),
    )
    return next((words for wrong, words in rules if wrong), "")


def _misfit(kind: str) -> str:
    return "" if kind in ("file", "directory") else f"is {kind}"


def _key(path: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", path).casefold())
