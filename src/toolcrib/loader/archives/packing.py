"""From a bundle to an archive: the same bytes each time for the same tree."""

import gzip
import io
import tarfile

from toolcrib.loader.bundle import Bundle

LEVEL = 6


def pack(bundle: Bundle) -> bytes:
    """A tar.gz of the bundle's files: in order of their paths, without times, owners and rights of their own."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=LEVEL, fileobj=packed, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path, data in bundle.contents.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    return packed.getvalue()
