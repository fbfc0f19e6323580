"""`/v1/ledger`, `/v1/budgets`, `/v1/census`, `/v1/experiments`: runs, what they spent, users of releases, variants."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from toolcrib.server.access import OpenCrib
from toolcrib.server.schema.documents import BudgetsDocument, LedgerDocument
from toolcrib.server.schema.experiments import ExperimentDocument
from toolcrib.server.schema.openapi import failures

router = APIRouter(prefix="/v1", tags=["ledger"])


@router.get("/ledger", response_model=LedgerDocument)
async def ledger(crib: OpenCrib, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> dict[str, Any]:
    """Counts over all runs ever accepted, and the newest of them."""
    runs = await crib.recent_runs(limit)
    return {"summary": asdict(await crib.ledger()), "runs": [run.to_dict() for run in runs]}


@router.get("/budgets", response_model=BudgetsDocument)
async def budgets(
    crib: OpenCrib,
    scope: Literal["", "run", "thread", "tenant", "agent"] = "",
    tenant: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """The accounts of budgets whose period goes on; those of runs only with `scope=run`."""
    return {"accounts": [one.to_dict() for one in await crib.budgets(scope=scope, tenant=tenant, limit=limit)]}


@router.get("/census")
async def census(crib: OpenCrib) -> dict[str, dict[str, int]]:
    """Who uses which release in memory: release id -> kind of user -> how many."""
    return {release: dict(users) for release, users in crib.census().items()}


@router.get("/experiments", response_model=list[ExperimentDocument])
async def experiments(crib: OpenCrib) -> Any:
    """The experiments of the current release, and how their variants do in this process since it began."""
    return crib.experiments.list()


@router.get(
    "/experiments/{name}",
    response_model=ExperimentDocument,
    responses=failures({404: "No such experiment; near names are in the hint."}),
)
async def experiment(name: str, crib: OpenCrib) -> Any:
    """One experiment."""
    return crib.experiments.show(name)
