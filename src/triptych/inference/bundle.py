"""Cameras of frames in a row and the points they see, brought into agreement (bundle adjustment).

Where the camera mostly turns, or moves by little, two frames hardly tell the direction of
its step; several do, by corners that stay in view. Levenberg and Marquardt's descent on
Cauchy's loss of the reprojection errors, the points eliminated from each step's normal
equations (Triggs et al. 2000, "Bundle adjustment: a modern synthesis").

A point is the inverse depth along the ray of the first frame that sees it, so that what is
infinitely far is a number like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from triptych.geometry.camera import inverse_intrinsics
from triptych.geometry.pose import rotation_matrix, skew_matrix
from triptych.inference.tracks import Observations

SOFTNESS_PX = 0.3  # Cauchy's scale: what moves by itself and what was tracked wrongly is let go of
BEHIND_PX = 50.0  # error of what comes behind a camera
NEAREST = 1e-3  # of a point to a camera, in the unit of its ray
POINT_ITERATIONS = 3  # at first, of the points alone
ITERATIONS = 12
ATTEMPTS = 6  # at each, with more damping every time
CONVERGED = 1e-5  # of the cost
FIRST_DAMPING, DAMPING_STEP, LEAST_DAMPING = 1e-3, 10.0, 1e-9
SMALLEST_DIAGONAL = 1e-9  # of the normal equations, where nothing depends on a number
PARAMETERS = 6  # of a camera: a turn and a shift


@dataclass(frozen=True)
class Bundle:
    """Cameras and points.

    Attributes:
        camera_from_first: of each frame; the first is the identity.
        inverse_depth: of each point, in the first frame that sees it.
    """

    camera_from_first: Float[Tensor, "frames 4 4"]
    inverse_depth: Float[Tensor, " points"]


def adjusted(bundle: Bundle, observations: Observations, intrinsics: Float[Tensor, "3 3"]) -> Bundle:
    """The cameras and points of least robust reprojection error, near those given.

    The scale is that of the start, but for what the descent lets it drift.

    Args:
        bundle: the start, in float64.
        observations: of each point in at least two frames, in float64.
        intrinsics: K of all frames (px).
    """
    problem = _Problem(observations, intrinsics.detach().cpu().double())
    state = problem.linearized(bundle)
    for _ in range(POINT_ITERATIONS):
        state = problem.with_better_points(state)
    damping = FIRST_DAMPING
    for _ in range(ITERATIONS):
        before, equations = state.cost, problem.equations(state)
        for _ in range(ATTEMPTS):
            trial = problem.stepped(state, equations, damping=damping)
            if trial is not None and trial.cost < state.cost:
                state, damping = trial, max(damping / DAMPING_STEP, LEAST_DAMPING)
                break
            damping *= DAMPING_STEP
        if state.cost >= before * (1 - CONVERGED):
            break
    return state.bundle


@dataclass(frozen=True)
class _State:
    """A bundle and its errors.

    Attributes:
        bundle: cameras and points.
        cost: robust sum of squared errors.
        errors: of each observation (px).
        seen_from: point in the frame that observes it, over its depth in the first that sees it.
        rotation: from that first frame to the observing one.
        shift: the same.
        weight: of each observation; 0 behind the camera.
    """

    bundle: Bundle
    cost: float
    errors: Float[Tensor, "observations 2"]
    seen_from: Float[Tensor, "observations 3"]
    rotation: Float[Tensor, "observations 3 3"]
    shift: Float[Tensor, "observations 3"]
    weight: Float[Tensor, " observations"]


@dataclass(frozen=True)
class _Equations:
    """Normal equations at a state, of the cameras' numbers and the points' inverse depths.

    Attributes:
        cameras: their matrix.
        cameras_right: their right side.
        points: the diagonal of the points' matrix.
        points_right: their right side.
        mixed: between points and cameras.
    """

    cameras: Float[Tensor, "numbers numbers"]
    cameras_right: Float[Tensor, " numbers"]
    points: Float[Tensor, " points"]
    points_right: Float[Tensor, " points"]
    mixed: Float[Tensor, "points numbers"]


@final
class _Problem:
    """Observations, in rows: one for each frame after the first that sees a point."""

    def __init__(self, observations: Observations, intrinsics: Float[Tensor, "3 3"]) -> None:
        seen, pixels = observations.seen, observations.pixels
        self.points, self.frames = seen.shape
        first = seen.int().argmax(dim=1)
        rows = torch.arange(self.points)
        start = torch.cat((pixels[rows, first], torch.ones(self.points, 1, dtype=pixels.dtype)), dim=1)
        self.rays: Float[Tensor, "points 3"] = start @ inverse_intrinsics(intrinsics).mT
        later = seen.clone()
        later[rows, first] = False
        self.point, self.frame = later.nonzero().unbind(1)
        self.first: Int[Tensor, " observations"] = first[self.point]
        self.pixels = pixels[self.point, self.frame]
        self.intrinsics = intrinsics

    def linearized(self, bundle: Bundle) -> _State:
        """The errors of a bundle."""
        cameras = bundle.camera_from_first
        into, of = cameras[self.frame], cameras[self.first]
        rotation = into[:, :3, :3] @ of[:, :3, :3].mT
        shift = into[:, :3, 3] - (rotation @ of[:, :3, 3:])[:, :, 0]
        seen_from = (rotation @ self.rays[self.point, :, None])[:, :, 0]
        seen_from = seen_from + bundle.inverse_depth[self.point, None] * shift
        behind = seen_from[:, 2] < NEAREST
        seen_from[:, 2].masked_fill_(behind, 1.0)
        landing = (seen_from / seen_from[:, 2:]) @ self.intrinsics.mT
        errors = torch.where(behind[:, None], BEHIND_PX, landing[:, :2] - self.pixels)
        squares = errors.square().sum(dim=1) / SOFTNESS_PX**2
        weight = torch.where(behind, 0.0, 1 / (1 + squares))
        return _State(bundle, float(torch.log1p(squares).sum()), errors, seen_from, rotation, shift, weight)

    def with_better_points(self, state: _State) -> _State:
        """One step of the points alone, where it makes things better."""
        points, right = self._of_points(state, self._along_rays(state))
        moved = state.bundle.inverse_depth - right / (points + SMALLEST_DIAGONAL)
        trial = self.linearized(Bundle(state.bundle.camera_from_first, moved))
        return trial if trial.cost < state.cost else state

    def equations(self, state: _State) -> _Equations:
        """The normal equations at a state."""
        along, by_cameras = self._along_rays(state), self._by_cameras(state)
        weighted = state.weight[:, None, None] * by_cameras
        points, points_right = self._of_points(state, along)
        return _Equations(
            cameras=weighted.flatten(0, 1).mT @ by_cameras.flatten(0, 1),
            cameras_right=(weighted * state.errors[:, :, None]).sum(dim=(0, 1)),
            points=points,
            points_right=points_right,
            mixed=self._summed((weighted * along[:, :, None]).sum(dim=1)),
        )

    def stepped(self, state: _State, equations: _Equations, *, damping: float) -> _State | None:
        """One step of cameras and points; None where the equations have no solution."""
        points, mixed = equations.points * (1 + damping) + SMALLEST_DIAGONAL, equations.mixed
        cameras = equations.cameras
        cameras = cameras + damping * torch.diag(cameras.diagonal().clamp_min(SMALLEST_DIAGONAL))
        right = equations.cameras_right - mixed.mT @ (equations.points_right / points)
        step, failed = torch.linalg.solve_ex(cameras - (mixed / points[:, None]).mT @ mixed, -right)
        if int(failed) or not bool(step.isfinite().all()):
            return None
        inverse_depth = state.bundle.inverse_depth - (equations.points_right + mixed @ step) / points
        turn, move = step.view(self.frames - 1, PARAMETERS).split(3, dim=1)
        change = torch.eye(4, dtype=step.dtype).repeat(self.frames, 1, 1)
        change[1:, :3, :3], change[1:, :3, 3] = rotation_matrix(turn), move
        return self.linearized(Bundle(change @ state.bundle.camera_from_first, inverse_depth))

    def _projection(self, state: _State) -> Float[Tensor, "observations 2 3"]:
        """Derivative of the pixels by the points in the observing frame."""
        depth = state.seen_from[:, 2, None, None]
        flat = state.seen_from[:, :2, None] / depth
        inner = torch.cat((torch.eye(2, dtype=depth.dtype).expand(len(depth), 2, 2), -flat), dim=2) / depth
        return self.intrinsics[:2, :2] @ inner

    def _along_rays(self, state: _State) -> Float[Tensor, "observations 2"]:
        """Derivative of the pixels by the inverse depths."""
        along: Tensor = (self._projection(state) @ state.shift[:, :, None])[:, :, 0]
        return along

    def _by_cameras(self, state: _State) -> Float[Tensor, "observations 2 numbers"]:
        """Derivative of the pixels by a turn and a shift after each camera but the first, which stays."""
        projection = self._projection(state)
        inverse_depth = state.bundle.inverse_depth[self.point, None, None]
        observing = torch.cat((-projection @ skew_matrix(state.seen_from), projection * inverse_depth), dim=2)
        turned = projection @ state.rotation
        seeing = torch.cat((turned @ skew_matrix(self.rays[self.point]), -turned * inverse_depth), dim=2)
        rows = torch.arange(len(self.point))
        by_frames = observing.new_zeros(len(self.point), self.frames, 2, PARAMETERS)
        by_frames[rows, self.frame] = observing
        by_frames[rows, self.first] += seeing
        return by_frames[:, 1:].transpose(1, 2).flatten(2)

    def _of_points(
        self, state: _State, along: Float[Tensor, "observations 2"]
    ) -> tuple[Float[Tensor, " points"], Float[Tensor, " points"]]:
        """Diagonal and right side of the normal equations of the points alone."""
        weight = state.weight
        return self._summed(weight * along.square().sum(1)), self._summed(weight * (along * state.errors).sum(1))

    def _summed(self, values: Float[Tensor, "observations *rest"]) -> Float[Tensor, "points *rest"]:
        """Over the observations of each point."""
        return values.new_zeros(self.points, *values.shape[1:]).index_add_(0, self.point, values)
