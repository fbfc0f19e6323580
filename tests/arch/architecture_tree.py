"""Draws the tree of `src/toolcrib` for ARCHITECTURE.md: each file with the first line of its docstring as its role.

`python tests/arch/architecture_tree.py --write` refreshes the page; without `--write` it prints the tree.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "toolcrib"
PAGE = ROOT / "ARCHITECTURE.md"

BEGIN = "<!-- tree: begin (python tests/arch/architecture_tree.py --write) -->"
END = "<!-- tree: end -->"

# Roles of files that cannot say it themselves: name or suffix -> role.
ROLES = MappingProxyType({"py.typed": "tells type checkers that the package is typed"})
NO_ROLE = "(no docstring)"
ROLE_COLUMN = 34


def role(path: Path) -> str:
    """The first line of a module's docstring, without its full stop; of a folder, that of its `__init__.py`."""
    if path.is_dir():
        package_file = path / "__init__.py"
        if package_file.is_file():
            return role(package_file)
        return NO_ROLE if any(path.glob("*.py")) else ""
    if path.suffix != ".py":
        return ROLES.get(path.name, "")
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    return docstring.splitlines()[0].strip().removesuffix(".") if docstring else NO_ROLE


def entries(folder: Path, depth: int = 0) -> Iterator[str]:
    """One line for each file and folder: folders after files, `__init__.py` told by the folder's own line."""
    shown = [path for path in folder.iterdir() if not path.name.startswith((".", "__pycache__", "__init__"))]
    for path in sorted(shown, key=lambda one: (one.is_dir(), one.name)):
        if path.is_dir() and not any(one.is_file() for one in path.rglob("*") if "__pycache__" not in one.parts):
            continue
        yield line(f"{'  ' * depth}{path.name}{'/' * path.is_dir()}", role(path))
        if path.is_dir():
            yield from entries(path, depth + 1)


def line(name: str, text: str) -> str:
    """A name with its role in the second column."""
    return f"{name:<{ROLE_COLUMN}}{' ' if len(name) >= ROLE_COLUMN else ''}{text}".rstrip()


def tree(package: Path) -> str:
    """The whole tree as text."""
    return "\n".join((line("src/toolcrib/", role(package)), *entries(package, depth=1)))


def with_tree(page: str, drawing: str) -> str:
    """The page with the drawing between its markers."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} lacks the markers {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n```text\n{drawing}\n```\n{END}{after}"


def main(arguments: list[str]) -> None:
    """Print the tree, or write it into the page."""
    if "--write" in arguments:
        PAGE.write_text(with_tree(PAGE.read_text(encoding="utf-8"), tree(PACKAGE)), encoding="utf-8")
    else:
        sys.stdout.write(tree(PACKAGE) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
