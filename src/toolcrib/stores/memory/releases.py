"""The release store in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from toolcrib.core.compat.shapes import Shape
from toolcrib.core.errors import Conflict, GenerationConflict, ReleaseNotFound
from toolcrib.core.ports import NO_MOVES, StoredRelease
from toolcrib.core.releases import MOVES, Channel, Deployment, Manifest, ReleaseState, repointed
from toolcrib.stores.release_moves import was_collected


class MemoryReleaseStore:
    """`ReleaseStore` in memory."""

    def __init__(self) -> None:
        self._releases: dict[str, StoredRelease] = {}
        self._contents: dict[str, dict[str, bytes]] = {}
        self._shapes: dict[str, str] = {}
        self._channel = Channel()
        self._history: list[Deployment] = []

    async def put(
        self,
        manifest: Manifest,
        contents: Mapping[str, bytes],
        *,
        at: float,
        state: ReleaseState = "staged",
        shape: Shape | None = None,
    ) -> None:
        """See `ReleaseStore.put`."""
        before = self._releases.get(manifest.digest)
        if before is None or before.state == "collected":
            self._contents[manifest.digest] = {path: contents[path] for path in manifest.files}
            kept = replace(manifest, files=dict(manifest.files))
            self._releases[manifest.digest] = StoredRelease(manifest=kept, state=state, at=at)
        if shape is not None:
            self._shapes.setdefault(manifest.digest, shape.to_json())

    async def shape(self, digest: str) -> Shape | None:
        """See `ReleaseStore.shape`."""
        text = self._shapes.get((await self.find(digest)).manifest.digest)
        return None if text is None else Shape.from_json(text)

    async def contents(self, digest: str) -> Mapping[str, bytes]:
        """See `ReleaseStore.contents`."""
        stored = await self.find(digest)
        if stored.state == "collected":
            raise was_collected(stored.manifest.release)
        return dict(self._contents[stored.manifest.digest])

    async def collect(self, digest: str) -> int:
        """See `ReleaseStore.collect`. A file counts once, however many releases have it."""
        self._releases[digest] = self._moved(digest, "collected")
        living = {
            blob for one in self._contents if one != digest for blob in self._releases[one].manifest.files.values()
        }
        mine, files = self._contents.pop(digest), self._releases[digest].manifest.files
        self._shapes.pop(digest, None)
        gone = {blob: len(mine[path]) for path, blob in files.items() if blob not in living}
        return sum(gone.values())

    async def find(self, id_or_digest: str) -> StoredRelease:
        """See `ReleaseStore.find`."""
        start = id_or_digest.removeprefix("r-").lower()
        found = [release for digest, release in self._releases.items() if start and digest.startswith(start)]
        if len(found) != 1:
            what = "More than one release begins with" if found else "The store has no release"
            raise ReleaseNotFound(f"{what} {id_or_digest!r}.", hint="`toolcrib releases` lists what there is.")
        return found[0]

    async def releases(self) -> Sequence[StoredRelease]:
        """See `ReleaseStore.releases`."""
        return sorted(self._releases.values(), key=lambda release: release.at, reverse=True)

    async def move(self, digest: str, state: ReleaseState) -> None:
        """See `ReleaseStore.move`."""
        self._releases[digest] = self._moved(digest, state)

    async def channel(self) -> Channel:
        """See `ReleaseStore.channel`."""
        return self._channel

    async def point(self, channel: Channel, *, deployment: Deployment | None = None) -> Channel:
        """See `ReleaseStore.point`."""
        before = self._channel
        if before.generation != channel.generation - 1:
            raise GenerationConflict(f"The channel's generation is no longer {channel.generation - 1}.")
        moved = {digest: self._moved(digest, state) for digest, state in repointed(before, channel).items()}
        self._releases |= moved
        self._channel = replace(channel, held=dict(channel.held))
        if deployment is not None:
            self._append(deployment)
        return self._channel

    async def saw_tree(self, digest: str) -> None:
        """See `ReleaseStore.saw_tree`."""
        if self._channel.generation:
            self._channel = replace(self._channel, seen_tree=digest)

    async def record(
        self, deployment: Deployment, *, seen_tree: str = "", moves: Mapping[str, ReleaseState] = NO_MOVES
    ) -> None:
        """See `ReleaseStore.record`."""
        self._releases |= {digest: self._moved(digest, state) for digest, state in moves.items()}
        if seen_tree:
            await self.saw_tree(seen_tree)
        self._append(deployment)

    async def history(self, limit: int = 50) -> Sequence[Deployment]:
        """See `ReleaseStore.history`."""
        return self._history[::-1][:limit]

    def _append(self, deployment: Deployment) -> None:
        self._history.append(replace(deployment, timings_s=dict(deployment.timings_s)))

    def _moved(self, digest: str, state: ReleaseState) -> StoredRelease:
        before = self._releases.get(digest)
        if before is None:
            raise ReleaseNotFound(f"The store has no release {digest[:8]!r}.")
        if state != before.state and state not in MOVES[before.state]:
            raise Conflict(f"A release that is {before.state} cannot become {state}.")
        return replace(before, state=state)
