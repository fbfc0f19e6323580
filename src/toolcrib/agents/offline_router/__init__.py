"""The offline router: fixed rules that choose tools, fill their arguments and word their results, without any key."""

from toolcrib.agents.offline_router.model import OfflineRouter
from toolcrib.agents.offline_router.router import Router
from toolcrib.agents.offline_router.scoring import best_scorer
from toolcrib.agents.offline_router.turns import Decision, PlannedCall, Turn
from toolcrib.agents.offline_router.values import OfferedTool

__all__ = ["Decision", "OfferedTool", "OfflineRouter", "PlannedCall", "Router", "Turn", "best_scorer"]
