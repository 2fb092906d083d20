"""One training step: which networks run for a stage, and the loss of what they say."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor

from triptych.geometry.visibility import range_visibility
from triptych.inference.classical import classical_flow, classical_motion
from triptych.losses.objective import Objective
from triptych.networks.joint import JointModel
from triptych.training.imitation import flow_imitation, pose_imitation
from triptych.training.stages import Stage
from triptych.types import LossTerms, Snippet, SnippetEstimate


@runtime_checkable
class Estimator(Protocol):
    """The joint model, or a wrapper of it that places it on devices."""

    def estimate(
        self,
        snippet: Snippet,
        *,
        depth_and_pose: bool,
        flow: bool,
        flow_gradient: bool,
        backward_flow: bool,
        reversed_pose: bool,
    ) -> SnippetEstimate:
        """What the networks say of a batch of snippets; see `JointModel.estimate`."""


def prepare_stage(model: JointModel, stage: Stage) -> None:
    """Unfreeze and put into training mode the stage's learners, freeze the others.

    A frozen network is in evaluation mode too: its batch statistics stay as they are.
    """
    for name, network in (("flow", model.flow), ("depth", model.depth), ("pose", model.pose)):
        learns = name in stage.learns
        network.train(learns)
        network.requires_grad_(learns)


def step_loss(
    model: Estimator, objective: Objective, snippet: Snippet, stage: Stage, *, fraction: float = 1.0
) -> LossTerms:
    """The loss terms of a batch of snippets in a stage (eq. 2, 7 or 8).

    The flow stage runs the flow network alone (L_op); while flow is frozen it runs
    without an autograd graph and guides depth and pose; a joint stage runs all.

    Args:
        model: the networks.
        objective: the loss.
        snippet: the batch.
        stage: who learns.
        fraction: how far through the stage, for what fades over it.
    """
    estimate = model.estimate(
        snippet,
        depth_and_pose=stage.runs_depth,
        flow=True,
        flow_gradient=stage.trains_flow,
        backward_flow=True,
        reversed_pose=stage.runs_depth and objective.fundamental == "inverse_pose",
    )
    loss = objective(snippet, estimate)
    weight = stage.imitation_weight(fraction)
    return _with_imitation(loss, snippet, estimate, stage, weight=weight) if weight > 0 else loss


def _with_imitation(
    loss: LossTerms, snippet: Snippet, estimate: SnippetEstimate, stage: Stage, *, weight: float
) -> LossTerms:
    """The loss with the classical teachers of those that learn."""
    flow, poses = estimate.flow_target_to_source, estimate.source_from_target
    extra: dict[str, Tensor] = {}
    if flow is not None and stage.trains_flow:
        extra["flow_imitation"] = weight * flow_imitation(flow, *classical_flow(snippet.frames))
    if flow is not None and poses is not None and estimate.flow_source_to_target is not None:
        intrinsics = snippet.intrinsics.repeat_interleave(poses.shape[1], dim=0)
        seen = range_visibility(estimate.flow_source_to_target.flow)
        teacher = classical_motion(flow.flow, seen, intrinsics)
        extra["pose_imitation"] = weight * pose_imitation(poses.flatten(0, 1), teacher)
    terms = loss.terms | {name: term.detach() for name, term in extra.items()}
    return LossTerms(total=loss.total + sum(extra.values()), terms=terms, shares=loss.shares)
