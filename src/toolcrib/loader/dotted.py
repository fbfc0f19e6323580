"""Dotted names of project modules, made from paths and from import statements."""

from collections.abc import Mapping


def dotted_name(path: str) -> str:
    """`tools/math.py` -> `tools.math`, `tools/__init__.py` -> `tools`."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def packages_in(paths: Mapping[str, str]) -> frozenset[str]:
    """Dotted names of all directories that hold modules, with or without `__init__.py`."""
    inside = {parent for name in paths for parent in parents_of(name)}
    return frozenset({""} | inside | {name for name, path in paths.items() if is_package(path)})


def is_package(path: str) -> bool:
    """Whether the file is the code of a package itself."""
    return path.rpartition("/")[2] == "__init__.py"


def child_of(package: str, name: str) -> str:
    """The dotted name of something in a package; "" is the project itself."""
    return f"{package}.{name}" if package else name


def parents_of(dotted: str) -> list[str]:
    """Every package the name is in, the outermost first: `a.b.c` -> `a`, `a.b`."""
    parts = dotted.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]


def relative_name(name: str, package: str, level: int) -> str:
    """The project name of a relative import in `package` (`_toolcrib.r_x.tools`)."""
    parts = package.split(".")[2:]
    if level > len(parts) + 1:
        raise ImportError("attempted relative import beyond the project's top directory")
    base = parts[: len(parts) - (level - 1)]
    return ".".join([*base, *([name] if name else [])])
