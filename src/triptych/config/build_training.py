"""The data of a training, and how its networks are judged: settings to objects, beside `build`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from triptych.config.build import build_objective, build_plan
from triptych.config.load import size_of
from triptych.config.train_schema import DataSettings, MeasureName, TrainSettings
from triptych.data.augment import Augmentation
from triptych.data.calibration import given_calibration
from triptych.data.cityscapes_snippets import BOTTOM_CROP, NEIGHBOR_STRIDE, cityscapes_snippets
from triptych.data.folder_snippets import folder_snippets
from triptych.data.kitti_snippets import kitti_odometry_snippets, kitti_raw_snippets
from triptych.data.lazy_snippets import LazySnippetDataset
from triptych.data.read_snippets import ReadSnippets
from triptych.data.selected import SelectedSnippets, SnippetSource, held_out, spread
from triptych.data.shard_snippets import ShardSnippetDataset
from triptych.data.snippet_index import SnippetIndex
from triptych.data.splits import eigen_test_scenes
from triptych.data.validation_truth import SnippetTruth, snippet_truth
from triptych.errors import InputError
from triptych.evaluation.resampling import ALL_ROWS
from triptych.inference.teacher import snippet_teaching
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
    validation: ReadSnippets | None
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
        left_out = eigen_test_scenes() if data.left_out is None else data.left_out
        index = kitti_raw_snippets(root, data.split, left_out=left_out, **stride)
        return index if data.split or data.left_out is not None else _with_test_drives_told(index, root)
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
    if any(max(stage.imitation, stage.imitation_alone) > 0 for stage in build_plan(settings).stages):
        own.teach = snippet_teaching
    remarks = list(own.remarks)
    chosen = settings.validation
    if chosen.root is None and chosen.split is None:
        parts = held_out(own.drive_numbers, share=chosen.held_out, stride=own.stride)
        learned = SelectedSnippets(own, parts.learned)
        if not len(parts.held_out):
            if chosen.held_out > 0:
                remarks.append("the drives are too short to hold out a share of them: nothing is validated")
            return TrainingData(learned, None, (), tuple(remarks))
        judged = _snippets(settings, settings.data, augmented=False)
        judged.stand_ins = parts.held_out
        return TrainingData(learned, judged, tuple(spread(parts.held_out, chosen.snippets)), tuple(remarks))
    judged = _snippets(settings, _of_validation(settings), augmented=False)
    remarks += [remark for remark in judged.remarks if remark not in remarks]
    positions = spread(np.arange(len(judged)), chosen.snippets)
    return TrainingData(own, judged, tuple(positions), tuple(remarks))


def spelled_out(settings: TrainSettings) -> TrainSettings:
    """The settings with the share of the rows that is cut off, so that the model knows it, and the whole path."""
    data = settings.data
    root = data.root if data.root is None or "://" in data.root else str(Path(data.root).resolve())
    return replace(settings, data=replace(data, root=root, bottom_crop=_bottom_crop(data)))


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
    files = data.validation
    truth = snippet_truth(files.index, data.positions) if isinstance(files, LazySnippetDataset) else None
    _check_measure(chosen.measure, truth)
    validator = Validator(
        data.validation,
        data.positions,
        build_objective(settings),
        truth=truth,
        rows=(0.0, 1.0 - files.processing.bottom_crop) if isinstance(files, LazySnippetDataset) else ALL_ROWS,
        measure=chosen.measure,
        batch_size=settings.training.batch_size,
        workers=settings.training.workers,
        draw=pictures if drawn else None,
    )
    return Validation(validator, chosen.epochs)


def _check_measure(measure: MeasureName, truth: SnippetTruth | None) -> None:
    """Refuse a measure that the snippets have no truth for: no networks would ever be the best."""
    lacking = None
    if measure in ("abs_rel", "rmse", "delta1") and (truth is None or truth.depth_kind is None):
        lacking = "depth"
    if measure == "ate_3" and (truth is None or not truth.has_poses):
        lacking = "poses"
    if lacking is not None:
        raise InputError(f"--validation.measure {measure}: no true {lacking} lie beside the snippets; take auto")


def _root(data: DataSettings) -> Path:
    if data.root is None:
        raise InputError(f"--data.root is needed: the folder of the data set (--data.dataset {data.dataset})")
    return Path(data.root)


def _with_test_drives_told(index: SnippetIndex, root: Path) -> SnippetIndex:
    """The index with a remark on the drives of the Eigen test that lie in the folder."""
    places = [root, *(place for place in root.iterdir() if place.is_dir())]
    test = sum(1 for drive in eigen_test_scenes() if any((place / drive).is_dir() for place in places))
    if not test:
        return index
    count = "1 drive of the Eigen test is" if test == 1 else f"{test} drives of the Eigen test are"
    remark = f"{count} left out; --data.left_out [] takes all"
    return replace(index, remarks=(*index.remarks, remark))


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


def _of_validation(settings: TrainSettings) -> DataSettings:
    """The data to validate on, where it is not a part of that of the training."""
    own, chosen = settings.data, settings.validation
    dataset = chosen.dataset or own.dataset
    same = dataset == own.dataset
    return DataSettings(
        dataset=dataset,
        root=chosen.root or own.root,
        split=chosen.split,
        stride=own.stride if same else None,
        bottom_crop=own.bottom_crop if same else None,
        assumed_fov_deg=own.assumed_fov_deg,
        intrinsics=own.intrinsics if same else None,
        skip_limit=own.skip_limit,
    )


def _snippets(settings: TrainSettings, data: DataSettings, *, augmented: bool) -> ReadSnippets:
    height, width = size_of(settings.size)
    augmentation = Augmentation(**asdict(settings.augmentation)) if augmented else None
    if data.dataset == "shards":
        _check_settings(data)
        shards = _shards(data, augmentation=augmentation, seed=settings.seed)
        if shards.size != (height, width):
            made = f"{shards.height}x{shards.width}"
            raise InputError(f"{data.root}: the shards are of size {made}; pass --size {made}, or prepare them anew")
        return shards
    return LazySnippetDataset(
        build_index(data),
        height=height,
        width=width,
        bottom_crop=_bottom_crop(data),
        augmentation=augmentation,
        seed=settings.seed,
        skip_limit=data.skip_limit,
    )


def _shards(data: DataSettings, *, augmentation: Augmentation | None = None, seed: int = 0) -> ShardSnippetDataset:
    root = data.root if data.root is not None and "://" in data.root else _root(data)
    return ShardSnippetDataset(root, augmentation=augmentation, seed=seed, skip_limit=data.skip_limit)


def _bottom_crop(data: DataSettings) -> float:
    """Share of the rows that is cut off.

    Raises:
        InputError: another share was cut off when the shards were made.
    """
    if data.dataset == "shards":
        made = _shards(data).manifest.bottom_crop
        if data.bottom_crop is not None and data.bottom_crop != made:
            raise InputError(f"--data.bottom_crop {data.bottom_crop:g}: the shards were made with {made:g}")
        return made
    if data.bottom_crop is not None:
        return data.bottom_crop
    return BOTTOM_CROP if data.dataset == "cityscapes" else 0.0
