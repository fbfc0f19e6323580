"""Agents of `agents.yaml` and `langgraph.json`: names, prompts, graphs."""

import pytest

from toolcrib.core.agents import AgentSpec
from toolcrib.core.reasons import Reason, draw_all
from toolcrib.loader.config import ProjectConfig, read_config
from toolcrib.loader.reading.places import MAX_REASONS

FILES = {
    "graphs/triage.py": b"graph = 1\n",
    "prompts/support.md": b'You are {agent}.\nTools: {tools}. {{literal}} {"a": {}}\n',
    "prompts/sales.md": b"Hello {customer}\n  and {custmer}, {custmer}\n",
    "prompts/broken.md": b"ok\n\xff\n",
}


def read(agents: str = "", langgraph: str = "") -> tuple[ProjectConfig, tuple[Reason, ...]]:
    files = {**FILES, "agents.yaml": agents.encode()}
    if langgraph:
        files["langgraph.json"] = langgraph.encode()
    return read_config(files, env={})


def only(agents: str = "", langgraph: str = "") -> Reason:
    _, reasons = read(agents, langgraph)
    assert len(reasons) == 1, draw_all(reasons)
    return reasons[0]


def test_an_agent_is_read_with_paths_as_the_project_knows_them() -> None:
    config, reasons = read(
        "agents:\n  a: {prompt: ./prompts/support.md, tools: [x, 'b.*'], limits: {iterations: 3}}\n"
        "  b: {kind: graph, graph: './graphs/triage.py:graph'}\n  c: {prompt: Be kind.}\n"
    )
    assert reasons == ()
    assert config.agents["a"].prompt == "prompts/support.md"
    assert config.agents["a"].tools == ("x", "b.*")
    assert config.agents["a"].limits.iterations == 3
    assert config.agents["b"].graph == "graphs/triage.py:graph"
    assert config.agents["c"].prompt == "Be kind."


@pytest.mark.parametrize("name", ["1a", "a b", "ü", "a.b", "_a", "a" * 65, "a/b"])
def test_a_name_of_an_agent_has_letters_digits_and_dashes(name: str) -> None:
    reason = only(f"agents:\n  '{name}': {{}}\n")
    assert (reason.code, reason.place, reason.end_column) == ("agent_name", "agents.yaml:2:3", len(name) + 5)
    assert read(f"agents:\n  {'a' * 64}: {{}}\n  A-b_2: {{}}\n")[1] == ()


@pytest.mark.parametrize(
    ("agent", "code", "column", "hint"),
    [
        ("{kind: graph}", "missing_key", 3, "Add `graph: graphs/file.py:variable`."),
        ("{graph: 'graphs/triage.py:graph'}", "wrong_value", 7, "Add `kind: graph`, or remove `graph`."),
        ("{kind: graph, graph: graphs.triage}", "graph_form", 27, "Write path/file.py:variable"),
        ("{kind: graph, graph: 'graphs/triage.py'}", "graph_form", 27, "Write path/file.py:variable"),
        ("{kind: graph, graph: 'graphs/triage.py:a-b'}", "graph_form", 27, "Write path/file.py:variable"),
        ("{kind: graph, graph: 'graphs/traige.py:g'}", "graph_missing", 27, "Did you mean 'graphs/triage.py'?"),
        ("{kind: graph, graph: '../graphs/triage.py:g'}", "graph_missing", 27, "Did you mean 'graphs/triage.py'?"),
        ("{prompt: prompts/suport.md}", "prompt_missing", 15, "Did you mean 'prompts/support.md'"),
        ("{prompt: support.txt}", "prompt_missing", 15, "Did you mean"),
    ],
)
def test_graphs_and_prompts_must_be_there(agent: str, code: str, column: int, hint: str) -> None:
    reason = only(f"agents:\n  a: {agent}\n")
    assert (reason.code, reason.place) == (code, f"agents.yaml:2:{column}")
    assert reason.hint.startswith(hint)


def test_a_wrong_field_does_not_hide_or_cause_other_mistakes_of_the_agent() -> None:
    config, reasons = read(
        "agents:\n  a: {kind: grahp, graph: 'graphs/nope.py:g', prompt: prompts/nope.md}\n"
        "  b: {prompt: prompts/sales.md, variables: 3}\n"
    )
    assert [(r.code, r.line, r.column) for r in reasons] == [
        ("wrong_value", 2, 13),
        ("graph_missing", 2, 27),
        ("prompt_missing", 2, 55),
        ("wrong_type", 3, 44),
    ]
    assert config.agents == {}


