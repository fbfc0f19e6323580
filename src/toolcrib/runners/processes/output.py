"""What tools in worker processes print: line by line into the log, within bounds, never to the server's own output."""

import asyncio
import logging
import os

log = logging.getLogger("toolcrib.tools")
CHUNK_BYTES = 64 * 1024
LINE_CHARS = 2_000
CALL_BYTES = 64 * 1024
"""So much of what one call prints is logged; of the rest only the amount is told."""
DRAIN_CHUNKS = 16


class OutputLog:
    """The reading end of one worker's stdout and stderr."""

    def __init__(self, descriptor: int, *, release: str, tool: str = "") -> None:
        """Begin to read; the descriptor becomes this object's own."""
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._release = release
        self._tool = tool
        self._rest = b""
        self._left = CALL_BYTES
        self._dropped = 0
        asyncio.get_running_loop().add_reader(descriptor, self._read)

    def begin(self, tool: str) -> None:
        """What comes from now on is that tool's."""
        self._tool = tool

    def end(self) -> None:
        """The call is over: log what it has printed and not been read yet, also a line without an end."""
        for _ in range(DRAIN_CHUNKS):
            if not self._read():
                break
        if self._rest:
            self._line(self._rest)
            self._rest = b""
        if self._dropped:
            self._log("output dropped: %d bytes", self._dropped)
        self._left, self._dropped = CALL_BYTES, 0

    def close(self) -> None:
        """Read no more."""
        if self._descriptor >= 0:
            self.end()
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _read(self) -> bool:
        """Take what is there; whether there was anything."""
        if self._descriptor < 0:
            return False
        try:
            chunk = os.read(self._descriptor, CHUNK_BYTES)
        except BlockingIOError:
            return False
        if not chunk:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            return False
        kept = chunk[: self._left]
        self._left -= len(kept)
        self._dropped += len(chunk) - len(kept)
        if kept:
            *lines, self._rest = (self._rest + kept).split(b"\n")
            for line in lines:
                self._line(line)
        return True

    def _line(self, line: bytes) -> None:
        text = line.decode("utf-8", "backslashreplace").rstrip("\r")
        self._log("%s", text if len(text) <= LINE_CHARS else f"{text[:LINE_CHARS]}…")

    def _log(self, message: str, value: object) -> None:
        log.info(message, value, extra={"tool": self._tool, "release": self._release})
