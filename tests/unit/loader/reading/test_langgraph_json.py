"""`langgraph.json`: graphs by module path, where modules of its dependencies begin, packages that are not there."""

import json
from typing import Any

import pytest

from tests.unit.loader.projects import Project
from toolcrib.loader.reading.json_source import parse_json
from toolcrib.loader.reading.langgraph_json import langgraph_agents, module_roots, unmet_dependencies
from toolcrib.loader.reading.yaml_source import Document

FILES = {
    "src/shop/__init__.py": b"",
    "src/shop/graph.py": b"",
    "libs/common/pkg/a.py": b"",
    "libs/deep/src/b.py": b"",
    "flat/__init__.py": b"",
    "flat/c.py": b"",
}


def langgraph(**keys: Any) -> dict[str, bytes]:
    return {**FILES, "langgraph.json": json.dumps(keys).encode()}


@pytest.mark.parametrize(
    ("dependencies", "roots"),
    [
        ([], ("src",)),
        (["."], ("src",)),
        (["./src", "./libs/common/"], ("src", "libs/common")),
        (["./libs/deep", "httpx>=0.2"], ("src", "libs/deep", "libs/deep/src")),
        (["./flat"], ("src",)),
        (["../beside", "./empty", 7], ("src",)),
        ("nonsense", ("src",)),
    ],
)
def test_modules_begin_in_src_and_in_local_dependencies(dependencies: Any, roots: tuple[str, ...]) -> None:
    assert module_roots(langgraph(dependencies=dependencies)) == roots


def test_a_src_that_is_a_package_itself_is_no_root_and_a_broken_file_has_none() -> None:
    assert module_roots({"src/__init__.py": b"", "src/a.py": b""}) == ()
    assert module_roots({"langgraph.json": b"{", "a.py": b""}) == ()


@pytest.mark.parametrize(
    ("graph", "path"),
    [
        ("shop.graph:g", "src/shop/graph.py:g"),
        ("src.shop.graph:g", "src/shop/graph.py:g"),
        ("shop:g", "src/shop/__init__.py:g"),
        ("./src/shop/graph.py:g", "src/shop/graph.py:g"),
        ("flat.c:g", "flat/c.py:g"),
    ],
)
def test_a_graph_is_named_by_its_file_or_its_module(graph: str, path: str) -> None:
    files = langgraph(graphs={"a": {"path": graph, "description": "Sells."}})
    document, reasons = parse_json("langgraph.json", files["langgraph.json"])
    agents = langgraph_agents(document, Document(file="agents.yaml"), files, reasons)
    assert reasons == []
    assert (agents["a"].graph, agents["a"].description) == (path, "Sells.")


def test_a_module_of_an_installed_package_is_told_how_to_be_used() -> None:
    files = langgraph(graphs={"a": "not_here.graph:g"})
    document, reasons = parse_json("langgraph.json", files["langgraph.json"])
    assert langgraph_agents(document, Document(file="agents.yaml"), files, reasons) == {}
    (reason,) = reasons
    assert reason.code == "graph_missing"
    assert "from not_here.graph import g" in reason.hint


@pytest.mark.parametrize(
    ("wanted", "message", "hint"),
    [
        ("no-such-package-at-all>=2", "'no-such-package-at-all' is not installed", "pip install 'no-such"),
        ("pytest<1", "is installed, and '<1' is wanted", "pip install 'pytest<1'"),
        ("not a requirement", "is no requirement", "httpx>=0.28"),
        ("./nothing", "there is no Python file in './nothing'", "./"),
        (7, "must be text", ""),
    ],
)
def test_a_dependency_that_is_not_met_is_told_at_its_place(wanted: Any, message: str, hint: str) -> None:
    files = langgraph(dependencies=[".", wanted])
    (reason,) = unmet_dependencies(parse_json("langgraph.json", files["langgraph.json"])[0], files)
    assert message in reason.message
    assert hint in reason.hint
    assert (reason.line, reason.column) == (1, 24)


@pytest.mark.parametrize(
    "wanted", [None, [], [".", "./src", "../beside", "pytest", "pytest[x]>=1", "nope; python_version < '3'"]]
)
def test_dependencies_that_are_met_say_nothing(wanted: Any) -> None:
    files = langgraph(dependencies=wanted)
    assert unmet_dependencies(parse_json("langgraph.json", files["langgraph.json"])[0], files) == []


CODE = {
    "src/shop/__init__.py": "NAME = 'shop'",
    "src/shop/graph.py": "VALUE = 'graph'",
    "src/shop/json.py": "VALUE = 'no'",
    "src/json.py": "VALUE = 'no'",
    "src/shop/nodes/say.py": "from shop.graph import VALUE\nfrom ..graph import VALUE as again\nimport shop.graph",
}


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import shop; x = shop.NAME", "shop"),
        ("import shop.graph; x = shop.graph.VALUE", "graph"),
        ("import shop.graph as g; x = g.VALUE", "graph"),
        ("from shop import graph; x = graph.VALUE", "graph"),
        ("from shop.nodes.say import VALUE as x", "graph"),
        ("import shop.graph, src.shop.graph; x = shop.graph.VALUE is src.shop.graph.VALUE", True),
        ("import json; x = hasattr(json, 'dumps')", True),
    ],
)
def test_a_package_below_a_root_is_imported_by_its_own_name(project: Project, code: str, found: object) -> None:
    loaded, reasons = project.load({**CODE, "tools/t.py": f"{code}\n{TOOL}"})
    assert reasons == ()
    assert loaded is not None
    assert loaded.space.load("tools.t").x == found


def test_such_a_package_is_loaded_anew_when_it_changes(project: Project) -> None:
    tool = {"tools/t.py": f"from shop.nodes.say import VALUE as x\n{TOOL}"}
    first, _ = project.load({**CODE, **tool})
    second, _ = project.load({**CODE, **tool, "src/shop/graph.py": "VALUE = 'new'"})
    assert first is not None
    assert second is not None
    assert [one.space.load("tools.t").x for one in (first, second)] == ["graph", "new"]


def test_what_such_a_package_lacks_is_missing_in_the_project(project: Project) -> None:
    loaded, (reason,) = project.load({**CODE, "tools/t.py": f"import shop.nothing\n{TOOL}"})
    assert loaded is None
    assert "No module named 'shop.nothing' in this project" in reason.message


TOOL = "from toolcrib.core.decorator import tool\n@tool\ndef t() -> str:\n    '''Say.'''\n    return str(x)"
