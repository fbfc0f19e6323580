"""Tests wait for events, not for time; they are plain functions and mock nothing of ours."""

import ast
from collections.abc import Iterator
from types import MappingProxyType

from tests.arch.source import TESTS, Breach, Module, assert_kept, breach, dotted, functions, module, modules

# path -> reason. (A tool that sleeps, given to the code under test as source text, is not seen by this rule.)
SLEEPS = MappingProxyType[str, str]({})
# path -> reason
TEST_CLASSES = MappingProxyType[str, str]({})
# path -> reason
MOCKS = MappingProxyType[str, str]({})
# path -> reason
SHORT_NAMES = MappingProxyType[str, str]({})

SLEEP_CALLS = frozenset({"anyio.sleep", "asyncio.sleep", "sleep", "time.sleep"})
MIN_WORDS = 3


def sleeps(where: Module) -> Iterator[Breach]:
    for node in ast.walk(where.tree):
        if isinstance(node, ast.Call) and dotted(node.func) in SLEEP_CALLS and not is_checkpoint(node):
            yield breach(where, node, "sleeps: wait for an event under `anyio.fail_after`, or use a fake clock")


def is_checkpoint(call: ast.Call) -> bool:
    """`sleep(0)` lets other tasks run and waits for nothing."""
    match call.args:
        case [ast.Constant(value=value)]:
            return value == 0
        case _:
            return False


def classes_of_tests(where: Module) -> Iterator[Breach]:
    for node in where.tree.body:
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield breach(where, node, f"{node.name}: tests are plain functions")


def mocks(where: Module) -> Iterator[Breach]:
    for node in ast.walk(where.tree):
        match node:
            case ast.Import(names=aliases):
                names = [alias.name for alias in aliases]
            case ast.ImportFrom(module=str(name), names=aliases):
                names = [name, *(f"{name}.{alias.name}" for alias in aliases)]
            case _:
                continue
        if any(name == "unittest.mock" or name.startswith("unittest.mock.") for name in names):
            yield breach(where, node, "mocks: write a fake of the port")


def short_names(where: Module) -> Iterator[Breach]:
    if where.path.rpartition("/")[2].startswith("test_"):
        for function in functions(where.tree):
            words = [word for word in function.name.split("_") if word]
            if words[0] == "test" and len(words) <= MIN_WORDS:
                yield breach(where, function, f"{function.name}: a test's name is a sentence that says what holds")


def test_no_test_waits_for_time_to_pass() -> None:
    assert_kept((b for where in modules(TESTS) for b in sleeps(where)), SLEEPS)


def test_tests_are_plain_functions() -> None:
    assert_kept((b for where in modules(TESTS) for b in classes_of_tests(where)), TEST_CLASSES)


def test_nothing_of_ours_is_mocked() -> None:
    assert_kept((b for where in modules(TESTS) for b in mocks(where)), MOCKS)


def test_names_of_tests_are_sentences() -> None:
    assert_kept((b for where in modules(TESTS) for b in short_names(where)), SHORT_NAMES)


def test_the_rules_see_what_a_test_must_not_do() -> None:
    assert list(sleeps(module("a.py", "import time\ndef f():\n    time.sleep(0.1)\n")))
    assert list(sleeps(module("a.py", "async def f():\n    await asyncio.sleep(delay)\n")))
    assert not list(sleeps(module("a.py", "async def f():\n    await anyio.sleep(0)\n")))
    assert not list(sleeps(module("a.py", "TOOL = 'time.sleep(60)'\nasync def f(clock):\n    await clock.sleep(5)\n")))
    assert list(classes_of_tests(module("a.py", "class TestA: ...\n")))
    assert list(mocks(module("a.py", "from unittest.mock import Mock\n")))
    assert list(mocks(module("a.py", "from unittest import mock\n")))
    assert list(short_names(module("unit/test_a.py", "def test_it(): ...\n")))
    assert not list(short_names(module("unit/test_a.py", "def test_a_rejected_release_leaves_no_trace(): ...\n")))
