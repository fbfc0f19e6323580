"""The life of the verifier process: started when needed, started anew when it dies, gone when closed."""

import os
import signal
import sys
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from tests.unit.loader.projects import Files
from tests.unit.loader.verifier.conftest import LIGHT, TELL_PIDS, Make, ended, pids, verify
from toolcrib.loader.verifier.client import Verifier

pytestmark = pytest.mark.anyio

WORKS: Files = {"a.py": "x = 1", "b.py": "import a"}
HANG_ONCE = (
    TELL_PIDS
    + """
here = os.path.dirname(__file__)
if not os.path.exists(os.path.join(here, 'hung')):
    open(os.path.join(here, 'hung'), 'w').close()
    with open(os.path.join(here, 'fifo'), 'w') as told:
        told.write(f'{os.getppid()} {os.getpid()}')
    import signal
    while True:
        signal.pause()
"""
)
"""The first time it tells through a pipe that it has begun, and hangs."""


async def begun(root: Path) -> tuple[int, int]:
    """The ids of the verifier process and of the child that hangs, once it does."""
    with anyio.fail_after(10):
        text = await anyio.to_thread.run_sync((root / "fifo").read_text, abandon_on_cancel=True)
    zygote, child = text.split()
    return int(zygote), int(child)


async def test_a_verdict_brings_the_code_of_every_file(light: Verifier, tmp_path: Path) -> None:
    verdict = await verify(light, {**WORKS, "prompts/x.md": "text"}, tmp_path)
    assert verdict.reasons == ()
    assert set(verdict.compiled) == {"a.py", "b.py"}
    scope: dict[str, object] = {}
    exec(verdict.compiled["a.py"].load(), scope)
    assert scope["x"] == 1
    assert verdict.compiled["b.py"].imports == ((0, "a", ()),)
    assert 0 < verdict.check_s < 1


async def test_code_is_of_these_bytes_also_when_files_come_change_and_go(light: Verifier, tmp_path: Path) -> None:
    for number in range(40):
        files = {
            f"f{number % 3}.py": f"x = {number}",
            "same.py": "y = 1",
            "bad.py": "(" if number % 5 == 4 else "z = 1",
        }
        verdict = await verify(light, files, tmp_path)
        assert [reason.file for reason in verdict.reasons] == (["bad.py"] if number % 5 == 4 else [])
        assert set(verdict.compiled) == set(files) - {reason.file for reason in verdict.reasons}
        scope: dict[str, object] = {}
        exec(verdict.compiled[f"f{number % 3}.py"].load(), scope)
        assert scope["x"] == number


async def test_the_process_stays_and_each_candidate_has_a_child_of_its_own(light: Verifier, tmp_path: Path) -> None:
    for number in range(3):
        assert (await verify(light, {"a.py": TELL_PIDS + f"# {number}"}, tmp_path)).reasons == ()
    found = pids(tmp_path)
    assert len(set(found[::2])) == 1
    assert len(set(found[1::2])) == 3


async def test_candidates_are_looked_at_one_after_the_other(light: Verifier, tmp_path: Path) -> None:
    note = "import os\np = os.path.join(os.path.dirname(__file__), 'order')\ndef say(t): open(p, 'a').write(t)\n"
    code = note + "say('(')\nimport threading; threading.Event().wait(0.02)\nsay('){0}')"
    async with anyio.create_task_group() as group:
        for number in range(5):
            group.start_soon(verify, light, {"a.py": code.format(number)}, tmp_path)
    assert (tmp_path / "order").read_text() == "()0()1()2()3()4"


async def test_a_process_killed_between_two_requests_is_replaced(make_verifier: Make, tmp_path: Path) -> None:
    verifier = make_verifier()
    for _ in range(2):
        assert (await verify(verifier, {"a.py": TELL_PIDS}, tmp_path)).reasons == ()
        zygote = pids(tmp_path)[-2]
        os.kill(zygote, signal.SIGKILL)
        await ended(zygote)
    verdict = await verify(verifier, WORKS, tmp_path)
    assert verdict.reasons == ()
    assert set(verdict.compiled) == set(WORKS)


