"""Settings of a training on data sets; the networks, losses and stages are those of `schema`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from triptych.config.schema import LearningSettings

DataSetName = Literal["kitti_raw", "kitti_odometry", "cityscapes", "folders", "shards"]
MeasureName = Literal["auto", "abs_rel", "rmse", "delta1", "ate_3", "depth_photometric", "flow_photometric"]


@dataclass(frozen=True)
class DataSettings:
    """Where the snippets come from.

    Attributes:
        dataset: layout of the data; `folders` are folders of images, one a drive, `shards` what
            `triptych prepare` has written.
        root: folder of the data set; for shards also an address such as s3://bucket/folder.
        split: zhou_train, zhou_validation or stereo of kitti_raw; odometry_train or
            odometry_validation; train, val or test of Cityscapes. Null takes `train` of Cityscapes,
            of kitti_raw all but its near-static frames and `left_out`, else all that is there.
        stride: frames from a target to its neighbors; null for the data set's own.
        bottom_crop: share of the rows cut off at the bottom; null for the data set's own.
        left_out: drives of kitti_raw not to take, where there is no split; null for those of the
            Eigen test.
        assumed_fov_deg: horizontal field of view of `folders` without a calibration.
        intrinsics: fx,fy,cx,cy (px) or a calibration file, for all drives of `folders`.
        skip_limit: more distinct damaged files than this end the training.
        teachings: folder where the classical answers that stages imitate are kept, 16 bytes a pixel
            and snippet, so that other trainings and processes need not work them out again;
            null keeps the latest in memory alone.
    """

    dataset: DataSetName = "folders"
    root: str | None = None
    split: str | None = None
    stride: int | None = None
    bottom_crop: float | None = None
    left_out: list[str] | None = None
    assumed_fov_deg: float = 80.0
    intrinsics: str | None = None
    skip_limit: int = 20
    teachings: str | None = None


@dataclass(frozen=True)
class ValidationSettings:
    """How the networks are judged while they learn.

    Attributes:
        root: folder of the validation snippets; null for the folder of the training.
        dataset: its layout; null for that of the training.
        intrinsics: fx,fy,cx,cy (px) or a calibration file, for all its drives, of `folders`; null
            for those of the training where it is of folders too, else for the drives' own.
        bottom_crop: share of the rows cut off at the bottom; null for that of the training where
            the layout is the same or `folders` stand beside shards, else for the data set's own.
        split: of the data set to validate on; null holds a share of each drive out of the training,
            unless another root is given.
        held_out: that share, taken from the end of each drive; 0 does without validation.
        snippets: how many are looked at, spread evenly.
        pictures: how many of them are drawn.
        epochs: from one validation to the next; one more is made at the end.
        measure: figure that decides which networks are the best.
    """

    root: str | None = None
    dataset: DataSetName | None = None
    intrinsics: str | None = None
    bottom_crop: float | None = None
    split: str | None = None
    held_out: float = 0.1
    snippets: int = 100
    pictures: int = 3
    epochs: int = 1
    measure: MeasureName = "auto"


@dataclass(frozen=True)
class TrainSettings(LearningSettings):
    """Everything about a training on data sets.

    Attributes:
        data: where the snippets come from.
        validation: how the networks are judged while they learn.
    """

    data: DataSettings = field(default_factory=DataSettings)
    validation: ValidationSettings = field(default_factory=ValidationSettings)
