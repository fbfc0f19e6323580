"""Whatever a candidate does at import, there is an answer with a place, and no process is left."""

import os
from pathlib import Path

import anyio
import pytest

from tests.unit.loader.projects import Files
from tests.unit.loader.verifier.conftest import TELL_PIDS, Make, ended, pids, verify
from toolcrib.loader.verifier.client import Verifier

pytestmark = pytest.mark.anyio

WORKS: Files = {"tools/ok.py": "x = 1"}


@pytest.mark.parametrize(
    "hang",
    [
        "while True: pass",
        "import time; time.sleep(60)",
        "import threading; threading.Lock().__enter__(); threading.Event().wait()",
        "while True: print('x' * 1000)",
        "import signal; signal.pause()",
        "import select; select.select([], [], [])",
    ],
)
async def test_an_import_that_hangs_is_ended_and_blamed_on_its_line(light: Verifier, tmp_path: Path, hang: str) -> None:
    files = {"a.py": "import b", "b.py": f"x = 1\n\n{hang}\n"}
    (reason,) = (await verify(light, files, tmp_path)).reasons
    assert reason.code == "timeout"
    assert (reason.file, reason.line, reason.source) == ("b.py", 3, hang)
    assert "1 s" in reason.message
    assert "verify.timeout_s" in reason.hint


async def test_the_main_thread_is_blamed_for_a_hang_not_one_beside_it(light: Verifier, tmp_path: Path) -> None:
    work = "import threading\nidle = threading.Event()\ndef work():\n    idle.wait()\n"
    beside = f"{work}threading.Thread(target=work).start()"
    files = {"a.py": beside, "b.py": "import a\n\na.idle.wait()"}
    (reason,) = (await verify(light, files, tmp_path)).reasons
    assert (reason.code, reason.file, reason.line) == ("timeout", "b.py", 3)


