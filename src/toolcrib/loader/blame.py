"""From an exception in project code to the place in the project that is to blame."""

import difflib
import re
from collections.abc import Iterable, Mapping
from types import TracebackType

from toolcrib.core.names import without_digests
from toolcrib.core.reasons import Reason
from toolcrib.loader.cold.missing import compiled_hint, missing_hint
from toolcrib.loader.compiling import module_file, source_line
from toolcrib.loader.modules import ModuleSpace, SourceFile

_FROM = re.compile(r"cannot import name '(?P<name>\w+)' from '(?P<module>[\w.]+)' .*", re.DOTALL)


def blame(
    error: BaseException,
    *,
    code: str,
    path: str,
    files: Mapping[str, SourceFile],
    names: Iterable[str] = (),
    root: str = "",
) -> Reason:
    """The reason for an exception that project code raised.

    Args:
        error: the exception.
        code: code of the reason, e.g. `import`.
        path: the file that was being loaded, blamed when no frame of the project is in the traceback.
        files: `__file__` of each module -> its source file.
        names: dotted names of the project's modules, for hints.
        root: the project's directory: what it asks to have installed, for hints.
    """
    place = _deepest(error.__traceback__, files)
    file, line, column, end_column = place or (path, 1, 0, 0)
    detail = without_digests(f"{type(error).__name__}: {_said(error)}".rstrip(": "))
    return Reason(
        code=code,
        message=detail[:1000],
        file=file,
        line=line,
        column=column,
        end_column=end_column,
        hint=_hint(error, tuple(names), root),
        source=line_of(files, file, line),
    )


def files_of(space: ModuleSpace) -> Mapping[str, SourceFile]:
    """`__file__` of each module of a release -> its source file."""
    return {module_file(space.root, file.path, file.digest): file for file in space.files}


def line_of(files: Mapping[str, SourceFile], path: str, line: int) -> str:
    """The text of one line of a project file; empty when there is none."""
    for file in files.values():
        if file.path == path:
            return source_line(file.source, line)
    return ""


def whole_line(files: Mapping[str, SourceFile], path: str, line: int) -> Reason:
    """A reason without words, at the whole of a line."""
    text = line_of(files, path, line)
    column = len(text) - len(text.lstrip()) + 1
    return Reason(code="", message="", file=path, line=line, column=column, end_column=len(text) + 1, source=text)


def _said(error: BaseException) -> str:
    """The error's own words, fit to be stored and sent."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - outer guard: the class of the error is project code
        return ""
    return text.encode("utf-8", "backslashreplace").decode()


def _deepest(traceback: TracebackType | None, files: Mapping[str, SourceFile]) -> tuple[str, int, int, int] | None:
    """File, line, column and end column of the innermost frame in a project file."""
    found = None
    while traceback is not None:
        if file := files.get(traceback.tb_frame.f_code.co_filename):
            found = (file.path, traceback.tb_lineno, *_columns(traceback, file))
        traceback = traceback.tb_next
    return found


def _columns(traceback: TracebackType, file: SourceFile) -> tuple[int, int]:
    """1-based column and end column of the failing expression, 0 when it spans lines or is not known.

    Code objects count bytes of UTF-8 (https://peps.python.org/pep-0657/); people and editors count characters.
    """
    for index, position in enumerate(traceback.tb_frame.f_code.co_positions()):
        if index == traceback.tb_lasti // 2:
            line, end_line, column, end_column = position
            if line is None or line != end_line or column is None or end_column is None:
                return 0, 0
            text = source_line(file.source, line).encode()
            return len(text[:column].decode()) + 1, len(text[:end_column].decode()) + 1
    return 0, 0


def _hint(error: BaseException, names: tuple[str, ...], root: str) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        leaf = error.name.rpartition(".")[2]
        same = [name for name in names if name.rpartition(".")[2] == leaf]
        close = same or difflib.get_close_matches(error.name, names, n=1, cutoff=0.75)
        if close:
            parent, _, child = close[0].rpartition(".")
            return f"Did you mean `from {parent} import {child}`?" if parent else f"Did you mean `import {child}`?"
        return missing_hint(error.name, root)
    wanted = _FROM.fullmatch(without_digests(_said(error))) if isinstance(error, ImportError) else None
    if wanted and (compiled := compiled_hint(f"{wanted['module']}.{wanted['name']}", root)):
        return compiled
    if isinstance(error, SystemExit):
        return "A module must not end the process while it is imported."
    return "Mend the code; it runs when the module is imported."
