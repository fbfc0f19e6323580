"""Two versions of a module side by side: digest-named modules with an import of their own.

Every project module is executed under a name that holds the digest of the release that first needed it
(`_toolcrib.r_<digest>.tools.math`), stands in `sys.modules` under that name only, and has a `__builtins__` of its own
whose `__import__` finds the project's modules inside the same release; everything else is the ordinary import. Imports
inside functions therefore stay in their release too. A module whose bytes and project imports are unchanged is shared:
the pool knows it by its name and the digest of itself and all it imports.
"""

import builtins
import hashlib
import linecache
import logging
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import InspectLoader
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from toolcrib.loader.compiling import Compiled, Import, module_file

ROOT = "_toolcrib"
Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One Python file of a bundle: its path, the digest of its bytes, its text and its compiled form."""

    path: str
    digest: str
    source: bytes
    compiled: Compiled


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProjectModule:
    """A loaded module: `dotted` is its name in the project, `closure` the digest of it and all it imports."""

    dotted: str
    path: str
    closure: str
    module: ModuleType

    @property
    def key(self) -> Key:
        """How the pool knows it."""
        return self.dotted, self.closure


class ModulePool:
    """All loaded project modules of this process, by (dotted name, closure digest)."""

    def __init__(self) -> None:
        self._loaded: dict[Key, ProjectModule] = {}
        self.lock = threading.RLock()

    def get(self, key: Key) -> ProjectModule | None:
        """The loaded module, if some release has loaded it."""
        return self._loaded.get(key)

    def add(self, module: ProjectModule) -> None:
        """Take in a module whose code has run."""
        self._loaded[module.key] = module

    def sweep(self, live: "Iterable[ModuleSpace]") -> int:
        """Forget the modules that none of the `live` releases can reach, and clear their namespaces.

        Clearing breaks the cycles through which pydantic's generics would keep every version for ever. It is safe only
        when no function of a forgotten module runs any more: the caller has drained their releases.

        Returns:
            How many modules were forgotten.
        """
        with self.lock:
            keep = {key for space in live for key in space.reachable()}
            gone = [module for key, module in self._loaded.items() if key not in keep]
            self.drop(gone)
            for entry in gone:
                entry.module.__dict__.clear()
            return len(gone)

    def drop(self, modules: Iterable[ProjectModule]) -> None:
        """Take modules out of the pool and out of `sys.modules`, loggers and `linecache`; they go on working."""
        for entry in modules:
            self._loaded.pop(entry.key, None)
            name = entry.module.__name__
            if sys.modules.get(name) is entry.module:
                del sys.modules[name]
            logging.Logger.manager.loggerDict.pop(name, None)
            linecache.cache.pop(entry.module.__file__ or "", None)

    def __len__(self) -> int:
        return len(self._loaded)


class ModuleSpace:
    """The modules of one release: resolves the project's own names and loads each module at most once."""

    def __init__(self, *, root: str, digest: str, files: Sequence[SourceFile], pool: ModulePool) -> None:
        self._root = root
        self._prefix = f"{ROOT}.r_{digest[:16]}"
        self._pool = pool
        self._files = {dotted_name(file.path): file for file in files}
        self._packages = _packages(self._files)
        self._closures: dict[str, str] = {}
        self._mine: dict[str, ProjectModule] = {}
        self._loading: dict[str, ModuleType] = {}
        self._new: list[ProjectModule] = []
        self._builtins = {**vars(builtins), "__import__": self._import}
        sys.modules.setdefault(ROOT, _root_package())

    @property
    def names(self) -> frozenset[str]:
        """Dotted names of all modules of the project."""
        return frozenset(self._files)

    @property
    def fresh(self) -> tuple[ProjectModule, ...]:
        """The modules this release has executed itself, in order; all others it shares with earlier ones."""
        return tuple(self._new)

    def later(self) -> list[str]:
        """Paths of the modules that loaded ones may still import, inside a function or after a condition."""
        reach = {name for dotted in self._mine for name in self._reach(dotted)}
        return [self._files[name].path for name in sorted(reach - self._mine.keys())]

    def reachable(self) -> frozenset[Key]:
        """How the pool knows each module this release has or may still import."""
        return frozenset((dotted, self.closure(dotted)) for dotted in self._files)

    def closure(self, dotted: str) -> str:
        """Digest of a module and of every project module it can reach by imports."""
        if dotted not in self._closures:
            reach = sorted(self._reach(dotted))
            lines = "".join(f"{name} {self._files[name].digest}\n" for name in reach)
            self._closures[dotted] = hashlib.sha256(f"{self._root}\n{dotted}\n{lines}".encode()).hexdigest()
        return self._closures[dotted]

    def load(self, dotted: str) -> ModuleType:
        """The module of this project name, executed when no release has done so.

        Raises:
            ModuleNotFoundError: the project has no such module.
            BaseException: whatever the module's code raises; it is then as if it had never been loaded.
        """
        if entry := self._mine.get(dotted):
            return entry.module
        with self._pool.lock:
            if entry := self._mine.get(dotted):
                return entry.module
            if dotted in self._loading:
                return self._loading[dotted]
            file = self._files.get(dotted)
            if file is None:
                raise ModuleNotFoundError(f"No module named {dotted!r} in this project", name=dotted)
            if (parent := dotted.rpartition(".")[0]) in self._files:
                self.load(parent)
            shared = self._pool.get((dotted, self.closure(dotted)))
            if shared is None:
                shared = self._execute(dotted, file)
            self._mine[dotted] = shared
            return shared.module

    def discard(self) -> None:
        """Undo every load of this space: for a candidate that failed, whose modules nobody else can have seen."""
        with self._pool.lock:
            self._pool.drop(self._new)
            self._new.clear()
            self._mine.clear()

    def retire(self) -> None:
        """Keep only what modules shared with living releases may still import through this space."""
        with self._pool.lock:
            self._mine = {name: entry for name, entry in self._mine.items() if self._pool.get(entry.key) is entry}
            needed = {name for dotted in self._mine for name in self._reach(dotted)}
            self._files = {name: file for name, file in self._files.items() if name in needed}
            self._new.clear()

    def _execute(self, dotted: str, file: SourceFile) -> ProjectModule:
        module = self._blank(dotted, file)
        entry = ProjectModule(dotted=dotted, path=file.path, closure=self.closure(dotted), module=module)
        sys.modules[module.__name__] = module
        self._loading[dotted] = module
        try:
            exec(file.compiled.load(), module.__dict__)
        except BaseException:
            self._pool.drop([entry])
            raise
        finally:
            del self._loading[dotted]
        self._pool.add(entry)
        self._new.append(entry)
        return entry

    def _blank(self, dotted: str, file: SourceFile) -> ModuleType:
        """The module before its code has run."""
        module = ModuleType(f"{self._prefix}.{dotted}")
        is_package = file.path.endswith("__init__.py")
        filename = module_file(self._root, file.path, file.digest)
        loader = _SourceLoader(file.source)
        module.__dict__.update(
            __builtins__=self._builtins,
            __file__=filename,
            __loader__=loader,
            __package__=module.__name__ if is_package else module.__name__.rpartition(".")[0],
            __spec__=ModuleSpec(module.__name__, loader, origin=filename, is_package=is_package),
        )
        if is_package:
            module.__path__ = [filename.rpartition("/")[0]]
        text = file.source.decode("utf-8", "replace")
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
        return module

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        """`__import__` for the project's modules: own names first, the ordinary import for all others."""
        target = name
        if level:
            package = str((globals or {}).get("__package__") or "")
            if not package.startswith(f"{ROOT}."):
                return builtins.__import__(name, globals, locals, fromlist or (), level)
            target = _relative(name, package, level)
        if not self._knows(target):
            if level:
                raise ModuleNotFoundError(f"No module named {target!r} in this project", name=target)
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        if target in self._files:
            self.load(target)
        if not fromlist:
            return self._view(target.partition(".")[0])
        if "*" in fromlist and target in self._files:
            return self.load(target)
        return self._view(target, names=fromlist)

    def _knows(self, dotted: str) -> bool:
        return dotted in self._files or dotted in self._packages

    def _view(self, dotted: str, *, names: Sequence[str] = ()) -> Any:
        """What an import statement binds.

        A plain module is itself. Of a package the importer gets a view whose submodules are those of this release,
        because the package object may be shared with a release whose submodules differ.
        """
        if dotted not in self._packages:
            return self.load(dotted)
        for name in names:
            if f"{dotted}.{name}" in self._files:
                self.load(f"{dotted}.{name}")
        base = self.load(dotted) if dotted in self._files else None
        return _PackageView(f"{self._prefix}.{dotted}", base, lambda name: self._submodule(dotted, name))

    def _submodule(self, package: str, name: str) -> Any:
        dotted = f"{package}.{name}"
        if dotted in self._packages:
            return self._view(dotted)
        return self.load(dotted) if dotted in self._files else None

    def _reach(self, dotted: str) -> set[str]:
        """The module itself, its parent packages, and all project modules reachable from it by imports."""
        reached: set[str] = set()
        todo = [dotted]
        while todo:
            name = todo.pop()
            if name in reached or name not in self._files:
                continue
            reached.add(name)
            todo += _parents(name)
            package = name if self._files[name].path.endswith("__init__.py") else name.rpartition(".")[0]
            for statement in self._files[name].compiled.imports:
                todo += self._targets(statement, package)
        return reached

    def _targets(self, statement: Import, package: str) -> list[str]:
        """Project modules an import statement may bring in."""
        level, module, names = statement
        base = _relative(module, f"{ROOT}._.{package}" if package else f"{ROOT}._", level) if level else module
        if not self._knows(base):
            return []
        found = [base, *(f"{base}.{name}" for name in names), *_parents(base)]
        if base in self._packages and (not names or "*" in names):
            found += [name for name in self._files if name.startswith(f"{base}.")]
        return found


