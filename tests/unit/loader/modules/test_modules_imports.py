"""What an import statement in project code finds: the project's own modules first, inside the same release."""

import json
import sys
import types

import pytest

from tests.unit.loader.projects import Files, Project, snapshot

LIB: Files = {
    "helper.py": "VALUE = 'top'",
    "lib/__init__.py": "'''The library.'''\nNAME = 'lib'\ncounter = 0",
    "lib/a.py": "VALUE = 'lib.a'",
    "lib/inner/__init__.py": "",
    "lib/inner/deep.py": "VALUE = 'lib.inner.deep'",
    "plain/b.py": "VALUE = 'plain.b'",
    "plain/inner/c.py": "VALUE = 'plain.inner.c'",
    "tools/beside.py": "VALUE = 'tools.beside'\n_HIDDEN = 1\ndef shout(text): return text.upper()",
}


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import helper; x = helper.VALUE", "top"),
        ("import helper as h; x = h.VALUE", "top"),
        ("from helper import VALUE as x", "top"),
        ("import lib; x = lib.NAME", "lib"),
        ("import lib; x = lib.__doc__", "The library."),
        ("import lib.a; x = lib.a.VALUE", "lib.a"),
        ("import lib.a as la; x = la.VALUE", "lib.a"),
        ("import lib.inner.deep; x = lib.inner.deep.VALUE", "lib.inner.deep"),
        ("import lib.inner.deep as d; x = d.VALUE", "lib.inner.deep"),
        ("from lib import a; x = a.VALUE", "lib.a"),
        ("from lib import NAME as x", "lib"),
        ("from lib.inner import deep; x = deep.VALUE", "lib.inner.deep"),
        ("from lib import inner; x = inner.deep.VALUE", "lib.inner.deep"),
        ("import plain.b; x = plain.b.VALUE", "plain.b"),
        ("from plain import b; x = b.VALUE", "plain.b"),
        ("import plain.inner.c as c; x = c.VALUE", "plain.inner.c"),
        ("from . import beside; x = beside.VALUE", "tools.beside"),
        ("from .beside import VALUE as x", "tools.beside"),
        ("from ..helper import VALUE as x", "top"),
        ("from .. import helper; x = helper.VALUE", "top"),
        ("from ..lib.inner import deep; x = deep.VALUE", "lib.inner.deep"),
        ("from tools.beside import *; x = shout(VALUE)", "TOOLS.BESIDE"),
        ("import lib; lib.counter = 5; from lib import counter as x", 5),
        ("x = __import__('lib.a').a.VALUE", "lib.a"),
        ("try:\n    import not_there_at_all\nexcept ImportError:\n    import helper\nx = helper.VALUE", "top"),
        ("if True:\n    from lib.a import VALUE as x\nelse:\n    import not_there_at_all", "lib.a"),
    ],
)
def test_an_import_statement_binds_what_it_names(project: Project, code: str, found: object) -> None:
    space = project.release({**LIB, "tools/t.py": code})
    assert space.load("tools.t").x == found


def test_a_star_import_takes_what_is_public_and_nothing_else(project: Project) -> None:
    space = project.release({**LIB, "tools/t.py": "from tools.beside import *"})
    taken = vars(space.load("tools.t"))
    assert "VALUE" in taken
    assert "_HIDDEN" not in taken


def test_a_star_import_of_a_package_brings_the_submodules_named_in_all(project: Project) -> None:
    files = {
        "pkg/__init__.py": "__all__ = ['sub', 'NAME']\nNAME = 1\nOTHER = 2",
        "pkg/sub.py": "VALUE = 3",
        "t.py": "from pkg import *\nx = (sub.VALUE, NAME)",
    }
    module = project.release(files).load("t")
    assert module.x == (3, 1)
    assert not hasattr(module, "OTHER")


def test_a_package_runs_before_its_submodules_and_once(project: Project) -> None:
    files = {
        "order.py": "seen = []",
        "pkg/__init__.py": "import order; order.seen.append('pkg')",
        "pkg/sub.py": "import order; order.seen.append('sub')",
        "t.py": "import pkg.sub\nfrom pkg import sub\nimport pkg\nimport order\nx = order.seen",
    }
    assert project.release(files).load("t").x == ["pkg", "sub"]


def test_a_package_may_import_its_own_submodule(project: Project) -> None:
    files = {"pkg/__init__.py": "from .sub import VALUE\nfrom . import sub", "pkg/sub.py": "VALUE = 3"}
    package = project.release({**files, "t.py": "import pkg; x = pkg.VALUE, pkg.sub.VALUE"}).load("t")
    assert package.x == (3, 3)


