"""A prediction's geometry as files that other programs go on from: PLY, GLB, and COLMAP's text."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.artefacts.glb import ColoredPoints, save_glb
from triptych.artefacts.point_cloud import PointCloudWriter
from triptych.artefacts.tracks import FrameMaps, tracked_points
from triptych.errors import InputError
from triptych.formats.atomic import atomic_folder
from triptych.formats.colmap import write_colmap_text
from triptych.inference.result import PredictionFolder
from triptych.viewing.scene_contents import (
    FARTHEST,
    FramePoints,
    frame_points,
    median_depth,
    moving_pixels,
    points_per_frame,
)

POINTS_AT_MOST = 2_000_000
"""Of PLY and GLB, if nothing else is asked for: 30 MB."""
TRACKS_AT_MOST = 100_000
"""Points of COLMAP's text, if nothing else is asked for."""
COLMAP_FOLDERS = frozenset({"sparse", "images"})
"""All that a folder for COLMAP holds, as it is written here."""
CAMERA_SHARE = 0.05  # length of a drawn camera over the median depth
NEW_EACH_FRAME = (
    0.25  # share of the cells in which a point begins in a frame after the first, for a guess of their number
)


def export_geometry(
    place: str,
    prediction: PredictionFolder,
    *,
    points: int | None = None,
    without_motion: bool = False,
    overwrite: bool = False,
) -> int:
    """Writes the geometry as the name of the place says; in the units of the prediction, up to scale.

    `.ply` is a colored point cloud, `.glb` that with cameras and path in glTF's axes, and a
    folder is COLMAP's: `sparse/0` with text, `images` beside it.

    Args:
        place: a file `.ply` or `.glb`, or a folder.
        prediction: what is written.
        points: how many at most.
        without_motion: leave out what moves by itself; tracks for COLMAP never have it.
        overwrite: replace what is there.

    Returns:
        The number of points written.

    Raises:
        InputError: another ending, the place is taken or cannot be written to, fewer points of a
            file than frames, a library or a file of the prediction is missing.
    """
    check_place(place, overwrite=overwrite)
    path = Path(place)
    if _is_for_colmap(place):
        return _write_colmap(path, prediction, points or TRACKS_AT_MOST, overwrite=overwrite)
    share = points_per_frame(prediction, points or POINTS_AT_MOST)
    middle = median_depth(prediction)
    found = frame_points(prediction, share, middle, without_motion=without_motion)
    if path.suffix.lower() == ".ply":
        return _write_ply(path, prediction, found)
    return _write_glb(path, prediction, found, middle)


def check_place(place: str, *, overwrite: bool) -> None:
    """Refuse a place that geometry cannot be written to, before anything is read.

    Args:
        place: as `export_geometry` takes it.
        overwrite: whether geometry that is there may be replaced.

    Raises:
        InputError: another ending, or the place is taken, by something else too.
    """
    path = Path(place)
    if _is_for_colmap(place):
        _check_folder_for_colmap(path, overwrite=overwrite)
        return
    if path.suffix.lower() not in (".ply", ".glb"):
        raise InputError(f"{place}: geometry is written as .ply, .glb, or a folder for COLMAP; name one of these")
    if path.exists() and not overwrite:
        raise InputError(f"{place}: is there already; name another file or pass --overwrite")


def _check_folder_for_colmap(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds something, unless that is what was written here and may be replaced."""
    held = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    if not held:
        return
    if not overwrite:
        raise InputError(f"{folder}: is not empty; choose another folder or pass --overwrite")
    if not (folder / "sparse").is_dir():
        raise InputError(f"{folder}: is not empty and holds nothing of COLMAP's to replace; name another folder")
    own = next((name for name in held if name not in COLMAP_FOLDERS), None)
    if own is not None:
        raise InputError(
            f"{folder}: holds {own} beside what is written for COLMAP, and would lose it; name another folder"
        )


def _is_for_colmap(place: str) -> bool:
    return place.endswith("/") or not Path(place).suffix or Path(place).is_dir()


def _write_ply(path: Path, prediction: PredictionFolder, found: Iterator[FramePoints]) -> int:
    count = 0
    with PointCloudWriter(path) as cloud:
        for index, some in enumerate(found):
            cloud.write(_in_world(some.positions, prediction.camera_to_world[index]), some.colors)
            count += len(some.colors)
    return count


def _write_glb(path: Path, prediction: PredictionFolder, found: Iterator[FramePoints], middle: float) -> int:
    still: list[tuple[Tensor, Tensor]] = []
    moving: list[tuple[Tensor, Tensor]] = []
    for index, some in enumerate(found):
        positions = _in_world(some.positions, prediction.camera_to_world[index])
        still.append((positions[~some.moving], some.colors[~some.moving]))
        moving.append((positions[some.moving], some.colors[some.moving]))
    sets = {"points": _joined(still), "moving points": _joined(moving)}
    save_glb(
        path,
        sets,
        camera_to_world=prediction.camera_to_world,
        intrinsics=prediction.intrinsics,
        size=prediction.size,
        camera_depth=CAMERA_SHARE * middle,
    )
    return sum(len(some.colors) for some in sets.values())


def _joined(parts: list[tuple[Tensor, Tensor]]) -> ColoredPoints:
    return ColoredPoints(torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts]))


def _write_colmap(folder: Path, prediction: PredictionFolder, points: int, *, overwrite: bool) -> int:
    height, width = prediction.size
    cells = points / (1 + NEW_EACH_FRAME * (len(prediction) - 1))
    spacing = max(2, math.ceil(math.sqrt(height * width / max(cells, 1))))
    with atomic_folder(folder, overwrite=overwrite) as target:
        tracks = tracked_points(_maps(prediction), prediction.intrinsics, prediction.camera_to_world, spacing=spacing)
        if not len(tracks.positions):
            raise InputError(
                f"{prediction.folder}: no point is seen by two frames alike, so there is nothing for COLMAP"
            )
        sparse = target / "sparse" / "0"
        sparse.mkdir(parents=True)
        (target / "images").mkdir()
        files = [prediction.photo_path(index) for index in range(len(prediction))]
        for file in files:
            shutil.copyfile(file, target / "images" / file.name)
        write_colmap_text(
            sparse,
            size=prediction.size,
            intrinsics=prediction.intrinsics,
            camera_to_world=prediction.camera_to_world,
            names=[file.name for file in files],
            tracks=tracks,
        )
    return len(tracks.positions)


def _maps(prediction: PredictionFolder) -> Iterator[FrameMaps]:
    farthest = FARTHEST * median_depth(prediction)
    for index in range(len(prediction)):
        depth = prediction.depth(index)
        yield FrameMaps(
            image=prediction.image(index),
            depth=depth,
            flow=prediction.flow(index),
            visibility=prediction.visibility(index),
            usable=~moving_pixels(prediction, index) & (depth <= farthest),
        )


def _in_world(positions: Float[Tensor, "points 3"], camera_to_world: Float[Tensor, "4 4"]) -> Float[Tensor, "points 3"]:
    pose = camera_to_world.double()
    return (positions.double() @ pose[:3, :3].T + pose[:3, 3]).float()
