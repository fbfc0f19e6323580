"""Approval: which calls a person has to agree to before they are made."""

import ast
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

PersonsDecision = Literal["approve", "edit", "reject", "respond"]
"""Let the call be made, make another one in its place, do not make it, or answer in the tool's place."""
_ALL: tuple[PersonsDecision, ...] = ("approve", "edit", "reject", "respond")
_WHEN = re.compile(r"\s*when\s*\((.*)\)\s*", re.DOTALL)
_ALLOWED = (
    *(ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.Compare),
    *(ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.Is, ast.IsNot),
    *(ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Mod),
    *(ast.Constant, ast.Name, ast.Load, ast.Attribute, ast.Subscript, ast.List, ast.Tuple, ast.Call),
)
FUNCTIONS = frozenset({"len", "lower"})
"""What a condition may call: the length of a value, and a text in small letters."""


class Approval(BaseModel):
    """A person is asked before a call is made. `required`, as text, is every call; `when(amount > 100)` is some.

    Attributes:
        when: a condition on the call's arguments, by their names: comparisons, `and`, `or`, `not`, `in`, sums, parts of
            an argument (`order.total`, `items[0]`), `len(…)` and `lower(…)`. Empty: every call. A condition that cannot
            be told, because an argument is of another kind, counts as met.
        decisions: what the person may decide.
        description: what the person is told, beside the tool and its arguments.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: Annotated[str, Field(max_length=500)] = ""
    decisions: Annotated[tuple[PersonsDecision, ...], Field(min_length=1)] = _ALL
    description: str = ""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if value.strip() == "required":
            return {}
        if match := _WHEN.fullmatch(value):
            return {"when": match[1].strip()}
        raise ValueError(f"{value[:40]!r} is neither `required` nor a condition, e.g. when(amount > 100)")

    @field_validator("when")
    @classmethod
    def _is_a_condition(cls, value: str) -> str:
        if value:
            _tree(value)
        return value

    @property
    def names(self) -> tuple[str, ...]:
        """The arguments that the condition speaks of, sorted."""
        if not self.when:
            return ()
        found = {node.id for node in ast.walk(_tree(self.when)) if isinstance(node, ast.Name)}
        return tuple(sorted(found - FUNCTIONS))


def _tree(condition: str) -> ast.Expression:
    """The condition, of which every part is one that conditions may have.

    Raises:
        ValueError: it is none.
    """
    try:
        tree = ast.parse(condition, mode="eval")
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"{condition[:60]!r} is no condition, e.g. amount > 100") from error
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            raise ValueError(f"a condition has no {type(node).__name__}: compare arguments, e.g. amount > 100")
        if isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS):
            raise ValueError(f"a condition calls nothing but {', '.join(sorted(FUNCTIONS))}")
    return tree
