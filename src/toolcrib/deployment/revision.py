"""What git says of a tree: the commit it has checked out, and whether the release's files differ from it."""

import os
import subprocess
from collections.abc import Collection
from pathlib import Path

from toolcrib.core.releases import Revision
from toolcrib.loader.bundle import is_release_path

PATIENCE_S = 2.0
MAX_BYTES = 4 * 1024 * 1024
"""A working tree with more changes than can be told in so much is dirty."""
# No hook, no file system monitor, no lock of the index: looking changes nothing and runs nothing of the repository's.
LOOK = ("git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
STATUS = ("status", "--porcelain=v2", "--branch", "--untracked-files=all", "--ignore-submodules=all", "-z", "--", ".")


def read_revision(directory: Path, files: Collection[str]) -> Revision | None:
    """The commit of the working tree the directory is in; None where there is none.

    The program `git` is asked whether the files differ; where it is missing, refuses or takes more than 2 s, that is
    left open and the commit is read from `.git`.

    Args:
        directory: where the tree came from.
        files: paths in it of the files that make the release; a file that is missing in it may have been deleted.
    """
    here = directory.resolve()
    top = next((one for one in (here, *here.parents) if os.path.exists(one / ".git")), None)
    if top is None:
        return None
    try:
        return _ask(here, here.relative_to(top).as_posix(), files) or _read(top)
    except (OSError, ValueError):  # another program is at work on it, or it is no repository
        return None


def _ask(here: Path, below: str, files: Collection[str]) -> Revision | None:
    """What `git status` says; None when it says nothing. `below` is the directory's path in the working tree."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}  # set inside of hooks
    try:
        done = subprocess.run([*LOOK, *STATUS], cwd=here, env=env, capture_output=True, timeout=PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode:
        return None
    lines = done.stdout[:MAX_BYTES].decode("utf-8", "surrogateescape").split("\0")
    head = dict(line.removeprefix("# branch.").split(" ", 1) for line in lines if line.startswith("# branch."))
    commit, branch = head.get("oid", ""), head.get("head", "")
    start = "" if below == "." else f"{below}/"
    changed = {path.removeprefix(start) for path in _paths(lines)}
    return Revision(
        commit="" if commit == "(initial)" else commit,
        branch="" if branch == "(detached)" else branch,
        dirty=any(path in files or is_release_path(path) for path in changed) or len(done.stdout) > MAX_BYTES,
    )


def _paths(lines: list[str]) -> list[str]:
    """The paths in the lines of `git status --porcelain=v2`: the last of 8, 9, 10 or 1 words behind the first one."""
    words = {"1": 8, "2": 9, "u": 10, "?": 1}
    return [parts[-1] for line in lines if (count := words.get(line[:1])) and (parts := line.split(" ", count))]


def _read(top: Path) -> Revision | None:
    """The commit, read from git's own files."""
    place = top / ".git"
    if place.is_file():  # a linked working tree: `gitdir: PATH`
        place = top / place.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
    head = (place / "HEAD").read_text(encoding="utf-8").strip()
    if not head.startswith("ref:"):
        return Revision(commit=head)
    name = head.removeprefix("ref:").strip()
    common = place / "commondir"  # where the branches of a linked working tree are
    shared = place / common.read_text(encoding="utf-8").strip() if common.exists() else place
    return Revision(commit=_commit(shared, name), branch=name.removeprefix("refs/heads/"))


def _commit(place: Path, name: str) -> str:
    """The commit a reference names, by a file of its own or by a line among the packed ones; empty before the first."""
    if (place / name).is_file():
        return (place / name).read_text(encoding="utf-8").strip()
    packed = place / "packed-refs"
    for line in packed.read_text(encoding="utf-8").splitlines() if packed.exists() else ():
        commit, _, named = line.partition(" ")
        if named == name:
            return commit
    return ""
