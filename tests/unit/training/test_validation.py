"""The judge of a training: what it measures, on what, and what it calls better."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from lightning.fabric import Fabric
from tests.unit.training import validation_of_two as of_two
from torch import Tensor

from triptych.data.kitti_snippets import kitti_odometry_snippets, kitti_raw_snippets
from triptych.data.lazy_snippets import LazySnippetDataset
from triptych.data.synthetic import synthetic_clip
from triptych.data.synthetic.kitti_writer import write_kitti_odometry, write_kitti_raw
from triptych.data.validation_truth import SnippetTruth, snippet_truth
from triptych.geometry.depth_range import disparity_from_depth
from triptych.geometry.pose import inverse_transform
from triptych.losses.objective import Objective
from triptych.networks.joint import JointModel
from triptych.training.budget import TrainingState
from triptych.training.processes import Processes
from triptych.training.stages import Learner, Stage
from triptych.training.validation import Measure, ValidationReport, Validator, is_better
from triptych.types import FlowEstimate, Snippet, SnippetEstimate, SyntheticClip

JOINT = Stage("joint", frozenset({"flow", "depth", "pose"}), 1.0, 1e-4)
FLOW = Stage("flow", frozenset({"flow"}), 1.0, 1e-4)
SIZE = (64, 192)


@pytest.fixture(scope="module")
def clip() -> SyntheticClip:
    return synthetic_clip("street", seed=301, frames=6, height=SIZE[0], width=SIZE[1])


class Everywhere(torch.nn.Module):
    """The same disparity at every pixel."""

    def finest(self, image: Tensor) -> Tensor:
        return torch.full_like(image[:, :1], 0.1)


class Knowing(JointModel):
    """Says the truth of a clip: depth but for a factor, poses but for a factor, no flow."""

    def __init__(self, clip: SyntheticClip) -> None:
        torch.nn.Module.__init__(self)
        self.clip = clip
        self.depth = Everywhere()

    def estimate(self, snippet: Snippet, *, depth: bool = True, **_: object) -> SnippetEstimate:
        count, (height, width) = len(snippet.frames), SIZE
        flow = FlowEstimate(torch.zeros(2 * count, 2, height, width), torch.ones(2 * count, 1, height, width))
        if not depth:
            return SnippetEstimate(None, None, None, flow, flow)
        targets = snippet.index + 1  # the first frame is no target
        known = self.clip.depth_m[targets].clamp(max=90.0) / 10
        world = self.clip.camera_to_world.float()
        poses = [
            torch.stack([inverse_transform(world[target + step]) @ world[target] for step in (-1, 1)])
            for target in targets.tolist()
        ]
        poses = torch.stack(poses)
        poses[..., :3, 3] *= 0.1
        disparity = disparity_from_depth(known, min_depth=0.1, max_depth=100.0)
        return SnippetEstimate((disparity,), poses, None, flow, flow)


def judged(
    clip: SyntheticClip,
    data: LazySnippetDataset,
    truth: SnippetTruth | None,
    *,
    stage: Stage = JOINT,
    measure: Measure = "auto",
) -> ValidationReport:
    validator = Validator(data, range(len(data)), Objective(), truth=truth, measure=measure, batch_size=2)
    fabric = Fabric(accelerator="cpu", devices=1)
    return validator.report(
        Knowing(clip), stage, state=TrainingState(), processes=Processes(fabric), device=torch.device("cpu")
    )


def test_the_place_of_the_picture_is_told(clip: SyntheticClip, tmp_path: Path) -> None:
    write_kitti_raw(clip, tmp_path)
    data = LazySnippetDataset(kitti_raw_snippets(tmp_path), height=SIZE[0], width=SIZE[1])
    validator = Validator(data, [0], Objective(), draw=lambda _, report: f"{report.stage}.png")
    fabric = Fabric(accelerator="cpu", devices=1)
    report = validator.report(
        Knowing(clip), JOINT, state=TrainingState(), processes=Processes(fabric), device=torch.device("cpu")
    )
    assert report.picture == "joint.png"
    assert judged(clip, data, None).picture is None


def test_the_protocol_of_depth_is_named_where_depth_is_scored_alone(clip: SyntheticClip, tmp_path: Path) -> None:
    write_kitti_raw(clip, tmp_path)
    data = LazySnippetDataset(kitti_raw_snippets(tmp_path), height=SIZE[0], width=SIZE[1])
    truth = snippet_truth(data.index, range(len(data)))
    assert judged(clip, data, truth).protocol.startswith("eigen_improved")
    assert judged(clip, data, truth, stage=FLOW).protocol == ""


def test_true_depth_scores_nothing_but_rounding_whatever_its_scale(clip: SyntheticClip, tmp_path: Path) -> None:
    write_kitti_raw(clip, tmp_path)
    data = LazySnippetDataset(kitti_raw_snippets(tmp_path), height=SIZE[0], width=SIZE[1])
    report = judged(clip, data, snippet_truth(data.index, range(len(data))))
    assert report.figures["abs_rel"] < 0.01
    assert report.figures["delta1"] > 0.99
    assert report.measure == "abs_rel"
    assert report.value == report.figures["abs_rel"]
    assert "eigen_improved" in report.protocol


def test_true_poses_score_nothing_whatever_their_scale(clip: SyntheticClip, tmp_path: Path) -> None:
    write_kitti_odometry(clip, tmp_path, sequence="00")
    data = LazySnippetDataset(kitti_odometry_snippets(tmp_path), height=SIZE[0], width=SIZE[1])
    truth = snippet_truth(data.index, range(len(data)))
    assert (truth.has_poses, truth.depth_kind) == (True, None)
    report = judged(clip, data, truth)
    assert report.figures["ate_3"] < 1e-5
    assert report.measure == "ate_3"


def test_rows_that_were_cut_off_are_not_scored(clip: SyntheticClip, tmp_path: Path) -> None:
    write_kitti_raw(clip, tmp_path)
    index = kitti_raw_snippets(tmp_path)
    truth = snippet_truth(index, range(len(index)))
    cut = LazySnippetDataset(index, height=SIZE[0] // 2, width=SIZE[1], bottom_crop=0.5)
    half = clip.depth_m[:, :, : SIZE[0] // 2]

    class KnowingTop(Knowing):
        def estimate(self, snippet: Snippet, **_: object) -> SnippetEstimate:
            whole = super().estimate(snippet)
            known = half[snippet.index + 1].clamp(max=90.0) / 10
            flow = FlowEstimate(
                torch.zeros(2 * len(snippet.frames), 2, SIZE[0] // 2, SIZE[1]),
                torch.ones(2 * len(snippet.frames), 1, SIZE[0] // 2, SIZE[1]),
            )
            disparity = disparity_from_depth(known, min_depth=0.1, max_depth=100.0)
            return SnippetEstimate((disparity,), whole.source_from_target, None, flow, flow)

    validator = Validator(cut, range(len(cut)), Objective(), truth=truth, rows=(0.0, 0.5), batch_size=2)
    report = validator.report(
        KnowingTop(clip),
        JOINT,
        state=TrainingState(),
        processes=Processes(Fabric(accelerator="cpu", devices=1)),
        device=torch.device("cpu"),
    )
    assert report.figures["abs_rel"] < 0.01


def test_the_flow_stage_tells_nothing_of_depth_and_is_judged_by_its_photometric_error(
    clip: SyntheticClip, tmp_path: Path
) -> None:
    write_kitti_raw(clip, tmp_path)
    data = LazySnippetDataset(kitti_raw_snippets(tmp_path), height=SIZE[0], width=SIZE[1])
    report = judged(clip, data, snippet_truth(data.index, range(len(data))), stage=FLOW)
    assert set(report.figures) == {"flow_photometric", "error_unmoved", "error_by_flow", "flow_consistency_px"}
    assert report.measure == "flow_photometric"


@pytest.mark.parametrize(
    ("learns", "measure"),
    [
        ({"flow"}, "flow_photometric"),
        ({"depth"}, "abs_rel"),
        ({"pose"}, "depth_photometric"),
        ({"flow", "pose"}, "depth_photometric"),
        ({"flow", "depth", "pose"}, "abs_rel"),
    ],
)
def test_a_joint_stage_is_judged_by_those_that_learn_in_it(
    clip: SyntheticClip, tmp_path: Path, learns: set[Learner], measure: str
) -> None:
    write_kitti_raw(clip, tmp_path)
    data = LazySnippetDataset(kitti_raw_snippets(tmp_path), height=SIZE[0], width=SIZE[1])
    stage = Stage("joint", frozenset(learns), 1.0, 1e-4, with_depth=True)
    report = judged(clip, data, snippet_truth(data.index, range(len(data))), stage=stage)
    assert "abs_rel" in report.figures  # told all the same
    assert report.measure == measure


def test_the_figures_do_not_depend_on_the_batch_size() -> None:
    reports = [of_two.judged(Fabric(accelerator="cpu", devices=1), batch_size=size) for size in (1, 3, 4, 5)]
    assert len(reports[0]) > 3
    for figures in reports[1:]:
        assert figures == pytest.approx(reports[0], rel=1e-4)


def test_the_measure_that_was_asked_for_decides(clip: SyntheticClip, tmp_path: Path) -> None:
    write_kitti_raw(clip, tmp_path)
    data = LazySnippetDataset(kitti_raw_snippets(tmp_path), height=SIZE[0], width=SIZE[1])
    truth = snippet_truth(data.index, range(len(data)))
    assert judged(clip, data, truth, measure="delta1").measure == "delta1"
    missing = judged(clip, data, None, measure="abs_rel")
    assert math.isnan(missing.value)
    assert judged(clip, data, None).measure == "depth_photometric"


@pytest.mark.parametrize(
    ("value", "best", "measure", "better"),
    [
        (0.1, None, "abs_rel", True),
        (0.1, 0.2, "abs_rel", True),
        (0.3, 0.2, "abs_rel", False),
        (0.3, 0.2, "delta1", True),
        (0.1, 0.2, "delta1", False),
        (math.nan, None, "abs_rel", False),
        (math.inf, 0.2, "delta1", False),
    ],
)
def test_better_is_lower_but_for_shares_of_pixels(value: float, best: float | None, measure: str, better: bool) -> None:
    assert is_better(value, best, measure=measure) == better
