"""How good the networks are on snippets that they do not learn from, with truth where there is some."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, cast, final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset

from triptych.data.loading import watched
from triptych.data.selected import SnippetSource
from triptych.data.snippets import SnippetSample
from triptych.data.validation_truth import SnippetTruth
from triptych.evaluation.counted import counted_truth, depth_figures
from triptych.evaluation.depth_protocols import PROTOCOLS, DepthProtocol
from triptych.evaluation.resampling import ALL_ROWS, Rows, depth_on_grid
from triptych.formats.counts import number_of
from triptych.geometry.depth_range import depth_from_disparity
from triptych.geometry.pose import inverse_transform
from triptych.losses.objective import TERMS, Objective
from triptych.metrics.trajectory import snippet_trajectory_errors
from triptych.networks.joint import JointModel
from triptych.training.batches import in_float32, in_parts, on_device
from triptych.training.budget import TrainingState
from triptych.training.processes import Processes
from triptych.training.self_check import SELF_FIGURES, self_figures
from triptych.training.stages import Stage
from triptych.types import Snippet, SnippetEstimate

DEPTH_FIGURES: Final = ("abs_rel", "sq_rel", "rmse", "rmse_log", "delta1", "delta2", "delta3")
TRAJECTORY_FIGURE: Final = "ate_3"
FIGURES: Final = (*TERMS, *SELF_FIGURES, *DEPTH_FIGURES, TRAJECTORY_FIGURE)
"""All that a validation may tell; a loss term by its name."""
HIGHER_IS_BETTER: Final = frozenset({"delta1", "delta2", "delta3"})

Measure = Literal["auto", "abs_rel", "rmse", "delta1", "ate_3", "depth_photometric", "flow_photometric"]
"""What may decide which networks are the best."""


@dataclass(frozen=True)
class ValidationReport:
    """What a validation found.

    Attributes:
        step: of the training, done before it.
        epoch: passes over the data, done before it.
        stage: that the training is in.
        figures: by the names of `FIGURES`; means over the snippets that have them.
        measure: the figure that decides which networks are the best.
        value: of it; NaN where it is not to be had.
        snippets: how many were looked at.
        protocol: how depth was scored, in words; empty where it was not.
        damaged: files of frames that could not be read, a line each, those not told before.
        picture: place in the run folder of a picture of some snippets; None without.
    """

    step: int
    epoch: int
    stage: str
    figures: dict[str, float]
    measure: str
    value: float
    snippets: int
    protocol: str
    damaged: tuple[str, ...] = ()
    picture: str | None = None


def is_better(value: float, best: float | None, *, measure: str) -> bool:
    """Whether a value of a measure beats the best so far, of which there may be none."""
    if not math.isfinite(value):
        return False
    if best is None:
        return True
    return value > best if measure in HIGHER_IS_BETTER else value < best


@final
class Validator:
    """Judges networks on some snippets, each process on its share of them.

    Args:
        data: the snippets, without augmentation.
        positions: those that are looked at.
        objective: the loss, whose terms are told too.
        truth: of the snippets, where there is some.
        rows: shares of the picture's rows, from and to, that the snippets show.
        measure: the figure that decides which networks are the best; `auto` takes the first of abs_rel (where
            depth learns), ate_3 (where pose does) and the photometric error of depth that there is, and
            that of flow where flow alone learns.
        batch_size: snippets at a time.
        workers: processes that load.
        draw: called with the networks and the report, to make a picture, whose place it gives; in the first
            process alone.
    """

    def __init__(
        self,
        data: SnippetSource,
        positions: Sequence[int],
        objective: Objective,
        *,
        truth: SnippetTruth | None = None,
        rows: Rows = ALL_ROWS,
        measure: Measure = "auto",
        batch_size: int = 4,
        workers: int = 0,
        draw: Callable[[JointModel, ValidationReport], str | None] | None = None,
    ) -> None:
        self._data = data
        self._positions = list(positions)
        self._objective = objective
        self._truth = truth
        self._rows = rows
        self._measure = measure
        self._batch_size = batch_size
        self._workers = workers
        self._draw = draw
        self._told = 0

    def report(
        self, model: JointModel, stage: Stage, *, state: TrainingState, processes: Processes, device: torch.device
    ) -> ValidationReport:
        """The figures of the networks as they are; leaves them in evaluation mode.

        They do not depend on the batch size nor on the number of processes: each is a mean over
        snippets, and all processes judge with the first one's batch statistics.

        Args:
            model: the networks.
            stage: that the training is in; what it does not run is not told.
            state: of the training.
            processes: all of them must call this.
            device: of the networks.

        Raises:
            InputError: frames are damaged beyond what is allowed, or a truth is damaged.
        """
        model.eval()
        processes.follow_first(model.buffers())
        own = self._positions[processes.rank :: processes.count]
        sums = {name: [0.0, 0.0] for name in FIGURES}
        with torch.no_grad():
            for snippet in self._batches(own):
                moved = cast(Snippet, on_device(snippet, device))
                for name, value in self._figures(model, moved, stage):
                    sums[name][0] += value
                    sums[name][1] += 1.0
        table = processes.mean(torch.tensor(list(sums.values()), dtype=torch.float64, device=device)).tolist()
        figures = {name: total / count for name, (total, count) in zip(FIGURES, table, strict=True) if count > 0}
        measure = self._decisive(figures, stage)
        report = ValidationReport(
            step=state.step,
            epoch=state.epoch,
            stage=stage.name,
            figures=figures,
            measure=measure,
            value=figures.get(measure, math.nan),
            snippets=len(self._positions),
            protocol=self._protocol_line() if any(name in figures for name in DEPTH_FIGURES) else "",
            damaged=self._newly_damaged(processes),
        )
        if self._draw is not None and processes.rank == 0:
            report = replace(report, picture=self._draw(model, report))
        return report

    @property
    def damaged(self) -> int:
        """Files of frames that could not be read so far."""
        return 0 if self._data.damaged is None else len(self._data.damaged)

    def _newly_damaged(self, processes: Processes) -> tuple[str, ...]:
        """What any of the processes has met since the last time."""
        damaged = self._data.damaged
        if damaged is None:
            return ()
        before = self._told
        damaged.add(processes.gathered(damaged.lines[before:]))
        self._told = len(damaged)
        return damaged.lines[before:]

    def _batches(self, positions: list[int]) -> Iterator[Snippet]:
        loader: DataLoader[SnippetSample] = DataLoader(
            Subset(cast("Dataset[SnippetSample]", self._data), positions),
            batch_size=self._batch_size,
            num_workers=self._workers,
            collate_fn=self._data.collate,
        )
        damaged = self._data.damaged
        yield from loader if damaged is None else watched(loader, damaged)

    def _figures(self, model: JointModel, snippet: Snippet, stage: Stage) -> Iterator[tuple[str, float]]:
        """Names and values, once a snippet: a mean over the masks of several goes by how much each shows."""
        estimate = in_float32(self._estimate(model, snippet, stage))
        count = len(snippet.index)
        for one, of_one in zip(in_parts(snippet, count), in_parts(estimate, count), strict=True):
            terms = self._objective(one, of_one, flow_learns=True).terms
            yield from ((name, value) for name, term in terms.items() if math.isfinite(value := float(term)))
        depths = {"min_depth": self._objective.min_depth, "max_depth": self._objective.max_depth}
        for name, values in self_figures(snippet, estimate, disparity_of=model.depth.finest, **depths):
            yield from ((name, value) for value in values.tolist() if math.isfinite(value))
        if self._truth is None or not stage.runs_depth:
            return
        for place, position in enumerate(snippet.index.tolist()):
            yield from self._depth_figures(estimate, place, position)
            yield from self._trajectory_figure(estimate, place, position)

    def _estimate(self, model: JointModel, snippet: Snippet, stage: Stage) -> SnippetEstimate:
        return model.estimate(
            snippet,
            depth=stage.runs_depth,
            pose=stage.runs_depth,
            reversed_pose=stage.runs_depth and self._objective.fundamental == "inverse_pose",
            depth_levels=self._objective.depth_levels,
            source_depth=self._objective.depth_consistency > 0,
        )

    def _depth_figures(self, estimate: SnippetEstimate, place: int, position: int) -> Iterator[tuple[str, float]]:
        assert self._truth is not None
        assert estimate.disparity is not None
        protocol, truth = self._protocol, self._truth.depth(position)
        if truth is None or protocol is None:
            return
        depth = depth_from_disparity(
            estimate.disparity[0][place, 0].cpu(),
            min_depth=self._objective.min_depth,
            max_depth=self._objective.max_depth,
        )
        counted = counted_truth(truth, protocol)
        on_truth = depth_on_grid(depth, counted.size, resizing=protocol.resizing, rows=self._rows)
        predicted = counted.of(on_truth)
        if bool(predicted.isnan().any()):  # what was cut off at the bottom has no prediction
            seen = ~predicted.isnan()
            counted = counted.where(seen)
            predicted = predicted[seen]
        figures, _ = depth_figures(predicted, counted, protocol)
        yield from ((name, figures[name]) for name in DEPTH_FIGURES if math.isfinite(figures[name]))

    def _trajectory_figure(self, estimate: SnippetEstimate, place: int, position: int) -> Iterator[tuple[str, float]]:
        assert self._truth is not None
        assert estimate.source_from_target is not None
        truth = self._truth.camera_to_world(position)
        if truth is None:
            return
        error = snippet_trajectory_errors(_camera_to_target(estimate.source_from_target[place].cpu()), truth, length=3)
        yield TRAJECTORY_FIGURE, float(error.mean())

    @property
    def _protocol(self) -> DepthProtocol | None:
        kind = None if self._truth is None else self._truth.depth_kind
        return None if kind is None else PROTOCOLS["eigen_improved" if kind == "annotated" else "eigen"]

    def _protocol_line(self) -> str:
        protocol = self._protocol
        if protocol is None:
            return ""
        snippets = number_of(len(self._positions), "validation snippet", "validation snippets")
        cap = f"cap {protocol.cap_m:g} m, crop {protocol.crop}, {protocol.scaling} scaling"
        return f"{protocol.name}: {protocol.ground_truth}, {cap}, {snippets}"

    def _decisive(self, figures: dict[str, float], stage: Stage) -> str:
        if self._measure != "auto":
            return self._measure
        # What does not learn says the same after every epoch, of which the first would stay the best.
        if not stage.learns & {"depth", "pose"}:
            return "flow_photometric"
        of_learner = (("abs_rel", "depth"), (TRAJECTORY_FIGURE, "pose"))
        learned = (name for name, learner in of_learner if name in figures and learner in stage.learns)
        return next(learned, "depth_photometric")


def _camera_to_target(source_from_target: Float[Tensor, "2 4 4"]) -> Float[Tensor, "3 4 4"]:
    """Poses of previous, target and next camera in the target's coordinates."""
    previous, following = inverse_transform(source_from_target.double())
    return torch.stack((previous, torch.eye(4, dtype=torch.float64), following))
