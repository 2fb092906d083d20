"""Predicted and true trajectories read from files and brought onto the same frames."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from triptych.errors import InputError
from triptych.evaluation.path_times import at_the_rate_of, matched_by_time
from triptych.formats.trajectories import load_kitti_trajectory, load_numbered_kitti_trajectory, load_tum_trajectory
from triptych.inference.result import KITTI_TRAJECTORY, RESULT_FILE, TUM_TRAJECTORY

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
    prediction folder (by its number in KITTI's folders, else by its place in what was read), or,
    where the counts fit, by the line. Two TUM files are matched by time, and so is a prediction
    folder with a TUM truth: frames of a truth of a higher rate are no part of the comparison, and
    a gap in the predicted times is frames that are left out.

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
    times, named, goal = _truth(truth)
    start, stop = (0, None) if frames is None else frames
    if (start, stop) == (0, None):
        frames = None
    if stop is not None and stop > len(goal):
        raise InputError(f"--frames {start}:{stop}: {truth} has {len(goal)} frames, 0 to {len(goal) - 1}")
    numbers = torch.arange(len(goal))[start:stop:stride]
    if len(numbers) < 2:
        raise InputError(f"{truth}: {len(numbers)} of {len(goal)} frames are left to compare; two are the least")
    frames_of_truth = _Frames(truth, named, times)
    found, poses = _prediction(prediction, frames_of_truth, numbers=numbers)
    if times is not None and _by_time(prediction):
        numbers = at_the_rate_of(numbers[torch.isin(numbers, found)], numbers, times)
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


@dataclass(frozen=True)
class _Frames:
    """What tells the frames of a truth: their numbers, and of a TUM file their times (s)."""

    file: Path
    numbers: Int[Tensor, " frames"]
    times: Float[Tensor, " frames"] | None

    def __len__(self) -> int:
        return len(self.numbers)

    def positions(
        self, numbers: Int[Tensor, " poses"], poses: Float[Tensor, "poses 4 4"], *, path: Path
    ) -> tuple[Int[Tensor, " kept"], Float[Tensor, "kept 4 4"]]:
        """Lines of the truth of the frames of these numbers, and the poses of those that it has."""
        first, last = int(self.numbers.min()), int(self.numbers.max())
        if int(numbers.min()) < first or int(numbers.max()) > last:
            raise InputError(
                f"{path}: is about frames {int(numbers.min())} to {int(numbers.max())}, {self.file} has frames "
                f"{first} to {last}; are both of the same sequence?"
            )
        order = self.numbers.argsort()
        place = order[torch.searchsorted(self.numbers[order], numbers)]
        there = self.numbers[place] == numbers
        return place[there], poses[there]


def _truth(
    path: Path,
) -> tuple[Float[Tensor, " frames"] | None, Int[Tensor, " frames"], Float[Tensor, "frames 4 4"]]:
    """Times (of a TUM file), numbers and poses."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; name the file of the true poses, such as poses/09.txt")
    if _is_tum(path):
        times, poses = load_tum_trajectory(path)
        return times, torch.arange(len(poses)), poses
    numbers, poses = load_numbered_kitti_trajectory(path)
    return None, torch.arange(len(poses)) if numbers is None else numbers, poses


def _prediction(
    path: Path, truth: _Frames, *, numbers: Int[Tensor, " used"]
) -> tuple[Int[Tensor, " poses"], Float[Tensor, "poses 4 4"]]:
    """Lines of the truth, and the predicted poses of them."""
    if path.is_dir():
        return _of_folder(path, truth)
    if _is_tum(path):
        times, poses = load_tum_trajectory(path)
        if truth.times is not None:
            return matched_by_time(times, poses, truth.times)
    else:
        indices, poses = load_numbered_kitti_trajectory(path)
        if indices is not None:
            return truth.positions(indices, poses, path=path)
    if len(poses) == len(numbers):
        return numbers, poses
    if len(poses) == len(truth):
        return torch.arange(len(truth)), poses
    raise InputError(
        f"{path}: holds {len(poses)} poses, {truth.file} gives {len(numbers)} frames to compare of {len(truth)}; name "
        "the part with --frames START:END, or begin each line with its frame's number"
    )


def _of_folder(folder: Path, truth: _Frames) -> tuple[Int[Tensor, " poses"], Float[Tensor, "poses 4 4"]]:
    """The path of a prediction; its `result.json` knows which frames were used."""
    if truth.times is not None:
        times, poses = load_tum_trajectory(folder / TUM_TRAJECTORY)
        return matched_by_time(times, poses, truth.times)
    file = folder / KITTI_TRAJECTORY
    if not file.is_file():
        raise InputError(f"{folder}: holds no {KITTI_TRAJECTORY}; name a prediction's folder or a trajectory file")
    poses = load_kitti_trajectory(file)
    try:
        used = json.loads((folder / RESULT_FILE).read_text(encoding="utf-8"))["frames"]
        indices = torch.tensor([int(index) for index in used["names" if used.get("numbered") else "source_indices"]])
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise InputError(f"{folder / RESULT_FILE} does not tell which frames were used ({error!r})") from error
    if len(indices) != len(poses):
        raise InputError(f"{file}: holds {len(poses)} poses, {RESULT_FILE} names {len(indices)} frames; predict again")
    return truth.positions(indices, poses, path=file)


def _by_time(path: Path) -> bool:
    """True where a prediction's poses are known by their times, given a truth that has some."""
    return path.is_dir() or _is_tum(path)


def _is_tum(path: Path) -> bool:
    """True where the first line with numbers has the eight of the TUM format."""
    try:
        with path.open(encoding="utf-8") as stream:
            lines = (line.split() for line in stream)
            first = next((words for words in lines if words and not words[0].startswith("#")), [])
    except (OSError, UnicodeDecodeError):
        return False  # the loader says what is wrong
    return len(first) == TUM_NUMBERS
