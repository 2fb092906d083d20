"""The folder of a training's run: settings, environment, checkpoints; begun, or gone on with."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from triptych.cli.outputs import refuse_one_in_the_other, refuse_sources_within
from triptych.cli.run_words import SETTINGS_FILE
from triptych.config.load import settings_yaml
from triptych.config.schema import PACKAGED, LearningSettings
from triptych.errors import InputError
from triptych.formats.counts import number_of

if TYPE_CHECKING:
    from lightning.fabric import Fabric

    from triptych.networks.joint import JointModel
    from triptych.training.checkpoint import Checkpoint
    from triptych.training.identity import DataIdentity
    from triptych.training.loop import TrainingLoop

UNCHANGING = ("seed", "size", "depth", "pose", "flow")
"""Settings that a resume must not change: nothing would fit, or nothing be the same."""

CHOOSING = (
    *(f"data.{name}" for name in ("dataset", "root", "split", "stride", "left_out")),
    *(f"validation.{name}" for name in ("root", "dataset", "split", "held_out")),
    *(f"frames.{name}" for name in ("start", "limit", "stride", "rate", "camera", "minimum_motion")),
    "held_out",
)
"""Settings that say which snippets are learned from, of a training and of a fit."""


def check_run_folder(
    folder: Path,
    *,
    overwrite: bool,
    resume: bool,
    sources: Sequence[str | Path | None] = (),
    roots: Sequence[str | None] = (),
    resumable: bool = True,
) -> None:
    """Refuse a run folder that holds something, unless it is a run that is to be replaced or resumed.

    Args:
        folder: of the run.
        overwrite: whether what is there may be taken away.
        resume: whether the run that is there goes on.
        sources: what is read, which must not lie in a run that is replaced.
        roots: folders that are searched for frames, which must not lie in the run's, nor the run in them.
        resumable: whether the command can resume.

    Raises:
        InputError: something would be lost that is no run.
    """
    refuse_one_in_the_other(folder, roots)
    if overwrite:
        refuse_sources_within(folder, sources)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; name a folder for the run")
    if overwrite and folder.is_dir() and any(folder.iterdir()) and not (folder / SETTINGS_FILE).is_file():
        raise InputError(f"{folder}: is not empty and holds no run that --overwrite could replace; name another folder")
    if folder.is_dir() and any(folder.iterdir()) and not (overwrite or resume):
        ways = "--overwrite or --resume" if resumable else "--overwrite"
        raise InputError(f"{folder}: is not empty; choose another folder, or pass {ways}")


def start_run_folder(folder: Path, settings: LearningSettings, *, overwrite: bool) -> None:
    """Make the run folder with the settings and the environment of the run.

    Args:
        folder: of the run.
        settings: of the run.
        overwrite: take away what is there.
    """
    from triptych.formats.atomic import atomic_path

    if overwrite and folder.exists():
        _empty(folder)
    with atomic_path(folder / SETTINGS_FILE) as temporary:
        temporary.write_text(settings_yaml(settings), encoding="utf-8")
    with atomic_path(folder / "environment.json") as temporary:
        temporary.write_text(environment_json(), encoding="utf-8")


def _empty(folder: Path) -> None:
    """Take away what a folder holds, and not the folder: it may be a link, a mount point or the current one."""
    import shutil

    for child in folder.iterdir():
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        else:
            child.unlink()


def environment_json() -> str:
    """Versions and machine of a run, as JSON."""
    import json
    import os

    import timm
    import torch

    from triptych import __version__

    return json.dumps(
        {
            "triptych": __version__,
            "python": sys.version.split()[0],
            "torch": torch.__version__,
            "timm": timm.__version__,
            "platform": platform.platform(),
            "cpus": os.cpu_count(),
            "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        },
        indent=2,
    )


def has_checkpoint(folder: Path) -> bool:
    """Whether a run has come as far as its first checkpoint."""
    from triptych.training.checkpoint import BEFORE_LAST, LAST

    return any((folder / "checkpoints" / name).is_file() for name in (LAST, BEFORE_LAST))


def first_model(settings: LearningSettings, *, resume: bool = False) -> JointModel:
    """The networks that a training begins with: new ones, or with the weights of another run.

    Args:
        settings: of the run.
        resume: whether a checkpoint's weights will take their place at once.

    Raises:
        InputError: those weights do not fit.
    """
    from triptych.cli.console import say
    from triptych.config.build_model import build_model, start_from, without_pretrained

    if resume:
        return build_model(without_pretrained(settings))
    if settings.initial is None:
        return build_model(settings)
    # Weights from elsewhere come in place of the pretrained ones, which then need not be fetched.
    model = build_model(without_pretrained(settings))
    start_from(model, settings, settings.initial)
    say(f"starting from the weights {'in the package' if settings.initial == PACKAGED else f'of {settings.initial}'}")
    return model


def latest_checkpoint(
    folder: Path, settings: LearningSettings, identity: DataIdentity | None = None, *, fabric: Fabric | None = None
) -> Checkpoint:
    """The newest whole checkpoint of a run, which the first process reads for all.

    Where the run is judged on other snippets than before, the best validation is forgotten.

    Args:
        folder: of the run.
        settings: that it goes on with.
        identity: of the data that it goes on with; None asks nothing of it.
        fabric: the processes; None for a single one.

    Raises:
        InputError: there is none that is whole, or it is of other networks, frames, snippets or chance.
    """
    from triptych.cli.console import say, warn
    from triptych.training.checkpoint import load_latest_checkpoint
    from triptych.training.identity import without_best

    found = None
    if fabric is None or fabric.is_global_zero:
        found = load_latest_checkpoint(folder / "checkpoints", warn=warn)
    checkpoint = found if fabric is None else fabric.broadcast(found)
    assert checkpoint is not None
    stored, given = yaml.safe_load(checkpoint.settings), asdict(settings)
    _check_same(stored, given)
    if identity is not None:
        read = "--data.root" if "data" in given else "the source"
        changes = _changes_of_data(stored, given) or [f"the files of {read} are others"]
        _check_same_snippets(checkpoint.identity, identity, changes=changes)
        if not identity.judges_as(checkpoint.identity):
            warn("the run is validated on other snippets than before: which networks were the best is forgotten")
            checkpoint = replace(checkpoint, state=without_best(checkpoint.state))
    say(f"going on from step {checkpoint.state.step}")
    return checkpoint


def _changes_of_data(stored: dict[str, Any], given: dict[str, Any]) -> list[str]:
    """Settings of the snippets that are others than those of the run, as options."""
    return [
        f"--{name} {now}, which was {before}"
        for name in CHOOSING
        if (now := _setting(given, name)) != (before := _setting(stored, name))
    ]


def _setting(settings: dict[str, Any], name: str) -> Any:
    """The value of a setting by its dotted name; None where there is no such one."""
    group, dot, inner = name.partition(".")
    return settings.get(group, {}).get(inner) if dot else settings.get(group)


def _check_same_snippets(stored: DataIdentity, given: DataIdentity, *, changes: Sequence[str]) -> None:
    """Refuse to go on with other snippets: those held out would be learned from, and an epoch be another one."""
    if given.learns_as(stored):
        return
    before, now = number_of(stored.learned_count, "snippet", "snippets"), f"{given.learned_count:,}"
    told = f"{now} now" if stored.learned_count != given.learned_count else "as many others now"
    raise InputError(
        f"--resume: the run learns from {before}, {told} ({', '.join(changes)}), which cannot change within it; "
        "start another run, with --initial from this one's weights"
    )


def _check_same(stored: dict[str, Any], given: dict[str, Any], *, above: str = "") -> None:
    """Refuse to go on with what cannot change within a run."""
    for name in stored if above else UNCHANGING:
        before, now = stored.get(name), given.get(name)
        if isinstance(before, dict) and isinstance(now, dict) and name != "encoder_options":
            _check_same(before, now, above=f"{above}{name}.")
        elif before != now and name != "pretrained":
            raise InputError(
                f"--{above}{name} {now}: the run has {before}, which cannot change within it; start another run, "
                "with --initial from this one's weights if the networks are the same"
            )


def say_what_learns(model: JointModel, *, snippets: int, stages: Sequence[str]) -> None:
    """Tell the size of the networks and the stages."""
    from triptych.cli.console import say

    parameters = sum(parameter.numel() for parameter in model.parameters())
    counted = number_of(snippets, "snippet", "snippets")
    planned = f"{'stage' if len(stages) == 1 else 'stages'} {' > '.join(stages)}"
    say(f"{parameters / 1e6:.1f} M parameters, {counted}, {planned}")


def say_how_it_went(loop: TrainingLoop) -> None:
    """Tell what was left out."""
    from triptych.cli.console import say

    if loop.state.skipped:
        skipped = number_of(loop.state.skipped, "batch was", "batches were")
        say(f"{skipped} skipped: the loss or its gradient was not finite")
    if loop.damaged:
        damaged = number_of(loop.damaged, "file of frames", "files of frames")
        say(f"{damaged} could not be read; other snippets stood in")
