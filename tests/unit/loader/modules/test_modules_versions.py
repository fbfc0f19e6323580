"""Two releases beside each other: what is shared, what is not, and that code stays in its release."""

import inspect
import linecache
import logging
import pickle
import sys
import threading
import traceback
import typing
from pathlib import Path

import pytest

from tests.unit.loader.projects import Files, Project, snapshot

BASE: Files = {
    "tools/leaf.py": "VALUE = 1",
    "tools/uses.py": "from tools.leaf import VALUE\ndef value(): return VALUE",
    "tools/uses_lazily.py": "def value():\n    from tools import leaf\n    return leaf.VALUE",
    "tools/alone.py": "VALUE = 'alone'",
}


def test_a_changed_module_takes_its_dependants_along_and_nothing_else(project: Project) -> None:
    one, two = project.release(BASE), project.release({**BASE, "tools/leaf.py": "VALUE = 2"})
    names = ["tools.leaf", "tools.uses", "tools.uses_lazily", "tools.alone"]
    first, second = [one.load(name) for name in names], [two.load(name) for name in names]
    assert [a is b for a, b in zip(first, second, strict=True)] == [False, False, False, True]
    assert (first[1].value(), second[1].value()) == (1, 2)
    assert [entry.dotted for entry in two.fresh] == ["tools.leaf", "tools.uses", "tools.uses_lazily"]


def test_an_unchanged_project_shares_every_module(project: Project) -> None:
    one, two = project.release(BASE), project.release({**BASE, "README.py": ""})
    for name in ("tools.leaf", "tools.uses", "tools.alone"):
        assert one.load(name) is two.load(name)
    assert two.fresh == ()


def test_a_lazy_import_stays_in_its_release_after_later_ones_came(project: Project) -> None:
    one = project.release(BASE)
    old = one.load("tools.uses_lazily")
    two = project.release({**BASE, "tools/leaf.py": "VALUE = 2"})
    new = two.load("tools.uses_lazily")
    two.load("tools.leaf")
    assert (old.value(), new.value()) == (1, 2)
    assert (old.value(), new.value()) == (1, 2)


@pytest.mark.parametrize(
    "code",
    [
        "import lib\ndef value(): return lib.leaf.VALUE",
        "import lib.other\ndef value(): return lib.leaf.VALUE",
        "from top import lib\ndef value(): return lib.leaf.VALUE",
        "import top.lib as lib\ndef value(): return lib.leaf.VALUE",
        "from . import lib\ndef value(): return lib.leaf.VALUE",
        "from .. import top\ndef value(): return top.lib.leaf.VALUE",
    ],
)
def test_what_is_reached_through_a_package_is_of_the_same_release(project: Project, code: str) -> None:
    files = {"lib/leaf.py": "VALUE = 1", "lib/other.py": "", "top/lib/leaf.py": "VALUE = 1", "top/t.py": code}
    new = {**files, "lib/leaf.py": "VALUE = 2", "top/lib/leaf.py": "VALUE = 2"}
    one, two = project.release(files).load("top.t"), project.release(new).load("top.t")
    assert (one.value(), two.value()) == (1, 2)


def test_importing_one_module_under_another_name_does_not_depend_on_its_neighbours(project: Project) -> None:
    files = {"lib/a.py": "VALUE = 1", "lib/b.py": "", "t.py": "import lib.a as a\nfrom lib import a as same"}
    one, two = project.release(files), project.release({**files, "lib/b.py": "CHANGED = 1"})
    assert one.load("t") is two.load("t")


def test_an_own_module_that_shadows_an_installed_one_reloads_who_imports_it(project: Project) -> None:
    files = {"t.py": "import colorsys\nx = getattr(colorsys, 'MINE', 0)", "u.py": ""}
    one, two = project.release(files), project.release({**files, "colorsys.py": "MINE = 1"})
    assert (one.load("t").x, two.load("t").x) == (0, 1)
    assert one.load("u") is two.load("u")
    assert "MINE" not in vars(sys.modules["colorsys"])


def test_a_new_submodule_reloads_who_asked_for_that_name(project: Project) -> None:
    files = {"pkg/__init__.py": "", "t.py": "try:\n    from pkg import extra as x\nexcept ImportError:\n    x = None"}
    one, two = project.release(files), project.release({**files, "pkg/extra.py": "V = 1"})
    assert one.load("t").x is None
    assert two.load("t").x.V == 1


CLASSES = """
import dataclasses, enum, pickle, typing
from typing import Generic, NamedTuple, TypeVar
import pydantic

T = TypeVar("T")

@dataclasses.dataclass
class Point:
    x: "int"
    other: "Point | None" = None

class Colour(enum.Enum):
    RED = VERSION

class Pair(NamedTuple):
    left: int = VERSION

class Model(pydantic.BaseModel):
    size: int = VERSION
    next: "Model | None" = None

class Box(pydantic.BaseModel, Generic[T]):
    item: T

Boxed = Box[Model]
"""


