"""Cameras and points, brought into agreement."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from triptych.geometry.pose import rotation_matrix
from triptych.inference.bundle import Bundle, adjusted
from triptych.inference.tracks import Observations

K = torch.tensor([[200.0, 0.0, 160.0], [0.0, 190.0, 60.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
FRAMES, POINTS = 6, 300


def turning_cameras() -> Tensor:
    """Cameras that turn by two degrees a frame and hardly move."""
    frames = torch.arange(FRAMES, dtype=torch.float64)
    cameras = torch.eye(4, dtype=torch.float64).repeat(FRAMES, 1, 1)
    cameras[:, :3, :3] = rotation_matrix(torch.stack((0.003 * frames, 0.035 * frames, 0 * frames), dim=1))
    centers = torch.stack((0.03 * frames, 0.01 * frames**1.5, 0.1 * frames), dim=1)
    cameras[:, :3, 3] = -(cameras[:, :3, :3] @ centers[:, :, None])[:, :, 0]
    return cameras


def scene(*, noise_px: float = 0.1, movers: float = 0.0, seed: int = 0) -> tuple[Observations, Tensor]:
    """What the cameras see of points of 3 to 20 m, and each one's depth in the first frame that sees it."""
    draw = torch.Generator().manual_seed(seed)
    depth = 3 + 17 * torch.rand(POINTS, generator=draw, dtype=torch.float64)
    corner = torch.rand(POINTS, 2, generator=draw, dtype=torch.float64) * torch.tensor([320.0, 120.0])
    rays = torch.cat((corner, torch.ones(POINTS, 1)), dim=1).double() @ torch.linalg.inv(K).mT
    points = rays * depth[:, None]
    pixels = []
    cameras = turning_cameras()
    for frame, camera in enumerate(cameras):
        moved = points.clone()
        moved[: int(movers * POINTS), 0] += 0.3 * frame
        landing = (moved @ camera[:3, :3].mT + camera[:3, 3]) @ K.mT
        pixels.append(landing[:, :2] / landing[:, 2:])
    found = torch.stack(pixels, dim=1)
    found = found + noise_px * torch.randn(found.shape, generator=draw, dtype=torch.float64)
    # From a frame of its own on, each for three frames and more.
    begin = torch.randint(0, FRAMES - 2, (POINTS, 1), generator=draw)
    end = begin + torch.randint(3, FRAMES + 1, (POINTS, 1), generator=draw)
    frame = torch.arange(FRAMES)
    seen = (frame >= begin) & (frame < end)
    away = torch.einsum("fi,pi->pf", cameras[:, 2, :3], points) + cameras[:, 2, 3]
    return Observations(found.where(seen[:, :, None], 0.0), seen), away[torch.arange(POINTS), begin[:, 0]]


def directions_off(cameras: Tensor) -> float:
    """Mean angle between the steps' directions and the true ones (degrees)."""
    angles = []
    for found, truth in zip(steps(cameras), steps(turning_cameras()), strict=True):
        cosine = torch.nn.functional.cosine_similarity(found[:3, 3], truth[:3, 3], dim=0)
        angles.append(cosine.clamp(-1, 1).arccos().rad2deg())
    return float(torch.stack(angles).mean())


def steps(cameras: Tensor) -> Tensor:
    return cameras[1:] @ torch.linalg.inv(cameras[:-1])


def start(depth: Tensor, *, seed: int = 1) -> Bundle:
    """Directions some ten degrees off, turns by half a degree, depths by a fifth."""
    draw = torch.Generator().manual_seed(seed)
    cameras = [torch.eye(4, dtype=torch.float64)]
    for step in steps(turning_cameras()):
        off = step.clone()
        off[:3, 3] += 0.02 * torch.randn(3, generator=draw, dtype=torch.float64)
        off[:3, :3] = rotation_matrix(0.005 * torch.randn(3, generator=draw, dtype=torch.float64)) @ off[:3, :3]
        cameras.append(off @ cameras[-1])
    wrong = (0.2 * torch.randn(len(depth), generator=draw, dtype=torch.float64)).exp()
    return Bundle(torch.stack(cameras), wrong / depth)


@pytest.mark.parametrize("movers", [0.0, 0.2])
def test_several_frames_tell_the_direction_of_small_steps(movers: float) -> None:
    observations, depth = scene(movers=movers)
    begun = start(depth)
    found = adjusted(begun, observations, K)
    assert directions_off(begun.camera_from_first) > 8
    assert directions_off(found.camera_from_first) < 2.5
    assert torch.equal(found.camera_from_first[0], torch.eye(4, dtype=torch.float64))
    standing = slice(int(movers * POINTS), None)
    ratio = found.inverse_depth[standing] * depth[standing]
    assert float((ratio / ratio.median() - 1).abs().median()) < 0.06


def test_without_noise_the_minimum_is_the_truth() -> None:
    observations, depth = scene(noise_px=0.0)
    found = adjusted(start(depth), observations, K)
    assert directions_off(found.camera_from_first) < 0.05
    ratio = found.inverse_depth * depth
    assert float((ratio / ratio.median() - 1).abs().max()) < 0.01


def test_what_comes_behind_a_camera_does_no_harm() -> None:
    observations, depth = scene()
    begun = start(depth)
    spoiled = begun.inverse_depth.clone()
    spoiled[:5] = 50.0  # the cameras move on past such points
    found = adjusted(Bundle(begun.camera_from_first, spoiled), observations, K)
    assert found.camera_from_first.isfinite().all()
    assert directions_off(found.camera_from_first) < 2.5


def test_cameras_at_one_place_stay_finite() -> None:
    observations, depth = scene()
    noise = 0.1 * torch.randn(observations.pixels.shape, generator=torch.Generator().manual_seed(4)).double()
    pixels = observations.pixels.amax(dim=1, keepdim=True) + noise
    begun = Bundle(torch.eye(4, dtype=torch.float64).repeat(FRAMES, 1, 1), 1 / depth)
    found = adjusted(begun, Observations(pixels, observations.seen), K)
    assert not torch.equal(found.camera_from_first, begun.camera_from_first)
    assert found.camera_from_first.isfinite().all()
    assert found.inverse_depth.isfinite().all()
    turned = found.camera_from_first[:, :3, :3] - torch.eye(3, dtype=torch.float64)
    assert float(turned.norm(dim=(1, 2)).max()) < 0.003
