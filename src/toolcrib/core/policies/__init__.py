"""What an author, a YAML file or an operator may ask of a tool's calls."""

from toolcrib.core.policies.approval import Approval, PersonsDecision
from toolcrib.core.policies.breaker import Breaker
from toolcrib.core.policies.cache import Cache
from toolcrib.core.policies.escalate import Escalate
from toolcrib.core.policies.limits import Concurrency, RateLimit
from toolcrib.core.policies.output import Output
from toolcrib.core.policies.recovery import Strategy, strategy_for
from toolcrib.core.policies.retry import Retry, full_jitter
from toolcrib.core.policies.tool import ToolPolicy
from toolcrib.core.policies.units import Isolation, Seconds, SideEffect

__all__ = [
    "Approval",
    "Breaker",
    "Cache",
    "Concurrency",
    "Escalate",
    "Isolation",
    "Output",
    "PersonsDecision",
    "RateLimit",
    "Retry",
    "Seconds",
    "SideEffect",
    "Strategy",
    "ToolPolicy",
    "full_jitter",
    "strategy_for",
]
