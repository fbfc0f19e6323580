"""Arithmetic on text, without `eval`: a small part of Python's grammar, worked out in decimals and bounded."""

import ast
import operator
import re
from collections.abc import Callable
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext

MOST_CHARACTERS = 200
MOST_STEPS = 100

# Decimals keep 0.1 + 0.2 exact; the context's bounds keep 9**9**9 cheap: it overflows instead of filling the memory.
CONTEXT = Context(prec=28, Emax=200, Emin=-200, traps=[DivisionByZero, InvalidOperation, Overflow])

BINARY: dict[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
UNARY: dict[type[ast.unaryop], Callable[[Decimal], Decimal]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
SPELLINGS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "^": "**", "（": "(", "）": ")"})


def evaluate(expression: str) -> Decimal:
    """The value of an arithmetic expression.

    Raises:
        ValueError: it is no arithmetic, too long, or has no finite value; the message says which.
    """
    if len(expression) > MOST_CHARACTERS:
        raise ValueError(f"it is longer than {MOST_CHARACTERS} characters")
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", expression).translate(SPELLINGS).strip()
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError("it is not a complete arithmetic expression") from error
    if sum(1 for _ in ast.walk(tree)) > MOST_STEPS:
        raise ValueError(f"it has more than {MOST_STEPS} parts")
    with localcontext(CONTEXT):
        try:
            return _value(tree.body, text)
        except DivisionByZero as error:
            raise ValueError("it divides by zero") from error
        except Overflow as error:
            raise ValueError("its value is too large") from error
        except InvalidOperation as error:
            raise ValueError("it has no value that is a number") from error


def _value(node: ast.expr, text: str) -> Decimal:
    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float()):
            # The digits as written, not the binary float Python made of them; the sign applies the context's bounds.
            return +Decimal(ast.get_source_segment(text, node) or "NaN")
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in UNARY:
            return UNARY[type(sign)](_value(operand, text))
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in BINARY:
            return BINARY[type(sign)](_value(left, text), _value(right, text))
    raise ValueError(f"{ast.unparse(node)!r} is not allowed, only numbers, + - * / // % ** and parentheses")
