"""Reading tar archives (ustar, pax, GNU long names) that somebody sent.

The standard library's `tarfile` is made for archives one trusts: a crafted one keeps some supported Pythons busy
without end (CVE-2024-6232, CVE-2025-8194), and it takes a damaged header for the archive's end. This reader knows what
a project needs and refuses the rest. The format: POSIX.1-2017, `pax`; the GNU tar manual, "Basic Tar Format".
"""

from collections.abc import Iterator, Mapping
from functools import partial
from types import MappingProxyType

from toolcrib.core.errors import ArchiveInvalid
from toolcrib.loader.archives.entries import Entry, shown

BLOCK = 512
MAX_HEADER_BYTES = 64 * 1024
"""So long a path, or all attributes of an entry, may be."""
KINDS: Mapping[bytes, str] = MappingProxyType(
    {
        b"0": "file",
        b"\0": "file",
        b"5": "directory",
        b"1": "a hard link",
        b"2": "a symbolic link",
        b"3": "a character device",
        b"4": "a block device",
        b"6": "a named pipe",
        b"S": "a sparse file",
    }
)
LONG_NAME, ATTRIBUTES, ATTRIBUTES_OF_ALL = b"L", b"x", b"g"


def tar_entries(data: bytes) -> Iterator[Entry]:
    """The entries of an archive, as they come.

    Raises:
        ArchiveInvalid: it is damaged, or cut off.
    """
    at, name, attributes = 0, "", dict[str, str]()
    while any(header := data[at : at + BLOCK]):
        _check(header)
        kind, size = header[156:157], _number(header[124:136])
        begin, at = at + BLOCK, at + BLOCK + -(-size // BLOCK) * BLOCK
        if at > len(data):
            raise _damaged(f"it ends in the middle of {shown(name or _name(header))!r}")
        if kind in (LONG_NAME, ATTRIBUTES, ATTRIBUTES_OF_ALL):
            if size > MAX_HEADER_BYTES:
                raise _damaged(f"an entry has a header of {size} bytes")
            content = data[begin : begin + size]
            if kind == LONG_NAME:
                name = _text(content.rstrip(b"\0"))
            elif kind == ATTRIBUTES:
                attributes = _attributes(content)
            continue
        name = attributes.get("path") or name or _name(header)
        what = "a sparse file" if any(key.startswith("GNU.sparse") for key in attributes) else KINDS.get(kind)
        if "size" in attributes and attributes["size"] != str(size):
            raise _damaged(f"{shown(name)!r} has two sizes")
        yield Entry(
            name=name,
            kind=what or f"of a kind that is not known ({kind!r})",
            size=size,
            read=partial(_slice, data, begin, begin + size),
        )
        name, attributes = "", {}
    if len(header) < BLOCK:
        raise _damaged("it is cut off")


def _slice(data: bytes, begin: int, end: int) -> bytes:
    return data[begin:end]


def _check(header: bytes) -> None:
    """The sum of a header's bytes stands in it; while it is made, that place holds spaces."""
    if len(header) < BLOCK:
        raise _damaged("it is cut off")
    if _number(header[148:156]) != sum(header[:148]) + 8 * 32 + sum(header[156:]):
        raise _damaged("a header's check sum is wrong")


def _number(field: bytes) -> int:
    """An octal number in text."""
    text = field.strip(b" \0")
    if not text.isdigit() or b"8" in text or b"9" in text:
        if not text:
            return 0
        raise _damaged(f"a header has the number {field!r}")
    return int(text, 8)


def _name(header: bytes) -> str:
    """The path in a header; POSIX archives keep the first part of a long one in another place."""
    name, prefix = header[:100].partition(b"\0")[0], header[345:500].partition(b"\0")[0]
    return _text(prefix + b"/" + name if header[257:263] == b"ustar\0" and prefix else name)


def _attributes(content: bytes) -> dict[str, str]:
    """The records of a pax header, each `LENGTH NAME=VALUE` and a line feed; LENGTH counts all of it."""
    found, at, content = dict[str, str](), 0, content.rstrip(b"\0")
    while at < len(content):
        digits, _, _ = content[at : at + 8].partition(b" ")
        end = at + (int(digits) if digits.isdigit() else 0)
        name, sign, value = content[at + len(digits) + 1 : end - 1].partition(b"=")
        if not sign or content[end - 1 : end] != b"\n":
            raise _damaged("an entry's attributes cannot be read")
        found[_text(name)] = _text(value)
        at = end
    return found


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _damaged(why: str) -> ArchiveInvalid:
    return ArchiveInvalid(f"The archive cannot be read: {why}.", hint="Pack and send it again.")
