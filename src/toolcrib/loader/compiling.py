"""Source -> code object and the list of its imports; needs no project code to run, so it is safe anywhere."""

import ast
import importlib.util
import io
import marshal
from dataclasses import dataclass
from importlib.abc import InspectLoader
from types import CodeType

from toolcrib.core.reasons import Reason

Import = tuple[int, str, tuple[str, ...]]
"""One import statement: level (0 absolute), module as written, names of a `from` import (`*` for a star)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """One compiled source file.

    Attributes:
        code: marshalled code object, for this interpreter version only.
        imports: every import statement in it, also those inside functions.
    """

    code: bytes
    imports: tuple[Import, ...]

    def load(self) -> CodeType:
        """The code object: takes a fraction of compiling, and does not hold up other threads for long."""
        code = marshal.loads(self.code)
        assert isinstance(code, CodeType)
        return code


class SourceLoader(InspectLoader):
    """Enough of a loader for `inspect` and `linecache`: the source as it was executed."""

    def __init__(self, text: str) -> None:
        self._text = text

    def get_source(self, fullname: str) -> str:
        """The text of the module."""
        return self._text


def module_file(root: str, path: str, digest: str) -> str:
    """The `__file__` of a project module: in the project's real directory, with the digest of its bytes in the name.

    So data files are found beside it, tracebacks name the version that ran, and `linecache` keeps versions apart.
    """
    directory, _, name = path.rpartition("/")
    stem = name.removesuffix(".py")
    return f"{root}/{directory}{'/' if directory else ''}{stem}@{digest[:8]}.py"


def compile_source(source: bytes, *, path: str, filename: str) -> Compiled | Reason:
    """Compile one file, or say where and why it cannot be.

    Args:
        source: the file's bytes.
        path: path in the project, for the reason.
        filename: what tracebacks will say.
    """
    try:
        tree = ast.parse(source, filename)
        code = marshal.dumps(compile(tree, filename, "exec", dont_inherit=True))
    except SyntaxError as error:
        return _syntax_reason(error, path, source)
    except (ValueError, RecursionError, MemoryError) as error:
        hint = "Save the file as plain UTF-8 text." if isinstance(error, ValueError) else "Split the expression."
        return Reason(code="syntax", message=f"cannot be compiled: {error}", file=path, line=1, column=1, hint=hint)
    return Compiled(code=code, imports=tuple(_imports(tree)))


def source_lines(source: bytes) -> list[str]:
    """The lines of a file, with their ends, as Python counts them and in the encoding the file names."""
    try:
        text = importlib.util.decode_source(source)
    except (SyntaxError, UnicodeDecodeError):
        text = source.decode("utf-8", "replace")
    return io.StringIO(text).readlines()


def source_line(source: bytes, line: int) -> str:
    """One line of a file without its end; empty when there is none."""
    lines = source_lines(source)
    return lines[line - 1].rstrip("\r\n") if 0 < line <= len(lines) else ""


def _imports(tree: ast.Module) -> list[Import]:
    """All import statements; `import a.b as c` gives only `a.b`, so it stands here as `from a import b`."""
    found: list[Import] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                parent, _, leaf = alias.name.rpartition(".")
                found.append((0, parent, (leaf,)) if alias.asname and parent else (0, alias.name, ()))
        elif isinstance(node, ast.ImportFrom):
            found.append((node.level, node.module or "", tuple(alias.name for alias in node.names)))
    return found


def _syntax_reason(error: SyntaxError, path: str, source: bytes) -> Reason:
    line = error.lineno or 1
    column = max(1, error.offset or 1)
    same_line = error.end_lineno == error.lineno
    return Reason(
        code="syntax",
        message=error.msg,
        file=path,
        line=max(1, line),
        column=column,
        end_column=error.end_offset or 0 if same_line else 0,
        hint="Mend the Python syntax and save again.",
        source=source_line(source, line),
    )
