"""`Bundle`: the bytes of a project that make a release, named by their content."""

import hashlib
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from toolcrib.core.errors import ProjectInvalid
from toolcrib.core.reasons import Reason
from toolcrib.core.releases import Manifest
from toolcrib.loader.reading.tenants import TENANTS

IGNORED_DIRECTORIES = frozenset({"__pycache__", "node_modules", "site-packages", "tests"})
"""Never part of a release, nor are virtual environments and anything whose name begins with a dot.

Data files are no part of a release either: tools read them from the project's directory.
"""

MARK = "pyvenv.cfg"
"""A directory that holds it is a virtual environment."""
CONFIG_FILES = frozenset(
    {"agents.yaml", "agents.yml", "tools.yaml", "tools.yml", "toolcrib.yaml", "toolcrib.yml", "langgraph.json"}
)
PROMPT_SUFFIXES = frozenset({".md", ".txt"})
MAX_FILE_BYTES = 2 * 1024 * 1024
MAX_FILES = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A project at one moment: path (`/` separated, relative) -> bytes, and the manifest that names it."""

    manifest: Manifest
    contents: Mapping[str, bytes]


def make_bundle(contents: Mapping[str, bytes]) -> Bundle:
    """The bundle of these contents."""
    files = {path: hashlib.sha256(data).hexdigest() for path, data in sorted(contents.items())}
    lines = "".join(f"{digest} {path}\n" for path, digest in files.items())
    manifest = Manifest(digest=hashlib.sha256(lines.encode()).hexdigest(), files=files)
    return Bundle(manifest=manifest, contents={path: contents[path] for path in files})


def read_bundle(root: Path) -> Bundle:
    """Read what makes a release from a project directory.

    A file that vanishes while it is read is taken as deleted: who needs a quiet tree reads twice and compares.

    Raises:
        ProjectInvalid: no such directory, a file is too large or cannot be read, or there are too many.
    """
    reasons: list[Reason] = []

    def unlisted(error: OSError) -> None:
        if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
            reasons.append(_unreadable(os.path.relpath(error.filename, root), error))

    return make_bundle(_contents(root, release_files(root, on_error=unlisted), reasons))


def read_files(root: Path, names: Iterable[str]) -> Mapping[str, bytes]:
    """Read these files of a project alone, those of them that are there.

    Raises:
        ProjectInvalid: no such directory, or one of them is too large or cannot be read.
    """
    return _contents(root, (root / name for name in names), [])


def _contents(root: Path, paths: Iterable[Path], reasons: list[Reason]) -> dict[str, bytes]:
    """The bytes of these files. Going through `paths` may add to `reasons` too."""
    if not os.path.isdir(root):
        raise ProjectInvalid(f"{root} is not a directory.", hint="Give the directory of a toolcrib project.")
    contents: dict[str, bytes] = {}
    for path in paths:
        name = path.relative_to(root).as_posix()
        try:
            found = _read(path, name)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            found = _unreadable(name, error)
        if isinstance(found, Reason):
            reasons.append(found)
        else:
            contents[name] = found
        if len(contents) > MAX_FILES:
            raise too_many_files(str(root))
    if reasons:
        raise ProjectInvalid("The project cannot be read.", reasons=reasons)
    return contents


def release_files(root: Path, *, on_error: Callable[[OSError], None] = lambda error: None) -> Iterator[Path]:
    """Paths of the files under `root` that are part of a release.

    Links to directories are followed, unless they lead back to a directory they are in. `on_error` is told of each
    directory that cannot be listed.
    """
    for here, names in _walk(root, on_error):
        parts = here.relative_to(root).parts
        if parts[:1] == (TENANTS,) and len(parts) > 1:
            parts = parts[2:]  # the folder of a tenant is the same tree again
        top, in_prompts = not parts, parts[:1] == ("prompts",)
        for name in sorted(names):
            if not name.startswith(".") and _wanted(name, top=top, in_prompts=in_prompts):
                yield here / name


def project_files(root: Path, wanted: Callable[[str], bool]) -> Iterator[Path]:
    """Paths of the files in the project whose name is wanted, part of a release or not."""
    for here, names in _walk(root):
        yield from (here / name for name in sorted(names) if wanted(name))


def release_directories(root: Path) -> dict[Path, tuple[int, int]]:
    """The directories that may hold files of a release, `root` included -> device and number of what stands there.

    Another directory moved to the same place has other numbers, and so has a link that leads elsewhere.
    """
    found: dict[Path, tuple[int, int]] = {}
    for here, _ in _walk(root):
        with suppress(OSError):  # it vanished: there is nothing to be said of it
            status = here.stat()
            found[here] = status.st_dev, status.st_ino
    return found


def _walk(root: Path, on_error: Callable[[OSError], None] = lambda error: None) -> Iterator[tuple[Path, Sequence[str]]]:
    """Each directory that is part of the project, and the names of what it holds besides directories."""
    for directory, subdirectories, names in os.walk(root, onerror=on_error, followlinks=True):
        here = Path(directory)
        subdirectories[:] = sorted(name for name in subdirectories if not _ignored(name, here / name))
        yield here, names


def release_paths(paths: Collection[str]) -> list[str]:
    """Which of a tree's files (`/` separated, relative) are part of a release: those `release_files` would find."""
    environments = {path.removesuffix(f"/{MARK}") for path in paths if path.endswith(f"/{MARK}")}
    found = (path for path in paths if is_release_path(path))
    return sorted(path for path in found if environments.isdisjoint(map(str, PurePosixPath(path).parents)))


