"""Archives as other programs, and enemies, make them."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Mapping

from toolcrib.loader.archives.reading import ArchiveLimits

LIMITS = ArchiveLimits(unpacked_bytes=64 << 20, entries=10_000)
PROJECT: Mapping[str, bytes] = {
    "agents.yaml": b"agents: {}\n",
    "tools/orders.py": b"X = 1\n",
    "tools/deep/er/__init__.py": b"",
    "prompts/hello.md": b"Hello {name}\n",
    "prompts/sub/\xc3\xbcber.txt".encode("latin-1").decode("utf-8"): b"text",
    "README.md": b"no part of a release",
    "data/prices.csv": b"1,2\n",
    "tests/test_orders.py": b"no part either",
    ".git/config": b"hidden",
    "tools/.hidden.py": b"hidden",
    "venv/pyvenv.cfg": b"home = /usr\n",
    "venv/lib/thing.py": b"raise SystemExit\n",
    "lib/" + "long/" * 30 + "name.py": b"LONG = True\n",
}


def tar(
    files: Mapping[str, bytes] = PROJECT, *more: tarfile.TarInfo, format: int = tarfile.PAX_FORMAT, before: str = ""
) -> bytes:
    """A tar.gz of these files, and of entries without content behind them."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=format) as archive:
        for path, data in files.items():
            entry = tarfile.TarInfo(before + path)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        for entry in more:
            archive.addfile(entry, io.BytesIO(b"\0" * entry.size))
    return packed.getvalue()


def raw_tar(data: bytes) -> bytes:
    """A tar that was made by hand, compressed."""
    return gzip.compress(data, mtime=0)


def zipped(files: Mapping[str, bytes] = PROJECT, *more: zipfile.ZipInfo, way: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these files, and of empty entries behind them."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", way) as archive:
        for path, data in files.items():
            archive.writestr(path, data)
        for entry in more:
            archive.writestr(entry, b"target")
    return packed.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, *, size: int = 0, link: str = "") -> tarfile.TarInfo:
    """A tar entry of any kind."""
    made = tarfile.TarInfo(name)
    made.type, made.size, made.linkname = kind, size, link
    return made


def zip_entry(name: str, mode: int = 0o100644) -> zipfile.ZipInfo:
    """A zip entry with a Unix mode."""
    made = zipfile.ZipInfo(name)
    made.external_attr = mode << 16
    return made
