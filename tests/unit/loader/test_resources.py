"""The resources of a project: found, bound to the tools that ask for them, and every mistake told at its place."""

from typing import Any

import pytest

from tests.unit.loader.projects import Files, Project
from toolcrib.core.reasons import Reason
from toolcrib.core.tools import ResourceSpec
from toolcrib.loader.project import LoadedProject

HEAD = """
from typing import Annotated
from toolcrib.core.decorator import Resource, Secret, resource, tool
from toolcrib.core.calls import ToolContext

class Database:
    pass
"""
FACTORY = """
@resource
def db():
    return Database()
"""
TOOL = """
@tool
def query(sql: str, db: Annotated[Database, Resource({of})], context: ToolContext, limit: int = 10) -> str:
    "Ask the database."
    return f"{{sql}} {{limit}} {{type(db).__name__}} {{context.tool}}"
"""


def loaded(project: Project, files: Files, **env: str) -> LoadedProject:
    found, reasons = project.load(files, env=env)
    assert reasons == ()
    assert found is not None
    return found


def told(project: Project, files: Files) -> list[tuple[str, str, int, str]]:
    found, reasons = project.load(files)
    assert found is None
    return [(reason.code, reason.file, reason.line, reason.message) for reason in reasons]


def only(project: Project, files: Files) -> Reason:
    found, reasons = project.load(files)
    assert found is None
    (reason,) = reasons
    return reason


def needed(found: LoadedProject, tool: str = "query", parameter: str = "db") -> ResourceSpec:
    need = found.tools[tool].needs[parameter]
    assert isinstance(need, ResourceSpec)
    return need


def test_a_tool_asks_by_the_factory_itself_and_the_model_sees_nothing_of_it(project: Project) -> None:
    found = loaded(project, {"tools/a.py": HEAD + FACTORY + TOOL.format(of="db")})
    tool = found.tools["query"]
    assert set(tool.spec.args_schema["properties"]) == {"sql", "limit"}
    assert tool.validate({"sql": "select"}) == {"sql": "select", "limit": 10}
    spec = needed(found)
    assert (spec.name, spec.file, spec.line, spec.size) == ("db", "tools/a.py", 9, 1)
    assert found.resources == {"db": spec}


def test_a_tool_asks_by_name_for_a_factory_in_another_file(project: Project) -> None:
    factory = FACTORY.replace("@resource", '@resource(name="main")')
    found = loaded(project, {"tools/a.py": HEAD + TOOL.format(of='"main"'), "tools/z.py": HEAD + factory})
    assert (needed(found).name, needed(found).file) == ("main", "tools/z.py")


def test_a_factory_may_live_in_any_module_of_the_project(project: Project) -> None:
    tool = "from lib import store\n" + HEAD + TOOL.format(of="store.db")
    found = loaded(project, {"tools/a.py": tool, "lib/store.py": HEAD + FACTORY})
    assert needed(found).file == "lib/store.py"
    assert list(found.resources) == ["db"]


def test_future_annotations_and_optional_parameters_ask_too(project: Project) -> None:
    hint = "Annotated[Database, Resource(db)]"
    text = TOOL.format(of="db").replace(hint, f"{hint} | None")
    found = loaded(project, {"tools/a.py": "from __future__ import annotations\n" + HEAD + FACTORY + text})
    assert needed(found).name == "db"


def test_the_key_changes_with_the_factory_s_code_and_what_it_needs_and_with_nothing_else(project: Project) -> None:
    files = {
        "tools/a.py": HEAD + TOOL.format(of='"pool"'),
        "tools/pool.py": HEAD + '@resource\ndef pool(low: Annotated[object, Resource("low")]):\n    return low\n',
        "tools/low.py": "import _words\n" + HEAD + "@resource\ndef low():\n    return _words\n",
        "_words.py": "x = 1",
    }
    first = loaded(project, files)
    edited = loaded(project, {**files, "tools/a.py": files["tools/a.py"] + "\n# edited"})
    deeper = loaded(project, {**files, "_words.py": "x = 2"})
    assert needed(first).key == needed(edited).key
    assert first.tools["query"].spec.digest != edited.tools["query"].spec.digest
    assert needed(first).key != needed(deeper).key
    assert first.tools["query"].spec.digest != deeper.tools["query"].spec.digest


def test_what_needs_others_is_borrowed_first(project: Project) -> None:
    """Else two calls could each hold what the other's resource waits for to be opened."""
    code = (
        HEAD
        + FACTORY
        + "@resource\ndef zoo(low: Annotated[Database, Resource(db)]):\n    return low\n"
        + "Db = Annotated[Database, Resource(db)]\n"
        + '@tool\ndef use(a: Db, z: Annotated[Database, Resource("zoo")]) -> str:\n    "Use."\n'
    )
    assert list(loaded(project, {"tools/a.py": code}).tools["use"].needs) == ["z", "a"]


