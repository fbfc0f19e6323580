"""`__init__.py` hands on names and holds no code (their order is checked by ruff: RUF022)."""

import ast
from collections.abc import Iterator
from types import MappingProxyType

from tests.arch.source import PACKAGE, Breach, Module, assert_kept, breach, module, modules

MAX_FACE_NAMES = 25
FACE = "__init__.py"

# path -> reason
CODE_IN_PACKAGE_FILES = MappingProxyType[str, str]({})


def code_in_package_file(where: Module) -> Iterator[Breach]:
    for position, node in enumerate(where.tree.body):
        if not (is_docstring(node, position) or is_hand_on(node) or (where.path == FACE and is_lazy_name(node))):
            yield breach(where, node, "only a docstring, imports and __all__ belong here")


def is_docstring(node: ast.stmt, position: int) -> bool:
    return position == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def is_hand_on(node: ast.stmt) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom():
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List() | ast.Tuple()):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body, orelse=[]):
            return all(isinstance(one, ast.Import | ast.ImportFrom) for one in body)
        case _:
            return False


def is_lazy_name(node: ast.stmt) -> bool:
    """The face loads its rooms when a name is first used: one table, `__getattr__` and `__dir__` (PEP 562)."""
    match node:
        case ast.FunctionDef(name="__getattr__" | "__dir__"):
            return True
        case ast.Assign(value=ast.Call(func=ast.Name(id="MappingProxyType"))):
            return True
        case ast.AnnAssign(value=ast.Call(func=ast.Name(id="MappingProxyType"))):
            return True
        case _:
            return False


def names_handed_on(where: Module) -> list[str] | None:
    """The names of `__all__`, or None without one."""
    for node in where.tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List(elts=names) | ast.Tuple(elts=names)):
                return [str(ast.literal_eval(name)) for name in names]
            case _:
                continue
    return None


def missing_names(where: Module) -> Iterator[Breach]:
    imported = [
        alias.asname or alias.name
        for node in where.tree.body
        if isinstance(node, ast.ImportFrom) and node.module not in ("types", "typing", "importlib")
        for alias in node.names
    ]
    missing = sorted(set(imported) - set(names_handed_on(where) or []))
    if missing:
        yield breach(where, None, f"imported here but not in __all__: {missing}")


def test_package_files_hold_no_code() -> None:
    assert_kept((b for where in package_files() for b in code_in_package_file(where)), CODE_IN_PACKAGE_FILES)


def test_imported_names_are_handed_on() -> None:
    assert_kept((b for where in package_files() for b in missing_names(where)), {})


def test_the_face_has_few_names() -> None:
    face = next(where for where in package_files() if where.path == FACE)
    assert len(names_handed_on(face) or []) <= MAX_FACE_NAMES


def package_files() -> Iterator[Module]:
    return (where for where in modules(PACKAGE) if where.is_package_file)


def test_the_rules_see_code_in_a_package_file() -> None:
    hand_on = '"""Doc."""\nfrom toolcrib.core.a import b\n__all__ = ["b"]\n'
    lazy = "def __getattr__(name):\n    return 1\n"
    assert not list(code_in_package_file(module("core/__init__.py", hand_on)))
    assert list(code_in_package_file(module("core/__init__.py", hand_on + "x = 1\n")))
    assert list(code_in_package_file(module("core/__init__.py", hand_on + lazy)))
    assert not list(code_in_package_file(module(FACE, hand_on + lazy)))
    assert list(code_in_package_file(module(FACE, hand_on + "def f(): ...\n")))


def test_the_rules_see_a_name_that_is_not_handed_on() -> None:
    assert list(missing_names(module(FACE, "from a import b, c\n__all__ = ['b']")))
    assert not list(missing_names(module(FACE, "from a import b\n__all__ = ['b']")))
