"""What every release store says alike, however it stores."""

from toolcrib.core.errors import ReleaseCollected


def was_collected(release: str) -> ReleaseCollected:
    """Somebody asks for the files of a release that has none any more."""
    return ReleaseCollected(
        f"Release {release} was collected: its files are gone.",
        hint="Deploy the same tree again, e.g. from version control, or take another release: `toolcrib releases`.",
    )
