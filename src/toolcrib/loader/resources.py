"""Finding the resources in loaded modules, and giving each tool those it asks for."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

from toolcrib.core.reasons import Reason
from toolcrib.core.tools import Tool
from toolcrib.loader.blame import whole_line
from toolcrib.loader.modules import ModuleSpace, SourceFile
from toolcrib.tools.resources.catalogue import Catalogue, Home, digest_of, is_factory
from toolcrib.tools.schema import SchemaError


class ResourceFinder:
    """The resources of a candidate, and everything wrong with them, each mistake told once."""

    def __init__(self, *, space: ModuleSpace, files: Mapping[str, SourceFile], env: Mapping[str, str]) -> None:
        self._space = space
        self._files = files
        self._told: list[SchemaError] = []
        self.reasons: list[Reason] = []
        self.catalogue = Catalogue(home_of=self._home, env=env)

    def read(self, modules: list[ModuleType]) -> None:
        """Take in the marked functions that these modules show; by their names they are known to all tools."""
        found = {id(value): value for module in modules for value in _factories(module)}
        for step in (self.catalogue.add, self.catalogue.make):
            for factory in found.values():
                self._guard(factory, step)

    def bound(self, tool: Tool, function: Callable[..., Any]) -> Tool:
        """The tool with what its function asks for; its digest changes with the code of what it is given."""
        needs = self._guard(function, self.catalogue.needs_of)
        if not needs:
            return tool
        digest = digest_of(tool.spec.digest, needs)[: len(tool.spec.digest)]
        return replace(tool, needs=needs, spec=replace(tool.spec, digest=digest))

    def _guard(self, function: Callable[..., Any], step: Callable[[Callable[..., Any]], Any]) -> Any:
        try:
            return step(function)
        except SchemaError as error:
            if not any(error is told for told in self._told):
                self._told.append(error)
                home = self._home(function)
                code = "resource" if error.code == "tool" and is_factory(function) else error.code
                place = whole_line(self._files, home.file, home.line)
                self.reasons.append(replace(place, code=code, message=str(error), hint=error.hint))
        return None

    def _home(self, function: Callable[..., Any]) -> Home:
        """Where a function is; one of an installed package is nowhere in the project, and never changes."""
        code = getattr(inspect.unwrap(function), "__code__", None)
        file = self._files.get(code.co_filename) if code else None
        if code is None or file is None:
            return Home(closure=f"{function.__module__}.{function.__qualname__}")
        return Home(file=file.path, line=code.co_firstlineno, closure=self._space.closure_of(file.path))


def _factories(module: ModuleType) -> Iterator[Any]:
    return (value for value in list(vars(module).values()) if is_factory(value))