def is_release_path(path: str) -> bool:
    """Whether a file there is part of a release, as far as its path tells: it may still be in a virtual environment."""
    *folders, name = path.split("/")
    if any(_ignored_name(folder) for folder in folders) or name.startswith("."):
        return False
    return _wanted(name, top=not folders, in_prompts=folders[:1] == ["prompts"])


def _wanted(name: str, *, top: bool, in_prompts: bool) -> bool:
    suffix = os.path.splitext(name)[1]
    return suffix == ".py" or (top and name in CONFIG_FILES) or (in_prompts and suffix in PROMPT_SUFFIXES)


def _ignored(name: str, path: Path) -> bool:
    virtual_environment = os.path.exists(path / MARK)  # unlike Path.exists, says no where it may not look
    return _ignored_name(name) or virtual_environment or _leads_back(path)


def _ignored_name(directory: str) -> bool:
    return directory.startswith(".") or directory in IGNORED_DIRECTORIES


def _leads_back(path: Path) -> bool:
    """Whether a link leads to a directory it is in: following it would never end."""
    if not os.path.islink(path):
        return False
    target = os.path.realpath(path)
    return any(os.path.realpath(parent) == target for parent in path.parents)


def _read(path: Path, name: str) -> bytes | Reason:
    """The bytes of a file, or why they can be no part of a release."""
    try:
        name.encode()
    except UnicodeEncodeError:
        plain = name.encode(errors="backslashreplace").decode()
        return Reason(code="unreadable", message="has a name that is not UTF-8", file=plain, hint="Rename it.")
    if not stat.S_ISREG(path.stat().st_mode):  # looked at before it is opened: opening a device may do something
        return _irregular(name)
    with open(path, "rb", opener=_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return _irregular(name)
        data = file.read(MAX_FILE_BYTES + 1)
    return data if len(data) <= MAX_FILE_BYTES else too_large(name)


def _at_once(path: str, flags: int) -> int:
    """Open without waiting: a pipe may have come to the place of a file since it was looked at."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _irregular(name: str) -> Reason:
    return Reason(code="unreadable", message="is not a regular file", file=name, hint="Take it out of the project.")


def _unreadable(name: str, error: OSError) -> Reason:
    hint = "Make it readable for this user."
    return Reason(code="unreadable", message=f"cannot be read: {error.strerror}", file=name, hint=hint)


def too_many_files(where: str) -> ProjectInvalid:
    """The error of a tree with more than 5,000 files of a release."""
    return ProjectInvalid(f"{where} has more than {MAX_FILES} files.", hint="Is this the project's directory?")


def too_large(name: str) -> Reason:
    """Why a file of more than 2 MiB is refused."""
    return Reason(
        code="too_large",
        message=f"is larger than {MAX_FILE_BYTES // 1024 // 1024} MiB",
        file=name,
        hint="Keep data out of modules and prompts: put it under data/, which is no part of a release.",
    )
