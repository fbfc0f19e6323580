"""Trying what the authors of tools promised: examples and selftests, in the verifier's child."""

import asyncio
import inspect
import reprlib
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic_core import to_jsonable_python

from toolcrib.core.calls import ToolContext
from toolcrib.core.decorator import ANYTHING, SELFTEST_MARK, Example
from toolcrib.core.policies.recovery import names_of
from toolcrib.core.reasons import Reason
from toolcrib.core.redaction import Mask, hides, hiding, redact, texts_of, within
from toolcrib.core.results import jsonable
from toolcrib.core.tools import Tool
from toolcrib.loader.blame import blame, files_of, whole_line
from toolcrib.loader.modules import ProjectModule, SourceFile
from toolcrib.loader.project import LoadedProject

Progress = Callable[[str, str], None]
CLOSURE_CHARS = 16
"""So much of the digest of a module and all it imports tells code that has passed from code that has not."""
_HINT = "Mend the tool, or its example."


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """What became of them: a reason for each that failed, and a line for each tool whose examples were not tried."""

    reasons: list[Reason] = field(default_factory=list)
    untried: list[str] = field(default_factory=list)


def try_promises(project: LoadedProject, *, passed: Collection[str], progress: Progress) -> Trials:
    """Try the examples and selftests of all code that is new.

    Args:
        project: the candidate, loaded.
        passed: beginnings of the digests of modules that have passed before.
        progress: told the file and the words for each trial before its code runs.
    """
    space, which = project.space, project.config.settings.verify.examples
    files = files_of(space)
    trials = Trials()
    with asyncio.Runner() as runner:
        for name, tool in _with_code_of_their_own(project):
            if not tool.examples or space.closure_of(tool.spec.file)[:CLOSURE_CHARS] in passed:
                continue
            if hindrance := _hindrance(tool, which):
                trials.untried.append(f"examples of {name}: {hindrance}")
                continue
            for number, example in enumerate(tool.examples, start=1):
                progress(tool.spec.file, f"example {number} of tool {name!r}")
                trials.reasons.extend(_try_example(tool, example, files, runner))
        for module, function in _selftests(project):
            if module.closure[:CLOSURE_CHARS] in passed:
                continue
            if which == "skip":
                trials.untried.append(f"selftest {function.__name__} in {module.path}: verify.examples is skip")
                continue
            progress(module.path, f"selftest {function.__name__}")
            trials.reasons.extend(_try_selftest(module, function, files, runner))
    return trials


def _with_code_of_their_own(project: LoadedProject) -> list[tuple[str, Tool]]:
    """Each tool once, those of tenants too, under the policy of those for whom it stands first."""
    found: dict[str, Tool] = {}
    for tool in project.all_tools:
        found.setdefault(tool.spec.address, tool)
    return sorted(((tool.name, tool) for tool in found.values()), key=lambda one: (one[0], one[1].spec.place))


def _hindrance(tool: Tool, which: str) -> str:
    """Why the examples of a tool are not tried; empty when they are."""
    policy = tool.spec.policy
    if which == "skip":
        return "verify.examples is skip"
    if which != "all" and policy.side_effect not in ("none", "read"):
        return f"side_effect is {policy.side_effect}"
    if tool.needs:
        return f"it needs {', '.join(sorted(tool.needs))}"
    if wanted := sorted(tool.injects - {"context"}):
        return f"it wants {', '.join(wanted)} injected"
    return ""


def _try_example(
    tool: Tool, example: Example, files: Mapping[str, SourceFile], runner: asyncio.Runner
) -> Iterator[Reason]:
    """A reason when what was found is not what was expected."""
    home = files.get(example.file)
    place = whole_line(files, home.path, example.line) if home else whole_line(files, tool.spec.file, tool.spec.line)
    masks = tool.spec.sensitive
    expected = _name(example.raises) if example.raises else _shown(example.returns, masks.result)
    hint = _HINT
    try:
        found = _finished(lambda: _call(tool, example), runner)
    except BaseException as error:  # noqa: BLE001 - outer guard: project code may raise anything, SystemExit included
        if example.raises and _fits(error, example.raises):
            return
        raised = blame(error, code="example", path=tool.spec.file, files=files)
        text = hiding(texts_of(example.args, masks.args))(raised.message)
        if raised.place != place.place and raised.line > 1:
            hint = f"It was raised at {raised.place}. {_HINT}"
    else:
        if not example.raises and _equal(example.returns, found):
            return
        text = _shown(found, masks.result)
    if example.returns is ANYTHING and not example.raises:
        expected = "any result"
    message = f"{tool.name}({_arguments(example, masks.args)}): expected {expected}, found {text}"
    yield replace(place, code="example", message=message, hint=hint)


def _call(tool: Tool, example: Example) -> Any:
    context = ToolContext(tool=tool.name, call_id="example", release="")
    return tool.run(tool.validate(dict(example.args)), context)


def _selftests(project: LoadedProject) -> Iterator[tuple[ProjectModule, Callable[[], Any]]]:
    """Marked functions, each in the module that defines it."""
    for module in project.space.fresh:
        for value in list(vars(module.module).values()):
            own = inspect.isroutine(value) and value.__module__ == module.module.__name__
            if own and getattr(value, SELFTEST_MARK, False) is True:
                yield module, value


def _try_selftest(
    module: ProjectModule, function: Callable[[], Any], files: Mapping[str, SourceFile], runner: asyncio.Runner
) -> Iterator[Reason]:
    try:
        _finished(function, runner)
    except BaseException as error:  # noqa: BLE001 - outer guard: project code may raise anything, SystemExit included
        raised = blame(error, code="selftest", path=module.path, files=files)
        message = f"selftest {function.__name__} failed: {raised.message}"
        yield replace(raised, message=message, hint="Mend the code, or its selftest.")


def _finished(function: Callable[[], Any], runner: asyncio.Runner) -> Any:
    """What a function, sync or async, comes to."""
    value = function()
    return runner.run(_awaited(value)) if inspect.isawaitable(value) else value


async def _awaited(value: Awaitable[Any]) -> Any:
    return await value


def _fits(error: BaseException, wanted: type[BaseException] | str) -> bool:
    return wanted in names_of(error) if isinstance(wanted, str) else isinstance(error, wanted)


def _equal(expected: Any, found: Any) -> bool:
    """Whether they are equal, or have the same JSON, as the model sees it."""
    if expected is ANYTHING:
        return True
    try:
        return bool(expected == found) or to_jsonable_python(expected) == to_jsonable_python(found)
    except Exception:  # noqa: BLE001 - outer guard: comparing runs code of the values, and not every value has JSON
        return False


def _arguments(example: Example, mask: Mask) -> str:
    return ", ".join(f"{name}={_shown(value, within(mask, name))}" for name, value in example.args.items())


def _name(wanted: type[BaseException] | str) -> str:
    return wanted if isinstance(wanted, str) else wanted.__name__


def _shown(value: Any, mask: Mask) -> str:
    """A value in a message: short, whatever its own `__repr__` does, and without what is sensitive."""
    if hides(mask):
        value = redact(jsonable(value), mask)
    short = reprlib.Repr()
    short.maxstring = short.maxother = 200
    short.maxdict = short.maxlist = short.maxlevel = 8
    return short.repr(value)
