"""Frames between this process and those it starts: a length, then so many bytes."""

import os
import struct

HEADER = struct.Struct("!Q")
MAX_FRAME_BYTES = 256 * 1024 * 1024


def pack(body: bytes) -> bytes:
    """The bytes as one frame."""
    return HEADER.pack(len(body)) + body


def read_frame(descriptor: int) -> bytes:
    """The next frame's body; empty when the other side has gone.

    Raises:
        ValueError: the frame claims to be absurdly long.
    """
    head = _read_exactly(descriptor, HEADER.size)
    if len(head) < HEADER.size:
        return b""
    (size,) = HEADER.unpack(head)
    if size > MAX_FRAME_BYTES:
        raise ValueError(f"a frame of {size} bytes")
    return _read_exactly(descriptor, size)


def write_all(descriptor: int, data: bytes) -> None:
    """Write everything, however often the kernel takes only a part."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _read_exactly(descriptor: int, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = os.read(descriptor, min(size - len(parts), 1 << 20))
        if not part:
            return b""
        parts += part
    return bytes(parts)
