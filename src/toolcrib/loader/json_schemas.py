"""JSON Schema (draft-07) of the YAML files, for editors: made of the models that read them."""

import inspect
import re
import textwrap
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import PydanticOmit, core_schema

from toolcrib.core.agents import AgentSpec
from toolcrib.core.money import Budgets, ModelPrice
from toolcrib.core.policies import ToolPolicy
from toolcrib.core.settings import Settings
from toolcrib.loader.config import AGENTS, SETTINGS, TOOLS
from toolcrib.loader.reading.experiments import ExperimentWords
from toolcrib.loader.reading.overrides import ScopedOverride, ToolOverride

_DRAFT = "http://json-schema.org/draft-07/schema#"
_VARIABLE = MappingProxyType({"type": "string", "pattern": r"\$\{(env|secret):"})
_ATTRIBUTE = re.compile(r"^(\w+): (.*(?:\n +.*)*)", re.MULTILINE)
_NOT_TEXT = frozenset({"integer", "number", "boolean"})


class AgentsFile(BaseModel):
    """`agents.yaml`: the agents of the project.

    Attributes:
        agents: name -> agent.
        budgets: what may be spent on models.
        prices: model, or a pattern such as `ollama:*` -> what a million tokens cost.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    agents: dict[Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")], AgentSpec | None] | None = None
    budgets: Budgets | None = None
    prices: dict[str, ModelPrice] | None = None


class ToolsFile(BaseModel):
    """`tools.yaml`: what operators say about tools; it overrides what their authors said.

    Attributes:
        defaults: for every tool.
        tools: name of a tool -> what is different for it.
        per_agent: name of an agent -> tool -> what is different when this agent calls it.
        per_tenant: id of a tenant -> tool -> what is different for it; wins over `per_agent`.
        experiments: name -> experiment: variants of tools and agents side by side.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    defaults: ToolPolicy | None = None
    tools: dict[str, ToolOverride | None] | None = None
    per_agent: dict[str, dict[str, ScopedOverride | None] | None] | None = None
    per_tenant: dict[str, dict[str, ScopedOverride | None] | None] | None = None
    experiments: dict[str, ExperimentWords | None] | None = None


def schemas() -> Mapping[str, dict[str, Any]]:
    """File name -> JSON Schema of the file; a new one each time.

    `${env:NAME}` and `${secret:NAME}` are valid in place of any number and choice; names of agents are checked.
    """
    return {AGENTS: _schema(AgentsFile), TOOLS: _schema(ToolsFile), SETTINGS: _schema(Settings)}


class _Generator(GenerateJsonSchema):
    """Pydantic's generator, with the fields' descriptions from docstrings and without what YAML cannot say."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """The schema of a model; its `Attributes:` describe the properties."""
        made = super().model_schema(schema)
        text, attributes = _docstring(schema["cls"])
        made["description"] = text
        for name, inner in made.get("properties", {}).items():
            inner.pop("title", None)
            if name in attributes:
                inner["description"] = attributes[name]
        return made

    def is_subclass_schema(self, schema: core_schema.IsSubclassSchema) -> JsonSchemaValue:
        """Classes (`Retry.retry_on`) are for Python; YAML gives their names."""
        raise PydanticOmit

    def emit_warning(self, kind: Any, detail: str) -> None:
        """Defaults that JSON cannot hold are left out, which harms nobody."""


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    made = _draft7(model.model_json_schema(schema_generator=_Generator, ref_template="#/definitions/{model}"))
    definitions = made.pop("$defs", {})
    return {"$schema": _DRAFT, **made} | ({"definitions": definitions} if definitions else {})


def _docstring(model: type[BaseModel]) -> tuple[str, dict[str, str]]:
    """The text of a model's docstring, and the descriptions of its attributes, those of its bases included."""
    text, _, listed = (inspect.getdoc(model) or "").partition("\nAttributes:\n")
    attributes = {name: " ".join(words.split()) for name, words in _ATTRIBUTE.findall(textwrap.dedent(listed))}
    for base in model.__bases__:
        if issubclass(base, BaseModel) and base is not BaseModel:
            attributes = _docstring(base)[1] | attributes
    return text.strip(), attributes


def _draft7(node: dict[str, Any]) -> dict[str, Any]:
    """One schema in draft-07's terms, with variables in place of numbers and choices."""
    made = {key: _below(key, value) for key, value in node.items()}
    around = {key: made.pop(key) for key in ("title", "description", "default") if key in made}
    if "patternProperties" in made:
        made["additionalProperties"] = False
    if made.get("type") in _NOT_TEXT or "enum" in made:
        made = {"anyOf": [made, dict(_VARIABLE)]}
    return around | made


def _below(key: str, value: Any) -> Any:
    match key, value:
        case "properties", dict():
            return {name: _property(inner) for name, inner in value.items()}
        case "$defs", dict():
            return {name: _draft7(inner) for name, inner in value.items()}
        case (("anyOf" | "allOf" | "oneOf"), list()):
            return [_draft7(inner) for inner in value]
        case (("items" | "additionalProperties" | "propertyNames"), dict()):
            return _draft7(value)
        case _:
            return value


def _property(node: dict[str, Any]) -> dict[str, Any]:
    """A property; a section may be empty, and nothing stands beside its `$ref`."""
    made = _draft7(node)
    if "$ref" in node or node.get("type") == "object":
        around = {key: made.pop(key) for key in ("description", "default") if key in made}
        made = around | {"anyOf": [made, {"type": "null"}]}
    return made