def test_an_unknown_placeholder_is_told_in_the_prompt_at_every_place() -> None:
    config, reasons = read("agents:\n  a: {prompt: prompts/sales.md, variables: {customer: Ada, unused: x}}\n")
    assert [(r.code, r.place, r.end_column) for r in reasons] == [
        ("prompt_variable", "prompts/sales.md:2:7", 16),
        ("prompt_variable", "prompts/sales.md:2:18", 27),
    ]
    assert reasons[0].message == "agent 'a' has no variable 'custmer'"
    assert reasons[0].source == "  and {custmer}, {custmer}"
    assert reasons[0].hint == (
        "Did you mean 'customer'? Or add it under `variables:`, or write {{custmer}} for plain text."
    )
    assert config.agents == {}


def test_an_unknown_placeholder_in_a_text_is_told_where_it_stands() -> None:
    reason = only('agents:\n  a:\n    prompt: |\n      Hi {agent},\n      use {"x": 1} and {who}\n')
    assert (reason.code, reason.place, reason.end_column) == ("prompt_variable", "agents.yaml:5:24", 29)


def test_a_prompt_that_is_not_utf_8_is_told_in_the_prompt() -> None:
    reason = only("agents: {a: {prompt: prompts/broken.md}}")
    assert (reason.code, reason.place) == ("encoding", "prompts/broken.md:2:1")


def test_graphs_of_langgraph_json_become_agents() -> None:
    config, reasons = read(
        langgraph='{"dependencies": ["."], "env": ".env", "graphs": {"a": "./graphs/triage.py:graph",\n'
        '\t"b": {"path": "graphs/triage.py:make", "description": "Sorts mail."}}}'
    )
    assert reasons == ()
    assert config.agents == {
        "a": AgentSpec(kind="graph", graph="graphs/triage.py:graph"),
        "b": AgentSpec(kind="graph", graph="graphs/triage.py:make", description="Sorts mail."),
    }
    reason = config.reason("unknown_graph", "no such variable", ("agents", "b", "graph"))
    assert (reason.file, reason.line, reason.column) == ("langgraph.json", 2, 7)
    assert reason.source.startswith('\t"b"')


@pytest.mark.parametrize("text", ["{}", '{"graphs": {}}', '{"graphs": null}', "null", "\ufeff{}"])
def test_langgraph_json_without_graphs_says_nothing(text: str) -> None:
    config, reasons = read(langgraph=text)
    assert (config.agents, reasons) == ({}, ())


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ('{"graphs": {\n  "a": ,\n}}', "json_syntax", "2:8"),
        ("", "json_syntax", "1:1"),
        ("[]", "not_a_mapping", "1:1"),
        ('{"graphs": []}', "wrong_type", "1:12"),
        ('{"graphs": {"a": 3}}', "wrong_type", "1:18"),
        ('{"graphs": {"a": {"path": 3}}}', "wrong_type", "1:27"),
        ('{"graphs": {"a": {"pth": "x"}}}', "wrong_type", "1:18"),
        ('{"graphs": {"a": "pkg.module:graph"}}', "graph_missing", "1:18"),
        ('{"graphs": {"a": "./graphs/no.py:graph"}}', "graph_missing", "1:18"),
        ('{"graphs": {"a": {"path": "./no.py:graph"}}}', "graph_missing", "1:27"),
        ('{"graphs": {"a b": "./graphs/triage.py:graph"}}', "agent_name", "1:13"),
        ('\t{"graphs":\t{"a":\t3}}', "wrong_type", "1:19"),
        ('{"a": 1,\n\t"a": 2}', "duplicate_key", "2:2"),
        ("[" * 100_000, "too_large", ""),
        (f'{{"a": {"9" * 5000}}}', "too_large", ""),
    ],
)
def test_a_mistake_in_langgraph_json_is_told_at_its_place(text: str, code: str, place: str) -> None:
    files = {**FILES, "langgraph.json": text.encode()}
    _, (reason,) = read_config(files, env={})
    assert (reason.code, reason.place) == (code, f"langgraph.json:{place}".rstrip(":"))


def test_after_two_hundred_wrong_graphs_the_rest_is_not_looked_for() -> None:
    graphs = ", ".join(f'"a{n}": 3' for n in range(300))
    assert len(read(langgraph=f'{{"graphs": {{{graphs}}}}}')[1]) == MAX_REASONS


def test_an_agent_in_both_files_is_told_and_the_one_of_agents_yaml_is_kept() -> None:
    config, reasons = read(
        "agents: {a: {prompt: Hello}}", '{"graphs": {"b": "./graphs/triage.py:g", "a": "./graphs/triage.py:g"}}'
    )
    assert [(r.code, r.place) for r in reasons] == [("duplicate_agent", "langgraph.json:1:42")]
    assert config.agents["a"].prompt == "Hello"
    assert "b" in config.agents
