"""`toolcrib deploy DIR --url`: a directory here is sent to a server there, as if it were deployed there."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.integration.commands import Done, toolcrib
from tests.integration.served import serving
from toolcrib.loader.bundle import read_bundle

TOOL = '''
from toolcrib import tool

@tool(side_effect="none")
async def word() -> str:
    """The word."""
    return "{word}"
'''


def project(root: Path, word: str) -> Path:
    (root / "tools").mkdir(parents=True, exist_ok=True)
    (root / "tools" / "words.py").write_text(TOOL.format(word=word))
    return root


def git(root: Path, *words: str) -> str:
    identity = ("-c", "user.name=ann", "-c", "user.email=ann@localhost")
    return subprocess.run(
        ["git", *identity, *words], cwd=root, capture_output=True, text=True, check=True
    ).stdout.strip()


def committed(root: Path) -> str:
    git(root, "init", "-q", "-b", "trunk")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "begin")
    return git(root, "rev-parse", "HEAD")


def said(done: Done, code: int = 0) -> str:
    assert done.returncode == code, done.stderr
    return done.stdout


def test_a_directory_is_sent_served_shown_and_serves_on_after_a_kill(tmp_path: Path) -> None:
    there, here = project(tmp_path / "there", "old"), project(tmp_path / "here", "new")
    commit = committed(here)
    with serving(there, watch="watch") as (served, http):
        own = http.get("/v1/releases").json()["current"]
        done = toolcrib(here, "deploy", str(here), "--url", served.url, "--why", "a new word")
        release = read_bundle(here).manifest.release
        assert said(done).startswith(f"{release} is live")
        assert f"{release}: 1 file, 0.1 KiB, sent as 0.2 KiB" in done.stderr
        assert said(toolcrib(here, "call", "word", "--url", served.url)) == "new\n"
        shown = said(toolcrib(here, "releases", "show", release, "--url", served.url))
        assert f"{release}  active, serves all" in shown
        assert "active (upload by " in shown
        assert f"commit   {commit[:12]} on trunk\n" in shown
        assert "why      a new word" in shown
        assert "~ tool word  (code)" in shown
        _refuses_what_is_broken(here, served.url)
        assert said(toolcrib(here, "deploy", "--url", served.url, "--json"))
        assert http.get("/v1/releases").json()["current"] == own, "without DIR the server deploys its own directory"
        said(toolcrib(here, "rollback", release, "--url", served.url))
        os.kill(served.process.pid, signal.SIGKILL)
    with serving(there) as (_, http):
        assert http.post("/v1/tools/word/calls").json()["value"] == "new"
        history = http.get(f"/v1/releases/{release}").json()["deployments"]
        assert [(one["state"], one["actor"]) for one in history] == [("rolled_back", "http"), ("active", "upload")]
        assert all("@" in one["who"] for one in history)
    assert said(toolcrib(there, "releases", "show", release, "--json"))


def _refuses_what_is_broken(here: Path, url: str) -> None:
    (here / "tools" / "more.py").write_text("\ndef broken(:\n")
    done = toolcrib(here, "deploy", str(here), "--url", url)
    local = toolcrib(here, "deploy")
    assert done.returncode == 6
    drawn = "error[syntax]: invalid syntax\n  --> tools/more.py:2:12\n 2 | def broken(:\n"
    assert drawn in done.stderr
    assert drawn in local.stderr
    told = json.loads(said(toolcrib(here, "deploy", str(here), "--url", url, "--json"), 6))
    assert (told["state"], told["reasons"][0]["file"]) == ("rejected", "tools/more.py")
    missing = toolcrib(here, "deploy", str(here / "nowhere"), "--url", url)
    assert (missing.returncode, missing.stdout) == (3, "")
    assert "is not a directory" in missing.stderr
    assert toolcrib(here, "deploy", str(here), "--url", "http://127.0.0.1:9").returncode == 7
    (here / "tools" / "more.py").unlink()


def test_a_watcher_does_not_take_a_sent_release_back_until_the_directory_changes(tmp_path: Path) -> None:
    there, here = project(tmp_path / "there", "old"), project(tmp_path / "here", "new")
    (there / "toolcrib.yaml").write_text("watch: {poll_s: 0.05, force_polling: true}\n")
    with serving(there, watch="watch") as (served, http):
        said(toolcrib(here, "deploy", str(here), "--url", served.url))
        with http.stream("GET", "/v1/events") as events:
            lines = events.iter_lines()
            (there / "tools" / "notes.txt").write_text("no part of a release")
            assert http.post("/v1/tools/word/calls").json()["value"] == "new"
            project(there, "edited")
            told = next(json.loads(line[6:]) for line in lines if line.startswith("data:") and '"watch"' in line)
        assert (told["state"], told["actor"]) == ("active", "watch")
        assert http.post("/v1/tools/word/calls").json()["value"] == "edited"


@pytest.mark.parametrize("words", [("releases", "show"), ("releases", "show", "r-ffffffff")])
def test_a_release_that_is_not_named_or_not_known_is_told(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = toolcrib(project(tmp_path / "there", "old"), *words)
    assert done.returncode == (2 if len(words) == 2 else 4)
    assert "fix: " in done.stderr


def test_the_list_of_deployments_tells_who_and_from_where_within_80_columns(tmp_path: Path) -> None:
    root = project(tmp_path / "there", "old")
    said(toolcrib(root, "deploy"))
    project(root, "new")
    commit = committed(root)
    said(toolcrib(root, "deploy", "--why", "for a reason"))
    (root / "tools" / "words.py").write_text(TOOL.format(word="dirty"))
    deployment = json.loads(said(toolcrib(root, "deploy", "--json")))
    assert deployment["git"] == {"commit": commit, "branch": "trunk", "dirty": True}
    listed = said(toolcrib(root, "releases", env={**os.environ, "LOGNAME": "ann"}))
    rows = listed.split("\n\n")[1].splitlines()
    assert rows[0].split() == ["deployed", "outcome", "release", "from", "by", "why"]
    assert [row.split()[2:5:2] for row in rows[1:]] == [["active", "cli"]] * 3
    found = json.loads(said(toolcrib(root, "releases", "--json")))["history"]
    assert [one["git"] and one["git"]["dirty"] for one in found] == [True, False, None]
