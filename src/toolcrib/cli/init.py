"""`toolcrib init`: a project that runs at once."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Annotated, Literal

import typer

from toolcrib.core.errors import Conflict

Template = Literal["agent", "tools", "langgraph"]

FIRST_STEPS: Mapping[Template, tuple[str, ...]] = MappingProxyType(
    {
        "agent": ('toolcrib run assistant "Where is parcel P-2?"', "toolcrib dev"),
        "tools": ('toolcrib call days_between \'{"start": "2026-01-01", "end": "2026-03-01"}\'', "toolcrib dev"),
        "langgraph": ('toolcrib run assistant "How long does delivery take?"', "toolcrib dev"),
    }
)


def init(
    directory: Annotated[Path, typer.Argument(help="Where the project goes; made if it does not exist.")],
    template: Annotated[Template, typer.Option(help="What kind of project.")] = "agent",
    force: Annotated[
        bool, typer.Option("--force", help="Also into a directory with files in it; those stay as they are.")
    ] = False,
) -> None:
    """Make a project that runs at once, without a key: an agent with two tools, tools alone, or a LangGraph graph.

    Raises:
        Conflict: the directory has files in it, and `force` is not given; or it is a file.
    """
    present = _present(directory)
    if present and not force:
        shown = ", ".join(present[:5]) + (", …" if len(present) > 5 else "")
        raise Conflict(
            f"{directory} is not empty: it has {shown}.",
            hint="Choose another directory, or add --force: it adds what is missing and overwrites nothing.",
        )
    kept = []
    for path, content in sorted(template_files(template).items()):
        target = directory / path
        if target.exists():
            kept.append(path)
            continue
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        except OSError as error:
            raise Conflict(
                f"{target} cannot be written: {error.strerror}.", hint="Choose another directory."
            ) from error
        typer.echo(f"  wrote  {path}")
    for path in kept:
        typer.echo(f"  kept   {path}  (was there already, not touched)")
    _tell_next_steps(directory, template)


def template_files(template: Template) -> Mapping[str, bytes]:
    """The files of a template: path in the project -> content.

    In the package a `dot_` stands for the dot of a hidden file, which would hide it there too, and `.tmpl` keeps Python
    files of templates from being taken for toolcrib's own.
    """
    top = files("toolcrib.cli") / "templates" / template
    return {_target(path): content for path, content in _read(top, PurePosixPath())}


def _target(path: PurePosixPath) -> str:
    name = path.name.removesuffix(".tmpl")
    return str(path.with_name(f".{name.removeprefix('dot_')}" if name.startswith("dot_") else name))


def _read(folder: Traversable, path: PurePosixPath) -> Iterator[tuple[PurePosixPath, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _read(entry, path / entry.name)
        else:
            yield path / entry.name, entry.read_bytes()


def _present(directory: Path) -> list[str]:
    """Names of what is in the directory already."""
    if directory.is_file():
        raise Conflict(f"{directory} is a file.", hint="Give the name of a directory.")
    return sorted(entry.name for entry in directory.iterdir()) if directory.is_dir() else []


def _tell_next_steps(directory: Path, template: Template) -> None:
    typer.echo("\nNext:")
    if directory.resolve() != Path.cwd():
        typer.echo(f"  cd {directory}")
    for step in FIRST_STEPS[template]:
        typer.echo(f"  {step}")
