"""Retired releases leave memory, what is shared stays, and thousands of versions leave no trace."""

import gc
import inspect
import linecache
import logging
import sys
import weakref

from tests.unit.loader.projects import Files, Project, snapshot
from toolcrib.loader.modules import ModuleSpace

GENERIC = """
import logging
from typing import Generic, TypeVar
import pydantic

log = logging.getLogger(__name__)
deeper = logging.getLogger(__name__ + ".deeper")
T = TypeVar("T")

class Item(pydantic.BaseModel):
    size: int = VERSION

class Box(pydantic.BaseModel, Generic[T]):
    item: T

Boxed = Box[Item]

def value(): return Boxed(item=Item()).item.size
"""


def files(version: int) -> Files:
    return {"tools/t.py": GENERIC.replace("VERSION", str(version)), "tools/same.py": "import logging\nx = object()"}


def retire(project: Project, gone: ModuleSpace, *live: ModuleSpace) -> int:
    count = project.pool.sweep(live)
    gone.retire()
    return count


def test_a_swept_module_is_freed_although_a_pydantic_generic_holds_it(project: Project) -> None:
    one, two = project.release(files(1)), project.release(files(2))
    old = weakref.ref(one.load("tools.t").Item)
    module = weakref.ref(one.load("tools.t"))
    new = two.load("tools.t")
    assert retire(project, one, two) == 1
    gc.collect()
    gc.collect()  # what weak references into the first round's garbage still held
    assert module() is None
    assert old() is None
    assert new.value() == 2


def test_a_shared_module_outlives_the_release_that_loaded_it(project: Project) -> None:
    one, two = project.release(files(1)), project.release(files(2))
    shared = one.load("tools.same")
    name = shared.__name__
    assert two.load("tools.same") is shared
    one.load("tools.t")
    retire(project, one, two)
    assert sys.modules[name] is shared
    assert shared.x is not None
    assert project.release(files(3)).load("tools.same") is shared
    retire(project, two)
    assert name not in sys.modules
    assert vars(shared) == {}


def test_a_shared_module_may_still_import_lazily_after_its_release_is_gone(project: Project) -> None:
    lazy: Files = {"lazy.py": "def value():\n    import leaf\n    return leaf.VALUE", "leaf.py": "VALUE = 1"}
    one, two = project.release({**lazy, "x.py": "1"}), project.release({**lazy, "x.py": "2"})
    shared = one.load("lazy")
    one.load("x")
    assert two.load("lazy") is shared
    retire(project, one, two)
    assert shared.value() == 1
    assert two.load("leaf").VALUE == 1
    assert len(project.pool) == 2
    assert project.pool.sweep([two]) == 0
    assert project.pool.sweep([]) == 2


def test_a_module_not_yet_imported_by_a_living_release_is_kept_for_it(project: Project) -> None:
    one, two = project.release(files(1)), project.release({**files(1), "more.py": ""})
    loaded = one.load("tools.same")
    assert retire(project, one, two) == 0
    assert two.load("tools.same") is loaded


def test_sweeping_takes_loggers_and_lines_of_what_is_gone_only(project: Project) -> None:
    one, two = project.release(files(1)), project.release(files(2))
    before = set(logging.Logger.manager.loggerDict)
    gone, stays = one.load("tools.t"), two.load("tools.t")
    file = gone.__file__
    assert file in linecache.cache
    retire(project, one, two)
    after = set(logging.Logger.manager.loggerDict) - before
    assert file not in linecache.cache
    assert stays.__file__ in linecache.cache
    prefix = stays.__name__.removesuffix(".tools.t")
    assert after == {"_toolcrib", prefix, f"{prefix}.tools", stays.__name__, f"{stays.__name__}.deeper"}
    project.pool.sweep([])
    assert set(logging.Logger.manager.loggerDict) == before


def test_one_file_under_two_closures_keeps_its_lines_until_both_are_gone(project: Project) -> None:
    base = {"t.py": "import dep\ndef fail(): raise ValueError", "dep.py": "1"}
    one, two = project.release(base), project.release({**base, "dep.py": "2"})
    old, new = one.load("t"), two.load("t")
    assert old is not new
    assert old.__file__ == new.__file__
    retire(project, one, two)
    assert linecache.getline(new.__file__ or "", 2) == "def fail(): raise ValueError"
    assert inspect.getsource(new.fail) == "def fail(): raise ValueError"


def test_discarding_a_candidate_takes_nothing_that_was_loaded_anew_meanwhile(project: Project) -> None:
    one, two = project.release(files(1)), project.release(files(1))
    one.load("tools.same")
    project.pool.sweep([])
    again = two.load("tools.same")
    one.discard()
    assert sys.modules[again.__name__] is again
    assert project.release(files(1)).load("tools.same") is again


def test_a_thousand_versions_leave_no_trace(project: Project) -> None:
    code = "import logging\nlog = logging.getLogger(__name__)\nclass A: ...\ndef value(): return {0}"
    last = project.release({"tools/t.py": code.format(-1), "tools/same.py": ""})
    last.load("tools.t"), last.load("tools.same")
    before = snapshot(project.pool)
    for number in range(1000):
        space = project.release({"tools/t.py": code.format(number), "tools/same.py": ""})
        assert space.load("tools.t").value() == number
        assert space.load("tools.same") is last.load("tools.same")
        assert retire(project, last, space) == 1
        last = space
    after = snapshot(project.pool)
    assert {name: len(after[name]) for name in ("modules", "lines", "loggers")} == {
        name: len(before[name]) for name in ("modules", "lines", "loggers")
    }
    assert after["pool"] == before["pool"] == 2
    root = logging.Logger.manager.loggerDict["_toolcrib"]
    assert isinstance(root, logging.PlaceHolder)
    assert len(root.loggerMap) == 1


def test_a_closed_pool_has_forgotten_its_modules_and_they_go_on_working(project: Project) -> None:
    module = project.release(files(4)).load("tools.t")
    name, file = module.__name__, module.__file__
    assert name in sys.modules
    project.pool.close()
    assert len(project.pool) == 0
    assert name not in sys.modules
    assert name not in logging.Logger.manager.loggerDict
    assert file not in linecache.cache
    assert module.value() == 4
