"""The path from steps: depth anchors their lengths, three views link them."""

import math

import numpy as np
import pytest
import torch

from triptych.geometry.pose import rigid_transform
from triptych.inference.path import LENGTH_DEVIATION, RATIO_DEVIATION, camera_path
from triptych.types import CameraStep


def ahead(length: float, ratio: float | None = None) -> CameraStep:
    return CameraStep(rigid_transform(torch.zeros(3), torch.tensor([0.0, 0.0, -length])), ratio=ratio)


def lengths_of(path: torch.Tensor) -> list[float]:
    return path[:, 2, 3].diff().tolist()


def test_no_steps_are_a_camera_at_the_identity() -> None:
    assert torch.equal(camera_path([]), torch.eye(4)[None])


def test_without_ratios_the_steps_keep_their_lengths() -> None:
    assert lengths_of(camera_path([ahead(1.0), ahead(2.0), ahead(0.5)])) == pytest.approx([1.0, 2.0, 0.5])


def test_lengths_that_agree_with_the_ratios_stay() -> None:
    assert lengths_of(camera_path([ahead(1.0), ahead(2.0, 2.0), ahead(1.0, 0.5)])) == pytest.approx([1.0, 2.0, 1.0])


def test_wavering_lengths_of_a_steady_drive_become_one() -> None:
    generator = torch.Generator().manual_seed(0)
    noise = (0.1 * torch.randn(40, generator=generator)).exp().tolist()
    made = lengths_of(camera_path([ahead(length, None if index == 0 else 1.0) for index, length in enumerate(noise)]))
    assert max(made) / min(made) < 1.1 < max(noise) / min(noise)
    assert math.log(np.prod(made)) == pytest.approx(math.log(np.prod(noise)), abs=1e-4)


def test_lengths_are_those_of_the_least_squares() -> None:
    given, ratios = [1.0, 1.3, 0.8, 1.1], [None, 1.05, None, 0.9]
    rows, goal = [], []
    for index, (length, ratio) in enumerate(zip(given, ratios, strict=True)):
        rows.append(np.eye(4)[index] / LENGTH_DEVIATION)
        goal.append(math.log(length) / LENGTH_DEVIATION)
        if ratio is not None:
            rows.append((np.eye(4)[index] - np.eye(4)[index - 1]) / RATIO_DEVIATION)
            goal.append(math.log(ratio) / RATIO_DEVIATION)
    expected = np.exp(np.linalg.lstsq(np.array(rows), np.array(goal), rcond=None)[0])
    made = lengths_of(camera_path([ahead(*step) for step in zip(given, ratios, strict=True)]))
    assert made == pytest.approx(expected.tolist(), rel=1e-5)


def test_a_stop_stays_a_stop_and_links_nothing() -> None:
    still = CameraStep(torch.eye(4), still=True, ratio=3.0)
    assert lengths_of(camera_path([ahead(1.0), still, ahead(2.0, 7.0)])) == pytest.approx([1.0, 0.0, 2.0])
