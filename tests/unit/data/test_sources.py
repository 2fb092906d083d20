"""From a path to frames, for each kind of source."""

from collections.abc import Callable
from pathlib import Path

import pytest

from triptych.data.image_folder import ImageFolder
from triptych.data.sources import open_source
from triptych.data.video import VideoSource
from triptych.errors import InputError


def test_a_file_is_a_video_and_a_folder_is_its_images(
    tmp_path: Path, image_folder: Path, write_video: Callable, numbered: Callable
) -> None:
    assert isinstance(open_source(write_video(tmp_path / "a.mp4", numbered(3))), VideoSource)
    assert isinstance(open_source(image_folder), ImageFolder)


def test_a_path_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holiday\.mp4: does not exist"):
        open_source(tmp_path / "holiday.mp4")


def test_a_single_image_is_refused_with_the_way_out(image_folder: Path) -> None:
    with pytest.raises(InputError, match=r"frame1\.png: is a single image; give a video or the folder"):
        open_source(image_folder / "frame1.png")


def test_an_empty_file_is_refused_as_a_video(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(InputError, match=r"empty\.mp4: cannot be read as a video"):
        open_source(tmp_path / "empty.mp4")


def test_a_camera_has_no_meaning_outside_kitti(image_folder: Path) -> None:
    with pytest.raises(InputError, match="is no KITTI folder"):
        open_source(image_folder, camera="2")
