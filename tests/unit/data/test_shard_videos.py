"""Shards of videos: each is a drive, and goes on where it was interrupted or is damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from tests.unit.data.small_shards import CHUNK_BYTES, SIZE, contents, interrupted, write_drive

from triptych.data.calibration import calibration_from_text
from triptych.data.sequence import load_sequence
from triptych.data.shard_preparing import prepared_shards
from triptych.data.shard_snippets import ShardSnippetDataset
from triptych.data.shard_videos import folder_and_video_snippets
from triptych.data.sources import open_source
from triptych.errors import InputError


@pytest.fixture
def videos(tmp_path: Path, write_video: Callable[..., Path], numbered: Callable[..., list]) -> Path:  # type: ignore[type-arg]
    (tmp_path / "root").mkdir()
    write_video(tmp_path / "root" / "walk.mp4", numbered(11))
    write_video(tmp_path / "root" / "zoo.mp4", numbered(7, height=64, width=96))
    (tmp_path / "root" / "zoo.yaml").write_text("width: 96\nheight: 64\nfx: 80\nfy: 81\ncx: 47\ncy: 32\n")
    write_drive(tmp_path / "root" / "images", 5)
    return tmp_path / "root"


def test_a_video_is_a_drive_to_the_bits_of_its_frames(videos: Path, tmp_path: Path) -> None:
    index = folder_and_video_snippets(videos)
    assert [drive.name for drive in index.drives] == ["images", "walk.mp4", "zoo.mp4"]
    assert any("2 of 3 drives have no calibration (images, walk.mp4)" in remark for remark in index.remarks)
    manifest = prepared_shards(index, tmp_path / "shards", chunk_bytes=CHUNK_BYTES, **SIZE)
    assert manifest.frames == 5 + 11 + 7
    dataset = ShardSnippetDataset(tmp_path / "shards")
    assert dataset.name_of(3) == "walk.mp4/000001"
    zoo = load_sequence(open_source(videos / "zoo.mp4"), calibration=calibration_from_text("80,81,47,32"), **SIZE)
    sample = dataset[len(dataset) - 1]
    assert torch.equal((sample.frames * 255).round().byte(), zoo.images[4:7])
    assert torch.equal(sample.intrinsics, zoo.intrinsics)


def test_a_video_goes_on_where_it_was_interrupted(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = folder_and_video_snippets(videos)

    def work(place: Path = tmp_path / "shards") -> None:
        prepared_shards(index, place, chunk_bytes=CHUNK_BYTES, **SIZE)

    interrupted(monkeypatch, work, after=4)
    work()
    work(tmp_path / "whole")
    assert contents(tmp_path / "shards") == contents(tmp_path / "whole")


def test_of_a_video_that_is_cut_off_the_frames_before_are_used(
    videos: Path, tmp_path: Path, write_video: Callable[..., Path], numbered: Callable[..., list[np.ndarray]]
) -> None:
    walk = write_video(videos / "walk.mp4", numbered(11), options={"movflags": "faststart"})  # its index lies in front
    whole = load_sequence(open_source(walk), **SIZE)
    with av.open(str(walk)) as container:
        seventh = [packet.pos for packet in container.demux(video=0) if packet.size][6]
    walk.write_bytes(walk.read_bytes()[: seventh + 5])
    index = folder_and_video_snippets(videos)
    assert any("walk.mp4: is damaged or cut off after frame 5; the frames before are used" in r for r in index.remarks)
    manifest = prepared_shards(index, tmp_path / "shards", chunk_bytes=CHUNK_BYTES, **SIZE)
    assert (manifest.frames, manifest.damaged) == (5 + 6 + 7, ())
    dataset = ShardSnippetDataset(tmp_path / "shards")
    last = next(position for position in range(len(dataset)) if dataset.name_of(position) == "walk.mp4/000004")
    assert torch.equal((dataset[last].frames * 255).round().byte(), whole.images[3:6])


def test_a_video_whose_index_is_cut_off_is_left_out_as_is_what_is_no_video(videos: Path, tmp_path: Path) -> None:
    content = (videos / "walk.mp4").read_bytes()
    (videos / "walk.mp4").write_bytes(content[:-200])
    (videos / "zoo.mp4").write_bytes(b"no video")
    index = folder_and_video_snippets(videos)
    for name in ("walk.mp4", "zoo.mp4"):
        assert any(f"{name}: cannot be read as a video" in remark for remark in index.remarks)
    manifest = prepared_shards(index, tmp_path / "shards", chunk_bytes=CHUNK_BYTES, **SIZE)
    assert manifest.frames == 5
    assert manifest.snippets == len(index) == 3


def test_damage_inside_a_video_costs_the_snippets_behind_it(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from triptych.data.video import VideoSource

    original = VideoSource.frames

    def breaking(self: VideoSource, start: int = 0, stop: int | None = None) -> Iterator[torch.Tensor]:
        for position, frame in enumerate(original(self, start, stop), start=start):
            if position == 6 and self.name == "walk.mp4":
                raise InputError("walk.mp4: frame 6 cannot be decoded")
            yield frame

    monkeypatch.setattr(VideoSource, "frames", breaking)
    index = folder_and_video_snippets(videos)
    manifest = prepared_shards(index, tmp_path / "shards", chunk_bytes=CHUNK_BYTES, skip_limit=1, **SIZE)
    assert manifest.damaged == ("walk.mp4: frame 6 cannot be decoded",)
    # Frames 0 to 5 make four snippets of nine.
    assert manifest.snippets == len(index) - 5
