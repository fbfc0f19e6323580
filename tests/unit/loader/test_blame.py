"""From an exception to the line of the project that is to blame, and what to do about it."""

import pytest

from tests.unit.loader.projects import Files, Project, bundle_of, compile_all
from toolcrib.core.reasons import Reason
from toolcrib.loader.blame import blame
from toolcrib.loader.compiling import module_file
from toolcrib.loader.modules import SourceFile


def blamed(project: Project, files: Files, path: str = "tools/t.py") -> Reason:
    """The reason for what importing `path` raises."""
    bundle = bundle_of(files)
    sources = {
        module_file(project.root, name, bundle.manifest.files[name]): SourceFile(
            path=name, digest=bundle.manifest.files[name], source=bundle.contents[name], compiled=compiled
        )
        for name, compiled in compile_all(bundle, project.root).items()
    }
    space = project.release(files)
    try:
        space.load(path.removesuffix(".py").replace("/", "."))
    except BaseException as error:  # noqa: BLE001 - outer guard: each case raises another
        return blame(error, code="import", path=path, files=sources, names=space.names)
    pytest.fail("nothing was raised")


def test_the_failing_expression_is_marked(project: Project) -> None:
    reason = blamed(project, {"tools/t.py": "x = 1\ny = x + undefined + 2\n"})
    assert (reason.file, reason.line) == ("tools/t.py", 2)
    assert reason.source[reason.column - 1 : reason.end_column - 1] == "undefined"
    assert reason.message == "NameError: name 'undefined' is not defined"


def test_columns_count_characters_not_bytes(project: Project) -> None:
    reason = blamed(project, {"tools/t.py": "y = '中文é' + undefined + '文'\n"})
    assert reason.source[reason.column - 1 : reason.end_column - 1] == "undefined"


def test_an_expression_over_several_lines_has_only_its_line(project: Project) -> None:
    reason = blamed(project, {"tools/t.py": "x = 1\n1 / (\n    x - 1\n)\n"})
    assert (reason.line, reason.column, reason.end_column) == (2, 0, 0)


def test_the_innermost_line_of_the_project_is_blamed(project: Project) -> None:
    files = {
        "tools/t.py": "from helper import work\nwork()",
        "helper.py": "import json\n\ndef work():\n    json.loads('{')\n",
    }
    reason = blamed(project, files)
    assert (reason.file, reason.line, reason.source) == ("helper.py", 4, "    json.loads('{')")
    assert reason.message.startswith("JSONDecodeError: ")


def test_without_a_line_of_the_project_the_file_is_blamed() -> None:
    reason = blame(ValueError("x"), code="import", path="tools/t.py", files={})
    assert (reason.file, reason.line, reason.message) == ("tools/t.py", 1, "ValueError: x")


def test_an_error_without_words_has_its_name(project: Project) -> None:
    assert blamed(project, {"tools/t.py": "raise ValueError"}).message == "ValueError"
    speechless = "class E(Exception):\n    def __str__(self): raise TypeError\nraise E"
    assert blamed(project, {"tools/t.py": speechless}).message == "E"


def test_digests_of_module_names_are_not_shown(project: Project) -> None:
    files = {"tools/t.py": "from tools.u import nothing, more", "tools/u.py": ""}
    assert "'tools.u'" in blamed(project, files).message
    assert "r_" not in blamed(project, files).message


def test_a_long_or_unprintable_message_can_be_stored_and_sent(project: Project) -> None:
    assert len(blamed(project, {"tools/t.py": "raise ValueError('x' * 100_000)"}).message) == 1000
    message = blamed(project, {"tools/t.py": "raise ValueError('\\ud800 \\x00')"}).message
    assert message.encode().decode() == message
    assert "ud800" in message


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("import helprs", "Did you mean `import helpers`?"),
        ("import deep_thing", "Did you mean `from tools import deep_thing`?"),
        ("from tools.deep_thin import x", "Did you mean `from tools import deep_thing`?"),
        ("import zzzz_none.sub", "'zzzz_none' is not installed; install it and restart."),
        ("raise SystemExit", "A module must not end the process while it is imported."),
        ("1 / 0", "Mend the code; it runs when the module is imported."),
    ],
)
def test_the_hint_fits_the_mistake(project: Project, code: str, hint: str) -> None:
    assert blamed(project, {"tools/t.py": code, "helpers.py": "", "tools/deep_thing.py": ""}).hint == hint
