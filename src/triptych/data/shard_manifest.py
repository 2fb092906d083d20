"""What a place of shards holds: read before anything else in it, written after everything else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from triptych import __version__
from triptych.errors import InputError

FORMAT_VERSION: Final = 1
MANIFEST_NAME: Final = "manifest.json"
SNIPPETS_NAME: Final = "snippets.npy"
FRAME_NAMES_NAME: Final = "frame_names.npy"
CHECKSUMS_NAME: Final = "frame_checksums.npy"
INDEX_NAME: Final = "index.json"
"""Of litdata, so that its own StreamingDataset reads the frames too."""

PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)
"""No file of shards is named otherwise: a manifest from elsewhere must not lead out of its place."""


@dataclass(frozen=True)
class ShardDrive:
    """A drive, its frames one after another in the shards.

    Attributes:
        name: of the drive and camera, unique among the shards.
        frames: how many are stored.
        intrinsics: the rows of K at the processing size (px).
        intrinsics_origin: where K came from, in words for a person.
        assumed_intrinsics: True where K rests on an assumed field of view.
        full_size: height and width of the frames before they were cut and resized (px).
    """

    name: str
    frames: int
    intrinsics: tuple[tuple[float, ...], ...]
    intrinsics_origin: str
    assumed_intrinsics: bool
    full_size: tuple[int, int]


@dataclass(frozen=True)
class ShardFile:
    """A file of the shards.

    Attributes:
        name: of the file.
        bytes: its length.
        sha256: of its content, in hexadecimal.
        frames: that it holds; 0 for files of another kind than chunks.
    """

    name: str
    bytes: int
    sha256: str
    frames: int = 0

    def length_fault(self, found: int | None) -> str | None:
        """What is wrong with a length (bytes), of which there is None without the file; None for nothing."""
        if found is None:
            return "is missing"
        return None if found == self.bytes else f"has {found} bytes, {self.bytes} were written"


@dataclass(frozen=True)
class ShardManifest:
    """What the shards of a data set hold.

    Attributes:
        name: of the data set and split.
        split: of the data set; None for all that was there.
        size: height and width of the frames (px).
        bottom_crop: share of the rows that was cut off at the bottom.
        snippets: how many there are.
        drives: in the order of their frames.
        files: all but the manifest; the chunks in the order of their frames.
        remarks: what a person should know.
        damaged: a line for each frame that could not be read, whose snippets are left out.
        settings: what the shards were made by; others of the same settings are equal.
        version: of triptych.
        format_version: of this layout.
    """

    name: str
    split: str | None
    size: tuple[int, int]
    bottom_crop: float
    snippets: int
    drives: tuple[ShardDrive, ...]
    files: tuple[ShardFile, ...]
    remarks: tuple[str, ...]
    damaged: tuple[str, ...]
    settings: Mapping[str, Any]
    version: str = __version__
    format_version: int = FORMAT_VERSION

    @property
    def frames(self) -> int:
        """How many frames are stored."""
        return sum(drive.frames for drive in self.drives)

    @property
    def chunks(self) -> tuple[ShardFile, ...]:
        """The files that hold frames, in their order."""
        return tuple(file for file in self.files if file.frames)

    @property
    def bytes(self) -> int:
        """Length of all files but the manifest."""
        return sum(file.bytes for file in self.files)

    def file(self, name: str) -> ShardFile:
        """The file of a name.

        Raises:
            KeyError: the manifest lists none.
        """
        found = next((file for file in self.files if file.name == name), None)
        if found is None:
            raise KeyError(name)
        return found

    def text(self) -> str:
        """As JSON."""
        counts = {"drives": len(self.drives), "frames": self.frames, "snippets": self.snippets, "bytes": self.bytes}
        content = {"format_version": self.format_version, "counts": counts} | asdict(self)
        del content["snippets"]
        return json.dumps(content, indent=1) + "\n"


def manifest_of(content: bytes, *, where: str) -> ShardManifest:
    """The manifest written as JSON.

    Args:
        content: of the file.
        where: the file, for errors.

    Raises:
        InputError: it is none, or one of a later format.
    """
    try:
        given: Any = json.loads(content)
        version = int(given["format_version"])
        if version > FORMAT_VERSION:
            raise InputError(
                f"{where}: shards of format {version}, this triptych reads {FORMAT_VERSION}; install a newer one"
            )
        manifest = ShardManifest(
            name=str(given["name"]),
            split=None if given["split"] is None else str(given["split"]),
            size=_pair(given["size"]),
            bottom_crop=float(given["bottom_crop"]),
            snippets=int(given["counts"]["snippets"]),
            drives=tuple(_drive(one) for one in given["drives"]),
            files=tuple(_file(one) for one in given["files"]),
            remarks=tuple(str(line) for line in given["remarks"]),
            damaged=tuple(str(line) for line in given["damaged"]),
            settings=dict(given["settings"]),
            version=str(given["version"]),
            format_version=version,
        )
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(
            f"{where}: is no manifest of shards ({type(error).__name__}: {error}); prepare them anew, with --overwrite"
        ) from None
    held = sum(file.frames for file in manifest.files)
    if held != manifest.frames:
        raise InputError(
            f"{where}: names {manifest.frames} frames of drives, and chunks of {held}; prepare anew, with --overwrite"
        )
    return manifest


def _drive(given: Mapping[str, Any]) -> ShardDrive:
    rows = tuple(tuple(float(value) for value in row) for row in given["intrinsics"])
    if [len(row) for row in rows] != [3, 3, 3]:
        raise ValueError("a K that is not 3x3")
    return ShardDrive(
        name=str(given["name"]),
        frames=int(given["frames"]),
        intrinsics=rows,
        intrinsics_origin=str(given["intrinsics_origin"]),
        assumed_intrinsics=bool(given["assumed_intrinsics"]),
        full_size=_pair(given["full_size"]),
    )


def _file(given: Mapping[str, Any]) -> ShardFile:
    name = str(given["name"])
    if PLAIN_NAME.fullmatch(name) is None:
        raise ValueError(f"a file named {name!r}")
    return ShardFile(name, int(given["bytes"]), str(given["sha256"]), int(given["frames"]))


def _pair(given: Sequence[Any]) -> tuple[int, int]:
    first, second = given
    return int(first), int(second)
