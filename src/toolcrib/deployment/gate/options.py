"""Whether models take the options they are given: a misspelt one is refused here, and fails no run."""

from collections.abc import Collection, Iterable, Iterator

from toolcrib.agents.models.options import option_problems
from toolcrib.agents.models.plans import Choice, choices
from toolcrib.core.agents import AgentSpec
from toolcrib.core.compat.shapes import fingerprint
from toolcrib.core.models import named
from toolcrib.core.reasons import Reason
from toolcrib.loader.overlays.agents import LoadedAgent
from toolcrib.loader.project import LoadedProject


def misfits(project: LoadedProject, *, passed: Collection[str]) -> Iterator[Reason]:
    """Options that models do not take, of all agents and their variants.

    Args:
        project: the candidate, loaded.
        passed: models with options that have been looked at before; see `with_options`.
    """
    for loaded in (*project.agents.values(), *project.agent_arms.values()):
        for choice in _with_options([loaded.spec]):
            if _name(choice) not in passed:
                for option, message, hint in option_problems(choice.model, choice.options):
                    yield loaded.config.reason("model_option", message, _place(loaded, choice, option), hint, at="key")


def with_options(agents: Iterable[AgentSpec]) -> frozenset[str]:
    """Short names for the models of these agents that have options, each for one model with its options."""
    return frozenset(map(_name, _with_options(agents)))


def _with_options(agents: Iterable[AgentSpec]) -> Iterator[Choice]:
    """The models with options; a graph of the project's own makes its models itself."""
    return (choice for spec in agents if spec.kind != "graph" for choice in choices(spec) if choice.options)


def _name(choice: Choice) -> str:
    return fingerprint([choice.model, dict(choice.options)])


def _place(loaded: LoadedAgent, choice: Choice, option: str) -> tuple[str | int, ...]:
    """Where the option is written: with its model, else with the agent."""
    own = next(options for place, _, options in named(loaded.spec.model) if place == choice.place)
    where = ("model", *choice.place[:-1], "options") if option in own or (own and not option) else ("model_options",)
    return (*loaded.path, *where, *([option] if option else []))
