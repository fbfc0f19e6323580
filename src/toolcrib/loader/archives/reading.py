"""From an archive that was sent to a bundle, in memory: nothing is written to a disk, nothing of it is trusted."""

import gzip
import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from toolcrib.core.errors import ArchiveInvalid, ArchiveTooLarge, ArchiveUnsupported
from toolcrib.core.reasons import Reason
from toolcrib.loader.archives.entries import Entry, checked
from toolcrib.loader.archives.tar import tar_entries
from toolcrib.loader.bundle import (
    CONFIG_FILES,
    MAX_FILE_BYTES,
    MAX_FILES,
    Bundle,
    make_bundle,
    release_paths,
    too_large,
    too_many_files,
)

MIB = 1 << 20
RATIO = 100
"""An archive that unpacks to more than so many times its size is a bomb; source text comes to about ten."""
RATIO_FROM = 4 * MIB
"""Below that the ratio does not count."""
GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
ANY = frozenset({"", "application/octet-stream"})
TYPES: Mapping[bytes, frozenset[str]] = MappingProxyType(
    {
        GZIP: frozenset({"application/gzip", "application/x-gzip", "application/x-gtar", "application/x-tar+gzip"}),
        ZIP: frozenset({"application/zip", "application/x-zip-compressed"}),
    }
)
DIRECTORY_RECORD, DIRECTORY_END = b"PK\x01\x02", b"PK\x05\x06"
MANY = 0xFFFF
"""So many entries, or more: their number stands elsewhere."""
ENCRYPTED = 0x1
WAYS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
FOLDERS = ("tools/", "graphs/")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """How much an archive may come to: bytes of all it holds, and entries."""

    unpacked_bytes: int
    entries: int


def read_archive(data: bytes, *, media_type: str = "", limits: ArchiveLimits) -> Bundle:
    """The bundle of a tar.gz or a zip: the same as of the directory that was packed.

    Args:
        data: the archive.
        media_type: what the sender calls it; empty when nothing was said.
        limits: how much it may come to.

    Raises:
        ArchiveUnsupported: it is neither, or not what the sender calls it.
        ArchiveTooLarge: it comes to more than the limits.
        ArchiveInvalid: it is damaged, or holds what is no regular file under a path of its own.
        ProjectInvalid: it has too many files of a release.
    """
    magic = next((start for start in TYPES if data.startswith(start)), b"")
    if not magic or media_type.lower() not in TYPES[magic] | ANY:
        raise _unsupported(magic, media_type)
    try:
        return _bundle(_gzip_entries(data, limits) if magic == GZIP else _zip_entries(data, limits), limits)
    except (OSError, EOFError, ValueError, RuntimeError, struct.error, zlib.error, zipfile.BadZipFile) as error:
        raise ArchiveInvalid(f"The archive cannot be read: {error}.", hint="Pack and send it again.") from error


def _bundle(entries: Iterator[Entry], limits: ArchiveLimits) -> Bundle:
    files, reasons = checked(_counted(entries, limits))
    if reasons:
        raise ArchiveInvalid("The archive holds what no project may.", reasons=reasons)
    wanted = release_paths(files)
    if not any(path in CONFIG_FILES or path.startswith(FOLDERS) for path in wanted):
        raise ArchiveInvalid(
            "There is no project at the top of the archive.",
            hint="Pack what the project's directory holds, not the directory: `tar -czf project.tar.gz -C DIR .`",
        )
    if len(wanted) > MAX_FILES:
        raise too_many_files("The archive")
    if large := [too_large(path) for path in wanted if files[path].size > MAX_FILE_BYTES]:
        raise ArchiveInvalid("The archive holds files that are too large.", reasons=large)
    return make_bundle({path: _content(path, files[path]) for path in wanted})


def _content(path: str, entry: Entry) -> bytes:
    data = entry.read()
    if len(data) != entry.size:
        reason = Reason(code="archive_entry", message="has another size than the archive says", file=path)
        raise ArchiveInvalid("The archive is damaged.", reasons=[reason])
    return data


