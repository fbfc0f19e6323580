"""Small files, small functions, small folders."""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from types import MappingProxyType

from tests.arch.source import (
    PACKAGE,
    TESTS,
    Breach,
    Function,
    Module,
    assert_kept,
    breach,
    files,
    functions,
    module,
    modules,
)

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
MAX_POSITIONAL = 5
MAX_FOLDER_FILES = 15

# path -> reason
LONG_FILES = MappingProxyType[str, str]({})
# path:function -> reason
LONG_FUNCTIONS = MappingProxyType[str, str]({})
# path:function -> reason
MANY_POSITIONAL = MappingProxyType[str, str]({})
# folder -> reason
FULL_FOLDERS = MappingProxyType[str, str](
    {"agents/offline_router": "one matter, choosing and wording; what reads arguments has its own folder already"}
)


def long_files(where: Module) -> Iterator[Breach]:
    if len(where.lines) > MAX_FILE_LINES:
        yield breach(
            where, None, f"{len(where.lines)} lines, at most {MAX_FILE_LINES}: give a part of it a file of its own"
        )


def long_functions(where: Module) -> Iterator[Breach]:
    for function in functions(where.tree):
        length = lines_without_docstring(function)
        if length > MAX_FUNCTION_LINES:
            yield breach(
                where,
                function,
                f"{function.name} has {length} lines besides its docstring, at most {MAX_FUNCTION_LINES}",
                key=f"{where.path}:{function.name}",
            )


def lines_without_docstring(function: Function) -> int:
    length = (function.end_lineno or function.lineno) - function.lineno + 1
    match function.body[0]:
        case ast.Expr(value=ast.Constant(value=str())) as docstring:
            return length - ((docstring.end_lineno or docstring.lineno) - docstring.lineno + 1)
        case _:
            return length


def many_positional(where: Module) -> Iterator[Breach]:
    for function in functions(where.tree):
        names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
        count = len(names) - (names[:1] in (["self"], ["cls"]))
        if count > MAX_POSITIONAL:
            yield breach(
                where,
                function,
                f"{function.name} takes {count} positional parameters, at most {MAX_POSITIONAL}",
                key=f"{where.path}:{function.name}",
            )


def full_folders(paths: Iterable[str]) -> Iterator[Breach]:
    count = Counter(path.rpartition("/")[0] or "." for path in paths)
    for folder, held in sorted(count.items()):
        if held > MAX_FOLDER_FILES:
            yield Breach(
                key=folder, text=f"{folder}: {held} files, at most {MAX_FOLDER_FILES}: give a group its own folder"
            )


def test_files_are_short_enough_to_be_read_in_one_go() -> None:
    assert_kept((b for where in everything() for b in long_files(where)), LONG_FILES)


def test_functions_fit_on_one_screen() -> None:
    assert_kept((b for where in everything() for b in long_functions(where)), LONG_FUNCTIONS)


def test_functions_take_few_positional_parameters() -> None:
    assert_kept((b for where in everything() for b in many_positional(where)), MANY_POSITIONAL)


def test_folders_hold_few_files() -> None:
    paths = (path.relative_to(top).as_posix() for top in (PACKAGE, TESTS) for path in files(top))
    assert_kept(full_folders(paths), FULL_FOLDERS)


def everything() -> Iterator[Module]:
    yield from modules(PACKAGE)
    yield from modules(TESTS)


def test_the_shape_rules_see_what_is_too_big() -> None:
    body = "    x = 1\n" * 49
    assert list(long_files(module("a.py", "x = 1\n" * 401)))
    assert not list(long_files(module("a.py", "x = 1\n" * 400)))
    assert list(long_functions(module("a.py", f"def f():\n    '''Doc.\n\n    More.\n    '''\n{body}    y = 2\n")))
    assert not list(long_functions(module("a.py", f"def f():\n    '''Doc.\n\n    More.\n    '''\n{body}")))
    assert list(many_positional(module("a.py", "def f(a, b, c, d, e, g): ...")))
    assert not list(many_positional(module("a.py", "class A:\n    def f(self, a, b, c, d, e, *, g, h): ...")))
    assert list(full_folders(f"room/{n}.py" for n in range(16)))
    assert not list(full_folders(f"room/{n}.py" for n in range(15)))
