"""Video files, also damaged ones."""

import wave
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from triptych.data.sequence import load_sequence
from triptych.data.video import VideoSource
from triptych.errors import InputError


def levels(source: VideoSource, start: int = 0, stop: int | None = None) -> list[int]:
    """The numbers of numbered frames, from their mean level."""
    return [round((float(frame.float().mean()) - 20) / 8) for frame in source.frames(start, stop)]


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("mp4", "libx264"), ("mov", "libx264"), ("avi", "mpeg4"), ("mkv", "libx264"), ("webm", "libvpx-vp9")],
)
def test_frames_come_whole_and_in_order(
    tmp_path: Path, write_video: Callable, numbered: Callable, suffix: str, codec: str
) -> None:
    source = VideoSource(write_video(tmp_path / f"a.{suffix}", numbered(12), codec=codec))
    assert source.length == 12
    assert levels(source) == list(range(12))
    assert levels(source, 3, 6) == [3, 4, 5]
    assert source.size == (48, 64)
    assert source.name == f"a.{suffix}"


def test_red_is_the_first_channel_and_blue_the_last(tmp_path: Path, write_video: Callable) -> None:
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[:, :32, 0] = pixels[:, 32:, 2] = 255
    frame = next(iter(VideoSource(write_video(tmp_path / "a.mp4", [pixels] * 3)).frames())).float()
    assert (frame[:, :, 4:28].mean(dim=(1, 2)) - torch.tensor([255.0, 0, 0])).abs().max() < 12
    assert (frame[:, :, 36:60].mean(dim=(1, 2)) - torch.tensor([0, 0, 255.0])).abs().max() < 12


def test_times_come_from_the_file_also_at_a_variable_rate(
    tmp_path: Path, write_video: Callable, numbered: Callable
) -> None:
    stamps = [40, 80, 130, 400, 410, 700]
    source = VideoSource(write_video(tmp_path / "phone.mp4", numbered(6), pts=stamps))
    assert source.timed
    assert source.timestamps.tolist() == pytest.approx([0.0, 0.04, 0.09, 0.36, 0.37, 0.66], abs=1e-3)


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_the_rotation_of_a_phone_video_is_applied(tmp_path: Path, write_video: Callable, rotation: int) -> None:
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[:24, :32] = 255  # white in the upper left corner of what is stored
    source = VideoSource(write_video(tmp_path / "a.mp4", [pixels] * 3, rotation=rotation))
    frame = next(iter(source.frames()))
    # counterclockwise by 90 the upper left corner comes to the lower left
    expected = np.rot90(pixels, rotation // 90).transpose(2, 0, 1).astype(int)
    assert frame.shape == expected.shape
    assert source.size == expected.shape[1:]
    assert np.abs(frame.numpy() - expected).mean() < 12


def test_pixels_that_are_not_square_are_made_square(tmp_path: Path, write_video: Callable, numbered: Callable) -> None:
    path = write_video(tmp_path / "dv.mp4", numbered(3), aspect=Fraction(3, 2))
    source = VideoSource(path)
    assert source.size == (48, 96)
    assert levels(source) == [0, 1, 2]


def test_a_file_that_is_no_video_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("rain\n" * 100)
    with pytest.raises(InputError, match=r"notes\.mp4: cannot be read as a video") as caught:
        VideoSource(path)
    assert "\n" not in str(caught.value)


def test_a_file_of_sound_alone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "voice.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", "not compressed"))
        sound.writeframes(bytes(16000))
    with pytest.raises(InputError, match=r"voice\.wav: holds no video stream"):
        VideoSource(path)


def test_an_mp4_whose_index_was_cut_off_cannot_be_read(
    tmp_path: Path, write_video: Callable, numbered: Callable
) -> None:
    path = write_video(tmp_path / "cut.mp4", numbered(20))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    with pytest.raises(InputError, match=r"cut\.mp4: cannot be read as a video.*cut off"):
        VideoSource(path)


def cut_video(tmp_path: Path, write_video: Callable, numbered: Callable, suffix: str) -> Path:
    """56 frames (5.6 s) cut after 60 % of the bytes; an mp4 has its index at the front."""
    path = write_video(
        tmp_path / f"cut.{suffix}",
        numbered(28) * 2,
        rate=10,
        codec="mpeg4" if suffix == "avi" else "libx264",
        options={"movflags": "faststart"} if suffix == "mp4" else None,
    )
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    return path


@pytest.mark.parametrize("suffix", ["mp4", "avi", "mkv"])
def test_a_truncated_video_is_an_error_that_tells_how_many_frames_are_there(
    tmp_path: Path, write_video: Callable, numbered: Callable, suffix: str
) -> None:
    source = VideoSource(cut_video(tmp_path, write_video, numbered, suffix))
    assert 5 < source.length < 56
    with pytest.raises(InputError, match=rf"cut off.* limit the frames to the first {source.length}") as caught:
        load_sequence(source, height=24, width=32)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", ["mp4", "avi", "mkv"])
