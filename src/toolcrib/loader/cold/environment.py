"""The variables that `env` of `langgraph.json` names: a process has them from the start of its project on."""

import io
import json
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path

from dotenv import dotenv_values

from toolcrib.core.errors import ProjectInvalid
from toolcrib.loader.reading.json_source import parse_json
from toolcrib.loader.reading.langgraph_json import LANGGRAPH
from toolcrib.loader.reading.yaml_source import Path as Place

_HINT = 'Write a file (".env") or an object of texts ({"NAME": "value"}).'


def declared(root: Path) -> Mapping[str, str]:
    """The variables, none where the project names none. A file is read as python-dotenv does.

    A `langgraph.json` that cannot be read names none: the gate tells of its mistakes.

    Raises:
        ProjectInvalid: `env` is neither text nor an object, or its file is not there or is not UTF-8.
    """
    try:
        content = (root / LANGGRAPH).read_bytes()
        data = json.loads(content)
    except (OSError, ValueError, RecursionError):
        return {}
    env = data.get("env") if isinstance(data, dict) else None
    if env is None:
        return {}
    if isinstance(env, str):
        return _of_file(root / env, content, env)
    if not isinstance(env, dict):
        raise _wrong(content, ("env",), "`env` must be text or an object", _HINT)
    for name, value in env.items():
        if not isinstance(value, str):
            raise _wrong(content, ("env", name), f"the value of {name!r} must be text", 'Write it in quotes: "1".')
        if not name or "=" in name or "\0" in name + value:
            raise _wrong(content, ("env", name), f"{name!r} cannot be set as a variable", "Rename it.")
    return env


def with_declared(root: Path, env: Mapping[str, str]) -> Mapping[str, str]:
    """What a process of this project sees: what is set already counts more than what the project names."""
    return {**declared(root), **env}


@contextmanager
def set_declared(root: Path, env: MutableMapping[str, str]) -> Iterator[None]:
    """Set the variables that are not set, and take them back at the end: another project may be opened next."""
    fresh = {name: value for name, value in declared(root).items() if name not in env}
    env.update(fresh)
    try:
        yield
    finally:
        for name, value in fresh.items():
            if env.get(name) == value:
                del env[name]


def _of_file(path: Path, content: bytes, named: str) -> Mapping[str, str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        message = f"the file {named!r} of `env` cannot be read: {error.strerror}"
        raise _wrong(content, ("env",), message, "Make the file, or take `env` away and set the variables.") from error
    except ValueError as error:
        raise _wrong(content, ("env",), f"the file {named!r} of `env` is not UTF-8", "Save it as UTF-8.") from error
    return {name: value for name, value in dotenv_values(stream=io.StringIO(text)).items() if value is not None}


def _wrong(content: bytes, place: Place, message: str, hint: str) -> ProjectInvalid:
    reason = parse_json(LANGGRAPH, content)[0].reason("env", message, path=place, hint=hint)
    return ProjectInvalid(f"{LANGGRAPH} has a mistake.", reasons=[reason])
