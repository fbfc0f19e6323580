"""`Bundle`: the bytes of a project that make a release, named by their content."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from toolcrib.core.errors import ProjectInvalid
from toolcrib.core.reasons import Reason
from toolcrib.core.releases import Manifest

IGNORED_DIRECTORIES = frozenset({"__pycache__", "node_modules", "site-packages", "tests"})
"""Never part of a release, nor are virtual environments and anything whose name begins with a dot.

Data files are no part of a release either: tools read them from the project's directory.
"""

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
    if not root.is_dir():
        raise ProjectInvalid(f"{root} is not a directory.", hint="Give the directory of a toolcrib project.")
    contents: dict[str, bytes] = {}
    reasons: list[Reason] = []

    def unlisted(error: OSError) -> None:
        if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
            reasons.append(_unreadable(os.path.relpath(error.filename, root), error))

    for path in release_files(root, on_error=unlisted):
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
            raise ProjectInvalid(f"{root} has more than {MAX_FILES} files.", hint="Is this the project's directory?")
    if reasons:
        raise ProjectInvalid("The project cannot be read.", reasons=reasons)
    return make_bundle(contents)


def release_files(root: Path, *, on_error: Callable[[OSError], None] = lambda error: None) -> Iterator[Path]:
    """Paths of the files under `root` that are part of a release.

    Links to directories are followed, unless they lead back to a directory they are in. `on_error` is told of each
    directory that cannot be listed.
    """
    for directory, subdirectories, names in os.walk(root, onerror=on_error, followlinks=True):
        here = Path(directory)
        subdirectories[:] = sorted(name for name in subdirectories if not _ignored(name, here / name))
        top = here == root
        in_prompts = not top and here.relative_to(root).parts[0] == "prompts"
        for name in sorted(names):
            if not name.startswith(".") and _wanted(name, top=top, in_prompts=in_prompts):
                yield here / name


def _wanted(name: str, *, top: bool, in_prompts: bool) -> bool:
    suffix = os.path.splitext(name)[1]
    return suffix == ".py" or (top and name in CONFIG_FILES) or (in_prompts and suffix in PROMPT_SUFFIXES)


def _ignored(name: str, path: Path) -> bool:
    return name.startswith(".") or name in IGNORED_DIRECTORIES or (path / "pyvenv.cfg").exists() or _leads_back(path)


def _leads_back(path: Path) -> bool:
    """Whether a link leads to a directory it is in: following it would never end."""
    if not path.is_symlink():
        return False
    target = os.path.realpath(path)
    return any(os.path.realpath(parent) == target for parent in path.parents)


def _read(path: Path, name: str) -> bytes | Reason:
    """The bytes of a file, or why they can be no part of a release."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        return Reason(code="unreadable", message="is not a regular file", file=name, hint="Take it out of the project.")
    if status.st_size > MAX_FILE_BYTES:
        return _too_large(name)
    try:
        name.encode()
    except UnicodeEncodeError:
        plain = name.encode(errors="backslashreplace").decode()
        return Reason(code="unreadable", message="has a name that is not UTF-8", file=plain, hint="Rename it.")
    return path.read_bytes()


def _unreadable(name: str, error: OSError) -> Reason:
    hint = "Make it readable for this user."
    return Reason(code="unreadable", message=f"cannot be read: {error.strerror}", file=name, hint=hint)


def _too_large(name: str) -> Reason:
    return Reason(
        code="too_large",
        message=f"is larger than {MAX_FILE_BYTES // 1024 // 1024} MiB",
        file=name,
        hint="Keep data out of modules and prompts: put it under data/, which is no part of a release.",
    )
