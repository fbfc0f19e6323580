"""Sums, differences, discounts: what a model should not do in its head."""

from tools._arithmetic import evaluate

from toolcrib import ToolError, tool


@tool(
    side_effect="none",
    examples=(
        "What is 17 * 23?",
        "How much are 3 lamps at 49.90 each?",
        "Calculate 125 + 376",
        "计算 12 * 36",
        "12 乘以 36 等于多少？",
    ),
)
def calculator(expression: str) -> int | float:
    """Work out an arithmetic expression.

    Args:
        expression: Numbers with + - * / // % ** and parentheses, for example 3 * 49.90.
    """
    try:
        value = evaluate(expression)
    except ValueError as error:
        raise ToolError(f"{expression!r} cannot be worked out: {error}.", hint="Send only the sum itself.") from error
    whole = value == value.to_integral_value() and abs(value) < 2**53  # beyond that JSON readers lose digits
    return int(value) if whole else float(value)
