"""Examples and selftests: what is tried, what is not, and what is said of those that fail."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.loader.projects import Files, Project
from toolcrib.core.reasons import Reason
from toolcrib.deployment.gate.trials import CLOSURE_CHARS, Trials, try_promises
from toolcrib.loader.project import LoadedProject

HEAD = """
from toolcrib.core.calls import ToolContext
from toolcrib.core.decorator import Example, Secret, selftest, tool
from toolcrib.core.errors import ToolError
"""
ADD = '''
@tool(side_effect="none", examples=[{0}])
def add(a: int, b: int = 0) -> int:
    """Add."""
    if b < 0:
        raise ValueError("no debts")
    return a + b
'''


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    found = Project(str(tmp_path))
    yield found
    found.pool.sweep([])


def loaded(project: Project, files: Files) -> LoadedProject:
    found, reasons = project.load(files, eager=True)
    assert found is not None, reasons
    return found


def tried(project: Project, text: str, *, passed: frozenset[str] = frozenset(), **more: str) -> Trials:
    files = {"tools/t.py": HEAD + text, **{name.replace("__", "/") + ".py": one for name, one in more.items()}}
    if "toolcrib.py" in files:
        files["toolcrib.yaml"] = files.pop("toolcrib.py")
    return try_promises(loaded(project, files), passed=passed, progress=lambda path, doing: None)


def only(trials: Trials) -> Reason:
    (reason,) = trials.reasons
    return reason


@pytest.mark.parametrize(
    "example",
    [
        "Example(args={'a': 1, 'b': 2}, returns=3)",
        "Example(args={'a': 1})",
        "Example(args={'a': 1, 'b': -1}, raises=ValueError)",
        "Example(args={'a': 1, 'b': -1}, raises=ArithmeticError) if False else 'a question'",
        "Example(args={'a': 1, 'b': -1}, raises='ValueError')",
        "Example(args={'a': 1, 'b': -1}, raises=Exception)",
        "Example(args={'a': 'x'}, raises='arguments_invalid')",
        "Example(args={}, raises='ArgumentsInvalid')",
    ],
)
def test_a_promise_that_is_kept_is_no_reason(project: Project, example: str) -> None:
    assert tried(project, ADD.format(example)) == Trials()


@pytest.mark.parametrize(
    ("example", "message"),
    [
        ("Example(args={'a': 1, 'b': 2}, returns=4)", "add(a=1, b=2): expected 4, found 3"),
        ("Example(args={'a': 1}, returns='1')", "add(a=1): expected '1', found 1"),
        ("Example(args={'a': 1}, returns=None)", "add(a=1): expected None, found 1"),
        ("Example(args={'a': 1}, raises=ValueError)", "add(a=1): expected ValueError, found 1"),
        (
            "Example(args={'a': 1, 'b': -1}, returns=0)",
            "add(a=1, b=-1): expected 0, found ValueError: no debts",
        ),
        (
            "Example(args={'a': 1, 'b': -1}, raises='KeyError')",
            "add(a=1, b=-1): expected KeyError, found ValueError: no debts",
        ),
        ("Example(args={'a': 1, 'b': -1})", "add(a=1, b=-1): expected any result, found ValueError: no debts"),
    ],
)
def test_a_broken_promise_is_a_reason_at_the_line_of_the_example(project: Project, example: str, message: str) -> None:
    reason = only(tried(project, ADD.format(f"\n    'a question',\n    {example},\n")))
    assert (reason.code, reason.message) == ("example", message)
    assert (reason.file, reason.line, reason.source.strip()) == ("tools/t.py", 8, f"{example},")


def test_arguments_that_do_not_fit_the_tool_are_told_in_the_tools_words(project: Project) -> None:
    reason = only(tried(project, ADD.format("Example(args={'c': 1}, returns=1)")))
    assert "there is no such argument" in reason.message


def test_where_the_tool_raised_is_told_beside_the_example(project: Project) -> None:
    reason = only(tried(project, ADD.format("Example(args={'a': 1, 'b': -1}, returns=0)")))
    assert reason.line == 6
    assert reason.hint.startswith("It was raised at tools/t.py:10")


VALUES = '''
from dataclasses import dataclass

@dataclass
class Order:
    id: str
    lines: tuple[int, ...] = ()

@tool(side_effect="read", examples=[Example(args={"kind": "order"}, returns={"id": "A", "lines": [1, 2]})])
async def order(kind: str) -> Order:
    """An order."""
    return Order("A", (1, 2))
'''


def test_results_are_compared_by_their_json_too_and_async_tools_are_awaited(project: Project) -> None:
    assert tried(project, VALUES) == Trials()
    assert only(tried(project, VALUES.replace("[1, 2]}", "[2]}"))).message.startswith("order(kind='order'): expected {")


def test_values_that_cannot_be_shown_or_compared_are_reasons_not_crashes(project: Project) -> None:
    text = '''
class Odd:
    def __repr__(self) -> str:
        raise RuntimeError("never shown")
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("never equal")

@tool(side_effect="none", examples=[Example(returns=Odd()), Example(returns="x" * 10_000)])
def odd():
    """Odd."""
    return Odd()
'''
    one, other = tried(project, text).reasons
    assert "instance at" in one.message
    assert len(other.message) < 700


@pytest.mark.parametrize(
    "ending", ["raise SystemExit(3)", "raise KeyboardInterrupt", "raise BaseExceptionGroup('g', [SystemExit()])"]
)
def test_whatever_a_tool_raises_is_found(project: Project, ending: str) -> None:
    text = f'''
@tool(side_effect="none", examples=[Example(returns=1)])
def ends():
    """Ends."""
    {ending}
'''
    assert "expected 1, found" in only(tried(project, text)).message


GUARDED = '''
@tool({0}, examples=[Example(returns=0)])
def act({1}):
    """Act."""
    return 1
'''


@pytest.mark.parametrize(
    ("policy", "parameter", "why"),
    [
        ("description='d'", "", "side_effect is write"),
        ("side_effect='idempotent'", "", "side_effect is idempotent"),
        (
            "side_effect='read'",
            "key: __import__('typing').Annotated[str, Secret('KEY', optional=True)] = ''",
            "it needs key",
        ),
    ],
)
def test_what_may_change_something_or_needs_something_is_not_tried(
    project: Project, policy: str, parameter: str, why: str
) -> None:
    assert tried(project, GUARDED.format(policy, parameter)) == Trials(untried=[f"examples of act: {why}"])


def test_a_tool_that_wants_the_state_of_a_graph_is_not_tried_and_one_that_wants_its_context_is(
    project: Project,
) -> None:
    state = "state: __import__('typing').Annotated[dict, __import__('langgraph.prebuilt').prebuilt.InjectedState]"
    trials = tried(project, GUARDED.format("side_effect='none'", state))
    assert trials.untried == ["examples of act: it wants state injected"]
    context = GUARDED.format("side_effect='none'", "context: ToolContext").replace(
        "return 1", "return len(context.call_id) * 0"
    )
    assert tried(project, context) == Trials()


def test_the_settings_decide_which_examples_are_tried(project: Project) -> None:
    writes = GUARDED.format("side_effect='write'", "")
    assert only(tried(project, writes, toolcrib="verify: {examples: all}")).message == "act(): expected 0, found 1"
    text = GUARDED.format("side_effect='none'", "") + "\n@selftest\ndef own():\n    raise ValueError\n"
    assert tried(project, text, toolcrib="verify: {examples: skip}").untried == [
        "examples of act: verify.examples is skip",
        "selftest own in tools/t.py: verify.examples is skip",
    ]


SELFTESTS = '''
@tool
def act():
    """Act."""

@selftest
def sums():
    total = 1 + 1
    assert total == {0}

@selftest
async def later():
    pass
'''


def test_a_selftest_that_fails_is_a_reason_at_the_line_that_failed(project: Project) -> None:
    assert tried(project, SELFTESTS.format(2)) == Trials()
    reason = only(tried(project, SELFTESTS.format(3)))
    assert (reason.code, reason.file, reason.line) == ("selftest", "tools/t.py", 13)
    assert reason.message == "selftest sums failed: AssertionError"
    assert reason.source.strip() == "assert total == 3"


def test_selftests_of_helper_modules_are_tried_once_where_they_are_defined(project: Project) -> None:
    helper = "from toolcrib.core.decorator import selftest\n@selftest\ndef own():\n    raise ValueError('broken')\n"
    text = 'from lib.rates import own\n@tool\ndef act():\n    """Act."""\n'
    reason = only(tried(project, text, lib__rates=helper))
    assert (reason.file, reason.line, reason.message) == ("lib/rates.py", 4, "selftest own failed: ValueError: broken")


def test_a_selftest_that_wants_arguments_cannot_be_called(project: Project) -> None:
    reason = only(tried(project, '@tool\ndef act():\n    """Act."""\n@selftest\ndef wants(x):\n    pass\n'))
    assert "missing 1 required positional argument" in reason.message


def test_code_that_has_passed_is_not_tried_again_and_code_that_changed_is(project: Project) -> None:
    files: dict[str, str | bytes] = {
        "tools/a.py": HEAD + ADD.format("Example(args={'a': 1}, returns=9)"),
        "tools/b.py": HEAD + SELFTESTS.format(9),
    }
    first = loaded(project, files)
    passed = frozenset(first.space.closure_of(path)[:CLOSURE_CHARS] for path in files)
    assert try_promises(first, passed=passed, progress=lambda path, doing: None) == Trials()
    told: list[tuple[str, str]] = []
    edited = {path: text.replace("Add.", "Sum.") if isinstance(text, str) else text for path, text in files.items()}
    again = loaded(project, edited)
    trials = try_promises(again, passed=passed, progress=lambda path, doing: told.append((path, doing)))
    assert [reason.code for reason in trials.reasons] == ["example"]
    assert told == [("tools/a.py", "example 1 of tool 'add'")]


def test_an_example_made_elsewhere_is_blamed_on_the_tool(project: Project) -> None:
    text = '''
make = eval("lambda: Example(returns=0)", {"Example": Example})
@tool(side_effect="none", examples=[make()])
def act():
    """Act."""
    return 1
'''
    assert only(tried(project, text)).line == 7


SENSITIVE = '''
from typing import Annotated
from toolcrib.core.decorator import Sensitive

@tool(side_effect="none", examples=[
    Example(args={"card": "4111-1111", "amount": 1}, returns={"token": "tok-one", "paid": 2}),
    Example(args={"card": "4111-2222", "amount": 0}, returns=None),
])
def pay(
    card: Annotated[str, Sensitive()], amount: int
) -> Annotated[dict[str, object], Sensitive()]:
    """Pay."""
    if not amount:
        raise ValueError(f"{card} is blocked")
    return {"token": "tok-two", "paid": amount}
'''


def test_what_is_said_of_a_failed_example_shows_nothing_sensitive(project: Project) -> None:
    told = [reason.message for reason in tried(project, SENSITIVE).reasons]
    assert told == [
        "pay(card='[redacted]', amount=1): expected '[redacted]', found '[redacted]'",
        "pay(card='[redacted]', amount=0): expected '[redacted]', found ValueError: [redacted] is blocked",
    ]
