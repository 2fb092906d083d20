"""Whether the depths of two frames are of one scene and one scale. Not in the paper.

The geometric consistency of Bian et al., "Unsupervised Scale-consistent Depth and
Ego-motion Learning from Monocular Video", NeurIPS 2019: where a point of the target is
seen in the source, the source's own depth should be what the motion makes of the
target's. A photometric error leaves the scale of each snippet free; this ties the
frames of one to each other, and by way of shared frames a whole video.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.geometry.precision import check_precision
from triptych.geometry.warp import warped


def depth_inconsistency(
    rigid: Float[Tensor, "batch 2 height width"],
    depth_in_source: Float[Tensor, "batch 1 height width"],
    source_depth: Float[Tensor, "batch 1 height width"],
) -> Float[Tensor, "batch 1 height width"]:
    """Relative difference of two depths of each point: `|z - D_s| / (z + D_s)`.

    z is the depth that the target's point has in the source camera (`RigidFlow`), D_s
    the source's own depth, read where the point lands. Nothing is held constant: the
    gradient goes to the depth of both frames and, by z and by the place that is read,
    to the pose.

    Args:
        rigid: flow of the static scene, target to source (px).
        depth_in_source: z; in one unit with the source's depth, which may be any.
        source_depth: D_s on the source's grid, above 0.

    Returns:
        In [0, 1], 0 where the depths agree; 1, without gradient, behind the source
        camera. Outside the source's frame it is that of the border and means nothing.

    Raises:
        TypeError: below float32.
    """
    check_precision(rigid, depth_in_source, source_depth)
    own, _ = warped(source_depth, rigid, padding="border")
    in_front = depth_in_source > 0
    # No quotient of what lies behind is taken: its divisor may be 0, and 0 * inf is NaN in the backward pass.
    total = torch.where(in_front, depth_in_source + own, 1.0)
    return torch.where(in_front, (depth_in_source - own).abs() / total, 1.0)
