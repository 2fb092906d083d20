"""Settings: presets, overrides, and the agreement of schema and losses."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from jsonargparse import ArgumentParser

from triptych.config.build import build_objective
from triptych.config.build_model import build_model
from triptych.config.check import check_settings
from triptych.config.load import (
    add_train_arguments,
    give_length,
    named_configs,
    nearest_name,
    over_run,
    part_of_plan,
    preset_names,
    preset_settings,
    preset_train_settings,
    settings_from_yaml,
    settings_yaml,
    size_of,
    train_settings,
    with_preset,
)
from triptych.config.schema import FitSettings, LossSettings, TrainingSettings
from triptych.config.train_schema import DataSettings, TrainSettings, ValidationSettings
from triptych.errors import InputError
from triptych.geometry.depth_range import depth_from_disparity
from triptych.losses.named import TERMS
from triptych.losses.objective import Objective


def test_the_schema_has_every_setting_of_the_objective_with_the_same_default() -> None:
    of_schema = {field.name: field.default for field in fields(LossSettings)}
    of_objective = {field.name: field.default for field in fields(Objective)}
    depth_range = {"min_depth", "max_depth"}  # these belong to the depth network
    assert of_schema == {name: value for name, value in of_objective.items() if name not in depth_range}


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_survives_being_written_and_read(name: str) -> None:
    settings = preset_settings(name)
    assert settings_from_yaml(settings_yaml(settings)) == settings


def test_the_papers_losses_are_the_defaults() -> None:
    assert preset_settings("paper").losses == LossSettings()


def test_what_is_recommended_is_the_ablations_row() -> None:
    plan = yaml.safe_load((Path(__file__).parents[3] / "benchmarks" / "ablation.yaml").read_text())
    row = plan["common"]["losses"] | plan["rows"]["recommended"]["losses"]
    recommended = preset_settings("recommended")
    # The ablation is of the last stage, to which guidance, by what it shows, is no help.
    assert replace(recommended.losses, flow_guidance=0.0) == LossSettings(**row)
    assert set(recommended.training.joint.terms or ()) == set(TERMS) - {
        "flow_augmentation", "guidance", "flow_completion", "geometric_consistency",
    }  # fmt: skip


def test_what_the_losses_have_beyond_the_paper_survives_being_written_and_read() -> None:
    given = {"mask_normalization": "all", "depth_consistency": 0.5, "flow_augmentation": 0.05}
    settings = preset_settings("small", losses=given)
    assert settings_from_yaml(settings_yaml(settings)) == settings
    objective = build_objective(settings)
    assert {name: getattr(objective, name) for name in given} == given


def test_the_paper_s_constants_stand_in_its_preset() -> None:
    settings = preset_settings("paper")
    assert size_of(settings.size) == (192, 640)
    assert settings.epochs == 30
    assert settings.training.batch_size == 6
    assert settings.training.schedule == "halving"
    assert {settings.training.flow.learning_rate, settings.training.joint.learning_rate} == {1e-4}
    losses = settings.losses
    assert (losses.alpha, losses.lambda_ed, losses.lambda_eo, losses.lambda_smooth) == (0.85, 0.002, 0.02, 0.001)
    assert (losses.tau_photometric, losses.tau_epipolar) == (0.28, 0.28)
    assert (losses.flow_guidance, losses.flow_completion, losses.flow_smoothness) == (0.0, 0.0, 0.0)


def test_the_small_preset_has_about_five_million_parameters() -> None:
    count = sum(parameter.numel() for parameter in build_model(preset_settings("small")).parameters())
    assert 4.5e6 < count < 5.5e6


def test_the_seed_alone_decides_the_first_weights() -> None:
    first, again, other = (build_model(preset_settings("small", seed=seed)).state_dict() for seed in (1, 1, 2))
    assert all(tensor.equal(again[name]) for name, tensor in first.items())
    assert not all(tensor.equal(other[name]) for name, tensor in first.items())


def test_who_builds_networks_finds_random_numbers_as_they_were() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    build_model(preset_settings("small"))
    assert torch.equal(torch.rand(3), expected)


def test_the_range_of_depth_is_that_of_the_network_too() -> None:
    depth = {"min_depth": 1.0, "max_depth": 80.0, "initial_depth": 10.0}
    head = build_model(preset_settings("small", depth=depth)).depth.heads["1"]
    bias = torch.sigmoid(list(head.parameters())[-1])
    assert depth_from_disparity(bias, min_depth=1.0, max_depth=80.0).item() == pytest.approx(10.0, rel=1e-4)


def test_a_length_given_by_hand_replaces_the_preset_s() -> None:
    assert preset_settings("small", steps=7).minutes is None
    assert preset_settings("paper", minutes=2.0).epochs is None
    assert "--minutes=null" in with_preset(["--steps", "5"])


@pytest.mark.parametrize("null", ["null", "~"])
def test_taking_one_length_back_leaves_the_others(null: str) -> None:
    for words in (["--steps", null], [f"--steps={null}"]):
        assert not [word for word in with_preset(words) if word.startswith(("--epochs", "--minutes"))]
        assert not give_length(words)
    assert "--minutes=null" in with_preset(["--steps=5", f"--epochs={null}"])
    assert give_length(["--steps=5"])


@pytest.mark.parametrize(
    "words", [["--stages", "flow", "depth"], ["--stages", "flow,", "depth"], ["--stages=flow", "depth"]]
)
def test_stages_with_spaces_between_are_answered_with_commas(words: list[str]) -> None:
    with pytest.raises(InputError, match="write commas without spaces, such as flow,depth"):
        with_preset(words)


def test_an_unknown_preset_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="paper, recommended, small"):
        with_preset(["--preset", "huge"])


@pytest.mark.parametrize("text", ["128", "128x", "axb", "8x8", "128x384x3"])
def test_a_size_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="size"):
        size_of(text)


def test_a_misspelt_word_is_answered_with_the_nearest() -> None:
    assert nearest_name("pedict", ["fit", "predict"]) == "; did you mean predict?"
    assert nearest_name("xyzzy", ["fit", "predict"]) == ""


def test_every_setting_has_its_line_in_the_documentation_of_its_class() -> None:
    for cls in (FitSettings, TrainSettings, LossSettings, DataSettings, ValidationSettings, TrainingSettings):
        told = "".join(base.__doc__ or "" for base in cls.__mro__)
        for field in fields(cls):
            assert f"{field.name}:" in told, field.name


def test_the_depth_range_reaches_the_objective() -> None:
    settings = preset_settings("small", depth={"min_depth": 0.5, "max_depth": 50.0})
    objective = build_objective(settings)
    assert (objective.min_depth, objective.max_depth) == (0.5, 50.0)


def test_a_part_of_the_plan_has_its_share_of_the_length_once() -> None:
    whole = preset_train_settings("paper", stages=["depth"])
    part = part_of_plan(whole)
    assert (part.epochs, part.training.epochs_before) == (10, 10)
    assert part_of_plan(part) == part
    assert part_of_plan(preset_train_settings("paper")).epochs == 30
    minutes = part_of_plan(preset_train_settings("small", stages=["joint"]))
    assert minutes.minutes == pytest.approx(30 * 0.2)
    steps = part_of_plan(replace(whole, epochs=None, steps=300))
    assert steps.steps == 100


def test_epochs_that_went_before_are_kept() -> None:
    training = replace(preset_train_settings("paper").training, epochs_before=10)
    assert part_of_plan(replace(preset_train_settings("paper"), training=training)).training.epochs_before == 10


def test_a_resumed_run_takes_the_words_but_not_what_is_in_its_settings_already() -> None:
    words = [
        "--preset",
        "paper",
        "--config=kitti",
        "--output",
        "run",
        "--data.split=stereo",
        "--config",
        "folders",
        "--stages",
        "flow",
        "--seed=3",
    ]
    assert over_run(Path("run/settings.yaml"), words) == [
        "--config",
        "run/settings.yaml",
        "--output",
        "run",
        "--data.split=stereo",
        "--stages",
        "[flow]",
        "--seed=3",
    ]
    again = over_run(Path("run/settings.yaml"), ["video.mp4", "--config", "folders", "--output=run", "--resume"])
    assert again == ["--config", "run/settings.yaml", "video.mp4", "--output=run", "--resume"]


def test_words_lie_over_files_wherever_they_stand_and_a_file_may_name_the_preset(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("preset: paper\nseed: 3\nsteps: 7\n")
    parser = ArgumentParser(exit_on_error=False)
    add_train_arguments(parser)
    for words in (["--seed=5", "--config", str(file)], ["--config", str(file), "--seed", "5"]):
        namespace = parser.parse_args(with_preset(words))
        assert (namespace.seed, namespace.steps, namespace.epochs) == (5, 7, None)
        assert (namespace.preset, namespace.size) == ("paper", "192x640")


def test_a_folder_of_the_same_name_does_not_hide_a_named_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kitti").mkdir()
    (tmp_path / "other").mkdir()
    there = with_preset(["--config", "kitti"])
    monkeypatch.chdir(tmp_path)
    assert with_preset(["--config", "kitti"]) == there
    with pytest.raises(InputError, match="--config other: is a folder"):
        with_preset(["--config", "other"])


@pytest.mark.parametrize("option", ["--config", "--preset"])
def test_an_option_without_a_name_behind_it_is_refused(option: str) -> None:
    with pytest.raises(InputError, match=f"{option}: name one"):
        with_preset(["--steps=3", option])


@pytest.mark.parametrize("name", ["overwrite", "resume", "from_scratch"])
def test_what_the_command_line_says_each_time_anew_is_no_setting_of_a_file(tmp_path: Path, name: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"{name}: false\n")
    assert with_preset(["--config", str(file)])
    file.write_text(f"{name}: true\n")
    with pytest.raises(InputError, match=f"give --{name} on the command line"):
        with_preset(["--config", str(file)])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"stages": []}, "--stages"),
        ({"training": {"batch_size": 0}}, "--training.batch_size 0: must be 1 or more"),
        ({"training": {"flow": {"share": 0.0}}}, "--training.flow.share 0: must be above 0"),
        ({"training": {"joint": {"imitation": 2.0}}}, "--training.joint.imitation 2"),
        ({"training": {"joint": {"learns": []}}}, "--training.joint.learns"),
        ({"training": {"depth": {"imitation_alone": 1.0}}}, "--training.depth.imitation_alone 1"),
        ({"training": {"flow": {"learns": ["flow", "depth"]}}}, "--training.flow.learns flow,depth: this stage runs"),
        ({"training": {"joint": {"terms": ["fun"]}}}, "--training.joint.terms fun"),
        ({"seed": -1}, "--seed -1: must be from 0"),
        ({"depth": {"initial_depth": 0.0}}, "--depth.initial_depth 0: must be between"),
        ({"pose": {"channels": 0}}, "--pose.channels 0: must be 1 or more"),
        ({"pose": {"motion_scale": 0.0}}, "--pose.motion_scale 0: must be above 0"),
        ({"flow": {"decoder_width": -1.0}}, "--flow.decoder_width -1: must be above 0"),
        ({"losses": {"tau_photometric": 1.0}}, "--losses.tau_photometric 1: must be between 0 and 1"),
        ({"losses": {"depth_levels": 5}}, "--losses.depth_levels 5: there are 4"),
        ({"validation": {"snippets": 0}}, "--validation.snippets 0"),
    ],
)
def test_settings_without_a_meaning_are_told_by_their_name(change: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=re.escape(told)):
        check_settings(preset_train_settings("small", **change))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("losses.lambda_eo", "nan"),
        ("augmentation.crop", "nan"),
        ("training.joint.learning_rate", "inf"),
        ("depth.max_depth", "inf"),
        ("minutes", "inf"),
    ],
)
def test_what_is_no_finite_number_is_told_by_its_name(name: str, value: str) -> None:
    parser = ArgumentParser(exit_on_error=False)
    add_train_arguments(parser)
    settings = train_settings(parser.instantiate(parser.parse_args(with_preset([f"--{name}=.{value}"]))))
    with pytest.raises(InputError, match=f"--{name} {value}: must be a finite number"):
        check_settings(settings)


@pytest.mark.parametrize("name", named_configs())
def test_every_named_config_lies_over_the_paper_s_preset(name: str) -> None:
    parser = ArgumentParser(exit_on_error=False)
    add_train_arguments(parser)
    parsed = parser.parse_args(with_preset(["--preset", "paper", "--config", name]))
    check_settings(train_settings(parser.instantiate(parsed)))
