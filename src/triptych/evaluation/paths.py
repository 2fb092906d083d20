"""Predicted and true trajectories read from files and brought onto the same frames."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from triptych.errors import InputError
from triptych.formats.trajectories import load_kitti_trajectory, load_numbered_kitti_trajectory, load_tum_trajectory

PREDICTED_FILE = "trajectory.kitti.txt"
SAME_TIME_S = 0.02
"""Poses of TUM files this far apart in time are taken to be of one frame (s)."""
TUM_NUMBERS = 8


@dataclass(frozen=True)
class PairedPaths:
    """Two trajectories on the frames of the truth, after its stride.

    Attributes:
        predicted: camera_to_world; NaN for frames that it leaves out.
        truth: camera_to_world (m).
        present: False for frames that the prediction leaves out.
        sequence: the truth's name.
        stride: every n-th frame of the truth is used.
        numbers: of the frames in the truth, from 0.
        part: START:END of the truth that is used; None for all of it.
    """

    predicted: Float[Tensor, "frames 4 4"]
    truth: Float[Tensor, "frames 4 4"]
    present: Bool[Tensor, " frames"]
    numbers: Int[Tensor, " frames"]
    sequence: str
    stride: int
    part: str | None = None


def paired_paths(
    prediction: Path, truth: Path, *, stride: int = 1, frames: tuple[int, int | None] | None = None
) -> PairedPaths:
    """The predicted and the true trajectory on the same frames.

    A frame's number is told by the lines themselves (13 numbers), by the `result.json` of a
    prediction folder, by time (two TUM files: frames without a pose at their time are no part
    of the comparison), or, where the counts fit, by the line.

    Args:
        prediction: a KITTI or TUM file, or a folder that `triptych predict` wrote.
        truth: a KITTI or TUM file; a frame a line.
        stride: every n-th frame of the truth is used. The prediction may hold just
            those frames or all of them.
        frames: the part of the truth that is used, from and to (exclusive).

    Raises:
        InputError: a file is missing or no trajectory (the line is named); the frames do not fit.
    """
    if stride < 1:
        raise InputError(f"--stride {stride}: use every frame (1), or every n-th")
    times, goal = _truth(truth)
    start, stop = (0, None) if frames is None else frames
    if (start, stop) == (0, None):
        frames = None
    if stop is not None and stop > len(goal):
        raise InputError(f"--frames {start}:{stop}: {truth} has {len(goal)} frames, 0 to {len(goal) - 1}")
    numbers = torch.arange(len(goal))[start:stop:stride]
    if len(numbers) < 2:
        raise InputError(f"{truth}: {len(numbers)} of {len(goal)} frames are left to compare; two are the least")
    found, poses = _prediction(prediction, numbers=numbers, truth_times=times, total=len(goal), truth=truth)
    if times is not None and _by_time(prediction):
        numbers = numbers[torch.isin(numbers, found)]
    position = torch.full((len(goal),), -1)
    position[found] = torch.arange(len(found))
    chosen = position[numbers]
    present = chosen >= 0
    if int(present.sum()) < 2:
        raise InputError(
            f"{prediction}: shares {int(present.sum())} frames with {truth}; are both of the same sequence and stride?"
        )
    predicted = torch.full((len(numbers), 4, 4), torch.nan, dtype=torch.float64)
    predicted[present] = poses[chosen[present]]
    part = None if frames is None else f"{start}:{len(goal) if stop is None else stop}"
    return PairedPaths(predicted, goal[numbers], present, numbers, sequence=truth.stem, stride=stride, part=part)


def _truth(path: Path) -> tuple[Float[Tensor, " frames"] | None, Float[Tensor, "frames 4 4"]]:
    if path.is_dir():
        raise InputError(f"{path} is a folder; name the file of the true poses, such as poses/09.txt")
    if _is_tum(path):
        return load_tum_trajectory(path)
    return None, load_kitti_trajectory(path)


def _prediction(
    path: Path, *, numbers: Int[Tensor, " used"], truth_times: Float[Tensor, " frames"] | None, total: int, truth: Path
) -> tuple[Int[Tensor, " poses"], Float[Tensor, "poses 4 4"]]:
    """Frame numbers of the truth, and the predicted poses of them."""
    if path.is_dir():
        return _of_folder(path, total=total, truth=truth)
    if _is_tum(path):
        times, poses = load_tum_trajectory(path)
        if truth_times is not None:
            return _at_times(times, poses, truth_times)
    else:
        indices, poses = load_numbered_kitti_trajectory(path)
        if indices is not None:
            return _checked(indices, poses, total=total, path=path, truth=truth)
    if len(poses) == len(numbers):
        return numbers, poses
    if len(poses) == total:
        return torch.arange(total), poses
    raise InputError(
        f"{path}: holds {len(poses)} poses, {truth} gives {len(numbers)} frames to compare of {total}; name the part "
        "with --frames START:END, or begin each line with its frame's number"
    )


def _of_folder(folder: Path, *, total: int, truth: Path) -> tuple[Int[Tensor, " poses"], Float[Tensor, "poses 4 4"]]:
    """The path of a prediction; its `result.json` knows which frames were used."""
    file = folder / PREDICTED_FILE
    if not file.is_file():
        raise InputError(f"{folder}: holds no {PREDICTED_FILE}; name a prediction's folder or a trajectory file")
    poses = load_kitti_trajectory(file)
    try:
        content = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        indices = torch.tensor([int(index) for index in content["frames"]["source_indices"]])
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise InputError(f"{folder / 'result.json'} does not tell which frames were used ({error!r})") from error
    if len(indices) != len(poses):
        raise InputError(f"{file}: holds {len(poses)} poses, result.json names {len(indices)} frames; predict again")
    return _checked(indices, poses, total=total, path=file, truth=truth)


def _checked(
    indices: Int[Tensor, " poses"], poses: Float[Tensor, "poses 4 4"], *, total: int, path: Path, truth: Path
) -> tuple[Int[Tensor, " poses"], Float[Tensor, "poses 4 4"]]:
    if int(indices.min()) < 0 or int(indices.max()) >= total:
        raise InputError(
            f"{path}: is about frames {int(indices.min())} to {int(indices.max())}, {truth} has frames 0 to "
            f"{total - 1}; are both of the same sequence?"
        )
    return indices, poses


def _at_times(
    times: Float[Tensor, " poses"], poses: Float[Tensor, "poses 4 4"], truth_times: Float[Tensor, " frames"]
) -> tuple[Int[Tensor, " kept"], Float[Tensor, "kept 4 4"]]:
    """Frames of the truth and the predicted pose at each, one to one, where their times are near enough."""
    order = truth_times.argsort()
    ordered = truth_times[order].contiguous()
    after = torch.searchsorted(ordered, times.contiguous()).clamp(max=len(ordered) - 1)
    before = (after - 1).clamp_min(0)
    nearer = torch.where((ordered[before] - times).abs() <= (ordered[after] - times).abs(), before, after)
    gap = (ordered[nearer] - times).abs()
    best: dict[int, int] = {}
    for pose, (frame, away) in enumerate(zip(order[nearer].tolist(), gap.tolist(), strict=True)):
        if away <= SAME_TIME_S and (frame not in best or away < float(gap[best[frame]])):
            best[frame] = pose
    frames = torch.tensor(sorted(best), dtype=torch.int64)
    return frames, poses[[best[frame] for frame in frames.tolist()]]


def _by_time(path: Path) -> bool:
    """True where a prediction's poses are known by their times."""
    return path.is_file() and _is_tum(path)


def _is_tum(path: Path) -> bool:
    """True where the first line with numbers has the eight of the TUM format."""
    try:
        with path.open(encoding="utf-8") as stream:
            lines = (line.split() for line in stream)
            first = next((words for words in lines if words and not words[0].startswith("#")), [])
    except (OSError, UnicodeDecodeError):
        return False  # the loader says what is wrong
    return len(first) == TUM_NUMBERS
