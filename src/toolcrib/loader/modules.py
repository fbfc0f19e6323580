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
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from toolcrib.core.names import ROOT
from toolcrib.loader.compiling import Compiled, Import, SourceLoader, module_file, source_lines
from toolcrib.loader.dotted import child_of, dotted_name, is_package, packages_in, parents_of, relative_name

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
            gone = self._unreachable(live)
            self.drop(gone)
            for entry in gone:
                entry.module.__dict__.clear()
            return len(gone)

    def doomed(self, live: "Iterable[ModuleSpace]") -> frozenset[str]:
        """Real names of the modules that `sweep` would forget."""
        with self.lock:
            return frozenset(entry.module.__name__ for entry in self._unreachable(live))

    def _unreachable(self, live: "Iterable[ModuleSpace]") -> list[ProjectModule]:
        keep = {key for space in live for key in space.reachable()}
        return [module for key, module in self._loaded.items() if key not in keep]

    def drop(self, modules: Iterable[ProjectModule]) -> None:
        """Take modules out of the pool and out of `sys.modules`, loggers and `linecache`; they go on working."""
        gone = list(modules)
        for entry in gone:
            self._loaded.pop(entry.key, None)
            name = entry.module.__name__
            if sys.modules.get(name) is entry.module:
                del sys.modules[name]
                _forget_loggers(name)
        kept = {entry.module.__file__ for entry in self._loaded.values()}
        for file in {entry.module.__file__ for entry in gone} - kept:
            linecache.cache.pop(file or "", None)

    def close(self) -> None:
        """Forget all modules; objects made by them go on working."""
        with self.lock:
            self.drop(list(self._loaded.values()))

    def __len__(self) -> int:
        return len(self._loaded)


class ModuleSpace:
    """The modules of one release: finds the project's names, also below `roots`, and loads each module at most once."""

    def __init__(
        self, *, root: str, digest: str, files: Sequence[SourceFile], pool: ModulePool, roots: Sequence[str] = ()
    ) -> None:
        self.root = root
        self.digest = digest
        self.roots = tuple(roots)
        self._prefix = f"{ROOT}.r_{digest[:16]}"
        self._pool = pool
        self._files = {dotted_name(file.path): file for file in files}
        self._packages = packages_in({name: file.path for name, file in self._files.items()})
        self._closures: dict[str, str] = {}
        self._mine: dict[str, ProjectModule] = {}
        self._loading: dict[str, ModuleType] = {}
        self._new: list[ProjectModule] = []
        self._builtins = {**vars(builtins), "__import__": self._import}
        sys.modules.setdefault(ROOT, _root_package())

    @property
    def files(self) -> tuple[SourceFile, ...]:
        """All Python files of the release."""
        return tuple(self._files.values())

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
        reach = {name for dotted in self._mine for name in self._reach(dotted, named=True)}
        return [self._files[name].path for name in sorted(reach - self._mine.keys())]

    def reachable(self) -> frozenset[Key]:
        """How the pool knows each module this release has or may still import."""
        return frozenset((dotted, self.closure(dotted)) for dotted in self._files)

    def closure(self, dotted: str) -> str:
        """Digest of a module and of every project module it can reach by imports."""
        if dotted not in self._closures:
            reach = sorted(self._reach(dotted))
            lines = "".join(f"{name} {self._files[name].digest}\n" for name in reach)
            self._closures[dotted] = hashlib.sha256(f"{self.root}\n{dotted}\n{lines}".encode()).hexdigest()
        return self._closures[dotted]

    def closure_of(self, path: str) -> str:
        """The same, of the module in this file."""
        return self.closure(dotted_name(path))

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
                raise _missing(dotted)
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
            self._pool.drop(entry for entry in self._new if self._pool.get(entry.key) is entry)
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
        package = is_package(file.path)
        filename = module_file(self.root, file.path, file.digest)
        lines = source_lines(file.source)
        text = "".join(lines)
        loader = SourceLoader(text)
        module.__dict__.update(
            __builtins__=self._builtins,
            __file__=filename,
            __loader__=loader,
            __package__=module.__name__ if package else module.__name__.rpartition(".")[0],
            __spec__=ModuleSpec(module.__name__, loader, origin=filename, is_package=package),
        )
        if package:
            module.__path__ = [filename.rpartition("/")[0]]
        linecache.cache[filename] = (len(text), None, lines, filename)
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
            target = relative_name(name, package, level)
        else:
            target = self._resolved(name)
        if not self._knows(target):
            if level:
                raise _missing(target)
            return self._import_other(name, globals, locals, fromlist or ())
        module = self.load(target) if target in self._files else None
        if not fromlist:
            return self._view(self._resolved(name.partition(".")[0]))
        if module is not None and "*" in fromlist:
            public = getattr(module, "__all__", None)
            if public is None:
                return module
            fromlist = [name for name in public if isinstance(name, str)]
        return self._view(target, names=fromlist)

    def _import_other(
        self,
        name: str,
        globals: Mapping[str, Any] | None,
        locals: Mapping[str, Any] | None,
        fromlist: Sequence[str],
    ) -> ModuleType:
        """The ordinary import. What is nowhere, below a package of the project, is missing in the project."""
        try:
            return builtins.__import__(name, globals, locals, fromlist, 0)
        except ModuleNotFoundError as error:
            if self._knows(self._resolved(name.partition(".")[0])) and f"{name}.".startswith(f"{error.name}."):
                raise _missing(name) from None
            raise

    def _knows(self, dotted: str) -> bool:
        return dotted in self._files or dotted in self._packages

    def _resolved(self, name: str) -> str:
        """The project's name of what an absolute import names; the standard library is hidden by nothing in a root."""
        roots = () if name.partition(".")[0] in sys.stdlib_module_names else self.roots
        inner = (child_of(root.replace("/", "."), name) for root in roots)
        return name if self._knows(name) else next(filter(self._knows, inner), name)

    def _view(self, dotted: str, *, names: Sequence[str] = ()) -> Any:
        """What an import statement binds.

        A plain module is itself. Of a package the importer gets a view whose submodules are those of this release,
        because the package object may be shared with a release whose submodules differ.
        """
        if dotted not in self._packages:
            return self.load(dotted)
        for name in names:
            if (child := child_of(dotted, name)) in self._files:
                self.load(child)
        base = self.load(dotted) if dotted in self._files else None
        return _PackageView(f"{self._prefix}.{dotted}", base, lambda name: self._submodule(dotted, name))

    def _submodule(self, package: str, name: str) -> Any:
        dotted = child_of(package, name)
        return self._view(dotted) if self._knows(dotted) else None

    def _reach(self, dotted: str, *, named: bool = False) -> set[str]:
        """The module itself, its parent packages, and all project modules reachable from it by imports.

        Through a package it imports, a module can reach everything below; `named` leaves out what no statement names.
        """
        reached: set[str] = set()
        todo = [dotted]
        while todo:
            name = todo.pop()
            if name in reached or name not in self._files:
                continue
            reached.add(name)
            todo += parents_of(name)
            package = name if is_package(self._files[name].path) else name.rpartition(".")[0]
            for statement in self._files[name].compiled.imports:
                todo += self._targets(statement, package, named=named)
        return reached

    def _targets(self, statement: Import, package: str, *, named: bool) -> list[str]:
        """Project modules an import statement may bring in; with `named` only those it names."""
        level, module, names = statement
        if level:
            base = relative_name(module, f"{ROOT}._.{package}" if package else f"{ROOT}._", level)
        else:
            base = self._resolved(module)
        if not self._knows(base):
            return []
        found = [base, *(child_of(base, name) for name in names if name != "*"), *parents_of(base)]
        if "*" in names or (named and not names):
            bound = [base]
        else:
            bound = (
                [] if named else [child_of(base, name) for name in names] or [self._resolved(module.partition(".")[0])]
            )
        below = tuple(f"{name}." for name in bound if name in self._packages)
        return found + [name for name in self._files if name.startswith(below)]