def test_a_circular_import_sees_the_other_as_far_as_it_has_run(project: Project) -> None:
    files = {
        "a.py": "BEFORE = 1\nimport b\nAFTER = b.SEEN + 1",
        "b.py": "import a\nSEEN = a.BEFORE\ndef later(): return a.AFTER",
    }
    space = project.release(files)
    assert space.load("a").AFTER == 2
    assert space.load("b").later() == 2


def test_a_circular_from_import_fails_as_in_python(project: Project) -> None:
    space = project.release({"a.py": "from b import B\nA = 1", "b.py": "from a import A\nB = 1"})
    before = snapshot(project.pool)
    with pytest.raises(ImportError, match="cannot import name 'A'"):
        space.load("a")
    assert snapshot(project.pool) == before


def test_each_package_level_too_far_up_is_an_import_error(project: Project) -> None:
    space = project.release({"tools/t.py": "from ... import x"})
    with pytest.raises(ImportError, match="beyond the project's top directory"):
        space.load("tools.t")


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("from tools.helprs import x", "tools.helprs"),
        ("import tools.helprs", "tools.helprs"),
        ("from .helprs import x", "tools.helprs"),
        ("import lib.nothing.more", "lib.nothing.more"),
        ("import not_there_at_all", "not_there_at_all"),
        ("import json.nothing", "json.nothing"),
    ],
)
def test_a_missing_module_is_named_in_full(project: Project, code: str, name: str) -> None:
    space = project.release({**LIB, "tools/t.py": code})
    with pytest.raises(ModuleNotFoundError) as caught:
        space.load("tools.t")
    assert caught.value.name == name
    assert "tools" not in sys.modules
    assert "lib" not in sys.modules


def test_a_name_a_package_does_not_have_is_an_import_error(project: Project) -> None:
    space = project.release({**LIB, "tools/t.py": "from lib import nothing"})
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        space.load("tools.t")
    attribute = project.release({**LIB, "tools/t.py": "import lib\nlib.nothing"})
    with pytest.raises(AttributeError, match="module 'lib' has no attribute 'nothing'"):
        attribute.load("tools.t")


def test_a_project_module_may_be_named_like_one_of_the_standard_library(project: Project) -> None:
    files = {
        "json.py": "MINE = True",
        "types.py": "MINE = True",
        "tools/json.py": "import json\nx = json.MINE\ny = __name__",
        "tools/t.py": "import json, types, decimal, dataclasses\nx = json.MINE and types.MINE\n"
        "@dataclasses.dataclass\nclass A:\n    a: int = 1",
    }
    space = project.release(files)
    assert space.load("tools.t").x is True
    assert space.load("tools.json").x is True
    assert sys.modules["json"] is json
    assert sys.modules["types"] is types
    assert json.loads("1") == 1


def test_a_project_module_may_be_named_like_an_installed_package(project: Project) -> None:
    space = project.release({"pydantic.py": "MINE = 1", "t.py": "import pydantic; x = pydantic.MINE"})
    assert space.load("t").x == 1
    assert sys.modules["pydantic"].__file__ is not None


def test_a_folder_without_modules_of_that_name_leaves_the_installed_package_alone(project: Project) -> None:
    """A folder that happens to be named like an installed package must not hide that package's own modules."""
    space = project.release({"xml/env.py": "", "t.py": "import xml.dom; x = xml.dom.__name__"})
    assert space.load("t").x == "xml.dom"


def test_file_names_that_are_no_identifiers_are_modules_too(project: Project) -> None:
    files = {"tools/my-tool.py": "from .beside import VALUE", "tools/2fast.py": "x = 1", "tools/ein tool.py": "x = 2"}
    space = project.release({**LIB, **files})
    assert space.load("tools.my-tool").VALUE == "tools.beside"
    assert space.load("tools.2fast").x == 1
    assert space.load("tools.ein tool").x == 2


def test_only_a_file_named_init_is_the_code_of_a_package(project: Project) -> None:
    files = {"tools/my__init__.py": "from .beside import VALUE\nx = __package__", "tools/beside.py": "VALUE = 1"}
    module = project.release(files).load("tools.my__init__")
    assert module.VALUE == 1
    assert module.x.endswith(".tools")
    assert not hasattr(module, "__path__")


def test_code_executed_with_other_globals_imports_as_usual(project: Project) -> None:
    space = project.release({**LIB, "t.py": "import helper\nscope = {}\nexec('import json as found', scope)"})
    assert space.load("t").scope["found"] is json