def test_an_unknown_resource_is_a_mistake_at_the_tool_with_near_names(project: Project) -> None:
    reason = only(project, {"tools/a.py": HEAD + FACTORY + TOOL.format(of='"bd"')})
    assert (reason.code, reason.file, reason.line) == ("unknown_resource", "tools/a.py", 13)
    assert reason.message == "parameter 'db' asks for resource 'bd', which does not exist"
    assert reason.hint == "Did you mean 'db'?"
    assert reason.source == "@tool"


def test_a_factory_that_is_not_marked_is_a_mistake(project: Project) -> None:
    reason = only(project, {"tools/a.py": HEAD + FACTORY.replace("@resource", "") + TOOL.format(of="db")})
    assert reason.message == "Resource(db): it is not marked with @resource"


def test_two_resources_of_one_name_are_a_mistake_that_names_both_places(project: Project) -> None:
    reason = only(project, {"tools/a.py": HEAD + FACTORY, "tools/b.py": HEAD + FACTORY})
    assert (reason.code, reason.file, reason.line) == ("duplicate_resource", "tools/b.py", 9)
    assert "tools/a.py:9" in reason.message


def test_resources_that_need_each_other_are_one_mistake_that_names_the_circle(project: Project) -> None:
    code = (
        HEAD
        + '@resource\ndef a(x: Annotated[object, Resource("b")]):\n    return x\n'
        + '@resource\ndef b(x: Annotated[object, Resource("a")]):\n    return x\n'
        + TOOL.format(of="a")
    )
    reason = only(project, {"tools/a.py": code})
    assert (reason.code, reason.file, reason.line) == ("resource_circle", "tools/a.py", 8)
    assert reason.message == "resources need each other in a circle: 'a' -> 'b' -> 'a'"


def test_a_parameter_of_a_factory_must_be_filled_in_by_somebody(project: Project) -> None:
    fine = FACTORY.replace("db()", "db(url: str = 'x', *args, key: Annotated[str, Secret('KEY')], **more)")
    loaded(project, {"tools/a.py": HEAD + fine + TOOL.format(of="db")}, KEY="k")
    reason = only(project, {"tools/a.py": HEAD + FACTORY.replace("db()", "db(url)") + TOOL.format(of="db")})
    assert (reason.code, reason.line) == ("resource", 9)
    assert reason.message == "nobody fills in parameter 'url'"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("size=0", "size: 0 is not a number from 1 to 1000"),
        ("size=True", "size: True is not a number from 1 to 1000"),
        ("max_age_s=0", "max_age_s: 0 is not a time in seconds, 0.001 at least"),
        ("idle_s=float('nan')", "idle_s: nan is not a time in seconds, 0.001 at least"),
        ("health_every_s=None", "health_every_s: None is not a time in seconds, 0 at least"),
        ("health=3", "health: it cannot be called"),
        ("name='two words'", "'two words' cannot be the name of a resource"),
    ],
)
def test_an_impossible_value_of_the_decorator_is_refused_at_its_line(project: Project, said: str, message: str) -> None:
    code = HEAD + FACTORY.replace("@resource", f"@resource({said})")
    assert told(project, {"tools/a.py": code}) == [("resource", "tools/a.py", 9, message)]


@pytest.mark.parametrize("marked", ["class Marked:\n    pass\n", "class Marked(Database):\n    x = 1\n"])
def test_a_class_is_no_factory_and_is_refused_at_its_line(project: Project, marked: str) -> None:
    reason = only(project, {"tools/a.py": HEAD + "@resource\n" + marked})
    assert (reason.code, reason.line) == ("import", 8)
    assert "@resource marks a function" in reason.message


def test_a_missing_secret_is_a_mistake_unless_there_is_a_default(project: Project) -> None:
    code = HEAD + '@tool\ndef ask({0}) -> str:\n    "Ask."\n    return key\n'
    required, optional = 'key: Annotated[str, Secret("API_KEY")]', 'key: Annotated[str, Secret("API_KEY")] = "none"'
    reason = only(project, {"tools/a.py": code.format(required)})
    assert (reason.code, reason.file, reason.line) == ("missing_secret", "tools/a.py", 8)
    assert reason.message == "parameter 'key' asks for the environment variable 'API_KEY', which is not set"
    assert loaded(project, {"tools/a.py": code.format(required)}, API_KEY="k").tools["ask"].spec.args_schema == {
        "type": "object",
        "properties": {},
        "additionalProperties": False,
    }
    need: Any = loaded(project, {"tools/a.py": code.format(optional)}).tools["ask"].needs["key"]
    assert need.optional