class _PackageView(ModuleType):
    """A package as one importer sees it: the package's own names, and this release's submodules."""

    def __init__(self, name: str, base: ModuleType | None, submodule: Callable[[str], Any]) -> None:
        super().__init__(name)
        self.__dict__.update(_view_base=base, _view_submodule=submodule, __doc__=base.__doc__ if base else None)

    def __setattr__(self, name: str, value: Any) -> None:
        if self._view_base is None:
            super().__setattr__(name, value)
        else:
            setattr(self._view_base, name, value)

    def __getattr__(self, name: str) -> Any:
        if self._view_base is not None and hasattr(self._view_base, name):
            return getattr(self._view_base, name)
        found = None if name.startswith("__") else self._view_submodule(name)
        if found is None:
            raise AttributeError(f"module {self.__name__.split('.', 2)[-1]!r} has no attribute {name!r}")
        return found


def _missing(dotted: str) -> ModuleNotFoundError:
    return ModuleNotFoundError(f"No module named {dotted!r} in this project", name=dotted)


def _forget_loggers(name: str) -> None:
    """Take out the module's logger, those below it, and placeholders above that stood for nothing else."""
    known = logging.Logger.manager.loggerDict
    gone = [known.pop(key) for key in list(known) if key == name or key.startswith(f"{name}.")]
    for parent in parents_of(name):
        place = known.get(parent)
        if isinstance(place, logging.PlaceHolder):
            place.loggerMap = {logger: None for logger in place.loggerMap if logger not in gone}
            if not place.loggerMap:
                del known[parent]


def _root_package() -> ModuleType:
    root = ModuleType(ROOT, "Parent of all project modules; see toolcrib.loader.modules.")
    root.__path__ = []
    return root
