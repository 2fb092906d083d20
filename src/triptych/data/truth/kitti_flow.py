"""Truth of the training folders of KITTI flow 2015 and 2012: flow, and depth from disparity.

2015: image_2, flow_occ, flow_noc, obj_map, disp_occ_0, calib_cam_to_cam; 2012: colored_0
or image_0, flow_occ, flow_noc. Flow goes from NNNNNN_10 to NNNNNN_11, where _10 names it.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from jaxtyping import Bool
from torch import Tensor

from triptych.data.frame_names import IMAGE_SUFFIXES
from triptych.data.truth.kitti_calibration import focal_and_baseline
from triptych.data.truth.source import DepthSource, FlowSource, check_complete, chosen_names
from triptych.data.truth.stereo import stereo_depth
from triptych.errors import InputError
from triptych.formats.maps import load_depth_png, load_kitti_flow, load_mask
from triptych.types import DepthTruth, FlowTruth

IMAGE_FOLDERS = ("image_2", "colored_0", "image_0")
FIRST, NEXT = "_10", "_11"  # how the names of the two images end


def kitti_flow_truth(root: Path, *, names: Collection[str] | None = None) -> FlowSource:
    """Flow of the pairs in a training folder.

    `flow_occ` gives what is known, `flow_noc` what is visible and `obj_map` what moves by
    itself; a folder that is not there at all says nothing, one with gaps is refused.

    Args:
        root: folder of the data set, its training folder, or one that holds `flow_occ`.
        names: of the pairs, such as 000000_10; all by default.

    Raises:
        InputError: there is no `flow_occ`, or a file is missing; on reading, one is
            damaged or differs in size.
    """
    folder = _folder_with(root, "flow_occ")
    held = chosen_names(_stems(folder / "flow_occ"), names=names, place=folder / "flow_occ")
    parts = [part for part in ("flow_noc", "obj_map") if (folder / part).is_dir()]
    for part in parts:
        check_complete([folder / part / f"{name}.png" for name in held], what=f"files of {part}")

    def read(index: int) -> FlowTruth:
        name = held[index]
        file = folder / "flow_occ" / f"{name}.png"
        flow, valid = load_kitti_flow(file)
        visible = moving = None
        if "flow_noc" in parts:
            visible = load_kitti_flow(folder / "flow_noc" / file.name)[1]
            _check_size(visible, valid, folder / "flow_noc" / file.name)
            visible = visible & valid
        if "obj_map" in parts:
            moving = load_mask(folder / "obj_map" / file.name)
            _check_size(moving, valid, folder / "obj_map" / file.name)
        return FlowTruth(
            name=name,
            flow=flow,
            valid=valid,
            file=file,
            visible=visible,
            moving=moving,
            images=_images(folder, name),
        )

    return FlowSource(names=held, read=read, place=folder)


def kitti_disparity_truth(
    root: Path, *, names: Collection[str] | None = None, calibration: Path | None = None
) -> DepthSource:
    """Depth of KITTI 2015 from `disp_occ_0` (px x 256, 0 unknown): focal * baseline / disparity.

    Moving cars are as dense as the rest here: models were fitted to them.

    Args:
        root: folder of the data set, its training folder, or one that holds `disp_occ_0`.
        names: of the images, such as 000000_10; all by default.
        calibration: a calib_cam_to_cam.txt for all of them, where the data set's own folder
            `calib_cam_to_cam` is not there.

    Raises:
        InputError: there is no `disp_occ_0`, or no calibration; on reading, a damaged file.
    """
    folder = _folder_with(root, "disp_occ_0")
    held = chosen_names(_stems(folder / "disp_occ_0"), names=names, place=folder / "disp_occ_0")
    own = folder / "calib_cam_to_cam"
    if own.is_dir():
        files = [own / f"{name.removesuffix(FIRST)}.txt" for name in held]
        check_complete(files, what="calibration files")
    elif calibration is not None:
        files = [calibration] * len(held)
    else:
        raise InputError(f"{folder}: has no folder calib_cam_to_cam; unpack it there, or name a calib_cam_to_cam.txt")
    cameras = {file: focal_and_baseline(file) for file in dict.fromkeys(files)}

    def read(index: int) -> DepthTruth:
        file = folder / "disp_occ_0" / f"{held[index]}.png"
        focal_px, baseline_m = cameras[files[index]]
        depth_m = stereo_depth(load_depth_png(file), focal_px=focal_px, baseline_m=baseline_m)
        return DepthTruth(name=held[index], depth_m=depth_m, file=file, image=_image(folder, held[index]))

    return DepthSource(names=held, read=read, place=folder)


def _folder_with(root: Path, part: str) -> Path:
    """The folder that holds `part`: root itself or its training folder."""
    for folder in (root, root / "training"):
        if (folder / part).is_dir():
            return folder
    raise InputError(f"{root}: has no {part}, nor has its folder training; name the folder of KITTI flow 2015 or 2012")


def _stems(folder: Path) -> list[str]:
    return [file.stem for file in folder.glob("*.png")]


def _images(folder: Path, name: str) -> tuple[Path, Path] | None:
    """The files of the two images, from the first folder that has both; color before gray."""
    if not name.endswith(FIRST):
        return None
    stems = (name, name.removesuffix(FIRST) + NEXT)
    for part in IMAGE_FOLDERS:
        for suffix in IMAGE_SUFFIXES:
            first, following = (folder / part / f"{stem}{suffix}" for stem in stems)
            if first.is_file() and following.is_file():
                return first, following
    return None


def _image(folder: Path, name: str) -> Path | None:
    """The file of the first image; color before gray."""
    files = (folder / part / f"{name}{suffix}" for part in IMAGE_FOLDERS for suffix in IMAGE_SUFFIXES)
    return next((file for file in files if file.is_file()), None)


def _check_size(part: Bool[Tensor, "_ _"], valid: Bool[Tensor, "_ _"], file: Path) -> None:
    """Raise InputError where a map has not the size of the flow."""
    if part.shape != valid.shape:
        (height, width), (rows, columns) = part.shape, valid.shape
        raise InputError(f"{file} is {width}x{height}, its flow_occ is {columns}x{rows}; fetch both again")
