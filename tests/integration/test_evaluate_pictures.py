"""The pictures of an evaluation: which there are, what they are called, and what they say."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from triptych.artefacts import error_maps, plots, snippet_plot
from triptych.cli.evaluate_pictures import draw_depth, draw_flow, draw_sequence, draw_snippets, short_name
from triptych.data.truth.folders import depth_maps, flow_maps
from triptych.evaluation.depth import DepthScorer
from triptych.evaluation.depth_protocols import PROTOCOLS
from triptych.evaluation.flow import FlowScorer
from triptych.evaluation.odometry import score_sequence, score_snippets
from triptych.evaluation.paths import PairedPaths
from triptych.evaluation.predictions import predicted_maps
from triptych.formats.maps import save_depth, save_kitti_flow

HEIGHT, WIDTH = 20, 60


@dataclass
class Said:
    """What stands above and below each picture, by its file's name."""

    titles: dict[str, str] = field(default_factory=dict)
    small: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Said:
    found = Said()
    save = plots.save_figure

    def kept(path: Path, figure: Any, *, title: str, small: str) -> None:
        found.titles[path.name], found.small[path.name] = title, small
        save(path, figure, title=title, small=small)

    for module in (plots, error_maps, snippet_plot):
        monkeypatch.setattr(module, "save_figure", kept)
    return found


def depth_scorer(folder: Path, count: int, **settings: Any) -> DepthScorer:
    """A truth of 10 m everywhere; image i is predicted at 5 m, but 5.5 + i m on its right half but one column."""
    for index in range(count):
        predicted = torch.full((HEIGHT, WIDTH), 5.0)
        predicted[:, WIDTH // 2 + 1 :] = 5.5 + index
        save_depth(folder / "predicted" / f"{index:03d}.npz", predicted)
        save_depth(folder / "truth" / f"{index:03d}.npz", torch.full((HEIGHT, WIDTH), 10.0))
    return DepthScorer(
        predicted_maps(folder / "predicted", "depth"),
        depth_maps(folder / "truth"),
        replace(PROTOCOLS["plain"], **settings),
        name="ours",
    )


def test_depth_has_three_error_maps_and_from_five_images_on_both_histograms(tmp_path: Path, said: Said) -> None:
    scorer = depth_scorer(tmp_path, 5)
    written = draw_depth(tmp_path / "p", scorer, scorer.report())
    assert {file.name for file in written} == {
        "depth_worst_004.png",
        "depth_median_002.png",
        "depth_best_000.png",
        "depth_ratios.png",
        "scale_factors.png",
    }
    assert set(written) == set((tmp_path / "p").iterdir())
    # Scaled by 2 the left 31 of 60 columns are right, and 29 columns of 19 m are 0.9 too far: 0.435.
    assert said.titles["depth_worst_004.png"] == "ours, 004: abs_rel 0.435 (worst of 5 images)"
    assert said.small["depth_worst_004.png"].startswith("Prediction scaled by 2 (median), errors to 80 m. Gray: ")
    assert said.small["scale_factors.png"].startswith("5 images. ")


def test_a_few_images_have_no_histogram_of_factors_and_one_is_not_the_worst_of_one(tmp_path: Path, said: Said) -> None:
    four = depth_scorer(tmp_path / "4", 4)
    assert "scale_factors.png" not in [file.name for file in draw_depth(tmp_path / "p", four, four.report())]
    one = depth_scorer(tmp_path / "1", 1)
    written = draw_depth(tmp_path / "q", one, one.report())
    assert [file.name for file in written] == ["depth_worst_000.png", "depth_ratios.png"]
    assert said.titles["depth_worst_000.png"] == "ours, 000: abs_rel 0.048"  # 29 of 60 columns at 11 m: 0.1
    # 1200 pixels at a step of 1200 // 512 = 2.
    assert said.small["depth_ratios.png"].startswith(
        "600 pixels with a truth: about 600 evenly spread ones of one image"
    )


def test_depth_that_is_not_scaled_has_no_factors_and_says_so(tmp_path: Path, said: Said) -> None:
    scorer = depth_scorer(tmp_path, 6, scaling="none", truth_capped=False, cap_m=8.0)
    written = draw_depth(tmp_path / "p", scorer, scorer.report())
    assert "scale_factors.png" not in [file.name for file in written]
    small = said.small["depth_worst_000.png"]
    assert small.startswith("Prediction not scaled, clamped to 8 m, errors at all distances. ")
    assert said.titles["depth_ratios.png"] == "ours: prediction over truth"


def test_the_error_map_has_the_mean_of_its_title_where_a_prediction_is_clamped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Said
) -> None:
    means: list[str] = []
    drawn = error_maps.panel_figure
    monkeypatch.setattr(
        error_maps, "panel_figure", lambda panels, *words: means.append(panels[-1].label) or drawn(panels, *words)
    )
    scorer = depth_scorer(tmp_path, 1, cap_m=10.5)
    draw_depth(tmp_path / "p", scorer, scorer.report())
    # 11 m are clamped to 10.5: 29 / 60 * 0.05 = 0.024.
    assert said.titles["depth_worst_000.png"].endswith("abs_rel 0.024")
    assert means == ["relative error, mean 0.024"]


def flow_scorer(folder: Path, count: int) -> FlowScorer:
    """A truth of 1 px to the right; pair i is predicted i px too long."""
    valid = torch.ones(HEIGHT, WIDTH, dtype=torch.bool)
    for index in range(count):
        flow = torch.zeros(2, HEIGHT, WIDTH)
        flow[0] = 1.0
        save_kitti_flow(folder / "truth" / f"{index:03d}.png", flow, valid)
        flow[0] = 1.0 + index
        save_kitti_flow(folder / "predicted" / f"{index:03d}.png", flow, valid)
    return FlowScorer(
        predicted_maps(folder / "predicted", "flow"), flow_maps(folder / "truth"), "plain", split="all", name="ours"
    )


