"""An archive makes the bundle of the directory that was packed; what no project may hold is refused by name."""

import gzip
import io
import random
import stat
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.unit.loader.archives.made import LIMITS, PROJECT, entry, raw_tar, tar, zip_entry, zipped
from toolcrib.core.errors import ArchiveInvalid, ArchiveTooLarge, ArchiveUnsupported, ProjectInvalid
from toolcrib.loader.archives.packing import pack
from toolcrib.loader.archives.reading import ArchiveLimits, read_archive
from toolcrib.loader.bundle import MAX_FILE_BYTES, MAX_FILES, Bundle, read_bundle

SMALL = {"tools/a.py": b"A = 1\n"}


def write(root: Path, files: Mapping[str, bytes]) -> Bundle:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return read_bundle(root)


def refusal(data: bytes) -> ArchiveInvalid:
    with pytest.raises(ArchiveInvalid) as raised:
        read_archive(data, limits=LIMITS)
    return raised.value


@pytest.mark.parametrize(
    "make",
    [
        tar,
        zipped,
        lambda: tar(before="./"),
        lambda: tar(format=tarfile.GNU_FORMAT),
        lambda: tar(format=tarfile.USTAR_FORMAT),
        lambda: tar(PROJECT, entry("tools/", tarfile.DIRTYPE), entry("./", tarfile.DIRTYPE)),
        lambda: zipped(PROJECT, zip_entry("tools/", 0o40755), way=zipfile.ZIP_STORED),
    ],
    ids=["tar", "zip", "dotted", "gnu", "ustar", "directories", "stored"],
)
def test_an_archive_has_the_digest_of_the_directory_it_was_made_of(make: Callable[[], bytes], tmp_path: Path) -> None:
    bundle = write(tmp_path, PROJECT)
    assert read_archive(make(), limits=LIMITS) == bundle
    assert len(bundle.contents) == 6


def test_what_we_pack_is_the_same_tree_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    bundle = write(tmp_path / "one", PROJECT)
    again = write(tmp_path / "two", {name: PROJECT[name] for name in reversed(list(PROJECT))})
    (tmp_path / "two" / "agents.yaml").touch()
    packed = pack(bundle)
    assert packed == pack(again)
    assert read_archive(packed, media_type="application/gzip", limits=LIMITS) == bundle
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        assert archive.getnames() == list(bundle.contents)


BAD_NAMES = {
    "../out.py": "leads out of the archive by `..`",
    "tools/../../out.py": "leads out of the archive by `..`",
    "/etc/x.py": "has an absolute path",
    "C:/x.py": "has a path with a drive letter",
    "c:x.py": "has a path with a drive letter",
    "tools\\x.py": "has a backslash in its path",
    "tools//x.py": "has an empty part in its path",
    "tools/./x.py": "has an empty part in its path",
    "tools/x\n.py": "has control characters in its name",
    "tools/\x1b[2J.py": "has control characters in its name",
    "x" * 1030: "has a path of more than 1024 bytes",
    "x/" * 65 + "y.py": "lies more than 64 directories deep",
    "TOOLS/b.py": "is the same directory as 'tools' where case does not count",
    "tools/A.py": "is there twice, or differs from another one by case or accents alone",
    "tools/a.py": "is there twice, or differs from another one by case or accents alone",
    "tools/\uff41.py": "is there twice, or differs from another one by case or accents alone",
    "tools/a.py/b.py": "is a file and a directory",
    "tools": "is a file and a directory",
}


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_a_path_that_leads_astray_or_is_taken_is_refused_by_name(name: str) -> None:
    for data in (tar(SMALL, entry(name)), zipped(SMALL, zip_entry(name))):
        (reason,) = refusal(data).reasons
        assert reason.message == BAD_NAMES[name]
        assert reason.file.startswith(name[:5].partition("\n")[0].partition("\x1b")[0])
        assert reason.file.isprintable()


def test_names_that_are_composed_in_two_ways_are_the_same() -> None:
    (reason,) = refusal(tar(SMALL | {"tools/\u00fc.py": b"", "tools/u\u0308.py": b""})).reasons
    assert reason.message.startswith("is there twice")


