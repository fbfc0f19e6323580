"""`${env:NAME}` and `${secret:NAME}` in the text of YAML files."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from toolcrib.core.reasons import Reason
from toolcrib.loader.reading.places import MAX_REASONS
from toolcrib.loader.reading.yaml_source import Document, Path

_WANTED = re.compile(
    r"(?P<escape>\$\$\{)"
    r"|\$\{env:(?P<env>[A-Za-z_][A-Za-z0-9_]*)(?P<default>:-[^}]*)?\}"
    r"|\$\{secret:(?P<secret>[A-Za-z_][A-Za-z0-9_]*)\}"
    r"|(?P<other>\$\{[^}\n]*\}?)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpolated:
    """A document's data with its variables filled in.

    Attributes:
        data: the data; text with a missing variable stays as written.
        filled: paths of the texts that hold a value from outside; it must not get into messages.
        failed: paths of the texts that could not be filled in.
        reasons: why not.
    """

    data: Any
    filled: frozenset[Path]
    failed: frozenset[Path]
    reasons: tuple[Reason, ...]

    def is_foreign(self, path: Path) -> bool:
        """Whether a value from outside stands at `path` or below it."""
        return any(one[: len(path)] == path for one in self.filled)

    def has_failed(self, path: Path) -> bool:
        """Whether a text at `path` or below it could not be filled in."""
        return any(one[: len(path)] == path for one in self.failed)


def secret_names(files: Mapping[str, bytes]) -> set[str]:
    """The names of all secrets that the YAML files among these name."""
    texts = (data.decode("utf-8", "replace") for path, data in files.items() if path.endswith((".yaml", ".yml")))
    return {match["secret"] for text in texts for match in _WANTED.finditer(text) if match["secret"]}


def interpolate(document: Document, env: Mapping[str, str]) -> Interpolated:
    """Fill in the variables of every text value; keys stay as they are.

    `${env:NAME:-default}` gives the default when NAME is not set or empty; `$${` is a literal `${`.
    """
    filled: set[Path] = set()
    failed: set[Path] = set()
    reasons: list[Reason] = []
    made: dict[str, str] = {}  # a text that many aliases repeat is made once

    def walk(value: Any, path: Path) -> Any:
        if isinstance(value, dict):
            return {key: walk(inner, (*path, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [walk(inner, (*path, index)) for index, inner in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value
        if value not in made:
            wrong = list(islice(_mistakes(document, path, value, env), max(1, MAX_REASONS - len(reasons))))
            if wrong:
                reasons.extend(wrong)
                failed.add(path)
                return value
            made[value] = _WANTED.sub(lambda match: _value(match, env), value)
        filled.add(path)
        return made[value]

    data = walk(document.data, ())
    return Interpolated(data=data, filled=frozenset(filled), failed=frozenset(failed), reasons=tuple(reasons))


def _value(match: re.Match[str], env: Mapping[str, str]) -> str:
    if match["escape"]:
        return "${"
    if match["default"] is not None:
        return env.get(match["env"]) or match["default"].removeprefix(":-")
    return env[match["env"] or match["secret"]]


def _mistakes(document: Document, path: Path, text: str, env: Mapping[str, str]) -> Iterator[Reason]:
    for match in _WANTED.finditer(text):
        if match["other"]:
            message = f"{match['other']} is not understood"
            hint = "Write ${env:NAME}, ${env:NAME:-default} or ${secret:NAME}; $${ is a literal ${."
            yield document.reason("interpolation", message, path=path, hint=hint, mark=match[0])
        elif (name := match["env"] or match["secret"]) and name not in env and match["default"] is None:
            yield document.reason(
                "interpolation",
                f"{'secret' if match['secret'] else 'environment variable'} {name} is not set",
                path=path,
                hint=_fix(name, secret=bool(match["secret"])),
                mark=match[0],
            )


def _fix(name: str, *, secret: bool) -> str:
    if secret:
        return f"Set the environment variable {name} where toolcrib runs."
    return f"Set {name} where toolcrib runs, or give a default: ${{env:{name}:-…}}."
