"""One training step: which networks run for a stage, and the loss of what they say."""

from __future__ import annotations

from triptych.losses.objective import Objective
from triptych.networks.joint import JointModel
from triptych.training.stages import Stage
from triptych.types import LossTerms, Snippet


def prepare_stage(model: JointModel, stage: Stage) -> None:
    """Unfreeze and put into training mode the stage's learners, freeze the others.

    A frozen network is in evaluation mode too: its batch statistics stay as they are.
    """
    for name, network in (("flow", model.flow), ("depth", model.depth), ("pose", model.pose)):
        learns = name in stage.learns
        network.train(learns)
        network.requires_grad_(learns)


def step_loss(model: JointModel, objective: Objective, snippet: Snippet, stage: Stage) -> LossTerms:
    """The loss terms of a batch of snippets in a stage (eq. 2, 7 or 8).

    The flow stage runs the flow network alone (L_op); while flow is frozen it runs
    without an autograd graph and guides depth and pose; a joint stage runs all.
    """
    estimate = model.estimate(
        snippet,
        depth_and_pose=stage.runs_depth,
        flow=True,
        flow_gradient=stage.trains_flow,
        backward_flow=True,
        reversed_pose=stage.runs_depth and objective.fundamental == "inverse_pose",
    )
    return objective(snippet, estimate)
