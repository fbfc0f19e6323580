"""What to do about an import that finds nothing: what is missing, whether the project asks for it, and the way on."""

import importlib.util
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType

from toolcrib.loader.cold.facts import COMPILED_SUFFIXES

# Names of modules whose package is called otherwise, beyond `python-NAME`, `NAME-python` and `pyNAME`.
_PACKAGES = MappingProxyType(
    {
        "bs4": "beautifulsoup4",
        "cv2": "opencv-python",
        "fitz": "pymupdf",
        "openssl": "pyopenssl",
        "pil": "pillow",
        "skimage": "scikit-image",
        "sklearn": "scikit-learn",
    }
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def missing_hint(module: str, root: str) -> str:
    """How to mend the import of a module that is not there.

    Args:
        module: its full name.
        root: the project's directory; empty when there is none.
    """
    top = module.partition(".")[0]
    if compiled := compiled_hint(module, root):
        return compiled
    if module != top and _is_installed(top):
        return f"{top!r} is installed, but this version of it has no {module!r}: install one that has it and restart."
    listed = next((f" {file} lists it: {text}" for file, text in _listing(top, root)), "")
    return f"{top!r} is not installed; install it and restart.{listed}"


def compiled_hint(module: str, root: str) -> str:
    """What to do when the module is compiled code that lies in the project; empty when it is not."""
    folder, _, leaf = module.replace(".", "/").rpartition("/")
    for path in sorted(Path(root, folder).glob(f"{leaf}.*")) if root else ():
        if path.name.endswith(COMPILED_SUFFIXES):
            file = path.relative_to(root).as_posix()
            return f"{file} is compiled code, which is no part of a release: install it as a package and restart."
    return ""


def _is_installed(top: str) -> bool:
    try:
        return importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        return False


def _listing(top: str, root: str) -> Iterator[tuple[str, str]]:
    """File and requirement of each place where the project asks for the package of this module."""
    plain = top.lower().replace("_", "-")
    names = {plain, f"python-{plain}", f"{plain}-python", f"py{plain}", _PACKAGES.get(plain, plain)}
    for file, text in _requirements(Path(root)) if root else ():
        found = _NAME.match(text)
        if found and re.sub(r"[._-]+", "-", found[0]).lower() in names:
            yield file, text


def _requirements(root: Path) -> Iterator[tuple[str, str]]:
    """What the project asks to have installed: file -> requirement, as written."""
    for path in sorted(root.glob("requirements*.txt")):
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue
        yield from ((path.name, line.partition(" #")[0].strip()) for line in text.splitlines())
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
        more = project.get("optional-dependencies", {}).values()
        for texts in (project.get("dependencies", ()), *more):
            yield from (("pyproject.toml", text) for text in texts)
    except (OSError, ValueError, AttributeError, TypeError):
        return  # there is none, or it is another program's to complain of
