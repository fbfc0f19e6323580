"""The gate as people meet it: what a change means, what it may not lower, what tools promise; real processes."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import anyio
import pytest
from anyio.streams.text import TextReceiveStream

import toolcrib
from tests.integration.commands import toolcrib as command
from toolcrib.core.errors import DeploymentRejected
from toolcrib.runtime.build import verify_project

TOOL = '''
from toolcrib import Example, tool

@tool({policy}, examples=[Example(args={{"amount": 3, "reason": "broken"}}, returns={{"refunded": 3}})])
def refund(amount: int, reason: str = "") -> dict:
    """Give money back."""
    return {{"refunded": amount}}
'''
GUARDED = 'scopes=("money",), side_effect="none"'
OPEN = 'side_effect="none"'
AGENTS = "agents: {support: {model: offline, prompt: Help., tools: [refund]}}\n"
NO_REASON = ((', reason: str = ""', ""), (', "reason": "broken"', ""))
LINE = "~ tool refund  (argument reason removed, {})  needs_pin: a call that waits was made for the older arguments"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "tools").mkdir()
    (tmp_path / "agents.yaml").write_text(AGENTS)
    save(tmp_path, GUARDED)
    return tmp_path


def save(project: Path, policy: str, *changes: tuple[str, str]) -> None:
    text = TOOL.format(policy=policy)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (project / "tools" / "money.py").write_text(dedent(text))


def test_deploy_and_diff_tell_what_a_change_means_and_lowered_guards_must_be_accepted(project: Path) -> None:
    assert command(project, "deploy").returncode == 0
    save(project, OPEN, *NO_REASON)
    refused = command(project, "deploy")
    assert refused.returncode == 6
    assert "error[permissions]: tool 'refund' no longer asks for the scope 'money'" in refused.stderr
    assert "toolcrib deploy --accept permissions" in refused.stderr
    taken = command(project, "deploy", "--accept", "permissions")
    assert (taken.returncode, ", needs_pin" in taken.stdout, "warning[permissions]" in taken.stderr) == (0, True, True)
    assert command(project, "diff").stdout.splitlines() == [LINE.format("policy, code"), "verdict: needs_pin"]
    told = json.loads(command(project, "diff", "--json").stdout)
    assert (told["verdict"], [one["kind"] for one in told["changes"]]) == ("needs_pin", ["tool"])


def test_verify_tries_the_examples_and_ends_with_3_when_one_fails(project: Path) -> None:
    save(project, GUARDED, ('"refunded": amount', '"refunded": amount + 1'))
    refused = command(project, "verify")
    assert refused.returncode == 3
    assert "refund(amount=3, reason='broken'): expected {'refunded': 3}, found {'refunded': 4}" in refused.stderr
    assert "--> tools/money.py:4:1" in refused.stderr
    save(project, 'side_effect="write"')
    told = json.loads(command(project, "verify", "--json").stdout)
    assert (told["ok"], told["untried"]) == (True, ["examples of refund: side_effect is write"])


@pytest.mark.anyio
async def test_verifying_compares_with_what_serves_and_makes_no_database(project: Path) -> None:
    with anyio.fail_after(100):
        found = await verify_project(project)
        assert (found.reasons, found.against, found.verdict) == ((), "", None)
        assert not (project / ".toolcrib").exists()
        async with toolcrib.open(project) as crib:
            serving = crib.release.id
        save(project, OPEN, *NO_REASON)
        found = await verify_project(project)
        assert (found.against, found.verdict, found.diff[0].detail) == (
            serving,
            "needs_pin",
            "argument reason removed, policy, code",
        )
        assert [reason.code for reason in found.reasons] == ["permissions"]
        taken = await verify_project(project, accept=["permissions"])
        assert (taken.reasons, [reason.code for reason in taken.accepted]) == ((), ["permissions"])


@pytest.mark.anyio
async def test_the_watcher_takes_no_lowered_guard_and_an_operator_may(project: Path) -> None:
    with anyio.fail_after(100):
        async with toolcrib.open(project, watch=True) as crib:
            first = crib.release.id
            save(project, OPEN)
            while crib.problem is None:
                await anyio.lowlevel.checkpoint()
            assert isinstance(crib.problem, DeploymentRejected)
            assert [reason.code for reason in crib.problem.reasons] == ["permissions"]
            assert crib.release.id == first
            assert [reason.code for reason in (await crib.verify()).reasons] == ["permissions"]
            taken = await crib.deploy(accept=("permissions",))
            assert taken.state == "active"
            assert crib.problem is None


@pytest.mark.anyio
async def test_a_developers_save_lowers_a_guard_with_a_warning(project: Path) -> None:
    words = [sys.executable, "-m", "toolcrib", "dev", "--port", "0", "--project", str(project)]
    seen = []
    with anyio.fail_after(100):
        async with await anyio.open_process(words, stdout=subprocess.DEVNULL) as process:
            assert process.stderr is not None
            async for line in TextReceiveStream(process.stderr):
                seen.append(line)
                if "Ctrl-C stops" in line:
                    save(project, OPEN)
                if " live in " in line:
                    process.send_signal(signal.SIGINT)
    assert "warning[permissions]: tool 'refund' no longer asks for the scope 'money'" in "".join(seen)


@pytest.mark.anyio
async def test_what_the_settings_accept_counts_from_the_next_start_not_for_the_candidate_itself(project: Path) -> None:
    with anyio.fail_after(100):
        async with toolcrib.open(project) as crib:
            save(project, OPEN)
            (project / "toolcrib.yaml").write_text("gate: {accept: [permissions]}\n")
            assert (await crib.deploy()).state == "rejected"
        async with toolcrib.open(project) as crib:
            assert crib.problem is None
            assert crib.release.tools["refund"].spec.policy.scopes == ()
            assert [one.code for one in (await crib.history())[0].accepted] == ["permissions"]
