"""Who may import what: the project imports no tenant's code, and a tenant only its own and the project's."""

import ast
from collections.abc import Iterable, Iterator, Mapping

from toolcrib.core.reasons import Reason
from toolcrib.loader.compiling import Import, source_line
from toolcrib.loader.dotted import is_package, relative_name
from toolcrib.loader.modules import SourceFile
from toolcrib.loader.reading.tenants import TENANTS, tenant_of


def crossings(files: Mapping[str, SourceFile]) -> list[Reason]:
    """Import statements that reach into the folder of a tenant from outside of it.

    This guards against mistakes: all code of a project is run by the same process, which keeps nobody out.
    """
    tenants = {tenant_of(path) for path in files} - {""}
    if not tenants:
        return []
    return [reason for path, file in sorted(files.items()) for reason in _crossings(path, file, tenants)]


def _crossings(path: str, file: SourceFile, tenants: Iterable[str]) -> Iterator[Reason]:
    mine = tenant_of(path)
    for statement in file.compiled.imports:
        for tenant in sorted({*_reached(statement, path)} & {*tenants, ""} - {mine or None}):
            whose = f"the folder of tenant {tenant!r}" if tenant else "the folders of all tenants"
            line = _line(file, statement)
            yield Reason(
                code="tenant_import",
                message=f"this imports from {whose}, which others do not see",
                file=path,
                line=line,
                column=1,
                hint=f"Move what both need out of `{TENANTS}/`.",
                source=source_line(file.source, line),
            )


def _reached(statement: Import, path: str) -> Iterator[str]:
    """Tenants whose folder a statement reaches into; empty for all of them."""
    level, module, names = statement
    base = _absolute(level, module, path)
    for target in [base] if len(base.split(".")) > 1 or not names else [f"{base}.{name}" for name in names]:
        folder, _, rest = target.partition(".")
        if folder == TENANTS:
            tenant = rest.partition(".")[0]
            yield "" if tenant in ("", "*") else tenant


def _absolute(level: int, module: str, path: str) -> str:
    """The module that a statement in this file names, as dotted name in the project."""
    if not level:
        return module
    package = path.removesuffix("/__init__.py") if is_package(path) else path.rpartition("/")[0]
    try:
        return relative_name(module, f"_._.{package.replace('/', '.')}", level)
    except ImportError:
        return ""


def _line(file: SourceFile, statement: Import) -> int:
    level, module, names = statement
    for node in ast.walk(ast.parse(file.source)):
        match node:
            case ast.ImportFrom() if (node.level, node.module or "") == (level, module):
                return node.lineno
            case ast.Import() if any(one.name in (module, f"{module}.{''.join(names)}") for one in node.names):
                return node.lineno
            case _:
                continue
    return 1
