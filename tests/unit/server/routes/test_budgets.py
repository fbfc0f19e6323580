"""The accounts of budgets over HTTP, and what the command line reads of them."""

from decimal import Decimal

import pytest

from tests.unit.server.conftest import Door
from toolcrib.cli.output import Json
from toolcrib.cli.remote import Remote
from toolcrib.core.money import Account, AccountLimit, Amount
from toolcrib.core.stores.budgets import Reservation
from toolcrib.runtime.wiring.alive import alive
from toolcrib.stores.sql.budgets import SqlBudgetStore
from toolcrib.stores.sql.database import open_sqlite
from toolcrib.testing import FakeClock

pytestmark = pytest.mark.anyio
TENANT = Account(scope="tenant", tenant="acme")
OVER = Account(scope="tenant", tenant="acme", period="2001-01-01", renews_at=1.0)
RUN = Account(scope="run", tenant="acme", name="run-1")


async def seen(reading: Door, limits: dict[Account, AccountLimit], amount: Amount) -> tuple[Json, Json]:
    """The account of a tenant as the door tells it, and that of a run as the command line reads it."""
    async with open_sqlite(reading.crib.root / ".toolcrib" / "toolcrib.db") as engine:
        store = SqlBudgetStore(engine, clock=FakeClock())
        for number in ("spent", "reserved"):
            await store.reserve(Reservation(id=number, amount=amount, limits=limits, process="elsewhere"))
        await store.settle("spent", amount)
        [told] = (await reading.http.get("/v1/budgets")).json()["accounts"]
        [run] = await Remote(reading.http).budgets({"scope": "run", "tenant": None, "limit": 5})
        await store.settle("reserved", Amount())
    return told, run


async def test_accounts_are_told_with_dollars_as_text(reading: Door) -> None:
    limits = dict.fromkeys((TENANT, OVER, RUN), AccountLimit())
    amount = Amount(usd=Decimal("0.0000001"), tokens=7)
    state = reading.crib.root / ".toolcrib"
    with alive(state / "processes", "elsewhere"):  # what a dead process had reserved would be taken over
        told, run = await seen(reading, limits, amount)
    assert told == {
        **{"scope": "tenant", "tenant": "acme", "name": "", "period": "", "renews_at": None},
        **{"spent_usd": "0.0000001", "reserved_usd": "0.0000001", "limit_usd": None},
        **{"spent_tokens": 7, "reserved_tokens": 7, "limit_tokens": None},
    }
    assert (run["scope"], run["name"]) == ("run", "run-1")
    assert (await reading.http.get("/v1/budgets?tenant=globex")).json() == {"accounts": []}
    assert (await reading.http.get("/v1/budgets?scope=planet")).status_code == 422
