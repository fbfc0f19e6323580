"""`toolcrib canary` and `promote`, and what `deploy` needs of them: plans, and waiting for the end."""

from toolcrib.cli.canary.commands import canary, promote
from toolcrib.cli.canary.plans import Part, plan
from toolcrib.cli.canary.waiting import outcome

__all__ = ["Part", "canary", "outcome", "plan", "promote"]
