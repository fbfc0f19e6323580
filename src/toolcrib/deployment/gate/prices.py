"""Whether every model has a price where dollars are limited: a limit that cannot be kept is refused, not found out."""

from collections.abc import Iterator

from toolcrib.agents.models.plans import Choice, choices
from toolcrib.agents.money.book import library_price, written_price
from toolcrib.core.agents import AgentSpec
from toolcrib.core.money import AccountLimit, Spender, Spending
from toolcrib.core.reasons import Reason
from toolcrib.loader.project import LoadedProject


def unpriced(project: LoadedProject) -> Iterator[Reason]:
    """Models without a known price, of agents whose runs are limited in dollars.

    Loads the price library, which takes a second, and only when a model is not priced by the project itself.
    """
    spending = project.config.spending
    if spending.budgets.unknown_price != "reject":
        return
    seen: set[tuple[str, str]] = set()
    arms = (((name, ""), loaded) for (name, _), loaded in project.agent_arms.items())
    for (name, tenant), loaded in (*project.agents.items(), *arms):
        if loaded.spec.kind == "graph" or not _limits_dollars(spending, name, tenant, loaded.spec):
            continue
        for model in _without_price(loaded.spec, spending):
            if (name, model.model) not in seen:
                seen.add((name, model.model))
                message = f"no price is known for model {model.model!r}, and runs of {name!r} are limited in dollars"
                hint = (
                    f'Add `prices: {{"{model.model}": {{input_usd_per_million: …, output_usd_per_million: …}}}}`, or '
                    "`unknown_price: zero` or `estimate` under `budgets:`."
                )
                yield loaded.config.reason("unknown_price", message, (*loaded.path, "model", *model.place), hint)


def _limits_dollars(spending: Spending, agent: str, tenant: str, spec: AgentSpec) -> bool:
    """Whether any run of the agent is limited so: by the agent itself, or for one of the tenants that may ask it."""
    limit = AccountLimit(usd=spec.limits.cost_usd, tokens=spec.limits.tokens)
    tenants = {tenant} if tenant else {"", *spending.budgets.tenants}
    return any(
        spending.limits_dollars(Spender(run_id="", thread_id="", agent=agent, tenant=one, limit=limit))
        for one in tenants
    )


def _without_price(spec: AgentSpec, spending: Spending) -> Iterator[Choice]:
    for choice in choices(spec):
        if written_price(choice.model, spending.prices) is None and library_price(choice.model) is None:
            yield choice
