"""The JSON Schemas of the YAML files say what the models say."""

import json
import warnings
from collections.abc import Iterator
from typing import Any

from toolcrib.core.agents import AgentSpec
from toolcrib.core.policies import ToolPolicy
from toolcrib.core.settings import Settings
from toolcrib.loader.json_schemas import schemas
from toolcrib.loader.reading.overrides import ToolOverride


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from nodes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from nodes(inner)


def properties(file: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = schemas()[file]["definitions"][name]["properties"]
    return found


def test_there_is_a_schema_for_each_yaml_file_and_it_is_json() -> None:
    with warnings.catch_warnings(action="error"):
        made = schemas()
    assert list(made) == ["agents.yaml", "tools.yaml", "toolcrib.yaml"]
    assert json.loads(json.dumps(dict(made))) == made
    assert all(one["$schema"] == "http://json-schema.org/draft-07/schema#" for one in made.values())


def test_the_schemas_use_nothing_newer_than_draft_07() -> None:
    for schema in schemas().values():
        for node in nodes(schema):
            assert not node.keys() & {"$defs", "prefixItems", "unevaluatedProperties", "dependentRequired"}
            if "$ref" in node:
                assert node.keys() == {"$ref"}
                assert node["$ref"].removeprefix("#/definitions/") in schema["definitions"]


def test_the_schemas_know_every_field_and_no_other() -> None:
    assert properties("agents.yaml", "AgentSpec").keys() == AgentSpec.model_fields.keys()
    assert properties("tools.yaml", "ToolPolicy").keys() == ToolPolicy.model_fields.keys()
    assert properties("tools.yaml", "ToolOverride").keys() == ToolOverride.model_fields.keys()
    assert schemas()["toolcrib.yaml"]["properties"].keys() == Settings.model_fields.keys()
    for schema in schemas().values():
        for node in (schema, *schema["definitions"].values()):
            assert node["additionalProperties"] is False


def test_every_field_is_described_by_its_docstring() -> None:
    for file, schema in schemas().items():
        for owner in (schema, *schema["definitions"].values()):
            assert owner["description"]
            assert "Attributes:" not in owner["description"]
            for name, node in owner["properties"].items():
                assert node.get("description"), f"{file}: {owner['title']}.{name}"
    assert properties("tools.yaml", "ToolOverride")["side_effect"]["description"].startswith("what a call does")


def test_names_of_agents_are_checked_and_sections_may_be_empty() -> None:
    agents, empty = schemas()["agents.yaml"]["properties"]["agents"]["anyOf"]
    assert list(agents["patternProperties"]) == ["^[A-Za-z][A-Za-z0-9_-]{0,63}$"]
    assert agents["additionalProperties"] is False
    assert empty == {"type": "null"}
    assert {"type": "null"} in properties("agents.yaml", "AgentSpec")["limits"]["anyOf"]
    assert {"type": "null"} in schemas()["toolcrib.yaml"]["properties"]["server"]["anyOf"]


def test_numbers_and_choices_may_come_from_the_environment() -> None:
    variable = {"type": "string", "pattern": r"\$\{(env|secret):"}
    port = properties("toolcrib.yaml", "ServerSettings")["port"]
    assert port["anyOf"] == [{"type": "integer", "minimum": 0, "maximum": 65535}, variable]
    assert port["default"] == 2024
    assert variable in properties("agents.yaml", "AgentSpec")["kind"]["anyOf"]


def test_exception_types_are_given_by_name() -> None:
    assert properties("tools.yaml", "Retry")["retry_on"]["items"] == {"type": "string"}
