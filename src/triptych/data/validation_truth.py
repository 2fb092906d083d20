"""Truth that lies beside the frames of snippets, where a data set brings it: laser depth, camera poses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from jaxtyping import Float
from torch import Tensor

from triptych.data.frame_names import KittiFrame
from triptych.data.snippet_index import SnippetIndex
from triptych.data.truth.kitti_depth import kitti_annotated_truth, kitti_laser_truth
from triptych.formats.trajectories import load_kitti_trajectory
from triptych.types import DepthTruth

DepthKind = Literal["annotated", "laser"]

RAW_FRAME: Final = re.compile(
    r"(?P<root>.*)/(?P<date>\d{4}_\d\d_\d\d)/(?P<drive>[^/]+)/image_(?P<camera>0\d)/data/(?P<frame>\d+)\.\w+"
)
ODOMETRY_FRAME: Final = re.compile(r"(?P<root>.*)/sequences/(?P<sequence>\d\d)/image_\d/(?P<frame>\d+)\.\w+")


@dataclass(frozen=True)
class SnippetTruth:
    """What is known of some snippets of an index.

    Attributes:
        index: the snippets.
        depth_kind: what depth there is of the targets: annotated maps, else laser scans; None without.
        has_poses: whether the true poses of the frames are there.
    """

    index: SnippetIndex
    depth_kind: DepthKind | None
    has_poses: bool

    def depth(self, position: int) -> DepthTruth | None:
        """Depth of the target of a snippet; None where there is none of it.

        Raises:
            InputError: its file is damaged.
        """
        place = _raw_place(self.index.files(position).target)
        if place is None or self.depth_kind is None:
            return None
        root, frame = place
        if self.depth_kind == "annotated":
            return kitti_annotated_truth(root, [frame]).load(0) if frame.annotated_depth(root).is_file() else None
        there = frame.scan(root).is_file() and _calibrated(root, frame)
        return kitti_laser_truth(root, [frame]).load(0) if there else None

    def camera_to_world(self, position: int) -> Float[Tensor, "3 4 4"] | None:
        """Poses of previous, target and next frame (m); None where they are unknown.

        Raises:
            InputError: the file of poses is damaged.
        """
        files = self.index.files(position)
        places = [_odometry_place(file) for file in (files.previous, files.target, files.following)]
        if not self.has_poses or places[0] is None or not places[0][0].is_file():
            return None
        poses = _poses(places[0][0])
        numbers = [place[1] for place in places if place is not None]
        return poses[numbers] if max(numbers) < len(poses) else None


def snippet_truth(index: SnippetIndex, positions: Sequence[int]) -> SnippetTruth:
    """The truth that lies beside the frames of some snippets, in the layouts of KITTI.

    Annotated maps are `<drive>/proj_depth/groundtruth/image_0X` (or below train or val of the
    depth benchmark), scans `<drive>/velodyne_points`, poses `<root>/poses/NN.txt`.

    Args:
        index: the snippets.
        positions: those that are asked about; which kind of depth is there is told by them.
    """
    targets = [index.files(position).target for position in positions]
    frames = [place for place in map(_raw_place, targets) if place is not None]
    kind: DepthKind | None = None
    if any(frame.annotated_depth(root).is_file() for root, frame in frames):
        kind = "annotated"
    elif any(frame.scan(root).is_file() and _calibrated(root, frame) for root, frame in frames):
        kind = "laser"
    odometry = [place for place in map(_odometry_place, targets) if place is not None]
    return SnippetTruth(index, kind, any(file.is_file() for file, _ in odometry))


def _raw_place(file: Path) -> tuple[Path, KittiFrame] | None:
    """The folder of all dates, and the frame; None for a file that is not of KITTI raw."""
    found = RAW_FRAME.fullmatch(file.resolve().as_posix())
    if found is None:
        return None
    frame = KittiFrame(found["date"], found["drive"], int(found["camera"]), int(found["frame"]))
    return Path(found["root"]), frame


def _odometry_place(file: Path) -> tuple[Path, int] | None:
    """The file of true poses of a frame's sequence, and the frame's number."""
    found = ODOMETRY_FRAME.fullmatch(file.resolve().as_posix())
    if found is None:
        return None
    return Path(found["root"]) / "poses" / f"{found['sequence']}.txt", int(found["frame"])


def _calibrated(root: Path, frame: KittiFrame) -> bool:
    return (root / frame.date / "calib_velo_to_cam.txt").is_file()


@lru_cache(maxsize=4)
def _poses(file: Path) -> Float[Tensor, "frames 4 4"]:
    return load_kitti_trajectory(file)
