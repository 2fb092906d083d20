"""What a 3D scene is made of: the points that each frame saw, the cameras and their pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from triptych.artefacts.depth_agreement import bent, seen_alike
from triptych.errors import InputError
from triptych.geometry.camera import backprojected
from triptych.geometry.pose import relative_transform
from triptych.inference.motion import carried_motion, grown_motion
from triptych.inference.result import PredictionFolder

POINTS = 300_000
"""Points of a scene if nothing else is asked for: a saved page of 3 to 6 MB."""

MEDIAN_DEPTH = 4.0  # of a scene in the viewer's units, which its controls are made for
FARTHEST = 6.0  # medians of depth; beyond it is mostly sky, and depth knows least
TOLERANCE = 0.1  # share of depth by which two frames may differ over a static point
APART = 3  # frames between those that are compared: enough for the camera to have moved
SAMPLED = 8  # frames whose depth stands for that of all
THINNEST = 0.04  # share of a frame's pixels: where fewer are kept, other frames fill the gaps
PICTURE_WIDTH = 192  # px of the pictures within the cameras


@dataclass(frozen=True)
class FramePoints:
    """Some of the points that one frame saw.

    Attributes:
        positions: in the camera's coordinates.
        colors: RGB.
        moving: True for those that move by themselves.
    """

    positions: Float[Tensor, "points 3"]
    colors: UInt8[Tensor, "points 3"]
    moving: Bool[Tensor, " points"]


@dataclass(frozen=True)
class SceneFrame:
    """One camera of a scene.

    Attributes:
        camera_to_world: its pose.
        points: what it saw.
        picture: the frame itself, small.
    """

    camera_to_world: Float[Tensor, "4 4"]
    points: FramePoints
    picture: UInt8[Tensor, "3 rows columns"]


@dataclass(frozen=True)
class Scene:
    """A whole scene; lengths are such that the median depth is `MEDIAN_DEPTH`.

    Attributes:
        name: of the source.
        frames: in order.
        vertical_angle: that a camera sees (rad).
        aspect: width of what it sees over its height.
        spacing: distance of neighboring points of a frame at the median depth, 5 px at most.
        frame_s: time between frames (s).
    """

    name: str
    frames: tuple[SceneFrame, ...]
    vertical_angle: float
    aspect: float
    spacing: float
    frame_s: float

    @property
    def path(self) -> Float[Tensor, "frames 3"]:
        """Where the cameras are."""
        return torch.stack([frame.camera_to_world[:3, 3] for frame in self.frames])

    @property
    def up(self) -> Float[Tensor, "3"]:
        """Upward in the world: the mean of the cameras' own."""
        mean = -torch.stack([frame.camera_to_world[:3, 1] for frame in self.frames]).mean(0)
        length = mean.norm()
        return mean / length if length > 0 else mean.new_tensor([0.0, -1.0, 0.0])