async def test_a_process_killed_during_a_request_is_replaced_and_its_child_ends(
    make_verifier: Make, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "fifo")
    verifier = make_verifier(timeout_s=60)
    async with anyio.create_task_group() as group:

        async def ask() -> None:
            assert (await verify(verifier, {"a.py": HANG_ONCE}, tmp_path)).reasons == ()

        group.start_soon(ask)
        zygote, child = await begun(tmp_path)
        os.kill(zygote, signal.SIGKILL)
    await ended(child)


async def test_a_cancelled_request_leaves_no_answer_for_the_next(make_verifier: Make, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    verifier = make_verifier(timeout_s=60)
    async with anyio.create_task_group() as group:
        group.start_soon(verify, verifier, {"a.py": HANG_ONCE, "wrong.py": "1 / 0"}, tmp_path)
        zygote, child = await begun(tmp_path)
        group.cancel_scope.cancel()
    await ended(child)
    await ended(zygote)
    verdict = await verify(verifier, WORKS, tmp_path)
    assert verdict.reasons == ()
    assert set(verdict.compiled) == set(WORKS)


async def test_closing_ends_the_process_its_child_and_the_request(make_verifier: Make, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    verifier = make_verifier(timeout_s=60)
    async with anyio.create_task_group() as group:

        async def ask() -> None:
            (reason,) = (await verify(verifier, {"a.py": HANG_ONCE}, tmp_path)).reasons
            assert reason.code == "verifier_died"

        group.start_soon(ask)
        zygote, child = await begun(tmp_path)
        with anyio.fail_after(5):
            await verifier.close()
    await ended(zygote)
    await ended(child)
    assert pids(tmp_path) == [zygote, child], "closing must not start another process"


async def test_closing_is_possible_at_any_time(make_verifier: Make, tmp_path: Path) -> None:
    never = make_verifier()
    await never.close()
    starting = make_verifier()
    starting.warm_up()
    await starting.close()
    await starting.close()
    starting.warm_up()
    (reason,) = (await verify(starting, WORKS, tmp_path)).reasons
    assert reason.code == "verifier_died"


async def test_a_check_that_does_not_exist_is_a_refusal_each_time(make_verifier: Make, tmp_path: Path) -> None:
    verifier = make_verifier(check="tests.unit.loader.verifier.checks:nothing")
    for _ in range(2):
        (reason,) = (await verify(verifier, WORKS, tmp_path)).reasons
        assert reason.code == "verifier_died"


async def test_the_verifier_finds_the_modules_this_process_finds_and_no_others(
    make_verifier: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("listed", "current"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"only_{name}.py").write_text("x = 1")
    monkeypatch.syspath_prepend(str(tmp_path / "listed"))
    monkeypatch.chdir(tmp_path / "current")
    verdict = await verify(
        make_verifier(), {"a.py": "import only_listed", "b.py": "import only_current"}, tmp_path / "p"
    )
    assert [(reason.file, reason.message) for reason in verdict.reasons] == [
        ("b.py", "ModuleNotFoundError: No module named 'only_current'")
    ]


PARENT = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.unit.loader.projects import bundle_of
from toolcrib.loader.verifier.client import Verifier

async def main():
    verifier = Verifier(check=sys.argv[1], timeout_s=60)
    verifying = asyncio.create_task(verifier.verify(bundle_of({"a.py": sys.argv[3]}), root=sys.argv[2]))
    if sys.argv[4] == "after":
        await verifying
    else:
        await asyncio.to_thread(Path(sys.argv[2], "fifo").read_text)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""
STARTING = "tests.unit.loader.verifier.hanging_check:load"


@pytest.mark.parametrize(
    ("check", "code", "when"),
    [(LIGHT, TELL_PIDS, "after"), (LIGHT, HANG_ONCE, "meanwhile"), (STARTING, "", "starting")],
)
async def test_the_process_and_its_child_end_when_the_parent_dies(
    tmp_path: Path, check: str, code: str, when: str
) -> None:
    os.mkfifo(tmp_path / "fifo")
    places = {"PYTHONPATH": os.pathsep.join(place or os.getcwd() for place in sys.path), "PLACE": str(tmp_path)}
    command = [sys.executable, "-c", PARENT, check, str(tmp_path), code, when]
    with anyio.fail_after(30), (tmp_path / "errors").open("wb") as errors:
        run = await anyio.run_process(command, check=False, env=os.environ | places, stderr=errors)
    assert run.returncode == -signal.SIGKILL
    for pid in pids(tmp_path):
        await ended(pid)
    assert (tmp_path / "errors").read_text() == ""
