"""Money: amounts, prices of models, and the budgets that bound what runs may spend.

What is kept of accounts is in `core.stores.budgets`.
"""

from toolcrib.core.money.accounts import Account, AccountLimit, AccountState, BudgetStatus
from toolcrib.core.money.amounts import NOTHING, Amount, Usage, exact, from_picos, picos, plain
from toolcrib.core.money.budgets import Budget, Budgets, OwnBudget, Period, UnknownPrice
from toolcrib.core.money.prices import ASSUMED, FREE, ModelPrice, Price, price_named
from toolcrib.core.money.spending import Bound, Spender, Spending

__all__ = [
    "ASSUMED",
    "FREE",
    "NOTHING",
    "Account",
    "AccountLimit",
    "AccountState",
    "Amount",
    "Bound",
    "Budget",
    "BudgetStatus",
    "Budgets",
    "ModelPrice",
    "OwnBudget",
    "Period",
    "Price",
    "Spender",
    "Spending",
    "UnknownPrice",
    "Usage",
    "exact",
    "from_picos",
    "picos",
    "plain",
    "price_named",
]
