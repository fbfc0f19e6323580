"""Objects of the project as they are saved: taken apart into fields, and built again by a class of one release."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pydantic import BaseModel, RootModel, ValidationError

from toolcrib.core.names import ROOT, without_digests

FROM_VALUE, FROM_FIELDS, FROM_MODEL = 0, 2, 5
"""The codes that LangGraph's serializer has for an object made of one value, of fields, and for a pydantic model."""

Build = Callable[[str, str, int, Any], Any]
"""(module, qualified name, code, what was saved) -> the object."""


class Unbuildable(Exception):
    """A saved object cannot be built here; the message names its class and says why."""


class Saved(dict[str, Any]):
    """A dataclass, named tuple or pydantic model of the project as a migration sees it: its fields.

    Attributes:
        kind: its class, `graphs/asking.py:Ticket` as `graphs.asking:Ticket`; set another one to have it built by that.
    """

    def __init__(self, kind: str, code: int, fields: Mapping[str, Any]) -> None:
        super().__init__(fields)
        self.kind = kind
        self.code = code

    __hash__ = object.__hash__  # type: ignore[assignment]  # sets of them are sets of what cannot be hashed yet


@dataclass(frozen=True, slots=True)
class SavedMember:
    """A member of an enumeration that the release does not have, as a migration sees it.

    Attributes:
        kind: its class, e.g. `graphs.asking:Color`.
        value: of the member.
    """

    kind: str
    value: Any


def is_own(kind: type[Any]) -> bool:
    """Whether the project defines this class."""
    return kind.__module__.startswith(f"{ROOT}.")


def is_data(kind: Any) -> bool:
    """Whether instances of it may be saved as what they hold: nothing else of the project is ever built."""
    if not isinstance(kind, type):
        return False
    named = issubclass(kind, tuple) and hasattr(kind, "_fields")
    return dataclasses.is_dataclass(kind) or issubclass(kind, (BaseModel, Enum)) or named


def take_apart(value: Any) -> tuple[int, str, str, Any] | None:
    """Code, module without the digest, qualified name and content of an object of the project; None of any other."""
    if isinstance(value, (Saved, SavedMember)):
        module, _, name = value.kind.rpartition(":")
        if isinstance(value, SavedMember):
            return FROM_VALUE, f"{ROOT}.{module}", name, value.value
        return value.code, f"{ROOT}.{module}", name, dict(value)
    kind = type(value)
    if not is_own(kind) or not is_data(kind):
        return None
    module = f"{ROOT}.{without_digests(kind.__module__)}"
    if isinstance(value, Enum):
        return FROM_VALUE, module, kind.__qualname__, value.value
    if isinstance(value, BaseModel):
        return FROM_MODEL, module, kind.__qualname__, {**value.__dict__, **(value.__pydantic_extra__ or {})}
    if isinstance(value, tuple):
        return FROM_FIELDS, module, kind.__qualname__, dict(zip(kind._fields, value, strict=True))
    return (
        FROM_FIELDS,
        module,
        kind.__qualname__,
        {one.name: getattr(value, one.name) for one in dataclasses.fields(kind)},
    )


def is_alias(module: str) -> bool:
    """Whether a saved module's name is one of the project, with or without a digest."""
    return module.startswith(f"{ROOT}.")


def plain_name(module: str) -> str:
    """`_toolcrib.graphs.asking`, or with a digest as older versions saved it -> `graphs.asking`."""
    return without_digests(module).removeprefix(f"{ROOT}.")


class Builder:
    """Builds saved objects by the classes of one release, and nothing but data classes that the project defines.

    Args:
        load: the release's module of a dotted name; raises `ModuleNotFoundError`.
        release: its id, for messages.
    """

    def __init__(self, load: Callable[[str], Any], *, release: str) -> None:
        self._load = load
        self._release = release

    def kind(self, module: str, name: str) -> type[Any]:
        """The class of this name.

        Raises:
            Unbuildable: the release has none, or it is no class of data.
        """
        dotted = plain_name(module)
        try:
            found = self._load(dotted)
            for part in name.split("."):
                found = vars(found)[part]
        except (ModuleNotFoundError, KeyError, TypeError):
            raise Unbuildable(f"release {self._release} has no class {dotted}:{name}") from None
        if not is_data(found) or not is_own(found) or found.__qualname__ != name:
            raise Unbuildable(
                f"{dotted}:{name} of release {self._release} is no dataclass, model, enumeration or tuple"
            )
        return found  # type: ignore[no-any-return]  # `is_data` says that it is a class

    def build(self, module: str, name: str, code: int, content: Any) -> Any:
        """The object, by the release's class.

        Raises:
            Unbuildable: there is no such class, or it does not take what was saved.
        """
        kind = self.kind(module, name)
        try:
            if issubclass(kind, Enum):
                return kind(content)
            if issubclass(kind, RootModel):
                return kind.model_validate(content["root"] if isinstance(content, Mapping) else content)
            if issubclass(kind, BaseModel):
                return kind.model_validate(content, by_alias=False, by_name=True)
            return _of_fields(kind, content)
        except Exception as error:  # outer guard: building runs code of the project
            raise Unbuildable(
                f"the class {plain_name(module)}:{name} of release {self._release} does not take what was saved: "
                f"{without_values(error)}"
            ) from error

    def loosely(self, module: str, name: str, code: int, content: Any) -> Any:
        """The object as a migration sees it: members of enumerations where there is one, all others by their fields."""
        kind = f"{plain_name(module)}:{name}"
        if code != FROM_VALUE and isinstance(content, Mapping):
            return Saved(kind, code, content)
        try:
            return self.build(module, name, code, content)
        except Unbuildable:
            return SavedMember(kind, content)


def without_values(error: Exception) -> str:
    """An error in words; of a pydantic model without the values that it refused, for these are somebody's state."""
    words = str(error)
    if isinstance(error, ValidationError):
        each = error.errors(include_input=False, include_url=False, include_context=False)
        words = "; ".join(f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in each)
    return f"{type(error).__name__}: {words}".rstrip(": ")


def _of_fields(kind: type[Any], content: Mapping[str, Any]) -> Any:
    """A dataclass or named tuple; fields its constructor does not take are set as they were."""
    if not dataclasses.is_dataclass(kind):
        return kind(**content)
    silent = {one.name for one in dataclasses.fields(kind) if not one.init}
    made = kind(**{name: value for name, value in content.items() if name not in silent})
    for name in silent & content.keys():
        object.__setattr__(made, name, content[name])
    return made
