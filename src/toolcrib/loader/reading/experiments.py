"""What `tools.yaml` says of experiments."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from toolcrib.core.agents import AgentLimits, AgentSpec, ContextPolicy, Degradation
from toolcrib.core.experiments.values import Unit
from toolcrib.core.models import ModelChoice, ModelRetry
from toolcrib.core.reasons import Reason
from toolcrib.loader.reading.mistakes import Reading, check, wrong_type

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")


def _no_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a weight is a number")
    return value


Weight = Annotated[float, BeforeValidator(_no_bool), Field(ge=0, le=1_000_000_000, allow_inf_nan=False)]


class AgentWords(BaseModel):
    """What a variant changes of an agent: nothing that its threads' saved state depends on.

    Attributes:
        prompt: path of a file under `prompts/`, or the text itself; in place of the agent's.
        variables: values for the `{names}` in the prompt; in place of all of the agent's.
        model: in place of the agent's: a model's name, or a plan of tiers with fallbacks.
        model_options: keyword arguments for the model; in place of all of the agent's.
        model_retry: how often a model that fails is asked again; in place of the agent's.
        limits: bounds of one run; in place of all of the agent's.
        degrade: what the end user gets when the agent fails; in place of the agent's.
        context: how much of a long thread the model is sent; in place of the agent's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: str = ""
    variables: dict[str, str] = Field(default_factory=dict)
    model: ModelChoice = "offline"
    model_options: dict[str, Any] = Field(default_factory=dict)
    model_retry: ModelRetry = ModelRetry()
    limits: AgentLimits = AgentLimits()
    degrade: Degradation | None = None
    context: ContextPolicy | None = None


class VariantWords(BaseModel):
    """One variant of an experiment; one that says nothing is the project as it stands.

    Attributes:
        weight: its share is this by the sum of all weights; 0 for nobody.
        tools: name of a tool -> name of the tool whose code goes by it.
        agents: name of an agent -> what is otherwise of its prompt, its models and its bounds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    weight: Weight = 1.0
    tools: dict[str, str] = Field(default_factory=dict)
    agents: dict[str, AgentWords] = Field(default_factory=dict)


class ExperimentWords(BaseModel):
    """One entry under `experiments:` of `tools.yaml`.

    Attributes:
        variants: name -> variant.
        by: who stays on one variant; those who have no such id take no part.
        salt: what makes its choice its own; the experiment's name when it is empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    variants: dict[str, VariantWords] = Field(default_factory=dict)
    by: Unit = "thread"
    salt: str = ""

    @field_validator("variants")
    @classmethod
    def _somebody_is_in_it(cls, variants: dict[str, VariantWords]) -> dict[str, VariantWords]:
        if variants and not any(one.weight for one in variants.values()):
            raise ValueError("all weights are 0, so nobody would be in any variant; give one a weight above 0")
        return variants


def changed_fields(words: BaseModel) -> dict[str, Any]:
    """The fields of an agent that a variant writes, with their values."""
    return {name: getattr(words, name) for name in words.model_fields_set}


def specs_in_variants(
    agents: Mapping[str, AgentSpec], experiments: Mapping[str, ExperimentWords]
) -> Iterator[tuple[str, AgentSpec]]:
    """Agents as they are written for variants, each with its name."""
    for experiment in experiments.values():
        for variant in experiment.variants.values():
            for name, words in variant.agents.items():
                if name in agents:
                    yield name, agents[name].model_copy(update=changed_fields(words))


def read_experiments(reading: Reading, top: Mapping[str, Any], reasons: list[Reason]) -> Mapping[str, ExperimentWords]:
    """The experiments in a `tools.yaml`, as far as they are right."""
    section = top.get("experiments")
    if section is None:
        return MappingProxyType({})
    if not isinstance(section, dict):
        reasons.append(wrong_type(reading, ("experiments",), "must be a mapping of names (`name: {…}`)"))
        return MappingProxyType({})
    found: dict[str, ExperimentWords] = {}
    for name in section:
        checked = check(ExperimentWords, reading, ("experiments", name))
        more = [] if checked.wrong & {"variants"} else [*_names(reading, name, checked.usable)]
        reasons += [*checked.reasons, *more]
        if checked.model and not more:
            found[name] = checked.model
    return MappingProxyType(found)


def _names(reading: Reading, name: str, words: ExperimentWords) -> Iterator[Reason]:
    path = ("experiments", name)
    if not words.variants:
        message = f"experiment {name!r} has no variants"
        hint = "Add `variants: {control: {weight: 90}, other: {weight: 10, tools: {…}}}`."
        yield reading.document.reason("missing_key", message, path=(*path, "variants"), hint=hint, at="key")
    for place, what in [(path, "an experiment"), *(((*path, "variants", one), "a variant") for one in words.variants)]:
        if not _NAME.fullmatch(str(place[-1])):
            message = f"{str(place[-1])[:80]!r} cannot be the name of {what}"
            hint = "A name begins with a letter and has letters, digits, `_`, `-` and `.`, at most 64 in all."
            yield reading.document.reason("wrong_value", message, path=place, hint=hint, at="key")
