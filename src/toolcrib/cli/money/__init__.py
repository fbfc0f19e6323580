"""`toolcrib budgets`: what was spent, what is reserved, and the limits."""

from toolcrib.cli.money.commands import budgets, dollars

__all__ = ["budgets", "dollars"]
