"""The data of a training, and how its networks are judged: settings to objects, beside `build`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from triptych.config.build import build_objective
from triptych.config.load import size_of
from triptych.config.train_schema import DataSettings, TrainSettings
from triptych.data.augment import Augmentation
from triptych.data.calibration import given_calibration
from triptych.data.cityscapes_snippets import BOTTOM_CROP, NEIGHBOR_STRIDE, cityscapes_snippets
from triptych.data.folder_snippets import folder_snippets
from triptych.data.kitti_snippets import kitti_odometry_snippets, kitti_raw_snippets
from triptych.data.lazy_snippets import LazySnippetDataset
from triptych.data.selected import SelectedSnippets, SnippetSource, held_out, spread
from triptych.data.snippet_index import SnippetIndex
from triptych.data.validation_truth import snippet_truth
from triptych.errors import InputError
from triptych.training.loop import Validation
from triptych.training.pictures import SnippetPictures
from triptych.training.validation import Validator


@dataclass(frozen=True)
class TrainingData:
    """What a training learns from and is judged on.

    Attributes:
        learned: the snippets to learn from, augmented.
        validation: the snippets to validate on, as they are; None without.
        positions: of those of them that are looked at.
        remarks: what a person should know.
    """

    learned: SnippetSource
    validation: LazySnippetDataset | None
    positions: tuple[int, ...]
    remarks: tuple[str, ...]


def build_index(data: DataSettings) -> SnippetIndex:
    """The snippets of a data set.

    Raises:
        InputError: no folder is named, it does not hold the data set, or a setting is not for it.
    """
    root = _root(data)
    _check_settings(data)
    stride = {} if data.stride is None else {"stride": data.stride}
    if data.dataset == "kitti_raw":
        return kitti_raw_snippets(root, data.split, left_out=data.left_out, **stride)
    if data.dataset == "kitti_odometry":
        return kitti_odometry_snippets(root, data.split, **stride)
    if data.dataset == "cityscapes":
        return cityscapes_snippets(root, data.split or "train", stride=data.stride or NEIGHBOR_STRIDE)
    calibration = None if data.intrinsics is None else given_calibration(data.intrinsics, camera=None)
    return folder_snippets(root, calibration=calibration, assumed_fov_deg=data.assumed_fov_deg, **stride)


def build_training_data(settings: TrainSettings) -> TrainingData:
    """The snippets to learn from and those to validate on.

    Raises:
        InputError: as `build_index`; or nothing is left to learn from.
    """
    own = _snippets(settings, settings.data, augmented=True)
    remarks = list(own.index.remarks)
    chosen = settings.validation
    if chosen.root is None and chosen.split is None:
        parts = held_out(own.index.drive_numbers, share=chosen.held_out)
        learned = SelectedSnippets(own, parts.learned)
        if not len(parts.held_out):
            if chosen.held_out > 0:
                remarks.append("the drives are too short to hold out a share of them: nothing is validated")
            return TrainingData(learned, None, (), tuple(remarks))
        judged = _snippets(settings, settings.data, augmented=False)
        return TrainingData(learned, judged, tuple(spread(parts.held_out, chosen.snippets)), tuple(remarks))
    other = replace(
        settings.data,
        root=chosen.root or settings.data.root,
        dataset=chosen.dataset or settings.data.dataset,
        split=chosen.split,
    )
    judged = _snippets(settings, other, augmented=False)
    remarks += [remark for remark in judged.index.remarks if remark not in remarks]
    positions = spread(np.arange(len(judged)), chosen.snippets)
    return TrainingData(own, judged, tuple(positions), tuple(remarks))


def build_validation(settings: TrainSettings, data: TrainingData, *, folder: Path) -> Validation | None:
    """How the networks are judged; None where nothing is to be judged on.

    Args:
        settings: of the run.
        data: what it learns from and is judged on.
        folder: of the run.
    """
    if data.validation is None:
        return None
    chosen = settings.validation
    drawn = spread(np.array(data.positions), chosen.pictures)
    pictures = SnippetPictures(
        data.validation,
        drawn,
        folder / "pictures",
        min_depth=settings.depth.min_depth,
        max_depth=settings.depth.max_depth,
    )
    validator = Validator(
        data.validation,
        data.positions,
        build_objective(settings),
        truth=snippet_truth(data.validation.index, data.positions),
        measure=chosen.measure,
        batch_size=settings.training.batch_size,
        workers=settings.training.workers,
        draw=pictures if drawn else None,
    )
    return Validation(validator, chosen.epochs)


def _root(data: DataSettings) -> Path:
    if data.root is None:
        raise InputError(f"--data.root: name the folder of {data.dataset}")
    return Path(data.root)


def _check_settings(data: DataSettings) -> None:
    """Refuse settings that the data set has no use for."""
    of = {
        "split": ("kitti_raw", "kitti_odometry", "cityscapes"),
        "left_out": ("kitti_raw",),
        "intrinsics": ("folders",),
        "stride": ("kitti_raw", "kitti_odometry", "cityscapes", "folders"),
    }
    for name, datasets in of.items():
        if getattr(data, name) and data.dataset not in datasets:
            raise InputError(f"--data.{name}: is for {' and '.join(datasets)}, not for {data.dataset}")


def _snippets(settings: TrainSettings, data: DataSettings, *, augmented: bool) -> LazySnippetDataset:
    height, width = size_of(settings.size)
    default_crop = BOTTOM_CROP if data.dataset == "cityscapes" else 0.0
    return LazySnippetDataset(
        build_index(data),
        height=height,
        width=width,
        bottom_crop=default_crop if data.bottom_crop is None else data.bottom_crop,
        augmentation=Augmentation(**asdict(settings.augmentation)) if augmented else None,
        seed=settings.seed,
        skip_limit=data.skip_limit,
    )
