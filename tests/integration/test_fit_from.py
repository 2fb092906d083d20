"""Starting from another run's weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from triptych.artefacts.checkpoints import load_weights
from triptych.cli import main
from triptych.config.build_model import weights_file

Refused = Callable[..., str]


def test_networks_that_do_not_learn_keep_the_weights_of_the_run_they_start_from(
    tmp_path: Path, video: Path, fitted: Path, tiny: list[str]
) -> None:
    words = ["fit", str(video), "--output", str(tmp_path / "run"), "--preset=small", "--initial", str(fitted), *tiny]
    main([*words, "--stages=[flow]", "--steps=1", "--intrinsics=90,90,59.5,39.5"])
    before, _ = load_weights(fitted / "model.safetensors")
    after, _ = load_weights(tmp_path / "run" / "model.safetensors")
    same = {name.split(".")[0]: [] for name in before}
    for name, tensor in before.items():
        same[name.split(".")[0]].append(torch.equal(tensor, after[name]))
    assert all(same["depth"])
    assert all(same["pose"])
    assert not all(same["flow"])
    far = max(float((after[name] - before[name]).abs().max()) for name in before if before[name].is_floating_point())
    assert far < 0.05  # one step of Adam from there, not other random weights


def test_weights_of_other_networks_are_refused_by_name(
    refused: Refused, tmp_path: Path, video: Path, fitted: Path, tiny: list[str]
) -> None:
    words = ["fit", str(video), "--output", str(tmp_path / "run"), "--preset=small", "--steps=1", *tiny]
    line = refused(*words, "--initial", str(fitted), "--pose.channels=8")
    assert line.startswith("triptych: --pose.channels 8: the weights of ")
    assert "have 16; start from a run with the same settings" in line
    line = refused(*words, "--initial", str(fitted), "--flow.normalized_costs=false")  # no weight tells these apart
    assert "--flow.normalized_costs False: the weights of" in line
    assert "no file of weights" in refused(*words, "--initial", str(tmp_path / "nowhere"))
    assert not (tmp_path / "run").exists()


def test_from_scratch_beside_weights_to_begin_with_is_refused(refused: Refused, tmp_path: Path, video: Path) -> None:
    words = ["fit", str(video), "--output", str(tmp_path / "run"), "--from_scratch", "--steps=1"]
    assert "leave one of them out" in refused(*words, "--initial", "packaged")
    assert "leave one of them out" in refused(*words, "--preset", "adapt")
    assert not (tmp_path / "run").exists()


def test_a_fit_begins_with_the_weights_in_the_package(tmp_path: Path, video: Path) -> None:
    words = ["fit", str(video), "--output", str(tmp_path / "run"), "--size=64x128", "--steps=1"]
    words += ["--stages=[joint]", "--training.joint.learning_rate=1e-12", "--training.joint.imitation=0"]
    main([*words, "--intrinsics=90,90,59.5,39.5"])
    packaged, _ = load_weights(weights_file("packaged"))
    fitted, _ = load_weights(tmp_path / "run" / "model.safetensors")
    for name, tensor in packaged.items():
        if "running" not in name and "num_batches" not in name:  # one batch moves the batch statistics
            torch.testing.assert_close(fitted[name], tensor.float(), rtol=1e-3, atol=1e-6)


def test_weights_in_the_package_are_refused_by_other_networks(refused: Refused, tmp_path: Path, video: Path) -> None:
    words = ["fit", str(video), "--output", str(tmp_path / "run"), "--steps=1", "--pose.channels=8"]
    assert "--from_scratch" in refused(*words)
