"""Whether a call needs a person's approval, by its tool's policy and its arguments."""

import ast
import logging
import operator
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from simpleeval import EvalWithCompoundTypes

from toolcrib.core.policies import Approval
from toolcrib.core.results import jsonable

log = logging.getLogger(__name__)
_OPERATORS = MappingProxyType(
    {
        ast.Add: operator.add,
        ast.Sub: operator.sub,
        ast.Mult: operator.mul,
        ast.Div: operator.truediv,
        ast.Mod: operator.mod,
        ast.USub: operator.neg,
        ast.Not: operator.not_,
        ast.Eq: operator.eq,
        ast.NotEq: operator.ne,
        ast.Lt: operator.lt,
        ast.LtE: operator.le,
        ast.Gt: operator.gt,
        ast.GtE: operator.ge,
        ast.In: lambda one, many: one in many,
        ast.NotIn: lambda one, many: one not in many,
        ast.Is: operator.is_,
        ast.IsNot: operator.is_not,
    }
)
_FUNCTIONS = MappingProxyType({"len": len, "lower": str.lower})


def needs_approval(approval: Approval | None, args: Mapping[str, Any], *, tool: str) -> bool:
    """Whether a person is to be asked about a call with these validated arguments.

    A condition that fails says nothing of the call, so the person is asked, and the log tells of the tool.
    """
    if approval is None:
        return False
    if not approval.when:
        return True
    condition = EvalWithCompoundTypes(
        operators=dict(_OPERATORS), functions=dict(_FUNCTIONS), names=jsonable(dict(args))
    )
    try:
        return bool(condition.eval(approval.when))
    except Exception as error:  # noqa: BLE001 - outer guard: the arguments are a model's; better one question too many
        why = {"tool": tool, "when": approval.when, "error": type(error).__name__}  # its words may hold arguments
        log.warning("condition of an approval fails", extra=why)
        return True
