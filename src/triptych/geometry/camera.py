"""The pinhole camera: intrinsics under resizing, cropping and flipping, and projection.

Convention: camera x right, y down, z forward; K = [[fx, s, cx], [0, fy, cy], [0, 0, 1]]
in pixels of the image it travels with; pixel centers at whole numbers.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.geometry.precision import check_precision

# Scene units. Points nearer than this to the plane of the camera have no image. Depth
# networks here answer 0.1 and more, and f / NEAREST_DEPTH keeps gradients finite in float32.
NEAREST_DEPTH = 1e-3

Real = float | int  # a crop or a scale is often whole, and to a run-time check an int is no float


def intrinsics_matrix(
    fx: Real, fy: Real, cx: Real, cy: Real, *, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "3 3"]:
    """K of a camera without skew.

    Args:
        fx: focal length along x (px).
        fy: focal length along y (px).
        cx: principal point, x (px).
        cy: principal point, y (px).
        dtype: number format of the result.

    Returns:
        [[fx, 0, cx], [0, fy, cy], [0, 0, 1]].
    """
    return torch.tensor([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]], dtype=dtype)


def intrinsics_from_field_of_view(
    width: int, height: int, *, horizontal_deg: Real, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "3 3"]:
    """K of a camera with square pixels, looking through the middle of its image.

    fx = fy = (W / 2) / tan(angle / 2), from the outer edge of the first column to that
    of the last; the middle is ((W - 1) / 2, (H - 1) / 2).

    Args:
        width: columns.
        height: rows.
        horizontal_deg: the angle that the image covers from left to right (degrees).
        dtype: number format of the result.

    Returns:
        K (px).

    Raises:
        ValueError: for an angle outside (0, 180).
    """
    if not 0 < horizontal_deg < 180:
        raise ValueError(f"a field of view lies between 0 and 180 degrees, {horizontal_deg} came")
    focal = width / 2 / math.tan(math.radians(horizontal_deg) / 2)
    return intrinsics_matrix(focal, focal, (width - 1) / 2, (height - 1) / 2, dtype=dtype)


def resized_intrinsics(
    intrinsics: Float[Tensor, "*batch 3 3"], *, scale_x: Real, scale_y: Real
) -> Float[Tensor, "*batch 3 3"]:
    """K after the image is resized: f' = s f, c' = s (c + 0.5) - 0.5.

    Args:
        intrinsics: K before.
        scale_x: new width / old width.
        scale_y: new height / old height.

    Returns:
        K of the resized image (px of it).

    Raises:
        TypeError: below float32.
    """
    check_precision(intrinsics)
    scale = intrinsics.new_tensor([[scale_x], [scale_y], [1.0]])
    shift = torch.zeros_like(intrinsics)
    shift[..., 0, 2] = (scale_x - 1) / 2
    shift[..., 1, 2] = (scale_y - 1) / 2
    return intrinsics * scale + shift


def cropped_intrinsics(
    intrinsics: Float[Tensor, "*batch 3 3"], *, left: Real, top: Real
) -> Float[Tensor, "*batch 3 3"]:
    """K after columns are cut off on the left and rows on the top: c' = c - cut.

    Args:
        intrinsics: K before.
        left: columns cut off (px); what is cut on the right changes nothing.
        top: rows cut off (px).

    Returns:
        K of the crop.

    Raises:
        TypeError: below float32.
    """
    check_precision(intrinsics)
    shift = torch.zeros_like(intrinsics)
    shift[..., 0, 2] = left
    shift[..., 1, 2] = top
    return intrinsics - shift


def flipped_intrinsics(intrinsics: Float[Tensor, "*batch 3 3"], *, width: int) -> Float[Tensor, "*batch 3 3"]:
    """K after the image is mirrored left to right: cx' = W - 1 - cx, skew changes sign.

    The scene seen is the mirrored one, (-X, Y, Z), and a pose T becomes S T S with
    S = diag(-1, 1, 1, 1).

    Args:
        intrinsics: K before.
        width: columns of the image.

    Returns:
        K of the mirrored image; fx stays positive.

    Raises:
        TypeError: below float32.
    """
    check_precision(intrinsics)
    sign = intrinsics.new_tensor([[1.0, -1.0, -1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    shift = torch.zeros_like(intrinsics)
    shift[..., 0, 2] = width - 1
    return intrinsics * sign + shift


def inverse_intrinsics(intrinsics: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 3 3"]:
    """K^-1 in closed form: it maps homogeneous pixels to rays of unit depth.

    Args:
        intrinsics: K; its entries below the diagonal are taken for 0, the last for 1.

    Returns:
        [[1/fx, -s/(fx fy), (s cy - cx fy)/(fx fy)], [0, 1/fy, -cy/fy], [0, 0, 1]].

    Raises:
        TypeError: below float32.
    """
    check_precision(intrinsics)
    fx, skew, cx = intrinsics[..., 0, :].unbind(-1)
    fy, cy = intrinsics[..., 1, 1], intrinsics[..., 1, 2]
    zero, one = torch.zeros_like(fx), torch.ones_like(fx)
    rows = (
        torch.stack((1 / fx, -skew / (fx * fy), (skew * cy / fy - cx) / fx), dim=-1),
        torch.stack((zero, 1 / fy, -cy / fy), dim=-1),
        torch.stack((zero, zero, one), dim=-1),
    )
    return torch.stack(rows, dim=-2)


def backprojected(
    depth: Float[Tensor, "batch 1 height width"], intrinsics: Float[Tensor, "batch 3 3"]
) -> Float[Tensor, "batch 3 height width"]:
    """The point that each pixel sees: D(p) K^-1 p.

    Args:
        depth: along the optical axis.
        intrinsics: K.

    Returns:
        Points in the camera's coordinates, in units of the depth; z is the depth.

    Raises:
        TypeError: below float32.
    """
    check_precision(depth, intrinsics)
    height, width = depth.shape[-2:]
    x = torch.arange(width, dtype=depth.dtype, device=depth.device)
    y = torch.arange(height, dtype=depth.dtype, device=depth.device)[:, None]
    fx, skew, cx = (entry[:, None, None, None] for entry in intrinsics[:, 0].unbind(-1))
    _, fy, cy = (entry[:, None, None, None] for entry in intrinsics[:, 1].unbind(-1))
    ray_y = (y - cy) / fy
    ray_x = (x - cx - skew * ray_y) / fx
    return torch.cat((depth * ray_x, depth * ray_y, depth), dim=1)


def projected(
    points: Float[Tensor, "batch 3 height width"], intrinsics: Float[Tensor, "batch 3 3"]
) -> tuple[Float[Tensor, "batch 2 height width"], Bool[Tensor, "batch 1 height width"]]:
    """Where points appear in the image, and whether they lie in front of the camera.

    Args:
        points: in the camera's coordinates.
        intrinsics: K.

    Returns:
        Pixels K X / Z, x then y, and True where Z > NEAREST_DEPTH. Elsewhere Z counts as
        NEAREST_DEPTH: the pixels are finite, and so is their gradient, but they mean nothing.

    Raises:
        TypeError: below float32.
    """
    check_precision(points, intrinsics)
    x, y, z = points[:, 0:1], points[:, 1:2], points[:, 2:3]
    fx, skew, cx = (entry[:, None, None, None] for entry in intrinsics[:, 0].unbind(-1))
    _, fy, cy = (entry[:, None, None, None] for entry in intrinsics[:, 1].unbind(-1))
    in_front = z > NEAREST_DEPTH
    nearest = z.clamp(min=NEAREST_DEPTH)
    pixels = torch.cat(((fx * x + skew * y) / nearest + cx, fy * y / nearest + cy), dim=1)
    return pixels, in_front