def _counted(entries: Iterator[Entry], limits: ArchiveLimits) -> Iterator[Entry]:
    for count, entry in enumerate(entries, start=1):
        if count > limits.entries:
            raise _too_many(limits)
        yield entry


def _gzip_entries(data: bytes, limits: ArchiveLimits) -> Iterator[Entry]:
    bound = _bound(data, limits)
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as unpacking:
        unpacked = unpacking.read(bound + 1)
    if len(unpacked) > bound:
        raise _too_much(bound, limits)
    return tar_entries(unpacked)


def _zip_entries(data: bytes, limits: ArchiveLimits) -> Iterator[Entry]:
    if data.count(DIRECTORY_RECORD) > limits.entries:  # before a record of each is made
        raise _too_many(limits)
    archive = zipfile.ZipFile(io.BytesIO(data))
    bound = _bound(data, limits)
    if sum(info.file_size for info in archive.infolist()) > bound:  # no entry gives more than it says
        raise _too_much(bound, limits)
    _agree(archive, data)
    return (
        Entry(
            name=info.orig_filename,  # `filename` ends at a NUL
            kind=_kind(info),
            size=info.file_size,
            read=partial(archive.read, info),
        )
        for info in archive.infolist()
    )


def _agree(archive: zipfile.ZipFile, data: bytes) -> None:
    """A zip tells its entries twice, in a directory at its end and before each of them.

    Raises:
        ArchiveInvalid: the two differ, or the directory lacks some.
    """
    told = int.from_bytes(data[data.rindex(DIRECTORY_END) + 10 :][:2], "little")
    if told not in (len(archive.infolist()), MANY):
        raise ArchiveInvalid("The archive cannot be read: its directory is damaged.", hint="Pack and send it again.")
    for info in archive.infolist():
        if not info.flag_bits & ENCRYPTED:
            archive.open(info).close()  # compares the names


def _kind(info: zipfile.ZipInfo) -> str:
    """What an entry is: Unix keeps a file's kind in the upper half of its attributes, others keep nothing there."""
    mode = stat.S_IFMT(info.external_attr >> 16)
    if info.flag_bits & ENCRYPTED:
        return "encrypted"
    if mode not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "a symbolic link" if mode == stat.S_IFLNK else "no regular file"
    if info.orig_filename.endswith("/"):
        return "directory"
    if mode == stat.S_IFDIR:
        return "a directory whose name does not end with a slash"
    return "file" if info.compress_type in WAYS else "compressed in a way other than deflate"


def _bound(data: bytes, limits: ArchiveLimits) -> int:
    return min(limits.unpacked_bytes, max(RATIO_FROM, RATIO * len(data)))


def _too_much(bound: int, limits: ArchiveLimits) -> ArchiveTooLarge:
    if bound < limits.unpacked_bytes:
        return ArchiveTooLarge(
            f"The archive unpacks to more than {RATIO} times its size.", hint="Leave out what compresses so well: data."
        )
    hint = "Leave data out of it, or raise `uploads.max_unpacked_mb` in toolcrib.yaml."
    return ArchiveTooLarge(f"The archive unpacks to more than {bound // MIB} MiB.", hint=hint)


def _too_many(limits: ArchiveLimits) -> ArchiveTooLarge:
    hint = "Leave out what is no part of the project, or raise `uploads.max_entries` in toolcrib.yaml."
    return ArchiveTooLarge(f"The archive has more than {limits.entries} entries.", hint=hint)


def _unsupported(magic: bytes, media_type: str) -> ArchiveUnsupported:
    found = {GZIP: "a gzip file", ZIP: "a zip file"}.get(magic, "neither a tar.gz nor a zip")
    said = f", its content type {media_type!r}" if media_type else ""
    return ArchiveUnsupported(
        f"What was sent is {found}{said}.", hint="Send a tar.gz as application/gzip, or a zip as application/zip."
    )
