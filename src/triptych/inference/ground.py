"""The ground, and what seems to lie below it: objects that keep the camera's pace.

A car ahead that drives as fast as the camera has no flow, and infinite depth explains it
perfectly: no epipolar line and no photometric error tells it from the horizon. But it
stands on the road. Nothing static is seen through the ground, so what seems farther than
the ground at its own pixel moves by itself; and it is as far as the ground where it stands.

Convention: a plane has inverse depth linear in pixels, a x + b y + c.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.geometry.grid import pixel_grid
from triptych.geometry.rigid import rigid_flow
from triptych.inference.three_view import JointPoints, StaticPoints

FIRST_ROW_SHARE = 0.55  # the ground is sought below this row
SIDE_SHARE = 0.15  # and not in these margins
POINT_STRIDE = 3  # px
FEWEST_POINTS = 100
TRIALS = 300  # triples; with a third of ground points one of 27 is right
INLIER_SHARE = 0.1  # of the inverse depth
LEAST_GROUND_SHARE = 0.3
STEEPEST_RISE = 0.1  # sine of the angle between the ground and the camera's motion
SEED = 0  # of the triples: the same answer for the same frames

SPECK_PX = 3
FARTHER_SHARE = 0.6  # of the ground's inverse depth
LEAST_LAG_PX = 0.5
LAG_SHARE = 0.1


def ground_inverse_depth(
    points: JointPoints, intrinsics: Float[Tensor, "3 3"], source_from_target: Float[Tensor, "4 4"]
) -> Float[Tensor, "1 height width"] | None:
    """Inverse depth of the ground plane at every pixel; not positive above the horizon.

    The plane through three of the points in the lower middle of the picture that most of
    the others lie on, then their least squares. The camera moves along the ground: a plane
    that it would run into, or away from, by more than 6 degrees is a wall or a car.

    Args:
        points: the target's static points.
        intrinsics: K (px).
        source_from_target: motion to either source.

    Returns:
        In the units of the points; None where fewer than `LEAST_GROUND_SHARE` of them lie on one plane.
    """
    height, width = points.known.shape[-2:]
    grid = pixel_grid(height, width, dtype=torch.float64)
    region = torch.zeros_like(points.known[0])
    side = int(SIDE_SHARE * width)
    region[int(FIRST_ROW_SHARE * height) :: POINT_STRIDE, side : width - side : POINT_STRIDE] = True
    chosen = region & points.known[0]
    count = int(chosen.sum())
    if count < FEWEST_POINTS:
        return None
    pixels = torch.cat((grid[:, chosen], torch.ones(1, count, dtype=torch.float64)))
    inverse_depth = points.inverse_depth[0][chosen].double()
    triples = torch.randint(0, count, (TRIALS, 3), generator=torch.Generator().manual_seed(SEED))
    corners, values = pixels[:, triples].permute(1, 2, 0), inverse_depth[triples]
    solvable = torch.linalg.det(corners).abs() > 1.0  # px^2: not on one line
    if not solvable.any():
        return None
    planes = torch.linalg.solve(corners[solvable], values[solvable])
    inliers = (planes @ pixels - inverse_depth).abs() < INLIER_SHARE * inverse_depth
    normals = planes @ intrinsics.double()  # of n . X = 1, since inverse depth is n . K^-1 p
    heading = source_from_target[:3, :3].double().mT @ source_from_target[:3, 3].double()
    rise = (normals @ heading).abs() / (normals.norm(dim=1) * heading.norm())
    inliers = inliers & ((planes[:, 1] > 0) & (rise < STEEPEST_RISE))[:, None]  # and nearer toward the bottom
    best = inliers[inliers.sum(1).argmax()]
    if int(best.sum()) < LEAST_GROUND_SHARE * count:
        return None
    weight = 1 / inverse_depth[best]  # errors are relative
    design = (pixels[:, best] * weight).mT
    plane = torch.linalg.lstsq(design, (inverse_depth[best] * weight)[:, None]).solution[:, 0]
    ground: Tensor = plane[0] * grid[:1] + plane[1] * grid[1:] + plane[2]
    return ground


def seen_below_ground(
    points: StaticPoints,
    ground: Float[Tensor, "1 height width"],
    intrinsics: Float[Tensor, "3 3"],
    source_from_target: Float[Tensor, "4 4"],
) -> Bool[Tensor, "1 height width"]:
    """Pixels whose match says they are farther than the ground that is in their way.

    Args:
        points: by one source.
        ground: inverse depth of the ground, in the units of the points.
        intrinsics: K (px).
        source_from_target: motion to the source, its translation of length 1.
    """
    below_horizon = ground > 0
    depth = 1 / torch.where(below_horizon, ground, 1.0)
    on_ground = rigid_flow(depth[None], intrinsics.double()[None], source_from_target.double()[None]).flow[0]
    lag = (on_ground - points.flow).norm(dim=0, keepdim=True)
    least = LEAST_LAG_PX + LAG_SHARE * on_ground.norm(dim=0, keepdim=True)
    farther = points.inverse_depth < FARTHER_SHARE * ground
    below: Tensor = points.seen & below_horizon & farther & (lag > least)
    return below


def standing_inverse_depth(
    below: Bool[Tensor, "1 height width"], ground: Float[Tensor, "1 height width"]
) -> Float[Tensor, "1 height width"]:
    """Inverse depth of what moves on the ground: of the ground where it stands.

    Args:
        below: pixels that are seen below the ground.
        ground: inverse depth of the ground.

    Returns:
        At each of these pixels the ground's value at the lowest one of its run in the
        column; elsewhere the ground's own.
    """
    standing = ground.clone()
    for row in range(ground.shape[-2] - 2, -1, -1):
        carried = below[:, row] & below[:, row + 1]
        standing[:, row] = torch.where(carried, standing[:, row + 1], standing[:, row])
    return standing


def without_specks(mask: Bool[Tensor, "1 height width"]) -> Bool[Tensor, "1 height width"]:
    """The mask without what holds no square of 3 px (morphological opening)."""
    filled = -F.max_pool2d(-mask.float(), SPECK_PX, stride=1, padding=SPECK_PX // 2)
    opened: Tensor = F.max_pool2d(filled, SPECK_PX, stride=1, padding=SPECK_PX // 2) > 0
    return opened