def test_flow_has_three_error_maps_and_one_pair_has_one_without_a_rank(tmp_path: Path, said: Said) -> None:
    four = flow_scorer(tmp_path / "4", 4)
    written = draw_flow(tmp_path / "p", four, four.report())
    assert {file.name for file in written} == {"flow_worst_003.png", "flow_median_001.png", "flow_best_000.png"}
    assert set(written) == set((tmp_path / "p").iterdir())
    assert said.titles["flow_worst_003.png"] == "ours, 003: EPE 3.00 px (worst of 4 pairs)"
    one = flow_scorer(tmp_path / "1", 1)
    draw_flow(tmp_path / "q", one, one.report())
    assert said.titles["flow_worst_000.png"] == "ours, 000: EPE 0.00 px"


def paths(frames: int, *, missing: tuple[int, ...] = (), **settings: Any) -> PairedPaths:
    """A truth that drives 1 m a frame on a circle of 200 m, and half of it as prediction."""
    angle = torch.arange(frames, dtype=torch.float64) / 200
    truth = torch.eye(4, dtype=torch.float64).repeat(frames, 1, 1)
    truth[:, 0, 0] = truth[:, 2, 2] = angle.cos()
    truth[:, 0, 2], truth[:, 2, 0] = angle.sin(), -angle.sin()
    truth[:, 0, 3], truth[:, 2, 3] = 200 * (1 - angle.cos()), 200 * angle.sin()
    predicted = truth.clone()
    predicted[:, :3, 3] /= 2
    present = torch.ones(frames, dtype=torch.bool)
    present[list(missing)] = False
    predicted[~present] = math.nan
    words = {"sequence": "09", "stride": 1} | settings
    numbers = int(words.get("part", "0:").partition(":")[0]) + words["stride"] * torch.arange(frames)
    return PairedPaths(predicted, truth, present, numbers, **words)


def test_a_path_says_its_figures_and_leaves_out_those_that_it_has_not(tmp_path: Path, said: Said) -> None:
    long = paths(250)
    for alignment in ("7dof", "6dof"):
        result = score_sequence(long, alignment=alignment, name="ours")
        assert draw_sequence(tmp_path, long, result, alignment=alignment) == [
            tmp_path / f"trajectory_09_{alignment}.png"
        ]
    assert len(list(tmp_path.iterdir())) == 2
    scaled = said.titles["trajectory_09_7dof.png"]
    assert scaled == "ours, sequence 09: t_rel 0.000 %, r_rel 0.0000 deg/100 m, ATE 0.000 m"
    assert "ATE 0.000 m" not in said.titles["trajectory_09_6dof.png"]
    short = paths(20, part="30:50")
    draw_sequence(tmp_path, short, score_sequence(short, alignment="7dof"), alignment="7dof")
    assert said.titles["trajectory_09_7dof.png"] == "prediction, sequence 09: ATE 0.000 m"
    assert said.small["trajectory_09_7dof.png"] == "alignment 7dof over 20 frames, stride 1, frames 30:50"


def test_snippets_are_drawn_at_the_frames_of_the_sequence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    save = snippet_plot.save_snippet_errors

    def kept(path: Path, *values: Any, **words: Any) -> None:
        given.append((*values, words))
        save(path, *values, **words)

    monkeypatch.setattr(snippet_plot, "save_snippet_errors", kept)
    pair = paths(10, missing=(4,), stride=2, part="100:120")
    result = score_snippets(pair, length=3, name="ours")
    assert draw_snippets(tmp_path, pair, result, length=3) == [tmp_path / "snippets_09_3.png"]
    assert (tmp_path / "snippets_09_3.png").is_file()
    frames, errors, straight, words = given[0]
    # Of frames 0 to 9 of every second from 100 on, snippets from 2, 3 and 4 hold the missing one.
    assert frames.tolist() == [100, 102, 110, 112, 114]
    assert float(errors.mean()) == pytest.approx(result.metrics["ate_mean"], abs=1e-12)
    assert float(straight.mean()) == pytest.approx(result.baselines["straight_motion"]["ate_mean"])
    assert words["name"] == "ours"
    assert "stride 2" in words["protocol"]


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("2011_09_26/2011_09_26_drive_0001_sync/image_02/data/0000000005", "2011_09_26_drive_0001_sync_0000000005"),
        (
            "2011_09_26/2011_09_26_drive_0001_sync/image_03/data/0000000005",
            "2011_09_26_drive_0001_sync_0000000005_image_03",
        ),
        ("000157_10", "000157_10"),
        ("city/a", "city_a"),
    ],
)
def test_a_frame_of_kitti_is_named_after_its_drive_and_number(name: str, short: str) -> None:
    assert short_name(name) == short


def test_pictures_of_kitti_have_the_short_name(tmp_path: Path, said: Said) -> None:
    scorer = depth_scorer(tmp_path, 1)
    long = "2011_09_26/2011_09_26_drive_0001_sync/image_02/data/0000000005.npz"
    for kind in ("predicted", "truth"):
        (tmp_path / "k" / kind / long).parent.mkdir(parents=True)
        shutil.copy(tmp_path / kind / "000.npz", tmp_path / "k" / kind / long)
    scorer = replace(
        scorer,
        maps=predicted_maps(tmp_path / "k" / "predicted", "depth"),
        truth=depth_maps(tmp_path / "k" / "truth"),
    )
    written = draw_depth(tmp_path / "p", scorer, scorer.report())
    assert written[0].name == "depth_worst_2011_09_26_drive_0001_sync_0000000005.png"
