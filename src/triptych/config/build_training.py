"""The data of a training, and how its networks are judged: settings to objects, beside `build`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Int

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
from triptych.data.snippet_names import common_targets, names_digest
from triptych.data.splits import eigen_test_scenes
from triptych.data.validation_truth import SnippetTruth, snippet_truth
from triptych.errors import InputError
from triptych.evaluation.resampling import ALL_ROWS
from triptych.formats.counts import number_of
from triptych.inference.teacher import SnippetTeacher
from triptych.training.identity import DataIdentity
from triptych.training.loop import Validation
from triptych.training.pictures import SnippetPictures
from triptych.training.validation import Validator

OF_DATASETS = {
    "split": ("kitti_raw", "kitti_odometry", "cityscapes"),
    "left_out": ("kitti_raw",),
    "intrinsics": ("folders",),
    "assumed_fov_deg": ("folders",),
    "stride": ("kitti_raw", "kitti_odometry", "cityscapes", "folders"),
}
"""Settings of the data, and the data sets that have a use for them."""


@dataclass(frozen=True)
class TrainingData:
    """What a training learns from and is judged on.

    Attributes:
        learned: the snippets to learn from, augmented.
        validation: the snippets to validate on, as they are; None without.
        positions: of those of them that are looked at.
        remarks: what a person should know.
        bottom_crop: share of the rows that is cut off.
        identity: by which both are known again.
    """

    learned: SnippetSource
    validation: ReadSnippets | None
    positions: tuple[int, ...]
    remarks: tuple[str, ...]
    bottom_crop: float
    identity: DataIdentity


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
        InputError: as `build_index`; nothing is left to learn from; or the same is to be
            learned from and validated on.
    """
    own = _snippets(settings, settings.data, augmented=True)
    if any(max(stage.imitation, stage.imitation_alone) > 0 for stage in build_plan(settings).stages):
        kept = settings.data.teachings
        own.teach = SnippetTeacher(folder=None if kept is None else Path(kept))
    chosen = settings.validation
    if chosen.root is None and chosen.split is None:
        parts = held_out(own.drive_numbers, share=chosen.held_out, stride=own.stride)
        if len(parts.held_out):
            judged = own.as_they_are()
            judged.stand_ins = parts.held_out
            return _training_data(own, parts.learned, judged, spread(parts.held_out, chosen.snippets))
        share, stride = chosen.held_out, own.stride
        remark = "" if share == 0 else _nothing_held_out(own.drive_numbers, share=share, stride=stride)
        return _training_data(own, parts.learned, remark=remark)
    judged = _snippets(settings, _of_validation(settings, own), augmented=False)
    every, positions = np.arange(len(own)), spread(np.arange(len(judged)), chosen.snippets)
    _check_apart(settings, judged, positions, common_targets(own, every, judged, np.array(positions)))
    return _training_data(own, every, judged, positions)


def _training_data(
    own: ReadSnippets,
    learned: Int[np.ndarray, " learned"],
    judged: ReadSnippets | None = None,
    positions: Sequence[int] = (),
    *,
    remark: str = "",
) -> TrainingData:
    remarks = [*own.remarks, *(() if judged is None else judged.remarks), *([remark] if remark else [])]
    return TrainingData(
        learned=SelectedSnippets(own, learned),
        validation=judged,
        positions=tuple(positions),
        remarks=tuple(dict.fromkeys(remarks)),
        bottom_crop=own.bottom_crop,
        identity=DataIdentity(
            learned=names_digest(own, learned),
            learned_count=len(learned),
            judged="" if judged is None else names_digest(judged, np.array(positions)),
            judged_count=len(positions),
        ),
    )


def _check_apart(settings: TrainSettings, judged: ReadSnippets, positions: Sequence[int], common: list[int]) -> None:
    """Refuse to validate on what is learned from: the figures would tell nothing."""
    if not common:
        return
    root, split = settings.validation.root, settings.validation.split
    named = f"--validation.root {root}" if root is not None else f"--validation.split {split}"
    raise InputError(
        f"{named}: {len(common)} of the {number_of(len(positions), 'snippet', 'snippets')} to validate on would be "
        f"learned from too, {judged.name_of(common[0])} for one; name others, or give null for --validation.root "
        "and .split to hold a share of each drive out"
    )


