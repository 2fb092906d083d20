"""Folders of images."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from triptych.data.image_folder import image_size, open_image_folder, rgb_image
from triptych.errors import InputError

# Rows of a 3 wide, 2 high picture, each pixel unlike the others.
PIXELS = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[10, 20, 30], [40, 50, 60], [70, 80, 90]]], dtype=np.uint8)


def test_names_are_ordered_by_the_numbers_in_them(image_folder: Path) -> None:
    levels = [int(frame[0, 0, 0]) for frame in open_image_folder(image_folder).frames()]
    assert levels == [1, 2, 3, 10, 12]


def test_a_range_of_frames_reads_only_these(image_folder: Path) -> None:
    (image_folder / "frame12.png").write_bytes(b"not read")
    levels = [int(frame[0, 0, 0]) for frame in open_image_folder(image_folder).frames(1, 4)]
    assert levels == [2, 3, 10]


def test_hidden_files_and_other_kinds_are_left_out(image_folder: Path) -> None:
    (image_folder / "._frame2.png").write_bytes(b"resource fork")
    (image_folder / "notes.txt").write_text("rain")
    (image_folder / "thumbnails.png").mkdir()
    assert open_image_folder(image_folder).length == 5


def test_a_folder_without_images_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no image but nothing"):
        open_image_folder(tmp_path)
    (tmp_path / "notes.txt").write_text("rain")
    with pytest.raises(InputError, match="holds no image but 1 other entries"):
        open_image_folder(tmp_path)


def test_red_is_the_first_channel(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    assert torch.equal(rgb_image(tmp_path / "a.png"), torch.from_numpy(PIXELS).permute(2, 0, 1))


# What a viewer shows of PIXELS stored with each EXIF orientation.
UPRIGHT = {
    1: PIXELS,
    2: PIXELS[:, ::-1],
    3: PIXELS[::-1, ::-1],
    4: PIXELS[::-1],
    5: PIXELS.transpose(1, 0, 2),
    6: np.rot90(PIXELS, -1),
    7: np.rot90(PIXELS.transpose(1, 0, 2), 2),
    8: np.rot90(PIXELS, 1),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_the_rotation_of_a_phone_photo_is_applied(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "phone.png"
    Image.fromarray(PIXELS).save(path, exif=exif)
    image = rgb_image(path)
    assert np.array_equal(image.permute(1, 2, 0).numpy(), UPRIGHT[orientation])
    assert image_size(path) == tuple(image.shape[1:])


@pytest.mark.filterwarnings("ignore:Truncated File Read", "ignore:Possibly corrupt EXIF data")
def test_a_turned_picture_whose_exif_cannot_be_written_again_is_read_all_the_same(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 3, "make"
    path = tmp_path / "odd.jpg"
    Image.fromarray(PIXELS).save(path, exif=exif)
    plain = rgb_image(path)
    content = path.read_bytes()
    begin = content.find(b"Exif")
    odd = 0
    for place in range(begin + 8, begin + 40):
        changed = content[:place] + b"\x00" + content[place + 1 :]
        path.write_bytes(changed)
        with Image.open(path) as image:
            if image.getexif().get(0x0112) == 3:
                assert torch.equal(rgb_image(path), plain)
                odd += 1
    assert odd > 5


def test_gray_is_repeated(tmp_path: Path) -> None:
    Image.fromarray(PIXELS[..., 0]).save(tmp_path / "gray.png")
    image = rgb_image(tmp_path / "gray.png")
    assert all(torch.equal(channel, torch.from_numpy(PIXELS[..., 0].copy())) for channel in image)


def test_gray_of_16_bit_is_scaled_and_not_clipped(tmp_path: Path) -> None:
    values = np.array([[0, 257, 32768, 65535]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    assert rgb_image(tmp_path / "deep.png")[0].tolist() == [[0, 1, 128, 255]]  # 32768 / 257 = 127.5


def test_alpha_is_dropped_and_a_palette_resolved(tmp_path: Path) -> None:
    alpha = np.concatenate([PIXELS, np.full((2, 3, 1), 128, np.uint8)], axis=2)
    Image.fromarray(alpha).save(tmp_path / "rgba.png")
    Image.fromarray(PIXELS).quantize(6).save(tmp_path / "palette.png", transparency=0)
    expected = torch.from_numpy(PIXELS).permute(2, 0, 1)
    assert torch.equal(rgb_image(tmp_path / "rgba.png"), expected)
    assert torch.equal(rgb_image(tmp_path / "palette.png"), expected)


def test_an_image_of_real_numbers_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.ones((2, 2), np.float32)).save(tmp_path / "depth.tiff")
    with pytest.raises(InputError, match=r"depth\.tiff: holds floating-point"):
        rgb_image(tmp_path / "depth.tiff")


def test_a_file_that_is_no_image_is_named(image_folder: Path) -> None:
    (image_folder / "frame3.png").write_bytes(b"not an image")
    with pytest.raises(InputError, match=r"frame3\.png: cannot be read \(no image\)"):
        list(open_image_folder(image_folder).frames())


def test_a_first_file_that_is_no_image_is_named_at_once(image_folder: Path) -> None:
    (image_folder / "frame0.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"frame0\.png: cannot be read"):
        open_image_folder(image_folder)


@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_a_truncated_image_is_named_and_not_filled_with_gray(tmp_path: Path, kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = tmp_path / f"cut.{kind}"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=rf"cut\.{kind}: cannot be read") as caught:
        rgb_image(path)
    assert "\n" not in str(caught.value)


def test_frames_of_different_sizes_are_refused_with_both_sizes(image_folder: Path) -> None:
    Image.new("RGB", (42, 30)).save(image_folder / "frame3.png")
    with pytest.raises(InputError, match=r"frame3\.png: is 42x30, the frames before it are 40x30"):
        list(open_image_folder(image_folder).frames())


def test_a_folder_tells_no_times(image_folder: Path) -> None:
    source = open_image_folder(image_folder)
    assert not source.timed
    assert source.timestamps.tolist() == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])
    assert source.name == "walk"
    assert source.size == (30, 40)
    assert source.intrinsics is None


@pytest.mark.parametrize("above", [False, True])
def test_a_calibration_beside_the_images_or_right_above_is_theirs(image_folder: Path, above: bool) -> None:
    assert open_image_folder(image_folder).intrinsics is None
    place = image_folder.parent if above else image_folder
    (place / "K.txt").write_text("30 0 20\n0 30 12\n0 0 1\n")
    found = open_image_folder(image_folder).intrinsics
    assert found is not None
    assert float(found.intrinsics[0, 0]) == 30.0
    assert "K.txt" in found.origin


def test_a_folder_that_is_only_called_frames_goes_by_the_name_of_the_one_above(image_folder: Path) -> None:
    assert open_image_folder(image_folder).name == image_folder.name
    image_folder.rename(image_folder.parent / "frames")
    assert open_image_folder(image_folder.parent / "frames").name == image_folder.parent.name
