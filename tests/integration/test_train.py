"""`triptych train`: three stages on folders, resumed after a kill, judged by the evaluators."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from triptych.cli import main
from triptych.config.build import load_model
from triptych.data.synthetic import synthetic_clip
from triptych.data.synthetic.kitti_writer import write_kitti_odometry, write_kitti_raw

REAL = Path(__file__).parents[3] / "shared" / "data"
Train = Callable[..., Path]


@pytest.fixture(scope="module")
def drives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two drives in the layout of KITTI raw, with annotated depth."""
    root = tmp_path_factory.mktemp("raw")
    for drive in (1, 5):  # the second is none of the Eigen test, which is left out of trainings
        clip = synthetic_clip("street", seed=200 + drive, frames=12, height=64, width=192)
        write_kitti_raw(clip, root, drive=drive)
    return root


@pytest.fixture
def settings_of(tiny: list[str]) -> Callable[..., list[str]]:
    def words(root: Path, folder: Path, *more: str) -> list[str]:
        return [
            "train",
            "--preset=paper",
            "--depth.pretrained=null",
            "--pose.pretrained=null",
            "--depth.encoder=resnet18",
            "--pose.encoder=resnet18",
            *tiny,
            "--training.batch_size=2",
            "--data.dataset=kitti_raw",
            f"--data.root={root}",
            f"--output={folder}",
            *more,
        ]

    return words


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def launched(words: list[str], *, processes: int = 1) -> subprocess.Popen[str]:
    """The command in processes of its own."""
    launcher = ["-m", "torch.distributed.run", f"--nproc-per-node={processes}", "--standalone"]
    command = [sys.executable, *(launcher if processes > 1 else []), "-m", "triptych", *words]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment, start_new_session=True
    )


def wait_for_step(folder: Path, step: int, process: subprocess.Popen[str]) -> None:
    """Until a run has told of a step."""
    file = folder / "metrics.jsonl"
    for _ in range(1200):
        if file.is_file() and len(file.read_text().splitlines()) >= step:
            return
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        time.sleep(0.05)
    pytest.fail(f"step {step} was not reached")


def test_three_stages_on_drives_leave_model_best_pictures_and_scores(
    drives: Path, tmp_path: Path, settings_of: Callable[..., list[str]]
) -> None:
    folder = tmp_path / "run"
    main(settings_of(drives, folder, "--epochs=3", "--validation.held_out=0.4", "--validation.pictures=2"))
    names = {path.name for path in folder.iterdir()}
    assert {"settings.yaml", "environment.json", "metrics.jsonl", "validation.jsonl", "tensorboard"} <= names
    assert {"model.safetensors", "best.safetensors", "checkpoints", "pictures"} <= names
    steps = lines(folder / "metrics.jsonl")
    assert [step["step"] for step in steps] == list(range(1, len(steps) + 1))
    assert [step["stage"] for step in steps] == sorted((step["stage"] for step in steps), key="flow depth joint".find)
    judged = lines(folder / "validation.jsonl")
    assert [one["stage"] for one in judged] == ["flow", "depth", "joint"]
    assert "abs_rel" not in judged[0]["figures"]
    assert judged[0]["measure"] == "flow_photometric"
    for one in judged[1:]:
        assert one["measure"] == "abs_rel"
        assert 0 < one["figures"]["abs_rel"] < 5
        assert 0 <= one["figures"]["delta1"] <= 1
        assert "improved annotated maps" in one["protocol"]
    assert len(list((folder / "pictures").glob("*.png"))) == 3
    model, settings = load_model(folder)
    assert settings.losses.tau_photometric == 0.28
    best, _ = load_model(folder / "best.safetensors")
    smallest = min(judged[1:], key=lambda one: one["value"])
    same = all(torch.equal(one, other) for one, other in zip(model.parameters(), best.parameters(), strict=True))
    assert same == (smallest is judged[-1])


