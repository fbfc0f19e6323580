"""Every error a user can meet has a page that says what to do."""

import pytest

import toolcrib.core.errors as errors
from tests.arch.source import ROOT
from toolcrib.core.errors import ToolcribError

PAGES = ROOT / "docs" / "errors"


def codes(error: type[ToolcribError]) -> dict[str, str]:
    """Code -> class name, of this error and everything below it in core/errors."""
    below = [one for one in error.__subclasses__() if one.__module__.startswith(errors.__name__)]
    own = {error.code: error.__name__} if "code" in vars(error) else {}
    return own | {code: name for one in below for code, name in codes(one).items()}


def family(error: type[ToolcribError]) -> list[type[ToolcribError]]:
    below = [one for one in error.__subclasses__() if one.__module__.startswith(errors.__name__)]
    return [error, *(deeper for one in below for deeper in family(one))]


@pytest.mark.parametrize("code", sorted(codes(ToolcribError)))
def test_every_error_code_has_a_page(code: str) -> None:
    page = PAGES / f"{code}.md"
    assert page.is_file(), f"write docs/errors/{code}.md: what happened, why, what to do"
    assert code in page.read_text(encoding="utf-8")


def test_every_error_has_a_code_of_its_own() -> None:
    without = [one.__name__ for one in family(ToolcribError) if "code" not in vars(one)]
    assert not without
    assert len(codes(ToolcribError)) == len(family(ToolcribError)), "two errors share a code"


def test_every_page_belongs_to_an_error() -> None:
    pages = {page.stem for page in PAGES.glob("*.md")} - {"index", "README"}
    assert pages <= set(codes(ToolcribError))


def test_every_error_stands_in_the_drawing_on_top_of_the_file() -> None:
    drawing = errors.__doc__ or ""
    assert not [one.__name__ for one in family(ToolcribError) if one.__name__ not in drawing]