def test_a_name_that_is_not_utf_8_is_refused() -> None:
    data = bytearray(gzip.decompress(tar(SMALL, entry("tools/bad.py"), format=tarfile.GNU_FORMAT)))
    at = data.index(b"tools/bad.py")
    data[at + 6 : at + 9] = b"\xff\xfe\xfd"
    data[at + 148 : at + 156] = b"%06o\0 " % (sum(data[at : at + 148]) + 256 + sum(data[at + 156 : at + 512]))
    (reason,) = refusal(raw_tar(bytes(data))).reasons
    assert (reason.message, reason.file) == ("has a name that is not UTF-8", "tools/\\udcff\\udcfe\\udcfd.py")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (tarfile.SYMTYPE, "is a symbolic link"),
        (tarfile.LNKTYPE, "is a hard link"),
        (tarfile.CHRTYPE, "is a character device"),
        (tarfile.BLKTYPE, "is a block device"),
        (tarfile.FIFOTYPE, "is a named pipe"),
        (tarfile.GNUTYPE_SPARSE, "is a sparse file"),
        (b"7", "is of a kind that is not known (b'7')"),
    ],
)
def test_only_regular_files_are_taken_from_a_tar(kind: bytes, words: str) -> None:
    (reason,) = refusal(tar(SMALL, entry("data/x", kind, link="/etc/passwd"))).reasons
    assert (reason.message, reason.file) == (words, "data/x")


def test_a_sparse_file_in_pax_attributes_is_refused() -> None:
    sparse = entry("data/x")
    sparse.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "99999999999"}
    assert refusal(tar(SMALL, sparse)).reasons[0].message == "is a sparse file"


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        (stat.S_IFLNK | 0o777, "is a symbolic link"),
        (stat.S_IFIFO | 0o644, "is no regular file"),
        (stat.S_IFCHR | 0o644, "is no regular file"),
        (stat.S_IFDIR | 0o755, "is a directory whose name does not end with a slash"),
    ],
)
def test_only_regular_files_are_taken_from_a_zip(mode: int, words: str) -> None:
    (reason,) = refusal(zipped(SMALL, zip_entry("data/x", mode))).reasons
    assert (reason.message, reason.file) == (words, "data/x")


def test_a_zip_entry_that_is_encrypted_or_packed_in_a_rare_way_is_refused() -> None:
    data = bytearray(zipped(SMALL, zip_entry("data/x")))
    at = data.rindex(b"PK\x01\x02")
    data[at + 8] |= 1
    assert refusal(bytes(data)).reasons[0].message == "is encrypted"
    assert "other than deflate" in refusal(zipped(SMALL, way=zipfile.ZIP_LZMA)).reasons[0].message


def test_a_name_with_a_zero_byte_is_no_shorter_name() -> None:
    data = zipped(SMALL, zip_entry("data/evil.py@.txt")).replace(b"evil.py@", b"evil.py\0")
    assert refusal(data).reasons[0].file == "data/evil.py\\x00.txt"


def test_all_reasons_come_at_once_and_never_more_than_twenty() -> None:
    links = [entry(f"data/{number}", tarfile.SYMTYPE, link="x") for number in range(50)]
    assert len(refusal(tar(SMALL, *links[:3])).reasons) == 3
    assert len(refusal(tar(SMALL, *links)).reasons) == 20


def test_an_archive_with_a_directory_around_the_project_is_refused_with_the_way_to_pack_it() -> None:
    error = refusal(tar(PROJECT, before="shop/"))
    assert error.message == "There is no project at the top of the archive."
    assert "-C DIR ." in error.hint
    refusal(tar({}))


@pytest.mark.parametrize("make", [tar, zipped])
def test_a_file_that_is_too_large_for_a_release_is_refused_and_data_is_not(
    make: Callable[[Mapping[str, bytes]], bytes],
) -> None:
    noise = random.Random(1).randbytes(MAX_FILE_BYTES + 1)
    assert len(read_archive(make(SMALL | {"data/noise": noise}), limits=LIMITS).contents) == 1
    (reason,) = refusal(make(SMALL | {"tools/noise.py": noise})).reasons
    assert (reason.code, reason.file) == ("too_large", "tools/noise.py")


def test_too_many_files_are_refused_as_in_a_directory() -> None:
    many = {f"tools/m{number}.py": b"" for number in range(MAX_FILES + 1)}
    with pytest.raises(ProjectInvalid, match="more than 5000 files"):
        read_archive(zipped(many), limits=LIMITS)


@pytest.mark.parametrize("make", [tar, zipped])
def test_more_entries_than_allowed_are_refused(make: Callable[[Mapping[str, bytes]], bytes]) -> None:
    limits = ArchiveLimits(unpacked_bytes=1 << 20, entries=3)
    files = SMALL | {f"data/{number}": b"" for number in range(2)}
    assert len(read_archive(make(files), limits=limits).contents) == 1
    with pytest.raises(ArchiveTooLarge, match="more than 3 entries"):
        read_archive(make(files | {"data/more": b""}), limits=limits)


