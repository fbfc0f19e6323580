"""Exceptions between this process and its workers: their words and the names of their types, never the objects.

What the chain asks of an exception is asked of its stand-in with the same answer: its name and message, the names of
its types (`retry_on: [ConnectionError, tools.bank.Busy]`), `isinstance` for builtin exceptions, for toolcrib's own and
for the classes a retry policy names, and what a `ToolError` says about itself.
"""

import builtins
import re
import traceback
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from toolcrib.core import errors
from toolcrib.core.errors import ToolcribError
from toolcrib.core.results import said

TRACE_CHARS = 8_000
_RELEASE = re.compile(r"^_toolcrib\.r_[0-9a-f]+\.")
_OWN_WORDS = ("hint", "retryable", "retry_after_s", "started", "level")


def describe(error: BaseException) -> dict[str, Any]:
    """An exception as data, in the worker."""
    kinds = [kind for kind in type(error).__mro__ if issubclass(kind, BaseException)]
    return {
        "message": said(error.message if isinstance(error, ToolcribError) else error),
        "kinds": [[_plain_module(kind), kind.__qualname__] for kind in kinds],
        "said": _said(error),
        "trace": said(error, _trace)[-TRACE_CHARS:],
    }


def rebuild(data: Mapping[str, Any], known: Iterable[type[Exception] | str] = ()) -> Exception:
    """The stand-in of a described exception, here.

    Args:
        data: what `describe` gave.
        known: the exception classes this process may be asked about, from the tool's retry policy; names are ignored.
    """
    message, names = str(data["message"]), [(str(module), str(name)) for module, name in data["kinds"]]
    last = names[0][1].rpartition(".")[2]
    wanted = {(_plain_module(kind), kind.__qualname__): kind for kind in known if isinstance(kind, type)}
    kind = _stand_in(names, wanted)
    if kind is None:
        return RuntimeError(f"{last}: {message}".rstrip(": "))
    try:
        error = kind.__new__(kind, message)
    except TypeError:  # its constructor asks for more, as that of ExceptionGroup
        return RuntimeError(f"{last}: {message}".rstrip(": "))
    if isinstance(error, ToolcribError):
        ToolcribError.__init__(error, message)
        for name, value in dict(data["said"]).items():
            setattr(error, name, value)
    else:
        error.args = (message,)
    return error


def _stand_in(names: Sequence[tuple[str, str]], wanted: Mapping[tuple[str, str], type]) -> type[Exception] | None:
    """A class with these types' names, or None for what the event loop or LangGraph would misunderstand."""
    made: type | None = None
    for module, name in reversed(names):
        made = _one(module, name, made, wanted.get((module, name)))
    if made is None or not issubclass(made, Exception) or issubclass(made, StopIteration | StopAsyncIteration):
        return None
    if any(name == "GraphBubbleUp" for _, name in names):
        return None  # control flow of a graph that does not reach into a worker process
    return type(made.__name__, (made,), {"__module__": made.__module__, "__str__": lambda self: str(self.args[0])})


def _one(module: str, name: str, base: type | None, known: type | None) -> type | None:
    """The class of this name here, else a new one of that name above `base`."""
    ours = module == errors.__name__ or module.startswith(f"{errors.__name__}.")
    home: Any = errors if ours else builtins if module == "builtins" else None
    real = getattr(home, name, None) if home else known
    if isinstance(real, type) and issubclass(real, BaseException):
        return real
    if base is None or not issubclass(base, Exception):
        return base
    bases = (known, base) if known and not issubclass(known, base) else (base,)
    try:
        return type(name.rpartition(".")[2], bases, {"__module__": module, "__qualname__": name})
    except TypeError:  # bases that do not go together
        return base


def _said(error: BaseException) -> dict[str, Any]:
    """What an error of ours says about itself beside its message, as far as it is plain."""
    if not isinstance(error, ToolcribError):
        return {}
    values = {name: getattr(error, name, None) for name in _OWN_WORDS}
    words = {name: said(value) for name, value in values.items() if isinstance(value, str)}
    return words | {name: value for name, value in values.items() if isinstance(value, bool | int | float)}


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def _plain_module(kind: type) -> str:
    """The module as the project names it, without the release."""
    return _RELEASE.sub("", kind.__module__)
