"""One training step: which networks run for a stage, and the loss of what they say."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import torch
from torch import Tensor

from triptych.geometry.depth_range import depth_from_disparity
from triptych.losses.objective import Objective
from triptych.networks.joint import JointModel
from triptych.training.batches import in_float32
from triptych.training.collapse import vital_signs
from triptych.training.estimator import Autocast, Estimator
from triptych.training.imitation import depth_imitation, flow_imitation, pose_imitation
from triptych.training.stages import Learner, Stage
from triptych.training.window_pass import window_flow
from triptych.types import LossTerms, Snippet, SnippetEstimate, Teaching

LEARNERS: dict[str, Learner] = {"geometric_consistency": "depth", "flow_augmentation": "flow"}
"""The network that runs once more for a term, which must be learning."""


def prepare_stage(model: JointModel, stage: Stage) -> None:
    """Unfreeze and put into training mode the stage's learners, freeze the others.

    A frozen network is in evaluation mode too: its batch statistics stay as they are.
    """
    for name, network in (("flow", model.flow), ("depth", model.depth), ("pose", model.pose)):
        learns = name in stage.learns
        network.train(learns)
        network.requires_grad_(learns)


def step_loss(
    model: Estimator,
    objective: Objective,
    snippet: Snippet,
    stage: Stage,
    *,
    fraction: float = 1.0,
    autocast: Autocast = nullcontext,
) -> LossTerms:
    """The loss terms of a batch of snippets in a stage (eq. 2, 7 or 8).

    The flow stage runs the flow network alone (L_op); while flow is frozen it runs
    without an autograd graph and guides depth and pose; a joint stage runs all. What a
    setting of the loss needs beyond that (depth of the sources, flow of a window) runs
    where its term counts and its network learns.

    Args:
        model: the networks.
        objective: the loss.
        snippet: the batch.
        stage: who learns.
        fraction: how far through the stage, for what fades over it.
        autocast: context in which the networks run; geometry and losses stay in float32.

    Raises:
        ValueError: the stage imitates here, and the snippet brings no teaching.
    """
    weight = stage.imitation_weight(fraction)
    alone = stage.imitates_alone(fraction)
    # While they only imitate, a network that does not learn can wait, nothing asks for range maps, and
    # pose (which sees flow both ways, and learns in no time) waits for the others that learn.
    runs_pose = stage.runs_depth and (not alone or stage.pose_learns_alone)
    with autocast():
        estimate = model.estimate(
            snippet,
            depth=stage.runs_depth and (not alone or "depth" in stage.learns),
            pose=runs_pose,
            flow=stage.trains_flow or not alone or runs_pose,
            flow_gradient=stage.trains_flow,
            backward_flow=not alone or runs_pose,
            reversed_pose=stage.runs_depth and objective.fundamental == "inverse_pose",
            depth_levels=objective.depth_levels,
            source_depth=not alone and _runs_for("geometric_consistency", objective.depth_consistency, stage),
        )
    estimate = in_float32(estimate)
    if alone:
        loss = LossTerms(snippet.frames.new_zeros(()), {}, {})
    else:
        augments = _runs_for("flow_augmentation", objective.flow_augmentation, stage)
        window = window_flow(model, snippet, fraction=fraction, autocast=autocast) if augments else None
        loss = objective(snippet, estimate, terms=stage.terms, window=window)
    signs = vital_signs(estimate)
    if weight == 0:
        return replace(loss, signs=signs)
    if snippet.teaching is None:
        raise ValueError(f"stage {stage.name!r} imitates classical answers: give its data set a teacher")
    extra = _imitation(estimate, snippet.teaching, stage, objective, weight=weight)
    terms = loss.terms | {name: term.detach() for name, term in extra.items()}
    total = torch.stack([loss.total, *extra.values()]).sum()
    return LossTerms(total=total, terms=terms, shares=loss.shares, signs=signs)


def _runs_for(term: str, weight: float, stage: Stage) -> bool:
    """Whether a network runs once more for a term of this weight, where the equations do not wait."""
    return weight > 0 and LEARNERS[term] in stage.learns and (stage.terms is None or term in stage.terms)


def _imitation(
    estimate: SnippetEstimate, teaching: Teaching, stage: Stage, objective: Objective, *, weight: float
) -> dict[str, Tensor]:
    """The terms of the classical teachers of those that learn."""
    terms: dict[str, Tensor] = {}
    if stage.trains_flow and estimate.flow_target_to_source is not None:
        flow, trust = teaching.flow.flatten(0, 1), teaching.flow_trust.flatten(0, 1)
        terms["flow_imitation"] = weight * flow_imitation(estimate.flow_target_to_source, flow, trust)
    if "pose" in stage.learns and estimate.source_from_target is not None:
        poses, teacher = estimate.source_from_target.flatten(0, 1), teaching.source_from_target.flatten(0, 1)
        terms["pose_imitation"] = weight * pose_imitation(poses, teacher, teaching.motion_trust.flatten())
    if "depth" in stage.learns and estimate.disparity is not None:
        depth = depth_from_disparity(
            estimate.disparity[0].float(), min_depth=objective.min_depth, max_depth=objective.max_depth
        )
        terms["depth_imitation"] = weight * depth_imitation(depth, teaching.inverse_depth, teaching.depth_trust)
    return terms