def test_the_validation_figures_are_those_of_the_evaluator(
    drives: Path, tmp_path: Path, settings_of: Callable[..., list[str]]
) -> None:
    folder = tmp_path / "run"
    words = settings_of(
        drives,
        folder,
        "--steps=1",
        "--stages=joint",
        f"--validation.root={drives / '2011_09_26' / '2011_09_26_drive_0005_sync'}",
        "--validation.pictures=0",
    )
    main(words)
    (judged,) = lines(folder / "validation.jsonl")
    drive = drives / "2011_09_26" / "2011_09_26_drive_0005_sync"
    prediction = tmp_path / "prediction"
    main(["predict", str(drive), f"--model={folder}", f"--output={prediction}", "--refinement=none"])
    result = tmp_path / "images.csv"
    main(
        [
            "evaluate",
            "depth",
            f"--prediction={prediction}",
            f"--ground-truth={drive}",
            "--protocol=eigen_improved",
            f"--per_image={result}",
        ]
    )
    with result.open(newline="") as file:
        scored = [float(row["abs_rel"]) for row in csv.DictReader(file)]
    assert judged["snippets"] == 10  # all frames but the first and the last, which are no targets
    assert judged["figures"]["abs_rel"] == pytest.approx(sum(scored[1:-1]) / 10, rel=1e-4)


def test_poses_beside_a_sequence_judge_the_camera_motion(tmp_path: Path, settings_of: Callable[..., list[str]]) -> None:
    root, folder = tmp_path / "odometry", tmp_path / "run"
    clip = synthetic_clip("street", seed=203, frames=12, height=64, width=192)
    write_kitti_odometry(clip, root, sequence="00")
    words = settings_of(root, folder, "--steps=2", "--stages=depth,joint", "--data.dataset=kitti_odometry")
    main([*words, "--validation.held_out=0.4"])
    (judged,) = lines(folder / "validation.jsonl")
    assert judged["measure"] == "ate_3"
    assert 0 <= judged["figures"]["ate_3"] < 1


def test_one_stage_starts_from_the_weights_of_another_run_and_has_its_part_of_the_epochs(
    drives: Path, tmp_path: Path, settings_of: Callable[..., list[str]]
) -> None:
    flow, depth = tmp_path / "flow", tmp_path / "depth"
    config = tmp_path / "three_epochs.yaml"
    config.write_text("epochs: 3\n")
    common = [f"--config={config}", "--validation.held_out=0"]
    main(settings_of(drives, flow, *common, "--stages=flow"))
    main(settings_of(drives, depth, *common, "--stages", "depth", f"--initial={flow}"))
    assert {step["stage"] for step in lines(flow / "metrics.jsonl")} == {"flow"}
    stored = yaml.safe_load((depth / "settings.yaml").read_text())
    assert (stored["epochs"], stored["training"]["epochs_before"]) == (1, 1)
    first, _ = load_model(flow)
    second, _ = load_model(depth)
    for name, tensor in first.flow.state_dict().items():
        assert torch.equal(tensor, second.flow.state_dict()[name]), name


