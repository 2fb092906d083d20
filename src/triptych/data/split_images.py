"""The images of a split that are predicted on: single images for depth, pairs for flow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from triptych.data.splits import cityscapes_test_names, kitti2015_pairs, kitti_frames, make3d_test_names
from triptych.data.truth.source import check_complete
from triptych.errors import InputError

CITYSCAPES_ROWS = (0.0, 0.75)
"""Below are the car's bonnet and its star."""
MAKE3D_ROWS = (710 / 2272, 1562 / 2272)
"""The middle 852 rows of pictures of 1704 x 2272: two to one."""
MAKE3D_FOLDERS = ("Test134", "Test134Img", ".")


@dataclass(frozen=True)
class SplitImage:
    """An image to predict on.

    Attributes:
        name: under which its prediction is found by the evaluation.
        image: its file.
        following: file of the next image, where flow is predicted too; else None.
        calibration: file with the intrinsics of a pair; None where it is not at hand.
        rows: shares of its rows, from and to, that are predicted on.
    """

    name: str
    image: Path
    following: Path | None = None
    calibration: Path | None = None
    rows: tuple[float, float] = (0.0, 1.0)


def split_images(root: Path, split: str) -> tuple[SplitImage, ...]:
    """The images of a split, in its order.

    Args:
        root: the data set's folder.
        split: one of `SPLITS`.

    Raises:
        InputError: another split, or files are missing.
    """
    if split not in _MAKERS:
        raise InputError(f"--split {split}: can be predicted on are {', '.join(SPLITS)}")
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; name the folder of the data set")
    images = _MAKERS[split](root)
    files = [file for image in images for file in (image.image, image.following) if file is not None]
    check_complete(files, what=f"images of {split}")
    return images


def _kitti(split: str) -> Callable[[Path], tuple[SplitImage, ...]]:
    return lambda root: tuple(SplitImage(frame.name, frame.image(root)) for frame in kitti_frames(split))


def _kitti2015(root: Path) -> tuple[SplitImage, ...]:
    items = []
    for pair in kitti2015_pairs():
        first, following = pair.images(root)
        calibration = pair.calibration(root)
        items.append(SplitImage(pair.name, first, following, calibration if calibration.is_file() else None))
    return tuple(items)


def _cityscapes(root: Path) -> tuple[SplitImage, ...]:
    folder = root / "leftImg8bit" / "test"
    return tuple(
        SplitImage(name, folder / name.split("_")[0] / f"{name}_leftImg8bit.png", rows=CITYSCAPES_ROWS)
        for name in cityscapes_test_names()
    )


def _make3d(root: Path) -> tuple[SplitImage, ...]:
    folder = next((root / part for part in MAKE3D_FOLDERS if next((root / part).glob("img-*.jpg"), None)), root)
    return tuple(SplitImage(name, folder / f"img-{name}.jpg", rows=MAKE3D_ROWS) for name in make3d_test_names())


_MAKERS: dict[str, Callable[[Path], tuple[SplitImage, ...]]] = {
    "eigen_test": _kitti("eigen_test"),
    "eigen_improved": _kitti("eigen_improved"),
    "kitti2015": _kitti2015,
    "cityscapes_test": _cityscapes,
    "make3d_test": _make3d,
}
SPLITS = tuple(_MAKERS)
"""Splits that can be predicted on."""
