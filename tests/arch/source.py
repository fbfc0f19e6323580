"""Reads the project's own source for the house rules.

A rule is a function that takes one `Module` and yields `Breach`es. `assert_kept` compares them with the rule's table of
exceptions: a breach without a line in the table fails, and so does a line that excuses nothing any more.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
PACKAGE = SRC / "toolcrib"
TESTS = ROOT / "tests"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One Python file.

    Attributes:
        path: relative to `src/toolcrib` or `tests`, with slashes; the key of the exceptions tables.
        lines: the file's text, line by line.
    """

    path: str
    lines: tuple[str, ...]
    tree: ast.Module

    @property
    def is_package_file(self) -> bool:
        """Whether this is an `__init__.py`."""
        return self.path.rsplit("/", 1)[-1] == "__init__.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One broken rule: `key` is what an exceptions table names, `text` what a person reads."""

    key: str
    text: str


def module(path: str, text: str) -> Module:
    """A module from text, as the tests of the rules themselves need it."""
    return Module(path=path, lines=tuple(text.splitlines()), tree=ast.parse(text, filename=path))


def files(top: Path) -> Iterator[Path]:
    """Every file below `top` that belongs to the project: no caches, nothing hidden."""
    for path in sorted(top.rglob("*")):
        parts = path.relative_to(top).parts
        if path.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in parts):
            yield path


def modules(top: Path) -> Iterator[Module]:
    """Every Python file below `top`, in order of path."""
    for path in files(top):
        if path.suffix == ".py":
            yield module(path.relative_to(top).as_posix(), path.read_text(encoding="utf-8"))


def breach(where: Module, node: ast.AST | None, text: str, *, key: str = "") -> Breach:
    """A breach in a module, keyed by its path unless the rule names something finer."""
    line = getattr(node, "lineno", 1)
    return Breach(key=key or where.path, text=f"{where.path}:{line}: {text}")


def assert_kept(breaches: Iterable[Breach], exceptions: Mapping[str, str]) -> None:
    """Fail on every breach without an exception and on every exception without a breach."""
    found = list(breaches)
    wrong = [one.text for one in found if one.key not in exceptions]
    unused = sorted(set(exceptions) - {one.key for one in found})
    wrong += [f"{key}: this exception excuses nothing any more; remove its line" for key in unused]
    wrong += [f"{key}: an exception needs a reason" for key, reason in exceptions.items() if not reason.strip()]
    assert not wrong, "\n" + "\n".join(wrong)


def functions(tree: ast.AST) -> Iterator[Function]:
    """Every function and method, nested ones too."""
    for node in ast.walk(tree):
        if isinstance(node, Function):
            yield node


def dotted(node: ast.AST) -> str:
    """`a.b.c` of a name, an attribute, a call's function or a subscripted name; empty for anything else."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr):
            return f"{dotted(value)}.{attr}"
        case ast.Call(func=inner) | ast.Subscript(value=inner):
            return dotted(inner)
        case _:
            return ""
