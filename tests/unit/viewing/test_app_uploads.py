"""Uploads are refused before they are read, kept under our own names, and leave nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import torch

from triptych.artefacts.video import VideoWriter
from triptych.errors import InputError
from triptych.viewing.app.uploads import WAITING_AT_MOST, WAITING_S, TooLargeError, Uploads


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("movie") / "six.mp4"
    noise = torch.randint(0, 256, (6, 3, 64, 96), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with VideoWriter(path, rate=10.0) as writer:
        for frame in noise:
            writer.write(frame)
    return path.read_bytes()


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path, largest_bytes=1_000_000)


def send(uploads: Uploads, name: str, *parts: bytes, declared: int | None = None) -> Path:
    async def chunks() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    return asyncio.run(uploads.receive(name, chunks(), declared=declared))


def left(folder: Path) -> Sequence[Path]:
    return list(folder.rglob("*"))


def test_a_video_is_kept_under_a_name_of_our_own_until_it_is_taken(
    uploads: Uploads, movie: bytes, tmp_path: Path
) -> None:
    token, kept = uploads.keep(send(uploads, "my drive.MP4", movie[:500], movie[500:]), "my drive.MP4")
    assert (kept.frames, kept.size) == (6, (64, 96))
    assert left(tmp_path) == [kept.path]
    assert "drive" not in kept.path.name
    assert kept.path.read_bytes() == movie
    assert uploads.take(token) == kept
    with pytest.raises(InputError, match="no video"):
        uploads.take(token)


def test_a_video_that_is_lent_is_kept_again_where_it_was_not_used(
    uploads: Uploads, movie: bytes, tmp_path: Path
) -> None:
    token, kept = uploads.keep(send(uploads, "a.mp4", movie), "a.mp4")

    def refused() -> None:
        with uploads.lent(token):
            with pytest.raises(InputError, match="no video"):
                uploads.find(token)  # nobody else may use it meanwhile
            raise InputError("the queue is full")

    with pytest.raises(InputError, match="the queue is full"):
        refused()
    assert uploads.find(token) == kept
    with uploads.lent(token) as lent:
        lent.path.unlink()
    with pytest.raises(InputError, match="no video"):
        uploads.find(token)


@pytest.mark.parametrize(
    "name", ["../../x.mp4", "/etc/x.mp4", "a\\b.mp4", "a\0.mp4", "a\n.mp4", "x" * 300 + ".mp4", ""]
)
def test_a_name_that_is_a_path_is_refused(uploads: Uploads, movie: bytes, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="plain file name"):
        send(uploads, name, movie)
    assert left(tmp_path) == []


def test_another_ending_and_an_empty_file_are_refused(uploads: Uploads, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"notes\.txt: is not a video by its name"):
        send(uploads, "notes.txt", b"words")
    with pytest.raises(InputError, match=r"none\.mp4: is empty"):
        send(uploads, "none.mp4", declared=0)
    with pytest.raises(InputError, match=r"none\.mp4: is no mp4"):
        uploads.keep(send(uploads, "none.mp4"), "none.mp4")
    assert left(tmp_path) == []


def test_a_declared_length_that_is_too_long_is_refused_unread(uploads: Uploads, tmp_path: Path) -> None:
    read = []

    async def chunks() -> AsyncIterator[bytes]:
        read.append(1)
        yield b""

    with pytest.raises(TooLargeError, match="larger than 1 MB"):
        asyncio.run(uploads.receive("x.mp4", chunks(), declared=3_000_000_000))
    assert read == []
    assert left(tmp_path) == []


@pytest.mark.parametrize(("declared", "sent"), [(None, 1_000_001), (10, 11)])
def test_more_than_is_taken_or_declared_is_refused_and_not_kept(
    uploads: Uploads, tmp_path: Path, declared: int | None, sent: int
) -> None:
    with pytest.raises(TooLargeError):
        send(uploads, "x.mp4", bytes(sent - 1), b"x", declared=declared)
    assert left(tmp_path) == []


def test_what_is_cut_off_while_it_is_sent_is_not_kept(uploads: Uploads, movie: bytes, tmp_path: Path) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield movie[:100]
        raise ConnectionError("gone")

    with pytest.raises(InputError, match="gone"):
        asyncio.run(uploads.receive("x.mp4", chunks(), declared=len(movie)))
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    "content",
    [
        b"just words",
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n",
        b"ffconcat version 1.0\nfile /etc/hostname\n",
        b"\0\0\0\x18ftypisom" + bytes(200),
    ],
)
def test_a_file_that_is_no_video_whatever_its_name_is_refused(uploads: Uploads, tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InputError, match=r"^x\.mp4: ") as caught:
        uploads.keep(send(uploads, "x.mp4", content), "x.mp4")
    assert str(tmp_path) not in str(caught.value)
    assert left(tmp_path) == []


def test_a_video_that_was_cut_off_is_refused(uploads: Uploads, movie: bytes, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^x\.mp4: "):
        uploads.keep(send(uploads, "x.mp4", movie[: len(movie) // 2]), "x.mp4")
    assert left(tmp_path) == []


def test_an_upload_gives_way_to_the_one_that_replaces_it(uploads: Uploads, movie: bytes, tmp_path: Path) -> None:
    first, _ = uploads.keep(send(uploads, "a.mp4", movie), "a.mp4")
    _, kept = uploads.keep(send(uploads, "b.mp4", movie), "b.mp4", instead=first)
    assert left(tmp_path) == [kept.path]


def test_uploads_that_nobody_uses_make_room(movie: bytes, tmp_path: Path) -> None:
    now = [0.0]
    uploads = Uploads(tmp_path, largest_bytes=1_000_000, clock=lambda: now[0])
    for _ in range(WAITING_AT_MOST + 2):
        uploads.keep(send(uploads, "a.mp4", movie), "a.mp4")
    assert len(left(tmp_path)) == WAITING_AT_MOST
    now[0] = WAITING_S + 1
    _, kept = uploads.keep(send(uploads, "a.mp4", movie), "a.mp4")
    assert left(tmp_path) == [kept.path]
