"""The resources of one release: its factories by name, what each needs, and which of them other releases may share."""

import hashlib
import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

from toolcrib.core.decorator import RESOURCE_MARK, Port, Resource, ResourceDeclaration, Secret
from toolcrib.core.names import did_you_mean
from toolcrib.core.tools import Need, ResourceSpec
from toolcrib.tools.python import check_name
from toolcrib.tools.schema import SchemaError, read_hints, wish_in

MAX_SIZE = 1_000
_SECONDS = (("max_age_s", 0.001, True), ("health_every_s", 0, False), ("idle_s", 0.001, True))
"""Field, least value, and whether it may be None."""
_NO_NAME = frozenset(
    {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
)
Factory = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where a function is defined: path and 1-based line in the project, and the digest of all code it can reach."""

    file: str = ""
    line: int = 0
    closure: str = ""


class Catalogue:
    """The resources of one release.

    A mistake in a factory is raised once more, as the same object, by everything that needs it, so that it can be told
    once.
    """

    def __init__(self, *, home_of: Callable[[Factory], Home], env: Mapping[str, str]) -> None:
        self._home_of = home_of
        self._env = env
        self._named: dict[str, Factory] = {}
        self._made: dict[int, ResourceSpec | SchemaError] = {}

    @property
    def specs(self) -> Mapping[str, ResourceSpec]:
        """Name -> resource, of all that were made so far."""
        return MappingProxyType({made.name: made for made in self._made.values() if isinstance(made, ResourceSpec)})

    def add(self, factory: Factory) -> None:
        """Take in a marked function; it may be asked for by its name from then on.

        Raises:
            SchemaError: its name is taken, or is none.
        """
        try:
            self._name(factory)
        except SchemaError as error:
            self._made[id(factory)] = error
            raise

    def _name(self, factory: Factory) -> None:
        name = check_name(_declared(factory).name or factory.__name__, kind="resource")
        other = self._named.setdefault(name, factory)
        if other is not factory:
            home = self._home_of(other)
            raise SchemaError(
                f"resource {name!r} is defined twice: here and at {home.file}:{home.line}",
                "Rename one of them: @resource(name=...).",
                code="duplicate_resource",
            )

    def make(self, factory: Factory, *, above: tuple[Factory, ...] = ()) -> ResourceSpec:
        """The resource of a marked function; `above` are those that need it, the outermost first.

        Raises:
            SchemaError: the function, what was said of it, or something it needs, cannot be used.
        """
        made = self._made.get(id(factory))
        if made is None:
            try:
                made = self._make(factory, above)
            except SchemaError as error:
                made = error
            self._made[id(factory)] = made
        if isinstance(made, SchemaError):
            raise made
        return made

    def needs_of(self, function: Factory, *, above: tuple[Factory, ...] = ()) -> Mapping[str, Need]:
        """Parameter -> what to fill in, for those parameters of a tool or factory that ask for something.

        Those that need others stand first: whoever takes them in this order never holds what an earlier one waits for.

        Raises:
            SchemaError: there is no such resource or secret, or it cannot be used.
        """
        found: dict[str, Need] = {}
        for parameter, wish in _wishes(function):
            match wish:
                case Secret():
                    found[parameter.name] = self._secret(parameter, wish)
                case Resource():
                    found[parameter.name] = self._resource(parameter, wish, above)
                case Port():
                    found[parameter.name] = wish
        return MappingProxyType(dict(sorted(found.items(), key=lambda item: (-depth(item[1]), item[1].name))))

    def _make(self, factory: Factory, above: tuple[Factory, ...]) -> ResourceSpec:
        declaration = _declared(factory)
        if factory in above:
            circle = (*above[above.index(factory) :], factory)
            names = " -> ".join(repr(_declared(one).name or one.__name__) for one in circle)
            raise SchemaError(
                f"resources need each other in a circle: {names}", "Take one of them out of it.", code="resource_circle"
            )
        self.add(factory)
        _check_values(declaration)
        needs = self.needs_of(factory, above=(*above, factory))
        _check_parameters(factory, needs)
        home = self._home_of(factory)
        name = declaration.name or factory.__name__
        said = {one.name: getattr(declaration, one.name) for one in fields(declaration) if one.name != "name"}
        digest = digest_of(f"{name} {home.closure}", needs)
        return ResourceSpec(
            name=name, digest=digest, factory=factory, needs=needs, file=home.file, line=home.line, **said
        )

    def _resource(self, parameter: inspect.Parameter, wish: Resource, above: tuple[Factory, ...]) -> ResourceSpec:
        if not isinstance(wish.of, str):
            return self.make(wish.of, above=above)
        factory = self._named.get(wish.of)
        if factory is None:
            raise SchemaError(
                f"parameter {parameter.name!r} asks for resource {wish.of!r}, which does not exist",
                did_you_mean(wish.of, self._named),
                code="unknown_resource",
            )
        return self.make(factory, above=above)

    def _secret(self, parameter: inspect.Parameter, wish: Secret) -> Secret:
        optional = wish.optional or parameter.default is not inspect.Parameter.empty
        if not optional and wish.name not in self._env:
            raise SchemaError(
                f"parameter {parameter.name!r} asks for the environment variable {wish.name!r}, which is not set",
                f"Set {wish.name} where toolcrib runs and restart it, or give the parameter a default.",
                code="missing_secret",
            )
        return wish._replace(optional=optional)


def is_factory(value: Any) -> bool:
    """Whether `value` is a function marked with `@resource`."""
    return inspect.isroutine(value) and isinstance(getattr(value, RESOURCE_MARK, None), ResourceDeclaration)


def depth(need: Need) -> int:
    """How many resources stand on each other below this one."""
    return 0 if isinstance(need, Secret | Port) else 1 + max(map(depth, need.needs.values()), default=0)


def digest_of(code: str, needs: Mapping[str, Need]) -> str:
    """A digest that changes with `code` and with each resource among `needs`."""
    below = sorted(f"{name} {need.digest}" for name, need in needs.items() if isinstance(need, ResourceSpec))
    return hashlib.sha256("\n".join([code, *below]).encode()).hexdigest()


def _declared(factory: Factory) -> ResourceDeclaration:
    declaration = getattr(factory, RESOURCE_MARK, None)
    if isinstance(declaration, ResourceDeclaration):
        return declaration
    name = getattr(factory, "__name__", repr(factory))
    raise SchemaError(f"Resource({name}): it is not marked with @resource", f"Put @resource above {name}.")


def _wishes(function: Factory) -> Iterator[tuple[inspect.Parameter, Resource | Secret | Port]]:
    hints = read_hints(function)
    for name, parameter in inspect.signature(function).parameters.items():
        if (wish := wish_in(hints.get(name))) is not None:
            yield parameter, wish


def _check_values(declaration: ResourceDeclaration) -> None:
    """The author's values as they are, whatever they are: types are hints to Python only."""
    hint = "Correct the value in @resource(...)."
    size: Any = declaration.size
    if type(size) is not int or not 1 <= size <= MAX_SIZE:
        raise SchemaError(f"size: {size!r} is not a number from 1 to {MAX_SIZE}", hint)
    for name, lowest_s, may_be_none in _SECONDS:
        value = getattr(declaration, name)
        is_time = type(value) in (int, float) and math.isfinite(value) and value >= lowest_s
        if not is_time and not (value is None and may_be_none):
            raise SchemaError(f"{name}: {value!r} is not a time in seconds, {lowest_s} at least", hint)
    health: Any = declaration.health
    if health is not None and not callable(health):
        raise SchemaError("health: it cannot be called", "Give a function that takes the resource and returns a bool.")


def _check_parameters(factory: Factory, needs: Mapping[str, Need]) -> None:
    """Every parameter must have a value when the resource is opened."""
    for name, parameter in inspect.signature(factory).parameters.items():
        if name in needs and parameter.kind not in _NO_NAME:
            continue
        if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            continue
        if parameter.default is inspect.Parameter.empty or name in needs:
            raise SchemaError(
                f"nobody fills in parameter {name!r}",
                'Give it a default, or ask for a value: `Annotated[T, Resource("name")]` or `Secret("NAME")`.',
            )