@pytest.mark.parametrize(
    ("end", "code", "words"),
    [
        ("import sys; sys.exit(3)", "import", "SystemExit: 3"),
        ("import os; os._exit(3)", "crash", "exit code 3"),
        ("import os; os._exit(0)", "crash", "exit code 0"),
        ("import ctypes; ctypes.string_at(0)", "crash", "SIGSEGV"),
        ("import os; os.abort()", "crash", "SIGABRT"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "crash", "SIGKILL"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", "crash", "SIGTERM"),
        ("raise KeyboardInterrupt", "import", "KeyboardInterrupt"),
        ("x = [bytes(1 << 30) for _ in range(64)]", "import", "MemoryError"),
        ("def f(): f()\nf()", "import", "RecursionError"),
    ],
)
async def test_a_candidate_that_ends_its_process_is_told_how(
    light: Verifier, tmp_path: Path, end: str, code: str, words: str
) -> None:
    (reason,) = (await verify(light, {"a.py": "x = 1", "b.py": f"\n{end}"}, tmp_path)).reasons
    assert reason.code == code
    assert words in reason.message
    assert reason.file == "b.py"
    assert reason.line >= 1
    if "SEGV" in words or "ABRT" in words or code == "import":
        assert reason.line == 2 or "def f" in end
    assert (await verify(light, WORKS, tmp_path)).reasons == ()


async def test_a_child_that_dies_is_noticed_although_another_holds_its_pipe(
    make_verifier: Make, tmp_path: Path
) -> None:
    fork = "import os\nif os.fork() == 0:\n    import signal\n    signal.pause()\nos._exit(4)"
    verifier = make_verifier(timeout_s=60)
    with anyio.fail_after(15):
        (reason,) = (await verify(verifier, {"a.py": fork}, tmp_path)).reasons
    assert "exit code 4" in reason.message


async def test_processes_a_candidate_has_started_are_killed_with_it(light: Verifier, tmp_path: Path) -> None:
    code = """
import os, subprocess, sys
os.makedirs(os.path.dirname(__file__), exist_ok=True)
def tell(pid):
    with open(os.path.join(os.path.dirname(__file__), 'pid'), 'a') as told:
        told.write(f'{pid} ')
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            signal.pause()
    tell(pid)
tell(subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()']).pid)
"""
    assert (await verify(light, {"a.py": code}, tmp_path)).reasons == ()
    found = pids(tmp_path)
    assert len(found) == 4
    for pid in found:
        await ended(pid)


@pytest.mark.parametrize(
    "code",
    [
        "print('x' * 1_000_000)",
        "import sys; sys.stderr.write('x' * 1_000_000)",
        "import os\nfor fd in (0, 1, 2): os.write(fd, b'\\0' * 1000)",
        "import sys; sys.stdout.close(); sys.stderr.close()",
        "import os; os.close(1); os.close(2)",
        "import sys; sys.stdin.read()",
        "import threading; threading.Thread(target=threading.Event().wait).start()",
        "import signal\nfor s in (signal.SIGTERM, signal.SIGALRM, signal.SIGINT): signal.signal(s, signal.SIG_IGN)",
        "import atexit; atexit.register(lambda: 1 / 0)",
        "import asyncio; asyncio.set_event_loop(asyncio.new_event_loop())",
        "import os; os.chdir('/')",
        "import gc; gc.disable()",
        "import sys; sys.path.clear()",
    ],
)
async def test_what_a_candidate_does_to_its_process_disturbs_no_verdict(
    light: Verifier, tmp_path: Path, code: str
) -> None:
    assert (await verify(light, {"a.py": code}, tmp_path)).reasons == ()
    assert (await verify(light, WORKS, tmp_path)).reasons == ()


async def test_the_verifier_process_itself_runs_no_project_code(light: Verifier, tmp_path: Path) -> None:
    marks = "import builtins, os, sys\n{0}"
    leave = marks.format("builtins.LEFT = sys.LEFT = 1; os.environ['LEFT'] = '1'; import colorsys")
    look = marks.format(
        "assert not hasattr(builtins, 'LEFT') and not hasattr(sys, 'LEFT') and 'LEFT' not in os.environ"
    )
    assert (await verify(light, {"a.py": TELL_PIDS + leave}, tmp_path)).reasons == ()
    assert (await verify(light, {"a.py": TELL_PIDS + look}, tmp_path)).reasons == ()
    zygote, child, zygote_again, second = pids(tmp_path)
    assert zygote == zygote_again
    assert len({zygote, child, second, os.getpid()}) == 4


async def test_every_file_that_does_not_compile_is_told_at_once(light: Verifier, tmp_path: Path) -> None:
    files: Files = {
        "a.py": "x = (",
        "b.py": b"\x00",
        "c.py": "x = 1\n".encode("utf-16"),
        "d.py": b"# coding: nonsense\n",
        "e.py": "if 1:\n\tx = 1\n        y = 2\n",
        "f.py": "x = '",
        "g.py": "x = " + "1+" * 20_000 + "1",
        "h.py": "x = " + "(" * 500,
        "ok.py": "raise SystemExit('nothing runs when something does not compile')",
    }
    verdict = await verify(light, files, tmp_path)
    assert {reason.code for reason in verdict.reasons} == {"syntax"}
    assert [reason.file for reason in verdict.reasons] == sorted(set(files) - {"ok.py"})
    assert all(reason.line >= 1 for reason in verdict.reasons)


async def test_a_check_that_fails_itself_is_a_refusal(make_verifier: Make, tmp_path: Path) -> None:
    verifier = make_verifier(check="tests.unit.loader.verifier.checks:break_down")
    (reason,) = (await verify(verifier, WORKS, tmp_path)).reasons
    assert (reason.code, "checks.py:35" in reason.message) == ("internal_error", True), reason.message


async def test_words_that_no_message_can_carry_do_not_break_the_verdict(light: Verifier, tmp_path: Path) -> None:
    (reason,) = (await verify(light, {"a.py": "raise ValueError('\\ud800')"}, tmp_path)).reasons
    assert reason.code == "import"
    assert "ud800" in reason.message
