"""Rigid motions in space: rotations, transforms, trajectories.

Convention: a transform is named by both ends, `b_from_a` maps points of camera a to
points of camera b, and chains by adjacency: c_from_a = c_from_b @ b_from_a.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.geometry.precision import check_precision, matrix_product

# Below these the quotients below are summed as series, whose derivatives do not cancel.
# 0.5 rad: sin(x)/x needs 7 terms to 1e-16. tan 0.15: arctan(x)/x needs 9.
SERIES_BELOW_SQUARED_ANGLE = 0.25
SERIES_BELOW_SQUARED_TANGENT = 0.0225
_SINE_SERIES = (
    1.0,
    -1 / 6,
    1 / 120,
    -1 / 5040,
    1 / 362880,
    -1 / 39916800,
    1 / 6227020800,
    -1 / 1307674368000,
)
_ARCTANGENT_SERIES = tuple((-1.0) ** k / (2 * k + 1) for k in range(9))


def _polynomial(x: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    """Sum of coefficients[k] x^k, by Horner's rule."""
    total = torch.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = total * x + coefficient
    return total


def _sine_quotient(squared: Tensor) -> Tensor:
    """sin(x) / x as a function of x^2, smooth at 0."""
    small = squared < SERIES_BELOW_SQUARED_ANGLE
    angle = torch.where(small, torch.ones_like(squared), squared).sqrt()
    series = _polynomial(torch.where(small, squared, torch.zeros_like(squared)), _SINE_SERIES)
    return torch.where(small, series, angle.sin() / angle)