class _PackageView(ModuleType):
    """A package as one importer sees it: the package's own names, and this release's submodules."""

    def __init__(self, name: str, base: ModuleType | None, submodule: Callable[[str], Any]) -> None:
        super().__init__(name)
        self.__dict__.update(_view_base=base, _view_submodule=submodule)

    def __getattr__(self, name: str) -> Any:
        if self._view_base is not None and hasattr(self._view_base, name):
            return getattr(self._view_base, name)
        found = None if name.startswith("__") else self._view_submodule(name)
        if found is None:
            raise AttributeError(f"module {self.__name__.split('.', 2)[-1]!r} has no attribute {name!r}")
        return found


class _SourceLoader(InspectLoader):
    """Enough of a loader for `inspect` and `linecache`: the source as it was executed."""

    def __init__(self, source: bytes) -> None:
        self._source = source

    def get_source(self, fullname: str) -> str:
        """The text of the module."""
        return self._source.decode("utf-8", "replace")


def dotted_name(path: str) -> str:
    """`tools/math.py` -> `tools.math`, `tools/__init__.py` -> `tools`."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _packages(files: Mapping[str, SourceFile]) -> frozenset[str]:
    """Dotted names of all directories that hold modules, with or without `__init__.py`."""
    inside = {parent for name in files for parent in _parents(name)}
    return frozenset(inside | {name for name, file in files.items() if file.path.endswith("/__init__.py")})


def _parents(dotted: str) -> list[str]:
    parts = dotted.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]


def _relative(name: str, package: str, level: int) -> str:
    """The project name of a relative import in `package` (`_toolcrib.r_x.tools`)."""
    parts = package.split(".")[2:]
    if level > len(parts) + 1:
        raise ImportError("attempted relative import beyond the project's top directory")
    base = parts[: len(parts) - (level - 1)]
    return ".".join([*base, *([name] if name else [])])


def _root_package() -> ModuleType:
    root = ModuleType(ROOT, "Parent of all project modules; see toolcrib.loader.modules.")
    root.__path__ = []
    return root