def test_classes_of_both_versions_work_side_by_side(project: Project) -> None:
    modules = [
        project.release({"tools/c.py": CLASSES.replace("VERSION", str(version))}).load("tools.c") for version in (1, 2)
    ]
    for version, module in enumerate(modules, start=1):
        assert typing.get_type_hints(module.Point)["x"] is int
        assert module.Model(next={"size": 7}).next.size == 7
        assert module.Boxed(item={}).item.size == version
        assert (module.Colour.RED.value, module.Pair().left) == (version, version)
        for value in (module.Point(1), module.Colour.RED, module.Pair(), module.Model(), module.Boxed(item={})):
            again = pickle.loads(pickle.dumps(value))
            assert again == value
            assert type(again) is type(value)
        assert "class Point" in inspect.getsource(module.Point)
    assert modules[0].Point is not modules[1].Point
    assert f"RED = {2}" in inspect.getsource(modules[1].Colour)
    assert f"RED = {1}" in inspect.getsource(modules[0].Colour)


def test_file_is_in_the_real_directory_so_that_data_is_found_beside_it(project: Project) -> None:
    code = "from pathlib import Path\nHERE = Path(__file__).parent\nTEXT = (HERE / 'data.txt').read_text()"
    project.write({"tools/data.txt": "beside"})
    module = project.release({"tools/t.py": code}).load("tools.t")
    assert module.TEXT == "beside"
    assert Path(project.root, "tools") == module.HERE


FAILS = "\n# {0}\ndef fail():\n    raise ValueError('in {0}')\n"


def test_a_traceback_shows_the_text_of_the_version_that_ran(project: Project) -> None:
    versions = []
    for name in ("one", "two"):
        files = {"tools/t.py": FAILS.format(name)}
        project.write(files)
        versions.append(project.release(files).load("tools.t"))
    project.write({"tools/t.py": "something else"})
    linecache.checkcache()
    for name, module in zip(("one", "two"), versions, strict=True):
        with pytest.raises(ValueError, match=name) as caught:
            module.fail()
        assert f"raise ValueError('in {name}')" in "".join(traceback.format_exception(caught.value))


def test_lines_are_counted_as_python_counts_them(project: Project) -> None:
    text = "# -*- coding: latin-1 -*-\r\nA = 'caf\xe9\x0c'\r\ndef fail():\r\n    raise KeyError(A)\r\n".encode(
        "latin-1"
    )
    module = project.release({"t.py": text}).load("t")
    assert linecache.getline(module.__file__ or "", 4) == "    raise KeyError(A)\n"
    assert linecache.getline(module.__file__ or "", 2) == "A = 'caf\xe9\x0c'\n"
    assert "raise KeyError(A)" in inspect.getsource(module.fail)


def test_a_logger_of_a_module_is_its_own_by_name(project: Project) -> None:
    module = project.release({"tools/t.py": "import logging\nlog = logging.getLogger(__name__)"}).load("tools.t")
    assert module.log is logging.getLogger(module.__name__)
    assert module.__name__.endswith(".tools.t")


def test_a_failed_import_leaves_the_process_exactly_as_it_was(project: Project) -> None:
    """Also of a module whose own bytes are unchanged and only its dependency is new: both have one file name."""
    files = {"dep.py": "OK = 1", "same.py": "import logging, dep\nlog = logging.getLogger(__name__)\nx = dep.OK"}
    good = project.release(files)
    good.load("same")
    before = snapshot(project.pool)
    bad = project.release({**files, "dep.py": "BROKEN = 1"})
    with pytest.raises(AttributeError, match="no attribute 'OK'"):
        bad.load("same")
    bad.discard()
    assert snapshot(project.pool) == before
    assert good.load("same").x == 1


@pytest.mark.parametrize("end", ["raise SystemExit(3)", "raise KeyboardInterrupt", "1 / 0", "raise GeneratorExit"])
def test_whatever_a_module_raises_undoes_it(project: Project, end: str) -> None:
    space = project.release({"dep.py": "", "t.py": f"import dep\n{end}"})
    before = snapshot(project.pool)
    with pytest.raises(BaseException):  # noqa: B017 - each case raises another
        space.load("t")
    space.discard()
    assert snapshot(project.pool) == before
    assert space.fresh == ()


def test_a_module_that_failed_once_is_executed_anew_when_asked_again(project: Project) -> None:
    files = {"once.py": "import os\nif os.environ.pop('TOOLCRIB_FAIL', ''):\n    raise OSError('away')\nx = 1"}
    space = project.release(files)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLCRIB_FAIL", "1")
        with pytest.raises(OSError, match="away"):
            space.load("once")
        assert space.load("once").x == 1


def test_threads_that_import_lazily_at_once_get_one_whole_module(project: Project) -> None:
    files = {
        "slow.py": "import threading\nfor _ in range(20):\n    threading.Event().wait(0.001)\nDONE = object()",
        "t.py": "def value():\n    import slow\n    return slow.DONE",
    }
    spaces = [project.release(files), project.release({**files, "other.py": ""})]
    functions = [space.load("t").value for space in spaces]
    start = threading.Barrier(16)
    found: list[object] = []

    def ask(index: int) -> None:
        start.wait(5)
        found.append(functions[index % 2]())

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert len(found) == 16
    assert len(set(found)) == 1
