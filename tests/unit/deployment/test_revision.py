"""What git says of a tree, with the program and without it; looking runs nothing of the repository's."""

import os
import subprocess
from pathlib import Path

import pytest

from toolcrib.core.releases import Revision
from toolcrib.deployment.revision import read_revision
from toolcrib.loader.bundle import read_bundle


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project in a folder of a repository, committed."""
    root = tmp_path / "repository" / "shop"
    (root / "tools").mkdir(parents=True)
    (root / "tools" / "a.py").write_text("A = 1\n")
    (root / "README.md").write_text("Read me.\n")
    git(root.parent, "init", "-q", "-b", "trunk")
    git(root.parent, "add", "-A")
    git(root.parent, "commit", "-qm", "begin")
    return root


def git(where: Path, *words: str) -> str:
    identity = ("-c", "user.name=ann", "-c", "user.email=ann@localhost")
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(["git", *identity, *words], cwd=where, capture_output=True, text=True, check=True, env=env)
    return done.stdout.strip()


def revision(root: Path) -> Revision | None:
    return read_revision(root, read_bundle(root).manifest.files)


def dirty(root: Path) -> bool | None:
    found = revision(root)
    assert found is not None
    return found.dirty


def test_a_committed_tree_is_its_commit_and_branch(shop: Path) -> None:
    assert revision(shop) == Revision(commit=git(shop, "rev-parse", "HEAD"), branch="trunk", dirty=False)
    git(shop, "checkout", "-q", "--detach")
    assert revision(shop) == Revision(commit=git(shop, "rev-parse", "HEAD"), dirty=False)


def test_a_directory_outside_of_any_repository_has_no_revision(tmp_path: Path) -> None:
    assert read_revision(tmp_path, ()) is None
    (tmp_path / ".git").mkdir()
    assert read_revision(tmp_path, ()) is None, "an empty folder is no repository"


def test_before_the_first_commit_there_is_a_branch_alone(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "trunk")
    assert revision(tmp_path) == Revision(commit="", branch="trunk", dirty=False)
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "a.py").touch()
    assert dirty(tmp_path) is True


def test_only_files_of_the_release_make_it_dirty(shop: Path) -> None:
    (shop / "README.md").write_text("Changed.\n")
    (shop / "data.csv").write_text("1,2\n")
    (shop.parent / "elsewhere.py").write_text("X = 1\n")
    assert dirty(shop) is False
    (shop / "tools" / "new one.py").write_text("B = 1\n")
    assert dirty(shop) is True
    (shop / "tools" / "new one.py").unlink()
    (shop / "tools" / "a.py").write_text("A = 2\n")
    assert dirty(shop) is True
    git(shop, "add", "-A")
    assert dirty(shop) is True, "staged is not committed"
    git(shop, "commit", "-qm", "more")
    assert dirty(shop) is False
    (shop / "tools" / "a.py").unlink()
    assert dirty(shop) is True
    git(shop, "checkout", "-q", "--", "tools/a.py")
    git(shop, "mv", "tools/a.py", "tools/b.py")
    assert dirty(shop) is True


def test_without_the_program_the_commit_is_read_and_the_rest_left_open(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = git(shop, "rev-parse", "HEAD")
    git(shop, "worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    git(shop, "branch", "other")
    git(shop, "pack-refs", "--all")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert revision(shop) == Revision(commit=commit, branch="trunk")
    assert revision(tmp_path / "linked" / "shop") == Revision(commit=commit, branch="side")
    (shop.parent / ".git" / "HEAD").write_text(f"{commit}\n")
    assert revision(shop) == Revision(commit=commit)
    (shop.parent / ".git" / "HEAD").write_text("ref: refs/heads/unborn\n")
    assert revision(shop) == Revision(commit="", branch="unborn")


def test_looking_runs_nothing_and_changes_nothing_of_the_repository(shop: Path, tmp_path: Path) -> None:
    trap, sprung = tmp_path / "trap", tmp_path / "sprung"
    trap.write_text(f"#!/bin/sh\ntouch {sprung}\n")
    trap.chmod(0o755)
    git(shop, "config", "core.fsmonitor", str(trap))
    for hook in ("post-index-change", "post-checkout"):
        (shop.parent / ".git" / "hooks" / hook).symlink_to(trap)
    index = (shop.parent / ".git" / "index").stat()
    os.utime(shop / "tools" / "a.py", (1, 1))
    assert dirty(shop) is False
    assert not sprung.exists()
    assert (shop.parent / ".git" / "index").stat() == index


def test_what_a_hook_of_git_sets_names_no_other_repository(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", str(shop / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(shop / "nowhere"))
    assert dirty(shop) is False