def scene_of(
    prediction: PredictionFolder,
    *,
    points: int = POINTS,
    without_motion: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Scene:
    """The scene of a prediction.

    Args:
        prediction: where depth, path, motion and frames lie.
        points: how many at most, all frames together.
        without_motion: leave out what moves by itself.
        progress: told (done, total) frames.

    Raises:
        InputError: fewer points than frames, or a file of the prediction is missing or damaged.
    """
    height, width = prediction.size
    share = points_per_frame(prediction, points)
    middle = median_depth(prediction)
    unit = MEDIAN_DEPTH / middle
    frames = []
    for index, found in enumerate(frame_points(prediction, share, middle, without_motion=without_motion)):
        pose = prediction.camera_to_world[index].clone()
        pose[:3, 3] *= unit
        scaled = FramePoints(found.positions * unit, found.colors, found.moving)
        frames.append(SceneFrame(pose, scaled, _small(prediction.image(index))))
        if progress is not None:
            progress(index + 1, len(prediction))
    fx, fy = float(prediction.intrinsics[0, 0]), float(prediction.intrinsics[1, 1])
    kept = min(1.0, share / (height * width))
    span = float(prediction.timestamps[-1] - prediction.timestamps[0])
    return Scene(
        name=prediction.name,
        frames=tuple(frames),
        vertical_angle=2 * math.atan(height / 2 / fy),
        aspect=(width / fx) / (height / fy),
        spacing=MEDIAN_DEPTH / fx / math.sqrt(max(kept, THINNEST)),
        frame_s=span / (len(frames) - 1) if span > 0 else 0.1,
    )


def points_per_frame(prediction: PredictionFolder, points: int) -> int:
    """How many points each frame may give where all together give so many at most.

    Raises:
        InputError: it would be none.
    """
    if points < len(prediction):
        raise InputError(
            f"--points {points}: fewer than the {len(prediction)} frames, each of which gives some; "
            f"give {len(prediction)} or more"
        )
    return points // len(prediction)


def median_depth(prediction: PredictionFolder) -> float:
    """The median over some frames, of pixels with finite positive depth; 1 where there is none."""
    chosen = range(0, len(prediction), max(1, len(prediction) // SAMPLED))
    values = torch.cat([prediction.depth(index).flatten()[::7] for index in chosen])
    values = values[values.isfinite() & (values > 0)]
    return float(values.median()) if len(values) else 1.0


def frame_points(
    prediction: PredictionFolder, count: int, middle: float, *, without_motion: bool = False
) -> Iterator[FramePoints]:
    """Points of one frame after the other, `count` of each at most, drawn evenly over the picture.

    Left out are pixels without depth, far ones, those at the edges of things, and static ones
    that another frame sees elsewhere.

    Args:
        prediction: where the maps lie.
        count: points of a frame at most.
        middle: the median depth.
        without_motion: leave out what moves by itself too.
    """
    generator = torch.Generator().manual_seed(0)
    for index in range(len(prediction)):
        depth, image = prediction.depth(index), prediction.image(index)
        moving = moving_pixels(prediction, index)
        keep = depth.isfinite() & (depth > 0) & (depth <= FARTHEST * middle) & ~bent(depth)
        keep &= moving | _confirmed(prediction, index, depth)
        if without_motion:
            keep &= ~moving
        chosen = keep.flatten().nonzero()[:, 0]
        chosen = chosen[torch.randperm(len(chosen), generator=generator)[:count]]
        positions = backprojected(depth.nan_to_num(0.0)[None, None], prediction.intrinsics[None])[0]
        yield FramePoints(
            positions=positions.flatten(1)[:, chosen].T.contiguous(),
            colors=image.flatten(1)[:, chosen].T.contiguous(),
            moving=moving.flatten()[chosen],
        )


def moving_pixels(prediction: PredictionFolder, index: int) -> Bool[Tensor, "height width"]:
    """True where something moves by itself; of the last frame, where the flow carries that of the one before."""
    motion = prediction.motion(index)
    if motion is not None:
        return grown_motion(motion)
    if index == 0:
        return torch.zeros(prediction.size, dtype=torch.bool)
    before, flow = prediction.motion(index - 1), prediction.flow(index - 1)
    assert before is not None
    assert flow is not None
    return grown_motion(carried_motion(before, flow))


def _confirmed(
    prediction: PredictionFolder, index: int, depth: Float[Tensor, "height width"]
) -> Bool[Tensor, "height width"]:
    """False where a frame a few before or after has the point in view and gives it another depth."""
    confirmed = torch.ones_like(depth, dtype=torch.bool)
    for other in (index - APART, index + APART):
        if 0 <= other < len(prediction):
            pose = relative_transform(prediction.camera_to_world[other], prediction.camera_to_world[index])
            in_view, alike = seen_alike(
                depth, prediction.depth(other), prediction.intrinsics, pose, tolerance=TOLERANCE
            )
            confirmed &= alike | ~in_view
    return confirmed


def _small(image: UInt8[Tensor, "3 height width"]) -> UInt8[Tensor, "3 rows columns"]:
    height, width = image.shape[1:]
    size = (max(1, round(PICTURE_WIDTH * height / width)), PICTURE_WIDTH)
    if width <= PICTURE_WIDTH:
        return image
    small = F.interpolate(image[None].float(), size=size, mode="area")
    return small[0].round().to(torch.uint8)
