"""Frames between this process and those it starts."""

import os
import threading
from collections.abc import Iterator

import pytest

from toolcrib.core.wire.frames import HEADER, MAX_FRAME_BYTES, pack, read_frame, write_all

Pipe = tuple[int, int]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


def test_a_frame_arrives_as_it_was_sent(pipe: Pipe) -> None:
    write_all(pipe[1], pack("文".encode()) + pack(b"raw"))
    assert read_frame(pipe[0]).decode() == "文"
    assert read_frame(pipe[0]) == b"raw"


def test_a_frame_larger_than_the_pipe_arrives_whole(pipe: Pipe) -> None:
    body = os.urandom(3_000_000)
    writer = threading.Thread(target=write_all, args=(pipe[1], pack(body)))
    writer.start()
    assert read_frame(pipe[0]) == body
    writer.join(5)


@pytest.mark.parametrize("cut", [0, 3, HEADER.size, HEADER.size + 2])
def test_the_other_side_going_away_ends_the_conversation(pipe: Pipe, cut: int) -> None:
    write_all(pipe[1], pack(b"four")[:cut])
    os.close(pipe[1])
    assert read_frame(pipe[0]) == b""


def test_an_absurd_length_is_refused_before_anything_is_read(pipe: Pipe) -> None:
    write_all(pipe[1], HEADER.pack(MAX_FRAME_BYTES + 1))
    with pytest.raises(ValueError, match="a frame of"):
        read_frame(pipe[0])
