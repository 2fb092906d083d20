"""Depth truth of Make3D: one laser grid of 55 x 305 rays for each of the 134 test images.

The image of `Gridlaserdata/depth_sph_corr-<name>.mat` is `Test134/img-<name>.jpg`. The grid
covers the whole of it, and is cropped and resized by the evaluation.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from triptych.data.truth.source import DepthSource, chosen_names
from triptych.errors import InputError
from triptych.formats.make3d import DEPTH_PREFIX, load_make3d_depth, make3d_name
from triptych.types import DepthTruth

DEPTH_FOLDERS = ("Gridlaserdata", "Test134Depth/Gridlaserdata", "Test134Depth", ".")
"""Where the archive's files come to lie, by who unpacks them."""


def make3d_truth(root: Path, *, names: Collection[str] | None = None, leave_out: Collection[str] = ()) -> DepthSource:
    """Depth (m) of the images of Make3D, named such as 060705-17.10.14-p-049t000.

    It is d of the files, the distance that all published figures take for depth.

    Args:
        root: folder that holds `Gridlaserdata`, or that folder.
        names: of the images, such as the 134 of the test; all by default.
        leave_out: names among them to pass over, as works do that report 133 images.

    Raises:
        InputError: there are no such files, or a name is not there; on reading, the file
            is damaged.
    """
    folders = (root / folder for folder in DEPTH_FOLDERS)
    found = ({make3d_name(file): file for file in folder.glob(f"{DEPTH_PREFIX}*.mat")} for folder in folders)
    files = next((some for some in found if some), None)
    if files is None:
        raise InputError(f"{root}: holds no Gridlaserdata/{DEPTH_PREFIX}*.mat; unpack Test134Depth.tar.gz there")
    asked = chosen_names(files, names=names, place=root)
    unknown = [name for name in leave_out if name not in asked]
    if unknown:
        raise InputError(f"{root}: {unknown[0]} cannot be left out, it is not among the {len(asked)} images")
    held = tuple(name for name in asked if name not in leave_out)

    def read(index: int) -> DepthTruth:
        file = files[held[index]]
        return DepthTruth(name=held[index], depth_m=load_make3d_depth(file), file=file)

    return DepthSource(names=held, read=read, place=root)
