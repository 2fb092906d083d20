"""Networks are built, and run, as their settings say."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from triptych.config.build import run_as_asked
from triptych.config.build_model import build_model
from triptych.config.load import preset_settings
from triptych.geometry.depth_range import depth_from_disparity
from triptych.networks.joint import JointModel


@pytest.fixture(scope="module")
def small() -> JointModel:
    return build_model(preset_settings("small")).eval()


def test_the_small_preset_begins_with_its_initial_depth_and_its_scale_of_motion(small: JointModel) -> None:
    image = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        depth = depth_from_disparity(small.depth.finest(image))
    assert float(depth.median()) == pytest.approx(0.5, rel=0.3)
    assert small.pose.motion_scale == 0.1


@pytest.mark.parametrize("asked", [True, False])
def test_networks_are_compiled_where_it_is_asked_for(
    small: JointModel, monkeypatch: pytest.MonkeyPatch, *, asked: bool
) -> None:
    compiled: list[JointModel] = []
    monkeypatch.setattr("triptych.config.build.compile_networks", compiled.append)
    training = replace(preset_settings("small").training, compile=asked, channels_last=False)
    run_as_asked(small, training, torch.device("cpu"))
    assert compiled == ([small] if asked else [])
