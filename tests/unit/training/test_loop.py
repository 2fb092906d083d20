"""The loop: exact resume, frozen networks, skipped batches."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.fabric import Fabric
from lightning.fabric.plugins import MixedPrecision
from tests.unit.training.small_training import NO_TEACHER, TINY, Losses, loop, sequence, settings, weights
from torch import Tensor

from triptych.config.build import build_data, build_loop
from triptych.config.build_model import build_model
from triptych.errors import InputError
from triptych.networks.joint import JointModel
from triptych.training.checkpoint import load_checkpoint
from triptych.training.log import FileLog, StepReport
from triptych.training.loop import TrainingDivergedError, TrainingLoop
from triptych.training.randomness import random_of_step
from triptych.training.stages import Stage
from triptych.training.step import prepare_stage
from triptych.types import LossTerms


def test_a_training_stopped_and_resumed_anywhere_gives_the_same_losses_and_weights_to_the_bit(tmp_path: Path) -> None:
    whole_log, whole = Losses(), loop(tmp_path / "whole", settings())
    assert whole.run([whole_log])
    for stop in (2, 5, 7):  # in an epoch's middle and at its end, in each of the stages
        folder = tmp_path / f"parts{stop}"
        first_log, first = Losses(), loop(folder, settings())
        assert not first.run([first_log], stop_requested=lambda log=first_log, stop=stop: len(log.reports) == stop)
        second_log, second = Losses(), loop(folder, settings())
        second.restore(load_checkpoint(folder / "checkpoints" / "last.ckpt"))
        assert second.run([second_log])
        both = [report.total for report in first_log.reports + second_log.reports]
        assert both == [report.total for report in whole_log.reports]
        for name, tensor in whole.model.state_dict().items():
            assert torch.equal(tensor, second.model.state_dict()[name]), name


def test_networks_that_draw_random_numbers_resume_to_the_bit_too(tmp_path: Path) -> None:
    chosen = settings(
        stages=["depth"],
        steps=4,
        depth={"encoder_options": TINY | {"drop_path_rate": 0.5}, "width": 0.25},
        training={"depth": NO_TEACHER},
    )
    whole_log, whole = Losses(), loop(tmp_path / "whole", chosen)
    assert whole.run([whole_log])
    first_log, first = Losses(), loop(tmp_path / "parts", chosen)
    assert not first.run([first_log], stop_requested=lambda: len(first_log.reports) == 2)
    second = loop(tmp_path / "parts", chosen)
    second.restore(load_checkpoint(tmp_path / "parts" / "checkpoints" / "last.ckpt"))
    torch.rand(7)  # whatever else was drawn
    assert second.run()
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, second.model.state_dict()[name]), name


def test_random_numbers_are_of_step_and_process_and_leave_those_outside_alone() -> None:
    def drawn(step: int, rank: int) -> Tensor:
        with random_of_step(torch.device("cpu"), seed=3, step=step, rank=rank):
            return torch.rand(4)

    torch.manual_seed(1)
    outside = torch.rand(2)
    torch.manual_seed(1)
    assert torch.equal(drawn(5, 0), drawn(5, 0))
    assert not torch.equal(drawn(5, 0), drawn(6, 0))
    assert not torch.equal(drawn(5, 0), drawn(5, 1))
    assert torch.equal(torch.rand(2), outside)


def test_moments_of_another_memory_layout_are_those_of_the_same_weights(tmp_path: Path) -> None:
    chosen = settings(stages=["flow"], steps=2, training={"flow": NO_TEACHER, "channels_last": False})
    first = loop(tmp_path / "first", chosen)
    assert first.run()
    stored = load_checkpoint(tmp_path / "first" / "checkpoints" / "last.ckpt")
    ends = []
    for channels_last in (False, True):
        training = chosen.training
        longer = replace(chosen, steps=3, training=replace(training, channels_last=channels_last))
        again = loop(tmp_path / f"again{channels_last}", longer)
        again.restore(stored)
        assert again.run()
        ends.append(weights(again.model))
    # The step is 1e-4 at most for a weight; a moment of another weight would be off by as much.
    moved = {
        name: (tensor - ends[1][name]).abs().max() for name, tensor in ends[0].items() if tensor.is_floating_point()
    }
    assert max(moved.values()) < 2e-5


def test_frozen_networks_do_not_change_and_learning_ones_do(tmp_path: Path) -> None:
    for name, learns in (("flow", ["flow"]), ("depth", ["depth", "pose"])):
        training = loop(tmp_path / name, settings(stages=[name], steps=2))
        before = weights(training.model)
        training.run()
        for network in ("flow", "depth", "pose"):
            same = all(
                torch.equal(tensor, before[key])
                for key, tensor in training.model.state_dict().items()
                if key.startswith(network + ".")
            )
            assert same == (network not in learns), (name, network)


def test_the_frozen_flow_network_builds_no_graph() -> None:
    model = build_model(settings())
    prepare_stage(model, Stage("depth", frozenset({"depth", "pose"}), 1.0, 1e-4))
    assert not any(parameter.requires_grad for parameter in model.flow.parameters())
    assert not model.flow.training
    assert all(parameter.requires_grad for parameter in model.depth.parameters())


def test_terms_and_gate_shares_are_logged_by_name_at_every_step(tmp_path: Path) -> None:
    log = Losses()
    loop(tmp_path, settings(stages=["joint"], steps=3)).run([log])
    assert [report.step for report in log.reports] == [1, 2, 3]
    for report in log.reports:
        assert {"flow_photometric", "depth_photometric", "smoothness"} <= set(report.terms)
        assert {"gate_epipolar_depth", "gate_photometric_flow", "visibility_forward"} <= set(report.shares)
        assert all(0 <= share <= 1 for share in report.shares.values())
        assert report.total == pytest.approx(sum(report.terms.values()), rel=1e-4)


def test_a_batch_without_finite_loss_is_skipped_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training = loop(tmp_path, settings(stages=["flow"], steps=4))
    spoil(monkeypatch, at={2})
    log = Losses()
    assert training.run([log])
    assert training.state.skipped == 1
    assert [report.gradient_norm is None for report in log.reports] == [False, True, False, False]
    assert all(tensor.isfinite().all() for tensor in training.model.state_dict().values())


def test_a_frame_of_nan_leaves_no_trace_in_weights_optimizer_or_batch_statistics(tmp_path: Path) -> None:
    def trained(name: str, *, spoilt: bool) -> TrainingLoop:
        joint = {"joint": {"share": 1.0, "learning_rate": 1e-4, "imitation": 0.0}}
        chosen = settings(stages=["joint"], steps=3 if spoilt else 2, training=joint)
        training, log = loop(tmp_path / name, chosen), Losses()
        first, second = [snippet for snippet, _ in itertools.islice(training.feed.batches(), 2)]
        nan = replace(first, frames=first.frames * torch.nan, jittered=first.jittered * torch.nan)
        batches = [first, nan, second] if spoilt else [first, second]
        training.feed.batches = lambda **_: ((snippet, False) for snippet in batches)  # type: ignore[method-assign]
        # The learning rate goes by progress, of which the skipped batch is a part.
        training._rate = lambda _: 1e-4  # type: ignore[method-assign]
        assert training.run([log])
        assert training.state.skipped == int(spoilt)
        return training

    clean, spoilt = trained("clean", spoilt=False), trained("spoilt", spoilt=True)
    for name, tensor in clean.model.state_dict().items():
        assert torch.equal(tensor, spoilt.model.state_dict()[name]), name
    states = [training._optimization.state_dict()["state"] for training in (clean, spoilt)]
    for key, parts in states[0].items():
        assert all(torch.equal(part, states[1][key][name]) for name, part in parts.items())


def test_too_many_batches_in_a_row_without_finite_loss_end_it_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings(stages=["flow"], steps=40)
    training = loop(tmp_path, chosen)
    spoil(monkeypatch, at=set(range(100)))
    with pytest.raises(TrainingDivergedError, match=f"{chosen.training.skip_limit} batches in a row"):
        training.run()


def spoil(monkeypatch: pytest.MonkeyPatch, *, at: set[int]) -> None:
    """Make the loss NaN at the given calls."""
    from triptych.training import optimization as module

    calls = {"count": 0}
    original = module.step_loss

    def spoiled(*args: Any, **kwargs: Any) -> Any:
        calls["count"] += 1
        terms = original(*args, **kwargs)
        return replace(terms, total=terms.total * float("nan")) if calls["count"] in at else terms

    monkeypatch.setattr(module, "step_loss", spoiled)


def test_the_log_of_a_resumed_run_holds_each_step_once(tmp_path: Path) -> None:
    def report(step: int) -> StepReport:
        return StepReport(step, 0, "flow", 0.0, 0.0, float(step), {}, {}, 1.0, 0.0, 0.0, 0)

    first = FileLog(tmp_path)
    for step in (1, 2, 3):
        first.record(report(step))
    first.close()
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 4, "tot')  # a kill in the middle of a line
    second = FileLog(tmp_path, step=2)
    second.record(report(3))
    second.close()
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [line.startswith(f'{{"step": {step},') for step, line in enumerate(lines, start=1)] == [True] * 3


def test_there_must_be_a_snippet_to_learn_from(tmp_path: Path) -> None:
    chosen = settings()
    with pytest.raises(InputError, match="three"):
        build_data(chosen, sequence(2), positions=[0, 1])


def test_a_network_that_says_nothing_any_more_is_told_by_its_reason(tmp_path: Path) -> None:
    log = Losses()
    training = loop(tmp_path, settings(stages=["flow"], steps=4))
    training.watch.patience = 2
    for parameter in training.model.flow.parameters():
        torch.nn.init.zeros_(parameter)
    training.run([log])
    assert [report.signs["flow"] < 1e-3 for report in log.reports][:2] == [True, True]
    assert any("the flow is zero" in text for text in log.reports[1].warnings)


@pytest.mark.parametrize("training", [{"batch_size": 2, "accumulation": 0}, {"batch_size": 2, "accumulation": 3}])
def test_parts_that_do_not_divide_the_batch_are_refused(tmp_path: Path, training: dict[str, int]) -> None:
    with pytest.raises(InputError, match="must divide the batch of 2 evenly"):
        loop(tmp_path, settings(training=training))


def test_autocast_networks_learn_with_losses_in_full_precision(tmp_path: Path) -> None:
    def trained(precision: str) -> tuple[TrainingLoop, Losses]:
        chosen = settings(stages=["joint"], steps=2, training={"precision": precision})
        training, log = loop(tmp_path / precision, chosen), Losses()
        assert training.run([log])
        return training, log

    (_, full), (training, half) = trained("32-true"), trained("bf16-mixed")
    first, other = full.reports[0], half.reports[0]
    assert other.total != first.total  # bfloat16 was really used ...
    assert other.total == pytest.approx(first.total, rel=0.02)  # ... and only where it does no harm
    assert all(parameter.dtype == torch.float32 for parameter in training.model.parameters())
    assert all(report.gradient_norm is not None for report in half.reports)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_half_precision_without_a_gpu_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs a GPU"):
        loop(tmp_path, settings(training={"precision": "16-mixed"}))


def test_a_checkpoint_of_more_processes_goes_on_at_the_same_place_of_the_epoch(tmp_path: Path) -> None:
    chosen = settings(steps=None, epochs=2, stages=["flow"], training={"batch_size": 1})
    whole = loop(tmp_path, chosen)  # seven steps an epoch
    whole.save()
    stored = load_checkpoint(tmp_path / "checkpoints" / "last.ckpt")
    of_two = replace(stored, state=replace(stored.state, epoch=1, batch=2, step=5, batch_snippets=2))
    whole.restore(of_two)
    assert (whole.state.epoch, whole.state.batch, whole.state.batch_snippets) == (1, 4, 1)
    log = Losses()
    assert whole.run([log])
    assert len(log.reports) == 3


def test_a_scaled_half_precision_step_clips_what_is_unscaled_and_keeps_its_scale(tmp_path: Path) -> None:
    def training(folder: str) -> TrainingLoop:
        chosen = settings(stages=["flow"], steps=2, training={"flow": NO_TEACHER})
        scaled = MixedPrecision("16-mixed", device="cpu", scaler=torch.amp.GradScaler("cpu", init_scale=64.0))
        fabric = Fabric(accelerator="cpu", devices=1, plugins=[scaled])
        data = build_data(chosen, sequence(), positions=list(range(9)))
        return build_loop(chosen, build_model(chosen), data, folder=tmp_path / folder, fabric=fabric)

    log, scaled = Losses(), training("scaled")
    before = weights(scaled.model)
    assert scaled.run([log])
    plain_log = Losses()
    loop(tmp_path / "plain", settings(stages=["flow"], steps=1, training={"flow": NO_TEACHER})).run([plain_log])
    # Were it clipped before it is unscaled, the norm would be 64 times as large.
    assert log.reports[0].gradient_norm == pytest.approx(plain_log.reports[0].gradient_norm, rel=0.1)
    assert any(not torch.equal(tensor, before[name]) for name, tensor in scaled.model.state_dict().items())
    stored = load_checkpoint(tmp_path / "scaled" / "checkpoints" / "last.ckpt")
    assert stored.optimizer["scaler"]["scale"] == 64.0
    training("again").restore(stored)


def test_a_loss_that_is_not_finite_moves_nothing_in_half_precision_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(model: JointModel, *_: Any, **__: Any) -> LossTerms:  # its gradient is finite
        total = sum(weight.square().sum() for weight in model.flow.parameters()) + torch.tensor(torch.nan)
        return LossTerms(total, {"broken": total.detach()}, {})

    monkeypatch.setattr("triptych.training.optimization.step_loss", broken)
    chosen = settings(stages=["flow"], steps=1, training={"flow": NO_TEACHER})
    scaled = MixedPrecision("16-mixed", device="cpu", scaler=torch.amp.GradScaler("cpu", init_scale=64.0))
    fabric = Fabric(accelerator="cpu", devices=1, plugins=[scaled])
    data = build_data(chosen, sequence(), positions=list(range(9)))
    log, training = Losses(), build_loop(chosen, build_model(chosen), data, folder=tmp_path, fabric=fabric)
    before = weights(training.model)
    assert training.run([log])
    assert log.reports[0].skipped == 1
    assert all(torch.equal(tensor, before[name]) for name, tensor in training.model.state_dict().items())


def test_the_epoch_of_a_step_is_that_of_its_batch(tmp_path: Path) -> None:
    log = Losses()
    chosen = settings(steps=None, epochs=2, stages=["flow"], training={"batch_size": 2, "flow": NO_TEACHER})
    training = loop(tmp_path, chosen)
    assert training.run([log])
    each = training.batches_per_epoch
    assert [report.epoch for report in log.reports] == [0] * each + [1] * each


def test_the_gradient_is_clipped_to_its_largest_norm(tmp_path: Path) -> None:
    chosen = settings(stages=["flow"], steps=1, training={"flow": NO_TEACHER, "gradient_clip": 1e-3})
    training = loop(tmp_path, chosen)
    assert training.run()
    gradients = [part.grad.flatten() for part in training.model.parameters() if part.grad is not None]
    assert torch.cat(gradients).norm() == pytest.approx(1e-3, rel=1e-3)


def test_epochs_that_went_before_halve_the_rate(tmp_path: Path) -> None:
    rates = []
    for before in (0, 10):
        training = {"flow": NO_TEACHER, "schedule": "halving", "epochs_before": before}
        log = Losses()
        loop(tmp_path / str(before), settings(stages=["flow"], steps=1, training=training)).run([log])
        rates.append(log.reports[0].learning_rate)
    assert rates[1] == rates[0] / 2


def test_a_checkpoint_is_written_between_epochs_when_time_has_passed(tmp_path: Path) -> None:
    # A hundred-thousandth of a minute: after each step.
    chosen = settings(stages=["flow"], steps=1, training={"flow": NO_TEACHER, "checkpoint_minutes": 1e-5})
    training, saved = loop(tmp_path, chosen), []
    training.save = lambda: saved.append(training.state.step)  # type: ignore[method-assign]
    assert training.run()
    assert saved == [1, 1]  # after the step, and at the end


def test_skipped_batches_are_counted_on_over_a_resume(tmp_path: Path) -> None:
    training = loop(tmp_path, settings(stages=["flow"], steps=3, training={"flow": NO_TEACHER}))
    training.save()
    stored = load_checkpoint(tmp_path / "checkpoints" / "last.ckpt")
    training.restore(replace(stored, state=replace(stored.state, step=1, batch=1, skipped=4)))
    log = Losses()
    assert training.run([log])
    assert [report.skipped for report in log.reports] == [4, 4]
