"""Where the frames of many snippets lie: an index of drives that is small and reads no picture.

File names are stored once a drive as bytes, snippets as four numbers: 100,000 snippets
take some three megabytes, and are handed to the processes that load data as they are.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Int, Shaped

from triptych.data.calibration import Calibration, assumed_calibration, calibration_at_size
from triptych.data.image_folder import image_size
from triptych.data.sequence import ASSUMED_FIELD_OF_VIEW_DEG
from triptych.errors import InputError

HEADERS_TRIED = 20
"""So many files of a drive may have a damaged header until none is believed to be sound."""

NAMES_TOLD = 3


@dataclass(frozen=True, eq=False)
class DriveFrames:
    """The frames of one camera in one drive, all of one size.

    Attributes:
        name: of the drive and camera, unique in an index.
        folder: that holds the files.
        file_names: of the frames, in order, as the bytes that the file system has.
        size: height and width of every frame (px).
        intrinsics: K at this size (px).
        intrinsics_origin: where K came from, in words for a person.
        assumed_intrinsics: True where K rests on an assumed field of view.
    """

    name: str
    folder: Path
    file_names: Shaped[np.ndarray, " frames"]
    size: tuple[int, int]
    intrinsics: Float32[np.ndarray, "3 3"]
    intrinsics_origin: str
    assumed_intrinsics: bool = False

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.file_names)

    def file(self, position: int) -> Path:
        """The file of a frame."""
        return self.folder / os.fsdecode(bytes(self.file_names[position]))


@dataclass(frozen=True)
class SnippetFiles:
    """The files of one snippet.

    Attributes:
        name: of the target: its drive and the name of its file without suffix.
        drive: the drive that the frames are of.
        previous: file of the frame before.
        target: file of the frame explained.
        following: file of the frame after.
    """

    name: str
    drive: DriveFrames
    previous: Path
    target: Path
    following: Path


@dataclass(frozen=True, eq=False)
class SnippetIndex:
    """The snippets of a data set, by number; nothing of their pictures is in memory.

    Attributes:
        name: of the data set and split, for messages.
        drives: those that have snippets.
        drive_numbers: position in `drives` of each snippet's drive.
        frames: previous, target and next frame of each, as positions in the drive.
        remarks: what a person should know: assumed intrinsics, files left aside.
    """

    name: str
    drives: tuple[DriveFrames, ...]
    drive_numbers: Int[np.ndarray, " snippets"]
    frames: Int[np.ndarray, "snippets 3"]
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Number of snippets."""
        return len(self.drive_numbers)

    def files(self, index: int) -> SnippetFiles:
        """The files of a snippet.

        Raises:
            IndexError: there is no snippet at the index.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"snippet {index} of {len(self)}")
        drive = self.drives[int(self.drive_numbers[index])]
        previous, target, following = (drive.file(position) for position in self.frames[index].tolist())
        return SnippetFiles(f"{drive.name}/{target.stem}", drive, previous, target, following)


@dataclass(frozen=True, eq=False)
class DriveSnippets:
    """A drive and the snippets in it, on the way to an index.

    Attributes:
        drive: the frames.
        frames: previous, target and next frame of each snippet, as positions in the drive.
    """

    drive: DriveFrames
    frames: Int[np.ndarray, "snippets 3"]


def snippet_index(name: str, parts: Iterable[DriveSnippets], *, remarks: Sequence[str] = ()) -> SnippetIndex:
    """The index of several drives' snippets, in the order given; drives without any are left out.

    Args:
        name: of the data set and split.
        parts: the drives.
        remarks: what a person should know; that intrinsics are assumed is added.

    Raises:
        InputError: there is no snippet at all.
    """
    used = [part for part in parts if len(part.frames)]
    if not used:
        raise InputError(f"{name}: holds no three frames in a row to learn from; name a folder that has them")
    counts = [len(part.frames) for part in used]
    assumed = [part.drive.name for part in used if part.drive.assumed_intrinsics]
    told = list(remarks)
    if assumed:
        origin = next(part.drive.intrinsics_origin for part in used if part.drive.assumed_intrinsics)
        count = "the one drive has" if len(used) == 1 else f"{len(assumed)} of {len(used)} drives have"
        told.append(f"{name}: {count} no calibration ({listed(assumed)}); intrinsics are {origin}")
    return SnippetIndex(
        name=name,
        drives=tuple(part.drive for part in used),
        drive_numbers=np.repeat(np.arange(len(used), dtype=np.int32), counts),
        frames=np.concatenate([part.frames.astype(np.int32) for part in used]),
        remarks=tuple(told),
    )


def drive_frames(
    name: str,
    folder: Path,
    file_names: Sequence[str],
    calibration: Calibration | None,
    *,
    size: tuple[int, int] | None = None,
    assumed_fov_deg: float = ASSUMED_FIELD_OF_VIEW_DEG,
) -> DriveFrames:
    """The frames of a drive with K at their own size, which the first sound header tells.

    Args:
        name: of the drive and camera.
        folder: that holds the files.
        file_names: of the frames, in order.
        calibration: of the camera; None assumes a field of view.
        size: height and width of the frames (px) where it is known without a look.
        assumed_fov_deg: horizontal field of view for frames without a calibration.

    Raises:
        InputError: no header can be read, or the calibration is not of pictures of this shape.
    """
    height, width = size or _size_of_first(folder, file_names)
    used = calibration or assumed_calibration(height=height, width=width, horizontal_deg=assumed_fov_deg)
    used = calibration_at_size(used, height=height, width=width)
    return DriveFrames(
        name=name,
        folder=folder,
        file_names=np.array([os.fsencode(file_name) for file_name in file_names], dtype=np.bytes_),
        size=(height, width),
        intrinsics=used.intrinsics.numpy(),
        intrinsics_origin=used.origin,
        assumed_intrinsics=used.assumed,
    )


def neighbor_positions(
    numbers: Int[np.ndarray, " frames"], targets: Int[np.ndarray, " targets"], *, stride: int
) -> tuple[Int[np.ndarray, "targets 3"], Bool[np.ndarray, "targets 3"]]:
    """Where the frames numbered target - stride, target and target + stride stand, and which of them are there.

    Args:
        numbers: of the frames at hand, ascending, each once; at least one.
        targets: frame numbers.
        stride: numbers from a frame to its neighbor.

    Raises:
        InputError: a stride below 1.
    """
    if stride < 1:
        raise InputError(f"stride {stride}: must be 1 or more")
    wanted = targets[:, None] + np.array([-stride, 0, stride])
    positions = np.searchsorted(numbers, wanted).clip(max=len(numbers) - 1)
    return positions, numbers[positions] == wanted


def listed(names: Sequence[str]) -> str:
    """The first names of a list, and how many more there are."""
    more = len(names) - NAMES_TOLD
    return ", ".join(names[:NAMES_TOLD]) + (f" and {more} more" if more > 0 else "")


def _size_of_first(folder: Path, file_names: Sequence[str]) -> tuple[int, int]:
    """Height and width in the first header that can be read (px)."""
    for file_name in file_names[:HEADERS_TRIED]:
        try:
            return image_size(folder / file_name)
        except InputError as error:
            reason = error
    raise InputError(f"{folder}: not one of the first {len(file_names[:HEADERS_TRIED])} frames is an image; {reason}")
