"""Arithmetic in symbols and in words, as an expression of numbers and + - * / ** ( )."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from toolcrib.agents.offline.extract.found import Found
from toolcrib.agents.offline.extract.numbers import Number, as_text, find_numbers
from toolcrib.agents.offline.extract.word_problems import find_word_problem

_TOKENS = (
    ("**", r"\*\*|\^|(?:raised )?to the power(?: of)?\b|raised to\b|的?(?=[\d一二三四五六七八九十]+次方)"),
    ("*", r"\*|×|·|✕|(?<=[\d)])\s*[xX]\s*(?=[\d(])|times\b|multiplied by\b|乘以|乘"),
    ("/", r"/|÷|divided by\b|over\b|除以"),
    ("+", r"\+|plus\b|加上|加"),
    ("-", r"-|minus\b|less\b|减去|减"),
    ("(", r"\("),
    (")", r"\)"),
    ("sq", r"squared\b|的平方(?!根)"),
    ("cu", r"cubed\b|的立方(?!根)"),
    ("root", r"(?:the )?(?:square root|sqrt)(?: of)?\b|根号"),
    ("cbrt", r"(?:the )?cube root(?: of)?\b"),
    ("rootpost", r"的(?:平方根|算术平方根)"),
    ("cbrtpost", r"的立方根"),
    ("power", r"次方"),
    ("add", r"(?:add(?: up| together)?|(?:the )?(?:sum|total) of)\b"),
    ("subtract", r"(?:subtract|take away|take|deduct)\b"),
    ("multiply", r"(?:multiply|(?:the )?product of)\b"),
    ("divide", r"(?:divide|(?:the )?quotient of)\b"),
    ("difference", r"(?:the )?difference (?:between|of)\b"),
    ("average", r"(?:the )?(?:average|mean)(?: of)?\b"),
    ("half", r"half(?: of)?\b"),
    ("third", r"(?:a|one) third of\b"),
    ("quarter", r"(?:a|one) quarter of\b"),
    ("double", r"(?:double|twice)\b"),
    ("triple", r"triple\b"),
    ("and", r"and\b|,|和|与|、"),
    ("by", r"by\b"),
    ("from", r"from\b"),
    ("to", r"to\b"),
    ("with", r"with\b"),
    ("of", r"of\b|的"),
)
_TOKEN = re.compile("|".join(f"(?P<t{number}>{pattern})" for number, (_, pattern) in enumerate(_TOKENS)), re.IGNORECASE)
_FRACTIONS = MappingProxyType({"half": "/2", "third": "/3", "quarter": "/4", "double": "*2", "triple": "*3"})
_POST = MappingProxyType({"sq": "**2", "cu": "**3", "rootpost": "**0.5", "cbrtpost": "**(1/3)"})
_VERBS = MappingProxyType(
    {
        "add": (("and", "to", "with"), "+", False),
        "subtract": (("from",), "-", True),
        "difference": (("and",), "-", False),
        "multiply": (("by", "and", "with"), "*", False),
        "divide": (("by", "and"), "/", False),
    }
)
_STRENGTHS = MappingProxyType({"+": 1, "-": 1, "*": 2, "/": 2, "**": 3})
_TIMES = re.compile(r"(?<=\d)[xX](?=\d)|(?<=\d )[xX](?= \d)")
_LONGEST_RUN = 120
_FILLER = re.compile(r"(?:\s|\bthe\b|\bnumbers?\b)*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    sign: str
    start: int
    end: int
    percent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A parsed piece: its text, how tight it binds (1 sum .. 4 atom), the token after it."""

    text: str
    binds: int
    after: int
    operations: int = 0


def find_expression(text: str) -> Found | None:
    """The arithmetic of a text: the longest calculation in it, or else what a short word problem asks for."""
    best: Found | None = None
    text = _TIMES.sub("×", text)
    for run in _runs(text):
        start = 0
        while start < len(run):
            part = _expression(run, start)
            if part is None or not part.operations:
                start = part.after if part else start + 1
                continue
            span = (run[start].start, run[part.after - 1].end)
            if best is None or span[1] - span[0] > best.end - best.start:
                best = Found(value=part.text, start=span[0], end=span[1])
            start = part.after
    return best or find_word_problem(text)


def _runs(text: str) -> list[tuple[_Token, ...]]:
    """Numbers and operators that stand together; any other word between them ends a run."""
    numbers = {one.start: one for one in find_numbers(text)}
    runs: list[list[_Token]] = [[]]
    at = 0
    while at < len(text):
        token = _next_token(text, at, numbers)
        if token is not None:
            runs[-1].append(token)
            at = token.end
            continue
        filler = _FILLER.match(text, at)
        if filler and filler.end() > at:
            at = filler.end()
        else:
            runs.append([])
            at = _word_end(text, at)
    return [tuple(run[:_LONGEST_RUN]) for run in runs if any(token.sign[-1].isdigit() for token in run)]


def _next_token(text: str, at: int, numbers: dict[int, Number]) -> _Token | None:
    number = numbers.get(at)
    if number is not None and not (number.value < 0 and _after_operand(text, at)):
        return _Token(sign=as_text(number.value), start=at, end=number.end, percent=number.percent)
    if at and text[at].isascii() and text[at].isalpha() and text[at - 1].isascii() and text[at - 1].isalnum():
        return None
    match = _TOKEN.match(text, at)
    if match is None or match.lastgroup is None or (match.end() == at and match.lastgroup != "t0"):
        return None
    return _Token(sign=_TOKENS[int(match.lastgroup[1:])][0], start=at, end=max(match.end(), at))


def _after_operand(text: str, at: int) -> bool:
    return text[:at].rstrip()[-1:].isdigit()


