"""What belongs to a release, read from a directory however it is laid out, and named by its bytes."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from toolcrib.core.errors import ProjectInvalid
from toolcrib.loader import bundle as bundles
from toolcrib.loader.bundle import make_bundle, read_bundle, read_files, release_directories

TREE = {
    "agents.yaml": "a",
    "tools.yml": "b",
    "toolcrib.yaml": "c",
    "langgraph.json": "d",
    "prompts/x.md": "e",
    "prompts/deep/y.txt": "f",
    "tools/t.py": "g",
    "tools/inner/u.py": "h",
    "graphs/g.py": "i",
    "helper.py": "j",
}


def write(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def read_paths(root: Path) -> set[str]:
    return set(read_bundle(root).contents)


def test_configuration_prompts_and_python_make_a_release(tmp_path: Path) -> None:
    found = read_bundle(write(tmp_path, TREE))
    assert {path: data.decode() for path, data in found.contents.items()} == TREE
    assert list(found.manifest.files) == sorted(TREE)


def test_the_folder_of_a_tenant_is_the_same_tree_again(tmp_path: Path) -> None:
    own = {f"tenants/acme/{path}": text for path, text in TREE.items()}
    assert read_paths(write(tmp_path, TREE | own)) == {*TREE, *own}


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "data/x.txt",
        "tools/agents.yaml",
        "tools/prompts/x.md",
        "tenants/x.md",
        "tenants/agents.yaml",
        "tenants/acme/x.md",
        "tenants/acme/tools/agents.yaml",
        "prompts/x.json",
        ".hidden.py",
        ".git/hooks/x.py",
        ".toolcrib/x.py",
        "__pycache__/x.py",
        "tools/__pycache__/x.py",
        "node_modules/x/y.py",
        "tests/test_x.py",
        "tools/tests/test_x.py",
        "lib/site-packages/x.py",
        "tools/x.pyc",
        "tools/x.py~",
        "tools/.x.py.swp",
        "4913",
    ],
)
def test_other_files_are_no_part_of_a_release(tmp_path: Path, path: str) -> None:
    assert read_paths(write(tmp_path, {**TREE, path: "other"})) == set(TREE)


@pytest.mark.parametrize("name", [".venv", "venv", "env-3.12", "my env"])
def test_virtual_environments_of_any_name_are_left_out(tmp_path: Path, name: str) -> None:
    write(tmp_path, {**TREE, f"{name}/pyvenv.cfg": "home = x", f"{name}/lib/python3/x.py": ""})
    assert read_paths(tmp_path) == set(TREE)


def test_the_digest_is_of_paths_and_bytes_alone(tmp_path: Path) -> None:
    first = write(tmp_path / "one", TREE)
    second = tmp_path / "elsewhere" / "two"
    shutil.copytree(first, second)
    for path in second.rglob("*"):
        os.utime(path, (1, 1))
    digest = read_bundle(first).manifest.digest
    assert read_bundle(second).manifest.digest == digest
    (second / "helper.py").write_text("J")
    assert read_bundle(second).manifest.digest != digest
    (second / "helper.py").rename(second / "other.py")
    (second / "other.py").write_text("j")
    assert read_bundle(second).manifest.digest != digest


def test_the_order_of_the_files_does_not_matter() -> None:
    contents = {path: text.encode() for path, text in TREE.items()}
    turned = dict(reversed(contents.items()))
    assert make_bundle(contents).manifest == make_bundle(turned).manifest
    assert list(make_bundle(turned).contents) == sorted(TREE)


def test_a_link_to_a_directory_is_followed_and_hides_nothing(tmp_path: Path) -> None:
    write(tmp_path, TREE)
    (tmp_path / "alias").symlink_to("tools")
    assert read_paths(tmp_path) == {*TREE, "alias/t.py", "alias/inner/u.py"}


def test_a_directory_outside_may_be_linked_into_the_project(tmp_path: Path) -> None:
    root = write(tmp_path / "project", TREE)
    write(tmp_path / "shared", {"s.py": ""})
    (root / "tools" / "shared").symlink_to(tmp_path / "shared")
    assert read_paths(root) == {*TREE, "tools/shared/s.py"}


@pytest.mark.parametrize("target", ["..", ".", "../..", "/", "inner/../.."])
def test_a_link_that_leads_back_is_not_followed(tmp_path: Path, target: str) -> None:
    write(tmp_path, TREE)
    (tmp_path / "tools" / "loop").symlink_to(target)
    assert read_paths(tmp_path) == set(TREE)


def test_links_that_lead_to_each_other_end(tmp_path: Path) -> None:
    write(tmp_path, {"a/x.py": "", "b/y.py": ""})
    (tmp_path / "a" / "to_b").symlink_to("../b")
    (tmp_path / "b" / "to_a").symlink_to("../a")
    assert read_paths(tmp_path) == {"a/x.py", "b/y.py", "a/to_b/y.py", "b/to_a/x.py"}


def test_a_file_linked_to_nothing_or_to_itself_is_told_apart(tmp_path: Path) -> None:
    write(tmp_path, TREE)
    (tmp_path / "tools" / "gone.py").symlink_to("nowhere.py")
    assert read_paths(tmp_path) == set(TREE)
    (tmp_path / "tools" / "loop.py").symlink_to("loop.py")
    assert refusals(tmp_path) == [("unreadable", "tools/loop.py")]


def test_a_mounted_configmap_is_read_through_its_links_and_switches_at_once(tmp_path: Path) -> None:
    root = tmp_path / "project"
    for version in ("1", "2"):
        write(root / f"..v{version}", {"tools/t.py": version, "agents.yaml": version})
    (root / "..data").symlink_to("..v1")
    for name in ("tools", "agents.yaml"):
        (root / name).symlink_to(f"..data/{name}")
    assert read_bundle(root).contents == {"agents.yaml": b"1", "tools/t.py": b"1"}
    (root / "..data_tmp").symlink_to("..v2")
    os.replace(root / "..data_tmp", root / "..data")
    assert read_bundle(root).contents == {"agents.yaml": b"2", "tools/t.py": b"2"}


def refusals(root: Path) -> list[tuple[str, str]]:
    with pytest.raises(ProjectInvalid) as caught:
        read_bundle(root)
    return [(reason.code, reason.file) for reason in caught.value.reasons]


def test_a_file_that_is_too_large_is_named_with_its_place(tmp_path: Path) -> None:
    write(tmp_path, TREE)
    (tmp_path / "tools" / "big.py").write_bytes(b"#" * (bundles.MAX_FILE_BYTES + 1))
    (tmp_path / "prompts" / "just.md").write_bytes(b"#" * bundles.MAX_FILE_BYTES)
    assert refusals(tmp_path) == [("too_large", "tools/big.py")]


def test_too_many_files_are_refused_without_reading_them_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "MAX_FILES", 5)
    with pytest.raises(ProjectInvalid, match="more than 5 files"):
        read_bundle(write(tmp_path, TREE))


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.write_text("")])
def test_what_is_no_directory_is_refused(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "x")
    with pytest.raises(ProjectInvalid, match="is not a directory"):
        read_bundle(tmp_path / "x")


def failing(monkeypatch: pytest.MonkeyPatch, name: str, error: OSError, then: Callable[[Path], object]) -> None:
    """Reading files of this name fails with the error, after `then` was done with the path."""
    real = os.open

    def opened(path: str, flags: int) -> int:
        if Path(path).name == name:
            then(Path(path))
            raise error
        return real(path, flags)

    monkeypatch.setattr(os, "open", opened)


def test_a_file_that_vanishes_while_it_is_read_counts_as_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, TREE)
    failing(monkeypatch, "t.py", FileNotFoundError("gone"), lambda path: path.unlink())
    assert read_paths(tmp_path) == set(TREE) - {"tools/t.py"}


def test_a_directory_that_vanishes_while_it_is_read_counts_as_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, TREE)
    monkeypatch.setattr(os, "scandir", vanishing(os.scandir, FileNotFoundError(2, "gone", str(tmp_path / "tools"))))
    assert read_paths(tmp_path) == {path for path in TREE if not path.startswith("tools/")}


def test_files_that_cannot_be_read_are_all_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {**TREE, "lib/t.py": ""})
    failing(monkeypatch, "t.py", PermissionError(13, "Permission denied"), lambda path: None)
    assert refusals(tmp_path) == [("unreadable", "lib/t.py"), ("unreadable", "tools/t.py")]


def test_a_directory_that_cannot_be_listed_is_no_empty_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, TREE)
    denied = PermissionError(13, "Permission denied", str(tmp_path / "tools"))
    monkeypatch.setattr(os, "scandir", vanishing(os.scandir, denied))
    assert refusals(tmp_path) == [("unreadable", "tools")]


def test_a_directory_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("this user may read everything")
    write(tmp_path, TREE)
    for mode in (0o000, 0o400):
        (tmp_path / "tools").chmod(mode)
        found = refusals(tmp_path)
        (tmp_path / "tools").chmod(0o700)
        assert {code for code, _ in found} == {"unreadable"}
        assert {file.partition("/")[0] for _, file in found} == {"tools"}


def vanishing(real: Callable[..., object], error: OSError) -> Callable[..., object]:
    def scandir(path: str) -> object:
        if str(path) == str(error.filename):
            raise error
        return real(path)

    return scandir


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    write(tmp_path, TREE)
    os.mkfifo(tmp_path / "tools" / "pipe.py")
    assert refusals(tmp_path) == [("unreadable", "tools/pipe.py")]


def test_a_pipe_that_comes_to_the_place_of_a_file_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, TREE)
    real = os.open

    def opened(path: str, flags: int) -> int:
        if Path(path).name == "t.py":
            os.unlink(path)
            os.mkfifo(path)
        return real(path, flags)

    monkeypatch.setattr(os, "open", opened)
    assert refusals(tmp_path) == [("unreadable", "tools/t.py")]


def test_a_file_that_grows_while_it_is_read_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, TREE)
    real = os.open

    def opened(path: str, flags: int) -> int:
        if Path(path).name == "t.py":
            os.truncate(path, 100 << 30)
        return real(path, flags)

    monkeypatch.setattr(os, "open", opened)
    assert refusals(tmp_path) == [("too_large", "tools/t.py")]


def test_a_name_that_is_not_utf_8_is_refused_in_words_that_can_be_sent(tmp_path: Path) -> None:
    write(tmp_path, TREE)
    (tmp_path / "tools" / os.fsdecode(b"\xff.py")).write_text("")
    ((code, file),) = refusals(tmp_path)
    assert code == "unreadable"
    assert file.encode().decode() == file


def test_the_directories_of_a_release_are_told_with_what_stands_there(tmp_path: Path) -> None:
    root, outside = tmp_path / "project", tmp_path / "outside"
    write(root, {**TREE, ".git/x.py": "", "venv/pyvenv.cfg": "", "venv/lib/x.py": "", "empty/x.txt": ""})
    outside.mkdir()
    (root / "linked").symlink_to(outside)
    before = release_directories(root)
    names = {".", "tools", "tools/inner", "prompts", "prompts/deep", "graphs", "empty", "linked"}
    assert {path.relative_to(root).as_posix() for path in before} == names
    assert release_directories(root) == before
    (root / "tools" / "new.py").touch()
    assert release_directories(root) == before
    (root / "tools").rename(tmp_path / "away")
    shutil.copytree(tmp_path / "away", root / "tools")
    changed = {path for path, number in release_directories(root).items() if before[path] != number}
    assert changed == {root / "tools", root / "tools" / "inner"}
    assert release_directories(tmp_path / "none") == {}


def test_an_empty_directory_is_an_empty_bundle(tmp_path: Path) -> None:
    assert read_bundle(tmp_path).contents == {}


def test_some_files_may_be_read_alone(tmp_path: Path) -> None:
    write(tmp_path, TREE)
    (tmp_path / "tools" / "big.py").write_bytes(b"#" * (bundles.MAX_FILE_BYTES + 1))
    assert read_files(tmp_path, ["toolcrib.yaml", "toolcrib.yml"]) == {"toolcrib.yaml": b"c"}
    with pytest.raises(ProjectInvalid):
        read_files(tmp_path, ["tools/big.py"])
    with pytest.raises(ProjectInvalid, match="is not a directory"):
        read_files(tmp_path / "none", ["toolcrib.yaml"])