def test_a_killed_training_resumes_to_the_same_losses_to_the_bit(
    drives: Path, tmp_path: Path, settings_of: Callable[..., list[str]]
) -> None:
    # The checkpoints that a kill leaves behind are some steps old: those steps are done again.
    config = tmp_path / "length.yaml"
    config.write_text("epochs: 4\n")
    # Two of three stages, so that the length is a part of the file's; a name and not only files.
    common = ["--config", "kitti", f"--config={config}", "--stages", "flow,joint", "--overwrite"]
    common += ["--data.split=null", "--validation.split=null"]
    common += ["--validation.held_out=0.2", "--training.workers=1", "--validation.pictures=0"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    main(settings_of(drives, whole, *common))
    words = settings_of(drives, killed, *common)
    process = launched(words)
    wait_for_step(killed, 10, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stderr is not None:
        process.stderr.close()
    main([*words, "--resume"])
    assert [step["total"] for step in lines(killed / "metrics.jsonl")] == [
        step["total"] for step in lines(whole / "metrics.jsonl")
    ]
    assert [one["figures"] for one in lines(killed / "validation.jsonl")] == [
        one["figures"] for one in lines(whole / "validation.jsonl")
    ]
    for one, other in zip(load_model(whole)[0].parameters(), load_model(killed)[0].parameters(), strict=True):
        assert torch.equal(one, other)


def test_two_processes_train_and_one_that_is_killed_is_told_in_a_line(
    drives: Path, tmp_path: Path, settings_of: Callable[..., list[str]]
) -> None:
    folder = tmp_path / "run"
    words = settings_of(drives, folder, "--steps=2000", "--validation.held_out=0", "--training.checkpoint_minutes=0.02")
    process = launched(words, processes=2)
    wait_for_step(folder, 12, process)
    ranks = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True).stdout.split()
    assert len(ranks) == 2
    os.kill(int(ranks[1]), signal.SIGKILL)
    _, error = process.communicate(timeout=120)
    assert process.returncode != 0
    told = [line for line in error.splitlines() if "triptych:" in line]
    assert len(told) == 1, error
    assert "another process of the training has ended" in told[0]
    assert "--resume" in told[0]
    done = len(lines(folder / "metrics.jsonl"))
    main([*words, "--resume", f"--steps={done + 2}"])
    assert [step["step"] for step in lines(folder / "metrics.jsonl")] == list(range(1, done + 3))


@pytest.mark.real
@pytest.mark.skipif(not (REAL / "kitti_raw").is_dir(), reason="no real data beside the checkout")
def test_the_papers_networks_train_on_real_frames_through_all_stages(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    # The preset but for size, length and ImageNet's weights, which would have to be fetched.
    words = ["train", "--preset=paper", "--config=kitti", "--data.split=null", "--validation.split=null"]
    words += [f"--data.root={REAL / 'kitti_raw'}", "--size=64x192", "--steps=3", f"--output={folder}"]
    words += ["--depth.pretrained=null", "--pose.pretrained=null", "--validation.snippets=3", "--validation.pictures=1"]
    main(words)
    assert [step["stage"] for step in lines(folder / "metrics.jsonl")] == ["flow", "depth", "joint"]
    (judged,) = lines(folder / "validation.jsonl")
    assert judged["figures"]["depth_photometric"] > 0
    assert len(list((folder / "pictures").glob("*.png"))) == 1


def test_shards_and_folders_give_the_same_losses(
    drives: Path, tmp_path: Path, settings_of: Callable[..., list[str]]
) -> None:
    shards = tmp_path / "shards"
    main(["prepare", "kitti", str(drives), f"--output={shards}", "--size=64x96", "--workers=1"])
    common = ["--stages=flow", "--epochs=1", "--validation.held_out=0.2", "--validation.pictures=1"]
    main(settings_of(drives, tmp_path / "folders", *common))
    main(settings_of(shards, tmp_path / "of_shards", *common, "--data.dataset=shards"))
    totals = [[step["total"] for step in lines(tmp_path / run / "metrics.jsonl")] for run in ("folders", "of_shards")]
    assert totals[0] == totals[1]
    assert len(totals[0]) > 3


def test_shards_of_another_size_are_refused(
    drives: Path, tmp_path: Path, settings_of: Callable[..., list[str]], refused: Callable[..., str]
) -> None:
    shards = tmp_path / "shards"
    main(["prepare", "kitti", str(drives), f"--output={shards}", "--size=32x96", "--workers=1"])
    line = refused(*settings_of(shards, tmp_path / "run", "--steps=1", "--data.dataset=shards"))
    assert "of size 32x96; pass --size 32x96" in line


def test_the_small_preset_learns_from_drives_with_its_classical_teachers(
    drives: Path, tmp_path: Path, tiny: list[str]
) -> None:
    folder = tmp_path / "run"
    words = ["train", *tiny, f"--data.root={drives}", "--data.dataset=kitti_raw", f"--output={folder}"]
    main([*words, "--steps=4", "--stages=flow,depth", "--validation.held_out=0", "--training.workers=2"])
    steps = lines(folder / "metrics.jsonl")
    assert sorted(steps[0]["terms"]) == ["flow_imitation"]
    assert sorted(steps[-1]["terms"]) == ["depth_imitation"]


def test_drives_of_the_eigen_test_are_left_out_unless_asked_for(
    tmp_path: Path, settings_of: Callable[..., list[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "raw"
    clip = synthetic_clip("street", seed=204, frames=5, height=64, width=192)
    for drive in (1, 2):
        write_kitti_raw(clip, root, drive=drive)
    words = [
        *settings_of(root, tmp_path / "run", "--steps=1", "--stages=flow", "--validation.held_out=0"),
        "--overwrite",
    ]
    main(words)
    error = capfd.readouterr().err
    assert "3 snippets" in error
    assert "1 drive of the Eigen test is left out" in " ".join(error.split())
    main([*words, "--data.left_out=[]"])
    assert "6 snippets" in capfd.readouterr().err


def test_a_resume_with_other_networks_or_frames_is_refused(
    drives: Path, tmp_path: Path, settings_of: Callable[..., list[str]], refused: Callable[..., str]
) -> None:
    words = settings_of(drives, tmp_path / "run", "--steps=1", "--stages=flow", "--validation.held_out=0")
    main(words)
    for change, told in (("--flow.width=0.5", "--flow.width 0.5: the run has 0.25"), ("--seed=7", "--seed 7")):
        line = refused(*words, "--resume", change)
        assert told in line
        assert "cannot change within it" in line
    main(["train", f"--output={tmp_path / 'run'}", "--resume", "--steps=2"])
    assert len(lines(tmp_path / "run" / "metrics.jsonl")) == 2


def test_a_stage_s_own_terms_and_learners_are_what_it_goes_by(
    drives: Path, tmp_path: Path, settings_of: Callable[..., list[str]], refused: Callable[..., str]
) -> None:
    folder = tmp_path / "run"
    words = settings_of(drives, folder, "--steps=2", "--validation.held_out=0", "--config=ablation/flow_epipolar")
    main([*words, "--stages=joint"])
    steps = lines(folder / "metrics.jsonl")
    assert [set(step["terms"]) for step in steps] == [{"flow_photometric", "flow_epipolar"}] * 2
    again = tmp_path / "again"
    main([*words, "--stages=joint", f"--output={again}", f"--initial={folder}"])
    first, second = load_model(folder)[0], load_model(again)[0]
    same = {
        name: all(
            torch.equal(one, other)
            for one, other in zip(getattr(first, name).parameters(), getattr(second, name).parameters(), strict=True)
        )
        for name in ("flow", "depth", "pose")
    }
    assert same == {"flow": False, "depth": True, "pose": True}
    line = refused(*words, "--stages=flow", "--overwrite", "--training.flow.terms=[depth_photometric]")
    assert "none of the terms depth_photometric is here" in line
    more = ["--training.joint.learns=[pose]", "--training.joint.terms=[smoothness]"]
    assert "depends on what it learns" in refused(*words, "--stages=joint", "--overwrite", *more)


def test_damaged_frames_to_validate_on_are_named_and_counted(
    drives: Path, tmp_path: Path, settings_of: Callable[..., list[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "raw"
    shutil.copytree(drives, root)
    images = root / "2011_09_26" / "2011_09_26_drive_0005_sync" / "image_02" / "data"
    (images / "0000000011.png").write_bytes(b"")
    main(settings_of(root, tmp_path / "run", "--steps=1", "--stages=flow", "--validation.held_out=0.3"))
    error = " ".join(capfd.readouterr().err.split())
    assert error.count("0000000011.png: ") == 1
    assert "another validation snippet stands in" in error
    assert "1 files of frames could not be read" in error
    (judged,) = lines(tmp_path / "run" / "validation.jsonl")
    assert len(judged["damaged"]) == 1
