"""Which networks run and which terms count at each point of a stage."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from triptych.config.build import build_objective
from triptych.config.load import preset_settings
from triptych.data.snippets import SnippetDataset
from triptych.inference.teacher import SequenceTeacher
from triptych.losses.objective import Objective
from triptych.networks.depth import DepthNetwork
from triptych.networks.flow import MaskFlowNet
from triptych.networks.joint import JointModel
from triptych.networks.pose import PoseNetwork
from triptych.training.stages import Learner, Stage
from triptych.training.step import prepare_stage, step_loss
from triptych.training.validation import FIGURES
from triptych.types import FrameSequence, Snippet

TINY = {"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 16], "stem_width": 8}


@pytest.fixture(scope="module")
def snippet() -> Snippet:
    """A picture that slides past, with its classical answers."""
    generator = torch.Generator().manual_seed(1)
    scene = torch.nn.functional.interpolate(torch.rand(1, 3, 16, 40, generator=generator), (64, 160), mode="bicubic")[0]
    images = torch.stack([scene[:, :, 2 * i : 2 * i + 96] for i in range(3)])
    sequence = FrameSequence(
        images=(images.clamp(0, 1) * 255).to(torch.uint8),
        intrinsics=torch.tensor([[60.0, 0, 47.5], [0, 60.0, 31.5], [0, 0, 1]]),
        timestamps=torch.arange(3, dtype=torch.float64) / 10,
        source_indices=torch.arange(3),
        source_length=3,
        intrinsics_origin="made for a test",
        name="sliding",
    )
    data = SnippetDataset(sequence, teacher=SequenceTeacher(sequence))
    return data.collate([data[0]])


@pytest.fixture
def model() -> JointModel:
    torch.manual_seed(0)
    return JointModel(
        DepthNetwork("resnet18", encoder_options=TINY, width=0.25),
        PoseNetwork("resnet18", encoder_options=TINY, channels=16, sees_flow=True),
        MaskFlowNet(width=0.25, normalized_costs=True),
    )


@pytest.fixture
def objective() -> Objective:
    return build_objective(preset_settings("small"))


def stage(*learns: Learner) -> Stage:
    return Stage(
        name="some", learns=frozenset(learns), share=1.0, learning_rate=1e-3, imitation=0.9, imitation_alone=0.5
    )


def gets_gradient(network: nn.Module) -> bool:
    return any(parameter.grad is not None for parameter in network.parameters())


def test_flow_imitates_alone_then_with_eq_2_then_not_at_all(
    model: JointModel, objective: Objective, snippet: Snippet
) -> None:
    flow = stage("flow")
    prepare_stage(model, flow)
    names = [set(step_loss(model, objective, snippet, flow, fraction=part).terms) for part in (0.1, 0.7, 0.95)]
    assert names[0] == {"flow_imitation"}
    assert names[1] == {"flow_imitation", *names[2]}
    assert "flow_photometric" in names[2]


def test_depth_imitates_alone_without_the_other_networks(
    model: JointModel, objective: Objective, snippet: Snippet
) -> None:
    depth = stage("depth", "pose")
    prepare_stage(model, depth)
    loss = step_loss(model, objective, snippet, depth, fraction=0.1)
    assert set(loss.terms) == {"depth_imitation"}
    loss.total.backward()
    assert [gets_gradient(network) for network in (model.depth, model.pose, model.flow)] == [True, False, False]


def test_then_depth_and_pose_imitate_beside_the_equations(
    model: JointModel, objective: Objective, snippet: Snippet
) -> None:
    depth = stage("depth", "pose")
    prepare_stage(model, depth)
    loss = step_loss(model, objective, snippet, depth, fraction=0.7)
    assert {"depth_imitation", "pose_imitation", "depth_photometric"} <= set(loss.terms)
    torch.testing.assert_close(loss.total.detach(), torch.stack(list(loss.terms.values())).sum())
    loss.total.backward()
    assert [gets_gradient(network) for network in (model.depth, model.pose, model.flow)] == [True, True, False]


def test_pose_waits_for_others_that_learn_and_imitates_from_the_beginning_where_it_learns_alone(
    model: JointModel, objective: Objective, snippet: Snippet
) -> None:
    seen = calls(model)
    pose = stage("pose")
    prepare_stage(model, pose)
    loss = step_loss(model, objective, snippet, pose, fraction=0.1)
    assert set(loss.terms) == {"pose_imitation"}
    assert seen["depth"] == []
    loss.total.backward()
    assert [gets_gradient(network) for network in (model.depth, model.pose, model.flow)] == [False, True, False]


@pytest.mark.parametrize("learner", ["flow", "depth", "pose"])
def test_teachers_of_frozen_networks_do_not_count(
    model: JointModel, objective: Objective, snippet: Snippet, learner: Learner
) -> None:
    alone = replace(stage(learner), with_depth=True)
    prepare_stage(model, alone)
    terms = step_loss(model, objective, snippet, alone, fraction=0.7).terms
    assert {name for name in terms if name.endswith("_imitation")} == {f"{learner}_imitation"}


def test_imitation_without_a_teacher_is_refused(model: JointModel, objective: Objective, snippet: Snippet) -> None:
    with pytest.raises(ValueError, match="give its data set a teacher"):
        step_loss(model, objective, replace(snippet, teaching=None), stage("flow"), fraction=0.1)


BEYOND = {"depth_consistency": 0.5, "flow_augmentation": 0.05}
EXTRA = {"geometric_consistency", "flow_augmentation"}
JOINT = Stage("joint", frozenset({"flow", "depth", "pose"}), 1.0, 1e-3)


def terms_of(model: JointModel, snippet: Snippet, at: Stage, *, fraction: float = 1.0) -> set[str]:
    prepare_stage(model, at)
    return set(step_loss(model, Objective(**BEYOND), snippet, at, fraction=fraction).terms)


def test_each_network_that_learns_runs_once_more_for_what_the_loss_asks(model: JointModel, snippet: Snippet) -> None:
    assert terms_of(model, snippet, JOINT) >= EXTRA
    flow = replace(JOINT, learns=frozenset({"flow"}))
    assert terms_of(model, snippet, flow) & EXTRA == {"flow_augmentation"}
    assert terms_of(model, snippet, replace(flow, with_depth=True)) & EXTRA == {"flow_augmentation"}
    depth = replace(JOINT, learns=frozenset({"depth", "pose"}))
    assert terms_of(model, snippet, depth) & EXTRA == {"geometric_consistency"}


def calls(model: JointModel) -> dict[str, list[int]]:
    """Numbers of pictures of each run of the depth network and of the flow network's pyramid."""
    seen: dict[str, list[int]] = {"depth": [], "flow": []}
    model.depth.encoder.register_forward_pre_hook(lambda _, inputs: seen["depth"].append(len(inputs[0])))
    model.flow.pyramid.register_forward_pre_hook(lambda _, inputs: seen["flow"].append(len(inputs[0])))
    return seen


