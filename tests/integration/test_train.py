"""`triptych train`: three stages on folders or shards, or some of them with terms of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from tests.integration.run_lines import lines

from triptych.cli import main
from triptych.config.build_model import load_model
from triptych.data.synthetic import synthetic_clip
from triptych.data.synthetic.kitti_writer import write_kitti_raw

REAL = Path(__file__).parents[3] / "shared" / "data"


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
