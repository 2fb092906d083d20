"""Epipolar geometry of two views: eq. 6 of the paper, in pixels.

Convention: p_source^T F p_target = 0 for homogeneous pixels of a static point, so F p
is the line in the source on which the match of target pixel p must lie.
"""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.geometry.camera import inverse_intrinsics
from triptych.geometry.grid import pixel_grid
from triptych.geometry.pose import skew_matrix
from triptych.geometry.precision import check_precision, matrix_product

# Added in quadrature to the length of a line's normal, which is about |t| / f for the F
# of a pose: at f = 500 px it matters below |t| = 5e-6 scene units and is lost above.
NORMAL_EPSILON = 1e-8
LEAST_SPREAD = 1.0  # px^2; all weight on one place cannot be scaled up
FEWEST_PIXELS = 8  # unknowns of F up to scale, without its rank


def essential_matrix(source_from_target: Float[Tensor, "*batch 4 4"]) -> Float[Tensor, "*batch 3 3"]:
    """E = [t]x R, with ray_source^T E ray_target = 0 for a static point.

    Args:
        source_from_target: pose.

    Returns:
        E in units of t; zero for a pure rotation.

    Raises:
        TypeError: below float32.
    """
    check_precision(source_from_target)
    return matrix_product(skew_matrix(source_from_target[..., :3, 3]), source_from_target[..., :3, :3])


def fundamental_matrix(
    source_from_target: Float[Tensor, "batch 4 4"],
    intrinsics: Float[Tensor, "batch 3 3"],
    source_intrinsics: Float[Tensor, "batch 3 3"] | None = None,
) -> Float[Tensor, "batch 3 3"]:
    """F = K_s^-T [t]x R K_t^-1, with p_source^T F p_target = 0 for a static point.

    The paper prints F = t x R, which is the essential matrix: for rays, not for pixels.

    Args:
        source_from_target: pose.
        intrinsics: K of the target, and of the source unless that is given.
        source_intrinsics: K of the source.

    Returns:
        F, as long as t makes it; zero for a pure rotation.

    Raises:
        TypeError: below float32.
    """
    check_precision(source_from_target, intrinsics)
    of_target = inverse_intrinsics(intrinsics)
    of_source = of_target if source_intrinsics is None else inverse_intrinsics(source_intrinsics)
    return matrix_product(matrix_product(of_source.mT, essential_matrix(source_from_target)), of_target)


def epipolar_lines(
    pixels: Float[Tensor, "batch 2 height width"], fundamental: Float[Tensor, "batch 3 3"]
) -> Float[Tensor, "batch 3 height width"]:
    """The lines (a, b, c), a x + b y + c = 0, in the other view.

    Args:
        pixels: x then y (px).
        fundamental: F for target pixels and lines in the source, F^T for the reverse.

    Returns:
        F p, not normalized.

    Raises:
        TypeError: below float32.
    """
    check_precision(pixels, fundamental)
    of_x, of_y, of_1 = (column[..., None, None] for column in fundamental.unbind(-1))
    return of_x * pixels[:, 0:1] + of_y * pixels[:, 1:2] + of_1


def epipolar_distance(
    pixels_target: Float[Tensor, "batch 2 height width"],
    pixels_source: Float[Tensor, "batch 2 height width"],
    fundamental: Float[Tensor, "batch 3 3"],
    *,
    kind: Literal["line", "sampson"] = "line",
) -> Float[Tensor, "batch 1 height width"]:
    """Distance of each source pixel to the epipolar line of its target pixel.

    Eq. 6 of the paper is the algebraic residual r = p_s^T F p_t, which grows with the
    scale of F; divided by the length of the line's normal, (a, b) of F p_t, it is a
    distance. `sampson` divides by the normals of both lines, F p_t and F^T p_s: to first
    order, how far the pair of pixels is from the nearest pair that fits.

    Args:
        pixels_target: coordinates on the target image (px, x then y).
        pixels_source: the matches claimed for them on the source image (px).
        fundamental: F, as returned by `fundamental_matrix`; its scale is of no account
            as long as the normals are well above NORMAL_EPSILON.
        kind: distance to the line, or Sampson's.

    Returns:
        Distance in px, never negative; 0 with zero gradient where F p_t is null (no
        translation, the epipole), since nothing there constrains the match.

    Raises:
        TypeError: below float32.
    """
    check_precision(pixels_source)
    lines = epipolar_lines(pixels_target, fundamental)
    residual = (lines[:, :2] * pixels_source).sum(1, keepdim=True) + lines[:, 2:]
    squared_normal = lines[:, :2].square().sum(1, keepdim=True)
    if kind == "sampson":
        back = epipolar_lines(pixels_source, fundamental.mT)
        squared_normal = squared_normal + back[:, :2].square().sum(1, keepdim=True)
    return residual.abs() / (squared_normal + NORMAL_EPSILON**2).sqrt()