def spelled_out(settings: TrainSettings, data: TrainingData) -> TrainSettings:
    """The settings with the share of the rows that is cut off, so that the model knows it, and the whole path."""
    chosen = settings.data
    root = chosen.root if chosen.root is None or "://" in chosen.root else str(Path(chosen.root).resolve())
    return replace(settings, data=replace(chosen, root=root, bottom_crop=data.bottom_crop))


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
    files = data.validation
    truth = snippet_truth(files.index, data.positions) if isinstance(files, LazySnippetDataset) else None
    _check_measure(chosen.measure, truth)
    rows = (0.0, 1.0 - files.processing.bottom_crop) if isinstance(files, LazySnippetDataset) else ALL_ROWS
    pictures = SnippetPictures(
        data.validation,
        drawn,
        folder,
        min_depth=settings.depth.min_depth,
        max_depth=settings.depth.max_depth,
        truth=truth,
        rows=rows,
    )
    validator = Validator(
        data.validation,
        data.positions,
        build_objective(settings),
        truth=truth,
        rows=rows,
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


def _nothing_held_out(drive_numbers: Int[np.ndarray, " snippets"], *, share: float, stride: int) -> str:
    """Why no drive has snippets to spare for validation, and which setting to change."""
    longest = int(np.bincount(drive_numbers).max())
    between = 2 * stride
    told = f"nothing is validated: of {number_of(longest, 'snippet', 'snippets')} of the longest drive"
    if longest < between + 2:
        return f"{told}, {between} lie between those learned from and those held out; name others, --validation.root"
    if round(share * longest) == 0:
        return f"{told}, --validation.held_out {share:g} is none; raise it"
    return f"{told}, --validation.held_out {share:g} leaves none to learn from; lower it"


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
    for name, datasets in OF_DATASETS.items():
        given = getattr(data, name) not in (None, getattr(DataSettings, name))
        if given and data.dataset not in datasets:
            raise InputError(f"--data.{name}: is for {' and '.join(datasets)}, not for {data.dataset}")


def _of_validation(settings: TrainSettings, learned: ReadSnippets) -> DataSettings:
    """The data to validate on, where it is not a part of that of the training."""
    own, chosen = settings.data, settings.validation
    dataset = chosen.dataset or own.dataset
    same = dataset == own.dataset
    for name in ("split", "intrinsics"):
        if getattr(chosen, name) is not None and dataset not in OF_DATASETS[name]:
            raise InputError(f"--validation.{name}: is for {' and '.join(OF_DATASETS[name])}, not for {dataset}")
    if chosen.bottom_crop is not None and dataset == "shards":
        raise InputError("--validation.bottom_crop: is for files; shards have theirs, prepare them anew")
    crop = own.bottom_crop if same else None
    if own.dataset == "shards" and dataset == "folders":
        crop = learned.bottom_crop
    return DataSettings(
        dataset=dataset,
        root=chosen.root or own.root,
        split=chosen.split,
        stride=own.stride if same else None,
        bottom_crop=crop if chosen.bottom_crop is None else chosen.bottom_crop,
        assumed_fov_deg=own.assumed_fov_deg if same else DataSettings.assumed_fov_deg,
        intrinsics=chosen.intrinsics or (own.intrinsics if same else None),
        skip_limit=own.skip_limit,
    )


def _snippets(settings: TrainSettings, data: DataSettings, *, augmented: bool) -> ReadSnippets:
    height, width = size_of(settings.size)
    augmentation = Augmentation(**asdict(settings.augmentation)) if augmented else None
    if data.dataset == "shards":
        _check_settings(data)
        root = data.root if data.root is not None and "://" in data.root else _root(data)
        shards = ShardSnippetDataset(root, augmentation=augmentation, seed=settings.seed, skip_limit=data.skip_limit)
        if augmented and data.bottom_crop is not None and data.bottom_crop != shards.bottom_crop:
            made = f"the shards were made with {shards.bottom_crop:g}"
            raise InputError(f"--data.bottom_crop {data.bottom_crop:g}: {made}")
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


def _bottom_crop(data: DataSettings) -> float:
    """Share of the rows of files that is cut off."""
    if data.bottom_crop is not None:
        return data.bottom_crop
    return BOTTOM_CROP if data.dataset == "cityscapes" else 0.0
