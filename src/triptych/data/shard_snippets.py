"""Snippets out of shards: those of the files they were made of, to the same bits, many times faster."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from triptych.data.augment import Augmentation
from triptych.data.read_snippets import ReadSnippets, frames_to_neighbors
from triptych.data.shard_manifest import CHECKSUMS_NAME, FRAME_NAMES_NAME, SNIPPETS_NAME, ShardDrive, ShardManifest
from triptych.data.shard_reader import CACHE_LIMIT, ShardReader
from triptych.errors import InputError
from triptych.formats.atomic import StrPath


@final
class ShardSnippetDataset(ReadSnippets):
    """The snippets of shards that `triptych prepare` made, local or under a URL of fsspec.

    A sample has the bits of that of `LazySnippetDataset` with the same index, size, cut,
    augmentation, seed and epoch.

    Args:
        location: of the shards: a folder, or a URL such as s3://bucket/kitti.
        augmentation: the random changes; none by default.
        seed: of the changes.
        skip_limit: more distinct damaged frames than this are an error.
        cache: folder for copies of remote shards; see `ShardReader`.
        cache_limit: bytes that are kept there at most.

    Attributes:
        manifest: what the shards hold.

    Raises:
        InputError: no finished shards are there, or a file of theirs is missing, cut off or
            not what was written.
    """

    def __init__(
        self,
        location: StrPath,
        *,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        skip_limit: int = 20,
        cache: Path | None = None,
        cache_limit: int = CACHE_LIMIT,
    ) -> None:
        self._reader = ShardReader(location, cache=cache, cache_limit=cache_limit)
        self.manifest: ShardManifest = self._reader.manifest
        height, width = self.manifest.size
        super().__init__(
            name=self.manifest.name,
            remarks=self.manifest.remarks,
            height=height,
            width=width,
            augmentation=augmentation,
            seed=seed,
            skip_limit=skip_limit,
        )
        self._frames = self._array(SNIPPETS_NAME, (self.manifest.snippets, 3), "<i4")
        self._names = self._array(FRAME_NAMES_NAME, (self.manifest.frames,), "S")
        self._checksums = self._array(CHECKSUMS_NAME, (self.manifest.frames,), "<u4")
        if self._frames.size and not 0 <= self._frames.min() <= self._frames.max() < self.manifest.frames:
            raise InputError(f"{self._reader.storage.where(SNIPPETS_NAME)}: names frames that are not there")
        begins = np.cumsum([0, *(drive.frames for drive in self.manifest.drives)])
        self._drives = (np.searchsorted(begins, self._frames[:, 1], side="right") - 1).astype(np.int32)

    def __len__(self) -> int:
        """Number of snippets."""
        return len(self._frames)

    def name_of(self, index: int) -> str:
        """The name of a snippet's target: its drive and the name of its file without suffix.

        Raises:
            IndexError: there is no snippet at the index.
        """
        return f"{self.drive_of(index).name}/{os.fsdecode(bytes(self._names[self._frames[index, 1]]))}"

    def drive_of(self, index: int) -> ShardDrive:
        """The drive that a snippet is of.

        Raises:
            IndexError: there is no snippet at the index.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"snippet {index} of {len(self)}")
        return self.manifest.drives[int(self._drives[index])]

    @property
    def drive_numbers(self) -> Int[np.ndarray, " snippets"]:
        """Number of the drive of each snippet."""
        return self._drives

    @property
    def bottom_crop(self) -> float:
        """Share of the rows of the files' frames that was cut off at the bottom."""
        return self.manifest.bottom_crop

    def drive_name(self, number: int) -> str:
        """The name of the drive of a number."""
        return self.manifest.drives[number].name

    def frame_names(self, positions: Int[np.ndarray, " some"]) -> list[bytes]:
        """Names without suffix of the frames of snippets of one drive: previous, target and next of each in turn."""
        names: list[bytes] = self._names[self._frames[positions].ravel()].tolist()
        return names

    def target_checksum(self, index: int) -> int:
        """CRC-32 of the pixels of a target, as it was written."""
        return int(self._checksums[self._frames[index, 1]])

    @property
    def stride(self) -> int:
        """Frames from a target to its neighbors, at most."""
        return frames_to_neighbors(self._frames)

    def intrinsics(self, drive: ShardDrive) -> Float[Tensor, "3 3"]:
        """K of a drive at the processing size, without augmentation (px)."""
        return torch.tensor(drive.intrinsics, dtype=torch.float32)

    def _images(self, index: int) -> UInt8[Tensor, "3 3 height width"]:
        images = torch.empty(3, 3, self.height, self.width, dtype=torch.uint8)
        self._reader.read(self._frames[index].tolist(), self._checksums, images)
        return images

    def _intrinsics(self, index: int) -> Float[Tensor, "3 3"]:
        return self.intrinsics(self.drive_of(index))

    def _array(self, name: str, shape: tuple[int, ...], kind: str) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
        """An array of the shards, of the shape and type that it must have."""
        where = self._reader.storage.where(name)
        try:
            content = self._reader.content(name)
        except KeyError:
            raise InputError(f"{where}: the manifest does not list it; prepare the shards anew") from None
        try:
            array: np.ndarray[tuple[int, ...], np.dtype[np.generic]] = np.load(io.BytesIO(content), allow_pickle=False)
        except ValueError as error:
            raise InputError(f"{where}: cannot be read ({error})") from None
        if array.shape != shape or not np.issubdtype(array.dtype, np.dtype(kind).type):
            raise InputError(f"{where}: holds {array.dtype} {array.shape}, {kind} {shape} is meant; prepare anew")
        return array