@torch.no_grad()
def fundamental_from_flow(
    flow: Float[Tensor, "batch 2 height width"], weights: Float[Tensor, "batch 1 height width"]
) -> Float[Tensor, "batch 3 3"]:
    """F that fits a flow best: the weighted, normalized eight-point fit (Hartley 1997).

    Minimizes sum_p w(p) (p_s^T F p_t)^2, p_s = p_t + flow, over |F| = 1 in coordinates
    of weighted mean 0 and weighted mean square 2, then enforces rank 2. All sums are in
    float64 (on the CPU where a device lacks it).

    Args:
        flow: from target to source (px).
        weights: trust in each pixel. Those of 0 or less or NaN exclude it, as does a flow
            that is not finite.

    Returns:
        F of unit Frobenius norm and either sign, without gradient. Zero where fewer than
        FEWEST_PIXELS pixels count: every distance to its lines is then 0. A flow that
        leaves F open (none at all, pure rotation, one plane) gives one of those that fit.

    Raises:
        TypeError: below float32.
    """
    check_precision(flow, weights)
    device = torch.device("cpu") if flow.device.type == "mps" else flow.device
    counts = (weights > 0) & weights.isfinite() & flow.isfinite().all(1, keepdim=True)
    weight = torch.where(counts, weights, 0.0).to(device)
    moved = torch.where(counts, flow, 0.0).to(device)
    # One sample at a time: its products stay in the cache, 3 times faster than the batch at once.
    fits = [_least_squares_fundamental(*sample) for sample in zip(moved, weight, strict=True)]
    enough = counts.flatten(1).sum(-1) >= FEWEST_PIXELS
    return torch.where(enough[:, None, None], torch.stack(fits).to(flow), 0.0)


def _least_squares_fundamental(
    flow: Float[Tensor, "2 height width"], weight: Float[Tensor, "1 height width"]
) -> Float[Tensor, "3 3"]:
    """F of rank 2 and unit norm for one sample, in float64."""
    still = pixel_grid(*flow.shape[-2:], dtype=torch.float64, device=flow.device).flatten(1)
    moved = still + flow.flatten(1)
    share = weight.flatten().double()
    share = share / share.sum().clamp(min=torch.finfo(torch.float64).tiny)
    target, target_scaling = _normalized(still, share)
    source, source_scaling = _normalized(moved, share)
    smallest = torch.linalg.eigh(_design_moments(source, target, share)).eigenvectors[:, 0]
    left, values, right = torch.linalg.svd(smallest.reshape(3, 3))
    values[2] = 0.0
    fundamental: Tensor = source_scaling.mT @ (left * values) @ right @ target_scaling
    length: Tensor = torch.linalg.matrix_norm(fundamental)
    return fundamental / length


def _normalized(
    pixels: Float[Tensor, "2 pixels"], share: Float[Tensor, " pixels"]
) -> tuple[Float[Tensor, "2 pixels"], Float[Tensor, "3 3"]]:
    """Pixels of weighted mean 0 and mean square 2, and the matrix that makes them so."""
    mean = (pixels * share).sum(-1)
    centered = pixels - mean[:, None]
    spread = (centered.square() * share).sum().clamp(min=LEAST_SPREAD)
    scale = (2 / spread).sqrt()
    scaling = torch.diag(torch.stack((scale, scale, torch.ones_like(scale))))
    scaling[:2, 2] = -scale * mean
    return centered * scale, scaling


def _design_moments(
    source: Float[Tensor, "2 pixels"], target: Float[Tensor, "2 pixels"], share: Float[Tensor, " pixels"]
) -> Float[Tensor, "9 9"]:
    """Sum of w a a^T with a = p_s (x) p_t: from the 6 x 6 moments of their distinct products."""
    distinct = (_products(source) * share) @ _products(target).mT
    place = torch.tensor([[0, 1, 3], [1, 2, 4], [3, 4, 5]], device=source.device)
    full = distinct[place][..., place]  # i, j, k, l: sum of w p_s[i] p_s[j] p_t[k] p_t[l]
    return full.transpose(1, 2).reshape(9, 9)


def _products(pixels: Float[Tensor, "2 pixels"]) -> Float[Tensor, "6 pixels"]:
    """The distinct entries of p p^T for p = (x, y, 1): xx, xy, yy, x, y, 1."""
    x, y = pixels
    return torch.stack((x * x, x * y, y * y, x, y, torch.ones_like(x)))