@pytest.mark.parametrize("make", [tar, zipped])
def test_more_bytes_than_allowed_are_refused(make: Callable[[Mapping[str, bytes]], bytes]) -> None:
    noise = random.Random(1).randbytes(1 << 20)
    limits = ArchiveLimits(unpacked_bytes=(1 << 20) + 100_000, entries=10)
    assert len(read_archive(make(SMALL | {"data/noise": noise}), limits=limits).contents) == 1
    with pytest.raises(ArchiveTooLarge, match="more than 1 MiB") as raised:
        read_archive(make(SMALL | {"data/noise": noise + bytes(100_000)}), limits=limits)
    assert "uploads.max_unpacked_mb" in raised.value.hint


@pytest.mark.parametrize("make", [tar, zipped])
def test_a_bomb_is_refused_before_it_is_unpacked(make: Callable[[Mapping[str, bytes]], bytes]) -> None:
    bomb = make(SMALL | {"data/zeros": bytes(40 << 20)})
    assert len(bomb) < 100_000
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveTooLarge, match="more than 100 times its size"):
            read_archive(bomb, limits=LIMITS)
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()


def test_a_zip_that_lies_about_a_size_is_refused() -> None:
    data = bytearray(zipped({"tools/a.py": b"A" * 1000}))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 10)
    refusal(bytes(data))


@pytest.mark.parametrize("make", [tar, zipped])
def test_a_damaged_archive_is_refused_and_never_taken_for_a_smaller_one(make: Callable[[], bytes]) -> None:
    data = make()
    whole = read_archive(data, limits=LIMITS)
    chance = random.Random(7)
    for _ in range(300):
        damaged = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(4, len(data))] ^= 1 << chance.randrange(8)
        try:
            found = read_archive(bytes(damaged), limits=LIMITS)
        except ArchiveInvalid:
            continue
        assert found == whole, "another tree was made of a damaged one"
    for size in range(4, len(data), max(1, len(data) // 60)):
        refusal(data[:size])


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:1000],
        lambda data: data[: data.rindex(b"ustar") // 512 * 512],
        lambda data: data.replace(b"ustar", b"usTar", 1),
        lambda data: data.replace(b"0000000\0", b"9999999\0", 1),
        lambda data: data[:512] + b"x" * 512 + data[512:],
        lambda data: data.rstrip(b"\0"),
    ],
    ids=["cut", "no end", "check sum", "number", "between", "no zeros"],
)
def test_a_tar_that_ends_early_or_is_out_of_step_is_refused(damage: Callable[[bytes], bytes]) -> None:
    plain = gzip.decompress(tar(SMALL | {"tools/b.py": b"B = 2\n"}, format=tarfile.USTAR_FORMAT))
    assert len(read_archive(raw_tar(plain), limits=LIMITS).contents) == 2
    refusal(raw_tar(damage(plain)))


@pytest.mark.parametrize(
    "attributes",
    [b"99999999999999999999 path=x\n", b"5 a\n", b"0 path=x\n", b"12 path=x.py", b"1" * 60_000, b"9 size=1\n", b" =\n"],
)
def test_attributes_of_a_tar_that_no_program_writes_are_refused_at_once(attributes: bytes) -> None:
    header = bytearray(entry("x", b"x", size=len(attributes)).tobuf(tarfile.USTAR_FORMAT))
    header[156:157] = b"x"
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + 256 + sum(header[156:]))
    block = attributes + bytes(-len(attributes) % 512)
    behind = gzip.decompress(tar(SMALL, format=tarfile.USTAR_FORMAT))
    refusal(raw_tar(bytes(header) + block + behind))


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"", ""),
        (b"{}", "application/json"),
        (b"%PDF-1.7", "application/gzip"),
        (zipped(SMALL), "application/gzip"),
        (tar(SMALL), "application/zip"),
        (tar(SMALL), "multipart/form-data"),
        (b"BZh9", "application/x-bzip2"),
    ],
)
def test_what_is_no_archive_or_another_one_than_it_says_is_refused(data: bytes, media_type: str) -> None:
    with pytest.raises(ArchiveUnsupported):
        read_archive(data, media_type=media_type, limits=LIMITS)


def test_a_gzip_file_that_holds_no_tar_is_refused() -> None:
    refusal(gzip.compress(b"hello"))
    refusal(gzip.compress(b""))
    assert len(read_archive(tar(SMALL), media_type="application/octet-stream", limits=LIMITS).contents) == 1
