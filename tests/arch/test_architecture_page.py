"""ARCHITECTURE.md draws the tree that is on disk."""

from pathlib import Path

from tests.arch.architecture_tree import BEGIN, END, NO_ROLE, PACKAGE, PAGE, tree, with_tree


def test_the_page_draws_the_tree_that_is_on_disk() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_tree(page, tree(PACKAGE)) == page, "run: python tests/arch/architecture_tree.py --write"


def test_every_module_says_its_role_in_one_line() -> None:
    assert NO_ROLE not in tree(PACKAGE)


def test_every_room_stands_in_the_table_of_floors() -> None:
    text = PAGE.read_text(encoding="utf-8")
    floors = text[: text.index(BEGIN)]
    rooms = [path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()]
    assert not [room for room in rooms if f"`{room}`" not in floors]


def test_the_tree_tells_of_every_file_and_folder(tmp_path: Path) -> None:
    write(tmp_path / "house" / "__init__.py", '"""The house."""\n')
    write(tmp_path / "house" / "room" / "__init__.py", '"""A room."""\n')
    write(tmp_path / "house" / "room" / "door.py", '"""Opens.\n\nAnd closes.\n"""\n')
    write(tmp_path / "house" / "room" / "bare.py", "x = 1\n")
    write(tmp_path / "house" / "py.typed", "")
    write(tmp_path / "house" / "__pycache__" / "a.pyc", "")
    lines = [" ".join(text.split()) for text in tree(tmp_path / "house").splitlines()]
    assert lines == [
        "src/toolcrib/ The house",
        "py.typed tells type checkers that the package is typed",
        "room/ A room",
        f"bare.py {NO_ROLE}",
        "door.py Opens",
    ]


def test_the_drawing_replaces_only_what_is_between_the_markers() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    drawn = with_tree(page, "new")
    assert drawn == f"before\n{BEGIN}\n```text\nnew\n```\n{END}\nafter\n"
    assert with_tree(drawn, "new") == drawn


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