def _word_end(text: str, at: int) -> int:
    end = at + 1
    if text[at].isascii() and text[at].isalpha():
        while end < len(text) and text[end].isascii() and text[end].isalnum():
            end += 1
    return end


def _expression(run: tuple[_Token, ...], at: int, least: int = 1) -> _Part | None:
    left = _postfix(run, at)
    while left is not None and left.after < len(run):
        sign = run[left.after].sign
        binds = _STRENGTHS.get(sign, 0)
        if sign == "of" and _is_share(run, left):
            sign, binds = "*", 2
        if binds < least or binds == 0:
            break
        right = _expression(run, left.after + 1, binds + (sign != "**"))
        if right is None:
            break
        left = _join(left, right, sign, binds)
    return left


def _is_share(run: tuple[_Token, ...], left: _Part) -> bool:
    return run[left.after - 1].percent


def _join(left: _Part, right: _Part, sign: str, binds: int) -> _Part:
    operations = left.operations + right.operations + 1
    second = _wrap(right, binds + (sign in "-/"))
    return _Part(text=f"{_wrap(left, binds)}{sign}{second}", binds=binds, after=right.after, operations=operations)


def _wrap(part: _Part, least: int) -> str:
    return part.text if part.binds >= least else f"({part.text})"


def _postfix(run: tuple[_Token, ...], at: int) -> _Part | None:
    part = _atom(run, at)
    while part is not None and part.after < len(run) and run[part.after].sign in _POST:
        text = f"{_wrap(part, 4)}{_POST[run[part.after].sign]}"
        part = _Part(text=text, binds=3, after=part.after + 1, operations=part.operations + 1)
    if part is not None and part.after + 1 < len(run) and run[part.after].sign == "of":
        share = run[part.after + 1]
        if share.percent and share.sign[-1].isdigit():
            number = _number(run, part.after + 1)
            part = _join(part, number, "*", 2)
    return part


def _atom(run: tuple[_Token, ...], at: int) -> _Part | None:
    if at >= len(run):
        return None
    sign = run[at].sign
    if sign[-1].isdigit():
        return _number(run, at)
    if sign == "(":
        inner = _expression(run, at + 1)
        closed = inner is not None and inner.after < len(run) and run[inner.after].sign == ")"
        if inner is None or not closed:
            return None
        return _Part(text=f"({inner.text})", binds=4, after=inner.after + 1, operations=inner.operations)
    for table, read in _READERS:
        if sign in table:
            return read(run, at)
    return None


def _number(run: tuple[_Token, ...], at: int) -> _Part:
    token = run[at]
    after = at + 1
    if after < len(run) and run[after].sign == "power":
        after += 1
    text = as_text(float(token.sign) / 100) if token.percent else token.sign
    return _Part(text=text, binds=4 if not text.startswith("-") else 1, after=after)


def _negative(run: tuple[_Token, ...], at: int) -> _Part | None:
    inner = _expression(run, at + 1, 3)
    if inner is None:
        return None
    return _Part(text=f"-{_wrap(inner, 3)}", binds=1, after=inner.after, operations=inner.operations)


def _root(run: tuple[_Token, ...], at: int) -> _Part | None:
    inner = _postfix(run, at + 1)
    if inner is None:
        return None
    power = "**0.5" if run[at].sign == "root" else "**(1/3)"
    return _Part(text=f"{_wrap(inner, 4)}{power}", binds=3, after=inner.after, operations=inner.operations + 1)


def _fraction(run: tuple[_Token, ...], at: int) -> _Part | None:
    inner = _postfix(run, at + 1)
    if inner is None:
        return None
    text = f"{_wrap(inner, 2)}{_FRACTIONS[run[at].sign]}"
    return _Part(text=text, binds=2, after=inner.after, operations=inner.operations + 1)


def _verb(run: tuple[_Token, ...], at: int) -> _Part | None:
    joints, sign, swapped = _VERBS[run[at].sign]
    parts = _listed(run, at + 1, joints)
    if len(parts) < 2:
        return None
    joined = _join(parts[1], parts[0], sign, _STRENGTHS[sign]) if swapped else parts[0]
    for part in () if swapped else parts[1:]:
        joined = _join(joined, part, sign, _STRENGTHS[sign])
    after = max(part.after for part in parts)
    return _Part(text=joined.text, binds=joined.binds, after=after, operations=len(parts) - 1)


def _average(run: tuple[_Token, ...], at: int) -> _Part | None:
    parts = _listed(run, at + 1, ("and",))
    if len(parts) < 2:
        return None
    text = f"({'+'.join(part.text for part in parts)})/{len(parts)}"
    return _Part(text=text, binds=2, after=parts[-1].after, operations=len(parts))


def _listed(run: tuple[_Token, ...], at: int, joints: tuple[str, ...]) -> list[_Part]:
    """Operands with joints between them: `2, 3 and 4`; a comma may stand before the last joint."""
    parts: list[_Part] = []
    while (part := _postfix(run, at)) is not None:
        parts.append(part)
        at = part.after
        if at < len(run) and run[at].sign in ("and", *joints):
            at += 1
            if at < len(run) and run[at].sign in ("and", *joints) and run[at].sign != "(":
                at += 1
        else:
            break
    return parts


_Reader = Callable[[tuple[_Token, ...], int], _Part | None]
_READERS: tuple[tuple[frozenset[str], _Reader], ...] = (
    (frozenset({"-"}), _negative),
    (frozenset({"root", "cbrt"}), _root),
    (frozenset(_FRACTIONS), _fraction),
    (frozenset(_VERBS), _verb),
    (frozenset({"average"}), _average),
)
