"""A process that deploys and runs agents is killed at random moments: nothing is half, lost, mixed or done twice."""

import json
import multiprocessing
import random
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.killed_life import begin, live

OPENING_S = 1.5
PATIENCE_S = 120


def killed_at_random(place: Path, kills: int, *, seed: int, working_s: float) -> dict[str, object]:
    """So many lives that end by a kill, and one that brings everything to its end; what they came to."""
    chance = random.Random(seed)
    begin(place)
    for number in range(kills):
        code = lived(place, seed + number, kill=chance, working_s=working_s)
        assert code == -signal.SIGKILL, (number, (place / "log").read_text()[-5000:])
    assert lived(place, seed + kills) == 0, (place / "log").read_text()[-5000:]
    told = [json.loads(line) for line in (place / "told").read_text().splitlines()]
    did = Counter(str(line["did"]) for line in told[:-1])
    figures = {"seed": seed, "kills": kills, **told[-1], "did": dict(did)}
    sys.stdout.write(json.dumps(figures) + "\n")
    return figures


def lived(place: Path, seed: int, kill: random.Random | None = None, working_s: float = 0.0) -> int | None:
    """The exit code of one life. Of those that are killed, one in five is while it still opens the project."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["tests.faults.killed_life", "toolcrib.runtime.wiring.compose"])
    ours, theirs = forks.Pipe(duplex=False)
    life = forks.Process(target=live, args=(place, seed, theirs), kwargs={"last": kill is None}, daemon=False)
    life.start()
    theirs.close()
    if kill is not None:
        opening = kill.random() < 0.2
        ours.poll(kill.uniform(0, OPENING_S) if opening else PATIENCE_S)  # also comes up when the other end has died
        life.join(0 if opening else kill.uniform(0, working_s))
        life.kill()
    life.join(PATIENCE_S)
    return life.exitcode


def nothing_went_wrong(figures: dict[str, object]) -> None:
    wrong = {name: figures[name] for name in ("unfinished", "moved", "mixed", "twice", "missing")}
    assert set(wrong.values()) == {0}, figures
    assert int(str(figures["payments"])) == 2 * int(str(figures["threads"])) > 0


@pytest.mark.timeout(300)
def test_five_kills_leave_nothing_half_lost_mixed_or_done_twice(tmp_path: Path) -> None:
    nothing_went_wrong(killed_at_random(tmp_path, kills=5, seed=20261121, working_s=2.0))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_two_hundred_kills_leave_nothing_half_lost_mixed_or_done_twice(tmp_path: Path) -> None:
    figures = killed_at_random(tmp_path, kills=200, seed=7, working_s=5.0)
    nothing_went_wrong(figures)
    assert int(str(figures["generation"])) > 100
