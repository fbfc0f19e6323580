"""Compiling a file: a code object and its imports, or where and why not."""

import sys

import pytest

from toolcrib.core.reasons import Reason
from toolcrib.loader.compiling import Compiled, compile_source, module_file, source_line, source_lines


def compiled(source: str | bytes) -> Compiled:
    found = refused_or_compiled(source)
    assert isinstance(found, Compiled), found
    return found


def refused_or_compiled(source: str | bytes) -> Compiled | Reason:
    data = source.encode() if isinstance(source, str) else source
    return compile_source(data, path="tools/t.py", filename="/p/tools/t@12345678.py")


def refused(source: str | bytes) -> Reason:
    found = refused_or_compiled(source)
    assert isinstance(found, Reason), found
    return found


def test_the_code_runs_and_knows_its_file() -> None:
    scope: dict[str, object] = {}
    code = compiled("x = 1\n").load()
    exec(code, scope)
    assert scope["x"] == 1
    assert code.co_filename == "/p/tools/t@12345678.py"


def test_our_own_future_imports_do_not_reach_the_users_code() -> None:
    scope: dict[str, object] = {}
    exec(compiled("def f(a: int): ...\nx = f.__annotations__['a']").load(), scope)
    assert scope["x"] is int


@pytest.mark.parametrize(
    ("source", "imports"),
    [
        ("import a", [(0, "a", ())]),
        ("import a, b.c", [(0, "a", ()), (0, "b.c", ())]),
        ("import a as x", [(0, "a", ())]),
        ("import a.b.c as x", [(0, "a.b", ("c",))]),
        ("from a.b import c, d as e", [(0, "a.b", ("c", "d"))]),
        ("from . import a", [(1, "", ("a",))]),
        ("from ..a import *", [(2, "a", ("*",))]),
        ("def f():\n  class A:\n    if x:\n      import a", [(0, "a", ())]),
        ("try:\n  import a\nexcept ImportError:\n  import b", [(0, "a", ()), (0, "b", ())]),
    ],
)
def test_every_import_statement_is_found(source: str, imports: list[object]) -> None:
    assert sorted(compiled(source).imports) == imports


@pytest.mark.parametrize(
    ("source", "line", "column", "words"),
    [
        ("x = 1\ny = (\n", 2, 5, "'(' was never closed"),
        ("x = 'abc", 1, 5, "unterminated string literal"),
        ("x = '''abc\n\n", 1, 5, "unterminated triple-quoted string"),
        ("if True:\n\tx = 1\n        y = 2\n", 3, 1, "inconsistent use of tabs and spaces"),
        ("if True:\nx = 1\n", 2, 1, "expected an indented block"),
        ("def f(:\n", 1, 7, "invalid syntax"),
        ("x = 1\nreturn x\n", 2, 1, "'return' outside function"),
        ("f(a=1, a=2)", 1, 8, "keyword argument repeated"),
        ("中文 = '文' 文\n", 1, 10, "invalid syntax"),
        ("x = 1\ndef f():\n    global y\n    y = 1\n    nonlocal z\n", 5, 5, "no binding for nonlocal 'z' found"),
    ],
)
def test_a_syntax_error_has_its_place_and_its_line(source: str, line: int, column: int, words: str) -> None:
    reason = refused(source)
    assert reason.code == "syntax"
    assert words in reason.message
    assert (reason.file, reason.line) == ("tools/t.py", line)
    if "indent" not in words and "tabs" not in words and "invalid" not in words:
        assert reason.column == column
    assert reason.source == source.split("\n")[line - 1]
    assert reason.hint


@pytest.mark.parametrize(
    "source",
    [
        b"x = 1\n\x00",
        b"\x00",
        "x = 1\n".encode("utf-16"),
        "x = 1\n".encode("utf-32"),
        b"# -*- coding: not-a-codec -*-\nx = 1\n",
        b"# -*- coding: utf-8 -*-\nx = '\xff'\n",
        b"x = '\xff\xfe'\n",
        b"x = " + b"(" * 300 + b")" * 300,
        b"x = " + b"[" * 5_000 + b"]" * 5_000,
        b"x = " + b"1+" * 20_000 + b"1",
        b"x = " + b"-" * 50_000 + b"1",
        b"x = " + b"lambda: " * 3_000 + b"1",
        b"x = a" + b".b" * 100_000,
        b"if 1:\n" + b"".join(b" " * depth + b"if 1:\n" for depth in range(1, 200)) + b" " * 200 + b"x = 1\n",
    ],
    ids=lambda source: source[:14].hex(),
)
def test_bytes_no_compiler_can_bear_are_a_reason_with_a_place(source: bytes) -> None:
    found = refused_or_compiled(source)
    if isinstance(found, Compiled):
        assert sys.version_info >= (3, 12), "later versions bear more"
        return
    assert found.code == "syntax"
    assert found.file == "tools/t.py"
    assert found.line >= 1
    assert found.column >= 1
    assert found.hint
    assert Reason.from_dict(found.to_dict()) == found


def test_a_file_in_another_encoding_is_compiled_in_it() -> None:
    scope: dict[str, object] = {}
    exec(compiled("# coding: latin-1\nx = 'é'\n".encode("latin-1")).load(), scope)
    assert scope["x"] == "é"
    exec(compiled("﻿x = 'é'\r\ny = 1\r\n").load(), scope)
    assert scope["x"] == "é"


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        (b"a\nb", ["a\n", "b"]),
        (b"a\r\nb\rc\n", ["a\n", "b\n", "c\n"]),
        ("a\x0cb\u2028c\x1d\nd".encode(), ["a\x0cb\u2028c\x1d\n", "d"]),
        (b"# coding: latin-1\n\xe9\n", ["# coding: latin-1\n", "\xe9\n"]),
        (b"\xef\xbb\xbfa\n", ["a\n"]),
        (b"ok\n\xff\n", ["ok\n", "\ufffd\n"]),
        (b"# coding: nonsense\nx\n", ["# coding: nonsense\n", "x\n"]),
        (b"", []),
    ],
)
def test_lines_are_those_python_counts(source: bytes, lines: list[str]) -> None:
    assert source_lines(source) == lines
    assert [source_line(source, number) for number in range(1, len(lines) + 1)] == [text.rstrip("\n") for text in lines]
    assert source_line(source, 0) == source_line(source, len(lines) + 1) == ""


def test_a_modules_file_is_in_its_directory_with_its_digest_in_the_name() -> None:
    digest = "1b2c3d4e" * 8
    assert module_file("/p", "tools/in/t.py", digest) == f"/p/tools/in/t@{digest[:8]}.py"
    assert module_file("/p", "t.py", digest) == f"/p/t@{digest[:8]}.py"