def skew_matrix(vector: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """[v]x, the matrix of the cross product: [v]x u = v x u.

    Args:
        vector: v.

    Returns:
        The antisymmetric matrix of v.
    """
    check_precision(vector)
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    entries = torch.stack((zero, -z, y, z, zero, -x, -y, x, zero), dim=-1)
    return entries.reshape(*vector.shape[:-1], 3, 3)


def rotation_matrix(axis_angle: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """The rotation about an axis by the length of it (rad), after Rodrigues.

    R = I + a [v]x + 2 b^2 [v]x^2 with a = sin(t) / t and b = sin(t / 2) / t, t = |v|: the
    half angle in place of 1 - cos(t), which cancels; both quotients by their series near 0.
    Values and all derivatives are exact to rounding for every v, 0 included.

    Args:
        axis_angle: v (rad).

    Returns:
        R, orthogonal to rounding.

    Raises:
        TypeError: below float32.
    """
    check_precision(axis_angle)
    squared = axis_angle.square().sum(-1)
    sine = _sine_quotient(squared)[..., None, None]
    half = _sine_quotient(squared / 4)[..., None, None]
    skew = skew_matrix(axis_angle)
    identity = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    return identity + sine * skew + half.square() / 2 * matrix_product(skew, skew)


def axis_angle(rotation: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 3"]:
    """The axis of a rotation, as long as its angle (rad): the inverse of `rotation_matrix`.

    By way of the unit quaternion, read from the best conditioned of the four rows of
    4 q q^T (Shepperd 1978), so that neither 0 nor pi loses digits.

    Args:
        rotation: R.

    Returns:
        v with |v| in [0, pi]. At pi, v and -v are the same rotation and either may come;
        the gradient there is that of the one that came.

    Raises:
        TypeError: below float32.
    """
    check_precision(rotation)
    xx, xy, xz, yx, yy, yz, zx, zy, zz = rotation.flatten(-2).unbind(-1)
    products = torch.stack(
        (
            torch.stack((1 + xx + yy + zz, zy - yz, xz - zx, yx - xy), dim=-1),
            torch.stack((zy - yz, 1 + xx - yy - zz, xy + yx, xz + zx), dim=-1),
            torch.stack((xz - zx, xy + yx, 1 - xx + yy - zz, yz + zy), dim=-1),
            torch.stack((yx - xy, xz + zx, yz + zy, 1 - xx - yy + zz), dim=-1),
        ),
        dim=-2,
    )
    best = products.diagonal(dim1=-2, dim2=-1).argmax(-1)
    row = torch.take_along_dim(products, best[..., None, None], dim=-2).squeeze(-2)
    row = row * torch.where(row[..., :1] < 0, -1.0, 1.0)  # q and -q are one rotation; take cos >= 0
    cosine, axis = row[..., :1], row[..., 1:]
    return axis * _double_angle_quotient(axis.square().sum(-1, keepdim=True), cosine)


def _double_angle_quotient(squared_sine: Tensor, cosine: Tensor) -> Tensor:
    """2 atan2(s, c) / s as a function of s^2 and c >= 0, smooth at s = 0; any common scale of s and c."""
    small = squared_sine < SERIES_BELOW_SQUARED_TANGENT * cosine.square()
    sine = torch.where(small, torch.ones_like(squared_sine), squared_sine).sqrt()
    safe_cosine = torch.where(small, cosine, torch.ones_like(cosine))
    tangent = torch.where(small, squared_sine, torch.zeros_like(squared_sine)) / safe_cosine.square()
    series = _polynomial(tangent, _ARCTANGENT_SERIES) / safe_cosine
    return 2 * torch.where(small, series, torch.atan2(sine, cosine) / sine)


def rigid_transform(
    axis_angle: Float[Tensor, "*batch 3"], translation: Float[Tensor, "*batch 3"]
) -> Float[Tensor, "*batch 4 4"]:
    """The transform X -> R X + t as a homogeneous matrix.

    Args:
        axis_angle: of R (rad).
        translation: t, in scene units.

    Returns:
        [[R, t], [0, 1]].

    Raises:
        TypeError: below float32.
    """
    check_precision(translation)
    return _homogeneous(rotation_matrix(axis_angle), translation)


def _homogeneous(rotation: Tensor, translation: Tensor) -> Tensor:
    """[[R, t], [0, 1]]."""
    upper = torch.cat((rotation, translation.unsqueeze(-1)), dim=-1)
    last = upper.new_tensor((0.0, 0.0, 0.0, 1.0)).expand(*upper.shape[:-2], 1, 4)
    return torch.cat((upper, last), dim=-2)


def inverse_transform(transform: Float[Tensor, "*batch 4 4"]) -> Float[Tensor, "*batch 4 4"]:
    """a_from_b of b_from_a: [[R^T, -R^T t], [0, 1]].

    Args:
        transform: rigid; a scale or shear in it is not undone.

    Returns:
        The transform backward.

    Raises:
        TypeError: below float32.
    """
    check_precision(transform)
    rotation = transform[..., :3, :3].mT
    return _homogeneous(rotation, -matrix_product(rotation, transform[..., :3, 3:]).squeeze(-1))


def relative_transform(
    source_to_world: Float[Tensor, "*batch 4 4"], target_to_world: Float[Tensor, "*batch 4 4"]
) -> Float[Tensor, "*batch 4 4"]:
    """source_from_target of two cameras placed in one world.

    Args:
        source_to_world: maps points of the source camera to the world.
        target_to_world: maps points of the target camera to the world.

    Returns:
        inverse(source_to_world) @ target_to_world. For the steps of a `trajectory` the
        sources are its cameras from the second on and the targets those up to the last but one.

    Raises:
        TypeError: below float32.
    """
    check_precision(target_to_world)
    return matrix_product(inverse_transform(source_to_world), target_to_world)


def trajectory(next_from_current: Float[Tensor, "steps 4 4"]) -> Float[Tensor, "cameras 4 4"]:
    """camera_to_world of every camera of a drive, the world being the first camera.

    Steps are chained in float64 (on the CPU: not every device has it), so that
    thousands of them in float32 do not add up their rounding.

    Args:
        next_from_current: source_from_target for each frame (target) and the next (source).

    Returns:
        One more camera than there are steps, the first at the identity; no steps give
        just that.

    Raises:
        TypeError: below float32.
    """
    check_precision(next_from_current)
    backward = inverse_transform(next_from_current.to("cpu", torch.float64))
    camera_to_world = [torch.eye(4, dtype=torch.float64)]
    for current_from_next in backward.unbind(0):
        camera_to_world.append(matrix_product(camera_to_world[-1], current_from_next))
    return torch.stack(camera_to_world).to(next_from_current)


def transformed(
    points: Float[Tensor, "batch 3 height width"], transform: Float[Tensor, "batch 4 4"]
) -> Float[Tensor, "batch 3 height width"]:
    """The points in the coordinates that the transform leads to: R X + t.

    Args:
        points: X, one per pixel.
        transform: b_from_a for points of camera a.

    Returns:
        Points of camera b.

    Raises:
        TypeError: below float32.
    """
    check_precision(points, transform)
    of_x, of_y, of_z, shift = (column[..., None, None] for column in transform[:, :3].unbind(-1))
    x, y, z = points[:, 0:1], points[:, 1:2], points[:, 2:3]
    return of_x * x + of_y * y + of_z * z + shift
