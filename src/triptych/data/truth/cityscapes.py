"""Depth truth of Cityscapes: its stereo disparity, with the camera of each image."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path, PurePosixPath

from triptych.data.truth.source import DepthSource, check_complete, chosen_names
from triptych.data.truth.stereo import stereo_depth
from triptych.errors import InputError
from triptych.formats.cityscapes import load_cityscapes_camera, load_cityscapes_disparity
from triptych.types import DepthTruth

IMAGE_ENDING = "_leftImg8bit"


def cityscapes_truth(root: Path, *, split: str = "test", names: Collection[str] | None = None) -> DepthSource:
    """Depth (m) of the images of a split, named `<city>_<sequence>_<frame>`.

    Files are `<root>/disparity/<split>/<city>/<name>_disparity.png` and
    `<root>/camera/<split>/<city>/<name>_camera.json`. Disparity was found by stereo
    matching, not measured: the car's own bonnet has wrong values.

    Args:
        root: folder of the data set.
        split: train, val or test.
        names: of the images, or the paths of their files; all of the split by default.

    Raises:
        InputError: a folder or a camera is missing, or an image of `leftImg8bit` has no
            disparity; on reading, a file is damaged.
    """
    disparities = _files(root / "disparity" / split, ending="_disparity.png")
    if not disparities:
        raise InputError(f"{root / 'disparity' / split}: holds no <city>/*_disparity.png; unpack disparity there")
    asked = None if names is None else [PurePosixPath(name).name.removesuffix(IMAGE_ENDING) for name in names]
    held = chosen_names(disparities, names=asked, place=root / "disparity" / split)
    if names is None:
        _check_images(root, split, disparities)
    cameras = {name: root / "camera" / split / disparities[name].parent.name / f"{name}_camera.json" for name in held}
    check_complete(list(cameras.values()), what="camera files")

    def read(index: int) -> DepthTruth:
        name = held[index]
        camera = load_cityscapes_camera(cameras[name])
        disparity = load_cityscapes_disparity(disparities[name])
        depth_m = stereo_depth(disparity, focal_px=camera.fx, baseline_m=camera.baseline_m)
        image = root / "leftImg8bit" / split / disparities[name].parent.name / f"{name}{IMAGE_ENDING}.png"
        return DepthTruth(name, depth_m, disparities[name], image=image if image.is_file() else None)

    return DepthSource(names=held, read=read, place=root)


def _files(folder: Path, *, ending: str) -> dict[str, Path]:
    """The files of all cities by name."""
    return {file.name.removesuffix(ending): file for file in sorted(folder.glob(f"*/*{ending}"))}


def _check_images(root: Path, split: str, disparities: dict[str, Path]) -> None:
    """Raise InputError where the split has images without disparity."""
    images = _files(root / "leftImg8bit" / split, ending=f"{IMAGE_ENDING}.png")
    missing = [name for name in images if name not in disparities]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(images)} images of {root / 'leftImg8bit' / split} have no disparity, "
            f"the first is {missing[0]}; unpack the whole of disparity"
        )
