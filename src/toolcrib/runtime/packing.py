"""A project's directory as an archive, for a server elsewhere; needs no framework."""

from dataclasses import dataclass
from pathlib import Path

from toolcrib.core.releases import Revision
from toolcrib.deployment.revision import read_revision
from toolcrib.loader.archives.packing import pack
from toolcrib.loader.bundle import read_bundle


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A project, packed.

    Attributes:
        data: a tar.gz.
        release: id of the release it makes.
        files, unpacked_bytes: how much is in it.
        git: the commit it was packed from; None without git.
    """

    data: bytes
    release: str
    files: int
    unpacked_bytes: int
    git: Revision | None


def pack_project(directory: Path) -> Packed:
    """What makes a release of the project, by the rules of a deployment; the same bytes each time.

    Raises:
        ProjectInvalid: there is no such directory, or it cannot be read.
    """
    bundle = read_bundle(directory)
    return Packed(
        data=pack(bundle),
        release=bundle.manifest.release,
        files=len(bundle.contents),
        unpacked_bytes=sum(map(len, bundle.contents.values())),
        git=read_revision(directory, bundle.manifest.files),
    )
