"""`/metrics`: counts and times for Prometheus."""

from fastapi import APIRouter, Response

from toolcrib.server.access import OpenCrib

router = APIRouter(tags=["metrics"])
PLAIN = "text/plain"
FORMAT = f"{PLAIN}; version=0.0.4; charset=utf-8"


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {PLAIN: {"schema": {"type": "string"}}}, "description": "Prometheus' text format."}},
)
async def metrics(crib: OpenCrib) -> Response:
    """Counts and times of runs, tool calls and deployments, and the state of pools and releases."""
    return Response(await crib.metrics(), media_type=FORMAT)
