"""Pictures of validation snippets say which frame they are of, and show what there is to compare with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import pytest
import torch
from tests.unit.training.small_training import settings
from torch import Tensor

from triptych.artefacts.colors import depth_colors, depth_limits
from triptych.config.build_model import build_model
from triptych.data.kitti_snippets import kitti_raw_snippets
from triptych.data.lazy_snippets import LazySnippetDataset
from triptych.data.synthetic import synthetic_clip, write_kitti_raw
from triptych.data.validation_truth import snippet_truth
from triptych.training import pictures
from triptych.training.pictures import SnippetPictures
from triptych.training.validation import ValidationReport
from triptych.types import SyntheticClip

SIZE = (64, 96)
CROP = 0.25


@pytest.fixture(scope="module")
def clip() -> SyntheticClip:
    return synthetic_clip("street", seed=77, frames=4, height=SIZE[0], width=SIZE[1])


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """What is drawn, and the headings."""
    kept: dict[str, list[Any]] = {"headings": [], "depth": [], "last": [], "shown": []}
    headed, overview = pictures.headed, pictures.overview_frame

    def noting_heading(picture: Tensor, heading: str) -> Tensor:
        kept["headings"].append(heading)
        return headed(picture, heading)

    def noting_panels(*maps: Any, **options: Any) -> Tensor:
        kept["depth"].append(maps[1])
        kept["last"].append(options["last"])
        kept["shown"].append(options["shown"])
        return overview(*maps, **options)

    monkeypatch.setattr(pictures, "headed", noting_heading)
    monkeypatch.setattr(pictures, "overview_frame", noting_panels)
    return kept


def draw(clip: SyntheticClip, folder: Path, *, truth: bool, figures: dict[str, float], crop: float = 0.0) -> Path:
    write_kitti_raw(clip, folder / "kitti", drive=7)
    data = LazySnippetDataset(kitti_raw_snippets(folder / "kitti"), height=SIZE[0], width=SIZE[1], bottom_crop=crop)
    picture = SnippetPictures(
        data,
        [0, 1],
        folder,
        min_depth=0.1,
        max_depth=100.0,
        truth=snippet_truth(data.index, [0, 1]) if truth else None,
        rows=(0.0, 1.0 - crop),
    )
    place = picture(build_model(settings()), ValidationReport(12, 3, "joint", figures, "", 0.0, 2, ""))
    assert place == "pictures/epoch_003_step_0000012.png"
    return folder / place


def test_each_snippet_stands_under_its_name_and_all_under_the_time(
    clip: SyntheticClip, tmp_path: Path, drawn: dict[str, list[Any]]
) -> None:
    file = draw(clip, tmp_path, truth=False, figures={})
    drive = "2011_09_26/2011_09_26_drive_0007_sync/image_02/data"
    assert drawn["headings"] == [f"{drive}/0000000001", f"{drive}/0000000002", "Epoch 3, step 12, joint stage"]
    assert cv2.imread(str(file)) is not None


@pytest.mark.parametrize(("figures", "by"), [({"depth_photometric": 0.3}, "depth and motion"), ({}, "flow")])
def test_without_a_truth_the_photometric_error_is_shown(
    clip: SyntheticClip, tmp_path: Path, drawn: dict[str, list[Any]], figures: dict[str, float], by: str
) -> None:
    draw(clip, tmp_path, truth=False, figures=figures)
    assert all(last.label.startswith(f"Photometric error by {by}, mean 0.") for last in drawn["last"])


def test_true_depth_is_shown_in_the_colors_that_the_prediction_is_brought_to(
    clip: SyntheticClip, tmp_path: Path, drawn: dict[str, list[Any]]
) -> None:
    draw(clip, tmp_path, truth=True, figures={"depth_photometric": 0.3}, crop=CROP)
    # As KITTI stores it: in steps of 1 / 256 m, nothing in the sky.
    stored = clip.depth_m[1, 0].nan_to_num(posinf=0.0)
    stored = torch.where(stored < 256, (stored * 256).round() / 256, 0.0)
    near, far = depth_limits(stored)
    seen = stored[: round(SIZE[0] * (1 - CROP))]
    first, shown = drawn["last"][0], drawn["shown"][0]
    assert first.label == "True depth"
    assert (shown.near, shown.far) == pytest.approx((near, far), rel=1e-2)
    far_from_edges = (first.picture != depth_colors(seen, near=near, far=far)).any(0).float().mean()
    assert far_from_edges < 0.25  # dots grow over the sky, and 8 bits round
    rows = torch.nn.functional.interpolate(seen[None, None], SIZE, mode="nearest")[0, 0]
    assert float(drawn["depth"][0][rows > 0].median()) == pytest.approx(float(seen[seen > 0].median()), rel=0.1)
