"""Snippets that are read from the files of their frames, when they are asked for."""

from __future__ import annotations

import zlib
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from triptych.data.augment import Augmentation
from triptych.data.frame_file import frame_from_file
from triptych.data.frame_processing import FrameProcessing
from triptych.data.loading import watched
from triptych.data.read_snippets import (
    DamagedFrames,
    ReadSample,
    ReadSnippet,
    ReadSnippets,
    frames_to_neighbors,
)
from triptych.data.snippet_index import DriveFrames, SnippetIndex

__all__ = ["DamagedFrames", "LazySnippetDataset", "ReadSample", "ReadSnippet", "watched"]


@final
class LazySnippetDataset(ReadSnippets):
    """The snippets of an index, read from the files of their frames.

    Frames are read, cut, resized with antialiasing and changed as `load_sequence` and
    `SnippetDataset` do, to the same bits.

    Args:
        index: where the frames are.
        height: of the processing size (px).
        width: of the processing size (px).
        bottom_crop: share of the rows that is cut off at the bottom, for a car bonnet.
        augmentation: the random changes; none by default.
        seed: of the changes.
        skip_limit: more distinct damaged files than this are an error.

    Raises:
        InputError: a setting has no meaning.
    """

    def __init__(
        self,
        index: SnippetIndex,
        *,
        height: int,
        width: int,
        bottom_crop: float = 0.0,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        skip_limit: int = 20,
    ) -> None:
        super().__init__(
            name=index.name,
            remarks=index.remarks,
            height=height,
            width=width,
            augmentation=augmentation,
            seed=seed,
            skip_limit=skip_limit,
        )
        self.index = index
        self.processing = FrameProcessing(height, width, bottom_crop)

    def __len__(self) -> int:
        """Number of snippets."""
        return len(self.index)

    def name_of(self, index: int) -> str:
        """The name of a snippet's target: its drive and the name of its file without suffix.

        Raises:
            IndexError: there is no snippet at the index.
        """
        return self.index.files(index).name

    @property
    def drive_numbers(self) -> Int[np.ndarray, " snippets"]:
        """Number of the drive of each snippet."""
        return self.index.drive_numbers

    @property
    def bottom_crop(self) -> float:
        """Share of the rows of the files' frames that was cut off at the bottom."""
        return self.processing.bottom_crop

    def drive_name(self, number: int) -> str:
        """The name of the drive of a number."""
        return self.index.drives[number].name

    def frame_names(self, positions: Int[np.ndarray, " some"]) -> list[bytes]:
        """Names without suffix of the frames of snippets of one drive: previous, target and next of each in turn."""
        if not len(positions):
            return []
        drive = self.index.drives[int(self.index.drive_numbers[positions[0]])]
        files: list[bytes] = drive.file_names[self.index.frames[positions].ravel()].tolist()
        return [file.rpartition(b".")[0] or file for file in files]

    def target_checksum(self, index: int) -> int:
        """CRC-32 of the pixels of a target at the processing size, without augmentation.

        Raises:
            DamagedFileError: it cannot be used.
        """
        files = self.index.files(index)
        pixels = self.processing.frame(frame_from_file(files.target, size=files.drive.size))
        return zlib.crc32(pixels.contiguous().numpy().data)

    @property
    def stride(self) -> int:
        """Frames from a target to its neighbors, at most."""
        return frames_to_neighbors(self.index.frames)

    def intrinsics(self, drive: DriveFrames) -> Float[Tensor, "3 3"]:
        """K of a drive at the processing size, without augmentation (px)."""
        return self.processing.intrinsics(drive)

    def _images(self, index: int) -> UInt8[Tensor, "3 3 height width"]:
        files = self.index.files(index)
        images = torch.empty(3, 3, self.height, self.width, dtype=torch.uint8)
        for place, file in enumerate((files.previous, files.target, files.following)):
            images[place] = self.processing.frame(frame_from_file(file, size=files.drive.size))
        return images

    def _intrinsics(self, index: int) -> Float[Tensor, "3 3"]:
        return self.intrinsics(self.index.drives[int(self.index.drive_numbers[index])])