def test_nothing_runs_once_more_by_default_alone_or_for_a_term_that_does_not_count(
    model: JointModel, snippet: Snippet
) -> None:
    seen = calls(model)
    counted = replace(JOINT, terms=frozenset({"flow_photometric", "depth_photometric"}))
    cases = (
        (Objective(), JOINT, 1.0),
        (Objective(**BEYOND), counted, 1.0),
        (Objective(**BEYOND), stage("flow", "depth", "pose"), 0.1),
    )
    for objective, at, fraction in cases:
        prepare_stage(model, at)
        step_loss(model, objective, snippet, at, fraction=fraction)
    assert seen == {"depth": [1, 1, 1], "flow": [3, 3, 3]}
    prepare_stage(model, JOINT)
    step_loss(model, Objective(**BEYOND), snippet, JOINT)
    assert seen == {"depth": [1, 1, 1, 3], "flow": [3, 3, 3, 3, 3]}


def test_the_window_and_the_depth_of_the_sources_send_a_gradient_to_their_networks(
    model: JointModel, snippet: Snippet
) -> None:
    for term, learners in (("flow_augmentation", [False, False, True]), ("geometric_consistency", [True, True, False])):
        for network in (model.depth, model.pose, model.flow):
            network.zero_grad(set_to_none=True)
        only = replace(JOINT, terms=frozenset({term}))
        prepare_stage(model, only)
        loss = step_loss(model, Objective(**BEYOND), snippet, only)
        assert set(loss.terms) == {term}
        loss.total.backward()
        assert [gets_gradient(network) for network in (model.depth, model.pose, model.flow)] == learners


def test_no_term_of_the_loss_is_called_as_another_figure_of_validation() -> None:
    assert len(set(FIGURES)) == len(FIGURES)
