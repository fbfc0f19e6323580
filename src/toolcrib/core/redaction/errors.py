"""Errors without what must not be shown: the same error in other words, with its causes and where it was raised."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from toolcrib.core.redaction.texts import Scrub, scrub_value


def without(error: BaseException, scrub: Scrub) -> BaseException:
    """The error with its texts scrubbed, and those of its causes; itself when there is nothing to take out.

    Else a stand-in: of a class derived from the error's own wherever that can be, so that whoever decides by type
    decides alike, with its attributes, notes and traceback.
    """
    return _Chain(scrub).clean(error)


class _Chain:
    """One error with everything it hangs together with; each part of it is looked at once."""

    def __init__(self, scrub: Scrub) -> None:
        self._scrub = scrub
        self._met: dict[int, BaseException | None] = {}

    def clean(self, error: BaseException) -> BaseException:
        """See `without`."""
        self._met[id(error)] = None  # where a chain leads back here, it ends
        cause, context = self._part(error.__cause__), self._part(error.__context__)
        inner = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
        group = [self._part(one) or one for one in inner]
        parts = [(cause, error.__cause__), (context, error.__context__), *zip(group, inner, strict=True)]
        made = error
        if not (all(one is other for one, other in parts) and self._is_clean(error)):
            made = self._twin(error, group)
            for name, value in _attributes(error).items():
                with suppress(AttributeError, TypeError):  # a property, a slot of another type
                    setattr(made, name, self._plain(value))
            made.__traceback__, made.__cause__, made.__context__ = error.__traceback__, cause, context
            made.__suppress_context__ = error.__suppress_context__
        self._met[id(error)] = made
        return made

    def _part(self, part: BaseException | None) -> BaseException | None:
        if part is None:
            return None
        return self._met[id(part)] if id(part) in self._met else self.clean(part)

    def _is_clean(self, error: BaseException) -> bool:
        told = [_everything(error), *(_told(value) for value in _attributes(error).values() if _is_plain(value))]
        return all(self._scrub(text) == text for text in told)

    def _twin(self, error: BaseException, group: list[BaseException]) -> BaseException:
        """A new error of the same name: the first of its bases that can be made without its constructor will do."""
        kind, text = type(error), self._scrub(_words(error))
        args = (self._scrub(_told(error.args[0])), group) if group else tuple(map(self._argument, error.args))
        body = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__str__": lambda self: text}
        for base in kind.__mro__:
            with suppress(Exception):
                made: type[BaseException] = type(kind.__name__, (base,), body)
                return made.__new__(made, *args)
        raise AssertionError("Exception can always be made")

    def _argument(self, value: Any) -> Any:
        """An argument of an error, which its `repr` shows."""
        if _is_plain(value):
            return self._plain(value)
        shown = _told(value, repr)
        clean = self._scrub(shown)
        return value if clean == shown else clean

    def _plain(self, value: Any) -> Any:
        return scrub_value(value, self._scrub) if _is_plain(value) else value


def _attributes(error: BaseException) -> Mapping[str, Any]:
    return getattr(error, "__dict__", {})


def _is_plain(value: Any) -> bool:
    """Whether the value is text or holds texts, as against an object that errors keep and nobody shows."""
    return isinstance(value, str | int | float | list | tuple | dict)


def _words(error: BaseException) -> str:
    """What an error says; pydantic's quote the input, shortened so that no search would find it."""
    if isinstance(error, ValidationError):
        found = error.errors(include_url=False, include_input=False, include_context=False)
        told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}".removeprefix(": ") for one in found)
        return f"{len(found)} validation errors for {error.title}: {told}"
    return _told(error)


def _everything(error: BaseException) -> str:
    """What an error says, and whatever it may show of what it was made of."""
    if isinstance(error, ValidationError):
        return f"{_words(error)} {[one['input'] for one in error.errors(include_url=False, include_context=False)]}"
    return f"{_words(error)} {_told(error.args, repr)}"


def _told(value: Any, say: Callable[[Any], str] = str) -> str:
    """The value in words, all of them; nothing of one that cannot say any."""
    try:
        return say(value)
    except Exception:  # noqa: BLE001  # outer guard: `__str__` and `__repr__` of foreign values raise anything
        return ""