def test_of_a_truncated_video_the_frames_before_the_break_can_be_asked_for(
    tmp_path: Path, write_video: Callable, numbered: Callable, suffix: str
) -> None:
    source = VideoSource(cut_video(tmp_path, write_video, numbered, suffix))
    assert levels(source, stop=5) == [0, 1, 2, 3, 4]
    assert len(load_sequence(source, height=24, width=32, limit=source.length)) == source.length


@pytest.mark.parametrize(("codec", "length"), [("mpeg4", 5000), ("libx264", 5000), ("mpeg4", 20)])
def test_damage_in_the_middle_is_an_error_and_not_a_gray_frame(
    tmp_path: Path, write_video: Callable, codec: str, length: int
) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (28, 96, 128, 3), dtype=np.uint8)
    path = write_video(tmp_path / "scratched.mp4", list(noise), codec=codec, options={"movflags": "faststart"})
    content = bytearray(path.read_bytes())
    middle = (content.index(b"mdat") + len(content)) // 2
    content[middle : middle + length] = bytes(length)
    path.write_bytes(content)
    source = VideoSource(path)
    with pytest.raises(InputError, match=r"scratched\.mp4: frame \d+ cannot be decoded") as caught:
        list(source.frames())
    assert "\n" not in str(caught.value)
    assert len(list(source.frames(stop=5))) == 5


def packets(path: Path) -> list[av.Packet]:
    with av.open(str(path)) as container:
        return [packet for packet in container.demux(container.streams.video[0]) if packet.size]


def test_times_ascend_although_packets_are_stored_in_decoding_order(tmp_path: Path, write_video: Callable) -> None:
    texture = np.random.default_rng(1).integers(0, 256, (12, 16, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    frames = [np.roll(texture, 2 * n, axis=1) for n in range(20)]
    path = write_video(tmp_path / "b.mp4", frames)
    stored = [packet.pts for packet in packets(path)]
    assert stored != sorted(stored)  # else the file has no B frames, and nothing is tested
    assert VideoSource(path).timestamps.tolist() == pytest.approx([n / 25 for n in range(20)])


@pytest.mark.parametrize("kind", ["mkv", "webm"])
def test_sound_does_not_hide_that_a_recording_was_cut_off(tmp_path: Path, numbered: Callable, kind: str) -> None:
    path = tmp_path / f"loud.{kind}"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264" if kind == "mkv" else "libvpx-vp9", rate=4)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("aac" if kind == "mkv" else "libopus", rate=48000)
        for index, pixels in enumerate(numbered(28)):
            container.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            noise = np.random.default_rng(index).integers(-9000, 9000, (1, 12000), dtype=np.int16)
            played = av.AudioFrame.from_ndarray(noise, format="s16", layout="mono")
            played.sample_rate, played.pts = 48000, 12000 * index
            container.mux(sound.encode(played))
        container.mux(video.encode())
        container.mux(sound.encode())
    assert VideoSource(path).fault is None
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    source = VideoSource(path)
    assert 4 < source.length < 24
    with pytest.raises(InputError, match=r"is cut off after \d\.\d of 7\.0 seconds"):
        list(source.frames())


def test_pictures_that_lean_on_ones_before_the_recording_are_no_frames(tmp_path: Path, numbered: Callable) -> None:
    path = tmp_path / "dash.ts"
    options = {"x264-params": "open-gop=1:bframes=3:keyint=12:min-keyint=12:scenecut=0"}
    with av.open(str(path), "w", format="mpegts") as container:
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for pixels in numbered(29):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    whole = VideoSource(path)
    assert whole.length == 29
    content = path.read_bytes()
    shortened = []
    for packet in range(4, 24):
        path.write_bytes(content[188 * packet :])
        source = VideoSource(path)
        assert levels(source) == list(range(29))[-source.length :]
        shortened.append(source.length)
    assert min(shortened) < 29


def test_a_video_cut_exactly_between_two_frames_is_cut_off_all_the_same(
    tmp_path: Path, write_video: Callable, numbered: Callable
) -> None:
    path = write_video(tmp_path / "neat.mp4", numbered(20), codec="mpeg4", options={"movflags": "faststart"})
    ninth = packets(path)[9]
    assert ninth.pos is not None
    path.write_bytes(path.read_bytes()[: ninth.pos])
    source = VideoSource(path)
    assert source.length == 9
    with pytest.raises(InputError, match=r"neat\.mp4: is cut off: 9 of 20 frames are there"):
        list(source.frames())
    assert len(list(source.frames(stop=9))) == 9
