"""Configuration files: what is right is read, everything wrong is told at once, each at its place."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolcrib.core.policies import Concurrency, RateLimit, Retry
from toolcrib.core.reasons import Reason, draw, draw_all
from toolcrib.core.settings import Settings
from toolcrib.loader.config import ProjectConfig, read_config
from toolcrib.loader.reading.places import MAX_REASONS

ENV = {"MODEL": "openai:gpt-5-mini", "SECONDS": "7", "EMPTY": "", "KEY": "s3cr3t value", "PORT": "x7-s3cr3t"}


def read(**files: str) -> tuple[ProjectConfig, tuple[Reason, ...]]:
    """Files by name: `agents` is `agents.yaml`, `tools_yml` is `tools.yml`."""
    return read_config({_path(name): text.encode() for name, text in files.items()}, env=ENV)


def config_of(**files: str) -> ProjectConfig:
    config, reasons = read(**files)
    assert reasons == (), draw_all(reasons)
    return config


def only(**files: str) -> Reason:
    _, reasons = read(**files)
    assert len(reasons) == 1, draw_all(reasons)
    return reasons[0]


def _path(name: str) -> str:
    return name.replace("_yml", ".yml") if name.endswith("_yml") else f"{name}.yaml"


def test_a_project_without_configuration_has_the_defaults() -> None:
    config = config_of()
    assert (config.agents, config.tool_overrides, config.tool_defaults) == ({}, {}, {})
    assert config.settings == Settings()
    assert config.settings.server.port == 2024
    assert config.settings.watch.debounce_s == 0.02


@pytest.mark.parametrize("text", ["", "# nothing\n", "agents:\n", "agents: {}\n", "---\n"])
def test_empty_files_and_sections_say_nothing(text: str) -> None:
    assert config_of(agents=text).agents == {}
    assert config_of(agents="agents:\n  a:\n    limits:\n    variables:\n").agents["a"].limits.iterations == 10
    assert config_of(tools="defaults:\ntools:\n  a:\n", toolcrib="server:\n").tool_overrides["a"].enabled


def test_tools_yaml_keeps_only_what_is_written() -> None:
    text = "defaults: {timeout_s: 9, retry: {attempts: 5}}\ntools:\n  a: {enabled: false}\n  b: {timeout_s: null}\n"
    config = config_of(tools=text)
    assert config.tool_defaults == {"timeout_s": 9.0, "retry": Retry(attempts=5)}
    assert config.tool_overrides["a"].model_fields_set == {"enabled"}
    assert config.tool_overrides["b"].model_fields_set == {"timeout_s"}
    assert config.tool_overrides["b"].timeout_s is None


def test_exception_types_are_named_in_yaml() -> None:
    config = config_of(tools="tools: {a: {retry: {retry_on: [ConnectionError, httpx.ConnectError]}}}")
    assert config.tool_overrides["a"].retry == Retry(retry_on=("ConnectionError", "httpx.ConnectError"))


def test_settings_are_read_and_the_rest_has_defaults() -> None:
    config = config_of(toolcrib_yml="server: {port: 0}\nwatch: {force_polling: yes}\nruns: {concurrency: 2}\n")
    assert (config.settings.server.port, config.settings.server.host) == (0, "127.0.0.1")
    assert config.settings.watch.force_polling is True
    assert config.settings.runs.concurrency == 2


def test_two_spellings_of_one_file_are_refused_and_the_first_is_read() -> None:
    config, reasons = read(tools="tools: {a: {}}", tools_yml="tools: {b: {}}")
    assert [(r.code, r.file) for r in reasons] == [("duplicate_file", "tools.yml")]
    assert list(config.tool_overrides) == ["a"]


@pytest.mark.parametrize("name", ["agents", "tools", "toolcrib"])
@pytest.mark.parametrize("text", ["- a\n", "text\n", "3\n"])
def test_a_file_must_hold_a_mapping(name: str, text: str) -> None:
    reason = only(**{name: text})
    assert (reason.code, reason.place) == ("not_a_mapping", f"{name}.yaml:1:1")


# text of tools.yaml, code, line:column-end_column, message, hint
MISTAKES = (
    ("tools: [a]\n", "wrong_type", "1:8-11", "tools must be a mapping of names (`name: {…}`), not a list", ""),
    ("tool: {}\n", "unknown_key", "1:1-5", "unknown key 'tool'", "Did you mean 'tools'?"),
    ("tools:\n  a: 3\n", "wrong_type", "2:6-7", "tools.a must be a mapping (`key: value`), not 3", ""),
    (
        "tools:\n  a:\n    timout_s: 3\n",
        "unknown_key",
        "3:5-13",
        "unknown key 'timout_s' in tools.a",
        "Did you mean 'timeout_s' or 'attempt_timeout_s'?",
    ),
    (
        "tools: {a: {enabld: 1}}\n",
        "unknown_key",
        "1:13-19",
        "unknown key 'enabld' in tools.a",
        "Did you mean 'enabled' or 'rename'?",
    ),
    (
        "defaults: {retry: {atempts: 1}}\n",
        "unknown_key",
        "1:20-27",
        "unknown key 'atempts' in defaults.retry",
        "Did you mean 'attempts' or 'cap_s'?",
    ),
    ("defaults: {enabled: true}\n", "unknown_key", "1:12-19", "unknown key 'enabled' in defaults", ""),
    (
        "tools: {a: {timeout_s: 0}}\n",
        "wrong_value",
        "1:24-25",
        "tools.a.timeout_s must be a number of seconds greater than 0, not 0",
        "",
    ),
    (
        "tools: {a: {timeout_s: soon}}\n",
        "wrong_type",
        "1:24-28",
        "tools.a.timeout_s must be a number of seconds greater than 0, not 'soon'",
        "",
    ),
    (
        "tools: {a: {timeout_s: .inf}}\n",
        "wrong_type",
        "1:24-28",
        "tools.a.timeout_s must be a number of seconds greater than 0, not inf",
        "",
    ),
    (
        "tools: {a: {timeout_s: true}}\n",
        "wrong_type",
        "1:24-28",
        "tools.a.timeout_s must be a number of seconds greater than 0, not true",
        "",
    ),
    (
        "tools: {a: {timeout_s: 90000}}\n",
        "wrong_value",
        "1:24-29",
        "tools.a.timeout_s must be at most 86400 seconds, not 90000",
        "",
    ),
    (
        "tools: {a: {retry: {attempts: 2.5}}}\n",
        "wrong_type",
        "1:31-34",
        "tools.a.retry.attempts must be a whole number, not 2.5",
        "",
    ),
    (
        "tools: {a: {retry: {attempts: 0}}}\n",
        "wrong_value",
        "1:31-32",
        "tools.a.retry.attempts must be at least 1, not 0",
        "",
    ),
    (
        "tools: {a: {retry: {attempts: yes}}}\n",
        "wrong_type",
        "1:31-34",
        "tools.a.retry.attempts must be a whole number, not 'yes'",
        "",
    ),
    (
        "tools: {a: {retry: {attempts: false}}}\n",
        "wrong_type",
        "1:31-36",
        "tools.a.retry.attempts must be a whole number, not false",
        "",
    ),
    (
        "tools: {a: {retry: {retry_on: OSError}}}\n",
        "wrong_type",
        "1:31-38",
        "tools.a.retry.retry_on must be a list, not 'OSError'",
        "Write [OSError].",
    ),
    (
        "tools:\n  a:\n    retry:\n      retry_on:\n        - OSError\n        - 3\n",
        "wrong_type",
        "6:11-12",
        "tools.a.retry.retry_on[1] must be text, not 3",
        "Put it in quotes.",
    ),
    (
        "tools: {a: {retry: {retry_on: [a b]}}}\n",
        "wrong_value",
        "1:31-36",
        "tools.a.retry.retry_on is wrong: 'a b' is not the name of an exception type, e.g. ConnectionError",
        "",
    ),
    (
        "tools: {a: {isolation: thred}}\n",
        "wrong_value",
        "1:24-29",
        "tools.a.isolation must be one of 'auto', 'inline', 'thread' or 'process', not 'thred'",
        "Did you mean 'thread'?",
    ),
    (
        "tools:\n  a:\n    isolation:\n",
        "wrong_value",
        "3:5-14",
        "tools.a.isolation must be one of 'auto', 'inline', 'thread' or 'process'; nothing is written here",
        "",
    ),
    (
        "tools: {a: {enabled: maybe}}\n",
        "wrong_type",
        "1:22-27",
        "tools.a.enabled must be true or false, not 'maybe'",
        "",
    ),
)


@pytest.mark.parametrize(("text", "code", "place", "message", "hint"), MISTAKES)
def test_a_mistake_is_told_at_its_place_in_plain_words(
    text: str, code: str, place: str, message: str, hint: str
) -> None:
    reason = only(tools=text)
    assert (reason.code, reason.file, reason.message) == (code, "tools.yaml", message)
    assert f"{reason.line}:{reason.column}-{reason.end_column}" == place
    assert reason.source == text.split("\n")[reason.line - 1]
    if hint:
        assert reason.hint == hint


def test_a_port_out_of_range_and_an_empty_host_are_refused() -> None:
    _, reasons = read(toolcrib="server: {port: 70000, host: ''}\nwatch: 3\n")
    assert [(r.code, r.line, r.column, r.message) for r in reasons] == [
        ("wrong_value", 1, 16, "server.port must be at most 65535, not 70000"),
        ("wrong_value", 1, 29, "server.host must not be empty, not ''"),
        ("wrong_type", 2, 8, "watch must be a mapping (`key: value`), not 3"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("tools", "http: {}\n", "1:1"),
        ("tools", "tools: {}\nmcp:\n  a: {}\n", "2:1"),
        ("toolcrib", "stores: {}\n", "1:1"),
        ("toolcrib", "auth: {}\n", "1:1"),
        ("toolcrib", "telemetry: {}\n", "1:1"),
        ("toolcrib", "alerts: {}\n", "1:1"),
        ("toolcrib", "tenants: {}\n", "1:1"),
    ],
)
def test_what_this_version_does_not_have_yet_is_refused_in_words(name: str, text: str, place: str) -> None:
    reason = only(**{name: text})
    assert (reason.code, reason.place) == ("not_available", f"{name}.yaml:{place}")
    assert reason.message.startswith("this version of toolcrib does not have ")
    assert reason.hint


def test_agents_may_be_of_kind_react_which_have_no_graph() -> None:
    assert config_of(agents="agents: {a: {kind: react}}\n").agents["a"].kind == "react"
    wrong = only(agents="agents: {a: {kind: reakt}}\n")
    assert (wrong.place, wrong.hint) == ("agents.yaml:1:20", "Did you mean 'react'?")
    _, reasons = read(agents="agents: {a: {kind: react, graph: 'graphs/a.py:g'}}\n")
    assert reasons[0].message == "agent 'a' is of kind react, which has no graph"


def test_a_key_of_another_section_is_not_taken_for_one_that_comes_later() -> None:
    assert only(toolcrib="server: {cache: 1}\n").code == "unknown_key"


@pytest.mark.parametrize("workers", ["auto", "3"])
def test_the_number_of_worker_processes_may_be_left_to_the_machine(workers: str) -> None:
    config = config_of(toolcrib=f"processes: {{workers: {workers}}}\n")
    assert str(config.settings.processes.workers) == workers
    reason = only(toolcrib="processes: {workers: many}\n")
    assert reason.message == "processes.workers is wrong: 'many' is neither a whole number nor auto"


def test_a_reason_can_point_at_any_place_of_any_file() -> None:
    config = config_of(agents_yml="agents:\n  a: {tools: [x, yy]}\n", tools="tools:\n  t: {}\n")
    reason = config.reason("unknown_tool", "no tool", ("agents", "a", "tools", 1), "Fix it.")
    assert (reason.place, reason.end_column, reason.hint) == ("agents.yml:2:18", 20, "Fix it.")
    assert config.reason("x", "y", ("agents", "a", "model")).place == "agents.yml:2:3"
    assert config.reason("x", "y", ("agents", "a", "tools"), at="key").place == "agents.yml:2:7"
    unknown = config.unknown("unknown_tool", "no tool", ("tools", "t"), name="t", known=["tt"])
    assert (unknown.place, unknown.hint) == ("tools.yaml:2:3", "Did you mean 'tt'?")
    assert config.reason("x", "y", ("server", "port")).place == "toolcrib.yaml"
    assert config.reason("x", "y", ()).place == "toolcrib.yaml"


def test_all_mistakes_of_all_files_are_told_at_once_and_what_is_right_is_kept() -> None:
    config, reasons = read(
        agents="agents:\n  good: {}\n  bad: {kind: x, tools: 3, lmits: 1}\n",
        tools="tools: {good: {timeout_s: 1}, bad: {timeout_s: -1}}\ndefaults: {timeout_s: 4, isolation: 1}\n",
        toolcrib="server: {port: 1, host: 3}\n",
    )
    assert [r.place for r in reasons] == [
        *("agents.yaml:3:15", "agents.yaml:3:25", "agents.yaml:3:28"),
        *("toolcrib.yaml:1:25", "tools.yaml:1:48", "tools.yaml:2:37"),
    ]
    assert list(config.agents) == ["good"]
    assert list(config.tool_overrides) == ["good"]
    assert config.tool_defaults == {"timeout_s": 4.0}


def test_a_drawn_mistake_has_its_caret_under_it() -> None:
    assert draw(only(tools="tools:\n  search:\n    timeout_s: soon # or never\n")) == (
        "error[wrong_type]: tools.search.timeout_s must be a number of seconds greater than 0, not 'soon'\n"
        "  --> tools.yaml:3:16\n"
        " 3 |     timeout_s: soon # or never\n"
        "   |                ^^^^"
    )


@pytest.mark.parametrize("name", ["agents", "tools"])
def test_after_two_hundred_mistakes_the_rest_is_not_looked_for(name: str) -> None:
    entries = "".join(f"  a{n}: {{x: 1, y: 1}}\n" for n in range(300))
    assert len(read(**{name: f"{name}:\n{entries}"})[1]) == MAX_REASONS
    assert len(read(**{name: "".join(f"t{n}: 1\n" for n in range(300))})[1]) == MAX_REASONS


YAML_LIKE = st.lists(
    st.sampled_from(
        [
            *("agents:", "tools:", "defaults:", "server:", "\n", "\n  ", "\n    ", " ", "- ", "{", "}", "[", "]", ", "),
            *(
                "a",
                "a: ",
                "kind: ",
                "graph",
                "prompt: ",
                "prompts/a.md",
                "limits: ",
                "retry: ",
                "timeout_s: ",
                "&x ",
                "*x",
            ),
            *(
                "<<: ",
                "1",
                "-1",
                "true",
                "null",
                '"',
                "'",
                "${env:A}",
                "${secret:KEY}",
                "${",
                "\t",
                "#",
                "|",
                "é",
                "\x00",
            ),
        ]
    ),
    max_size=25,
).map(lambda parts: "".join(parts).encode())
NAMES = st.sampled_from(["agents.yaml", "tools.yaml", "tools.yml", "toolcrib.yaml", "langgraph.json", "prompts/a.md"])


@settings(max_examples=200)
@given(st.dictionaries(NAMES, st.binary(max_size=60) | YAML_LIKE, max_size=4))
def test_no_bytes_make_the_reader_raise(files: dict[str, bytes]) -> None:
    config, reasons = read_config(files, env=ENV)
    assert isinstance(config, ProjectConfig)
    assert "s3cr3t" not in draw_all(reasons)
    assert all(reason.file in files for reason in reasons)


def test_short_forms_of_policies_are_read() -> None:
    tool = config_of(tools="tools: {a: {rate_limit: 100/minute, concurrency: 8}}\n").tool_overrides["a"]
    assert (tool.rate_limit, tool.concurrency) == (RateLimit(calls=100, per_s=60), Concurrency(limit=8))


@pytest.mark.parametrize(
    ("text", "words", "place"),
    [
        ("tools: {a: {rate_limit: lots}}\n", "'lots' is no rate, e.g. 100/minute", "1:25"),
        ("tools: {a: {concurrency: 0}}\n", "at least 1", "1:26"),
        ("tools: {a: {breaker: {failure_rate: 2}}}\n", "at most 1", "1:37"),
        ("tools: {a: {cache: {ttl: 3}}}\n", "unknown key 'ttl'", "1:21"),
        ("per_agent: {support: {a: {timeout_s: soon}}}\n", "must be a number of seconds", "1:38"),
        ("per_tenant: {acme: 3}\n", "per_tenant.acme must be a mapping of names", "1:20"),
        ("per_tenant: {acme: {a: {rename: b}}}\n", "unknown key 'rename'", "1:25"),
    ],
)
def test_mistakes_in_policies_are_told_at_their_place(text: str, words: str, place: str) -> None:
    reason = only(tools=text)
    assert words in reason.message
    assert f"{reason.line}:{reason.column}" == place
