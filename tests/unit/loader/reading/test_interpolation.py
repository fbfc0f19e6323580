"""`${env:NAME}` and `${secret:NAME}` in configuration files."""

import pytest

from toolcrib.core.policies import Retry
from toolcrib.core.reasons import Reason, draw_all
from toolcrib.loader.config import ProjectConfig, read_config
from toolcrib.loader.reading.interpolation import interpolate
from toolcrib.loader.reading.yaml_source import parse_yaml

ENV = {"MODEL": "openai:gpt-5-mini", "SECONDS": "7", "EMPTY": "", "KEY": "s3cr3t value", "PORT": "x7-s3cr3t"}


def read(**files: str) -> tuple[ProjectConfig, tuple[Reason, ...]]:
    """Files by name: `agents` is `agents.yaml`."""
    return read_config({f"{name}.yaml": text.encode() for name, text in files.items()}, env=ENV)


def config_of(**files: str) -> ProjectConfig:
    config, reasons = read(**files)
    assert reasons == (), draw_all(reasons)
    return config


def only(**files: str) -> Reason:
    _, reasons = read(**files)
    assert len(reasons) == 1, draw_all(reasons)
    return reasons[0]


def test_variables_come_from_the_environment() -> None:
    text = (
        "tools: {a: {timeout_s: '${env:SECONDS}', retry: {attempts: '${env:NONE:-4}'}}}\n"
        "defaults: {timeout_s: '${env:EMPTY:-3}'}\n"
    )
    config = config_of(tools=text)
    assert config.tool_overrides["a"].timeout_s == 7.0
    assert config.tool_overrides["a"].retry == Retry(attempts=4)
    assert config.tool_defaults == {"timeout_s": 3.0}


def test_text_around_variables_stays_and_escapes_are_undone() -> None:
    agents = "agents:\n  a:\n    model: ${env:MODEL}\n    model_options: {k: 'a ${secret:KEY}/${env:NO:-} $${env:X}'}\n"
    spec = config_of(agents=agents).agents["a"]
    assert spec.model == "openai:gpt-5-mini"
    assert spec.model_options == {"k": "a s3cr3t value/ ${env:X}"}


@pytest.mark.parametrize(
    ("written", "place", "message"),
    [
        ("x ${env:NOPE}", "1:19-30", "environment variable NOPE is not set"),
        ("${secret:NOPE}", "1:17-31", "secret NOPE is not set"),
        ("${NOPE}", "1:17-24", "${NOPE} is not understood"),
        ("${secret:A:-b}", "1:17-31", "${secret:A:-b} is not understood"),
        ("${env:NOPE", "1:17-27", "${env:NOPE is not understood"),
    ],
)
def test_a_variable_that_is_missing_or_not_understood_is_told_once(written: str, place: str, message: str) -> None:
    reason = only(toolcrib=f"server: {{port: '{written}'}}\n")
    assert (reason.code, reason.message) == ("interpolation", message)
    assert f"{reason.line}:{reason.column}-{reason.end_column}" == place
    assert reason.hint


def test_both_missing_variables_of_one_text_and_the_same_one_twice_are_told() -> None:
    _, reasons = read(agents="agents: {a: {model: '${env:A}${env:B}', prompt: '${env:A}${env:B}'}}")
    assert [r.column for r in reasons] == [22, 30, 50, 58]


def test_values_from_outside_never_get_into_a_reason() -> None:
    _, reasons = read(
        agents=(
            "agents:\n  a: {kind: '${secret:KEY}', tools: '${secret:KEY}', graph: '${secret:KEY}'}\n"
            "  b: {kind: graph, graph: '${secret:KEY}.py:x', limits: {iterations: '${env:KEY}'}}\n"
            "  c: {prompt: 'prompts/${secret:KEY}', variables: '${secret:KEY}'}\n  d: '${secret:KEY}'\n"
        ),
        tools=(
            "tools:\n  a: {isolation: '${secret:KEY}', timeout_s: '${secret:KEY}'}\n"
            "  b: {retry: {retry_on: ['${secret:KEY}']}}\n"
        ),
        toolcrib="server: {port: '${secret:PORT}'}\nwatch: {force_polling: '${secret:PORT}'}\nruns: '${env:PORT}'\n",
    )
    assert len(reasons) >= 12
    assert "s3cr3t" not in draw_all(reasons)


def test_placeholders_that_come_from_outside_are_not_looked_for() -> None:
    config, reasons = read_config({"agents.yaml": b"agents: {a: {prompt: '${secret:P}'}}"}, env={"P": "{s3cr3t}"})
    assert reasons == ()
    assert config.agents["a"].prompt == "{s3cr3t}"


def test_a_text_that_aliases_repeat_is_made_once() -> None:
    document, _ = parse_yaml("a.yaml", b"a: &a 'x ${env:X}'\nb: [*a, *a]\n")
    one, two = interpolate(document, {"X": "y"}).data["b"]
    assert one == "x y"
    assert one is two
