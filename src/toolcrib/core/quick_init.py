"""`quick_init`: frozen dataclasses that are made with every call, at the price of unfrozen ones."""

from dataclasses import MISSING, fields
from functools import wraps
from typing import Any, TypeVar

T = TypeVar("T")


def quick_init(cls: type[T]) -> type[T]:
    """Give a dataclass (frozen, with slots, by keywords only) an `__init__` that fills its slots by their descriptors.

    The one that `dataclass` writes goes by `object.__setattr__`, which looks each slot up by its name: a `ToolResult`
    then takes 1.5 µs in place of 0.5. All else stays as it was: frozen, with `replace`, `asdict` and `==`.
    """
    facts: dict[str, Any] = {}
    signature, body = [], []
    for field in fields(cls):  # type: ignore[arg-type]  # a dataclass, as said above
        name = field.name
        facts[f"set_{name}"] = getattr(cls, name).__set__
        value = name
        if field.default_factory is not MISSING:
            facts[f"make_{name}"], facts[f"default_{name}"] = field.default_factory, MISSING
            value = f"make_{name}() if {name} is default_{name} else {name}"
        elif field.default is not MISSING:
            facts[f"default_{name}"] = field.default
        signature.append(f"{name}=default_{name}" if f"default_{name}" in facts else name)
        body.append(f"    set_{name}(self, {value})")
    exec("\n".join([f"def __init__(self, *, {', '.join(signature)}):", *body]), facts)
    cls.__init__ = wraps(cls.__init__)(facts["__init__"])  # type: ignore[method-assign]  # that is its purpose
    return cls
