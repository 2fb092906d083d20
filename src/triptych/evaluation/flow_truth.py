"""The truth that a flow protocol asks for, found on the disk, and what it may be called."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch

from triptych.data.truth.folders import flow_maps
from triptych.data.truth.kitti_flow import kitti_flow_truth
from triptych.data.truth.source import FlowSource
from triptych.errors import InputError
from triptych.formats.maps import load_mask
from triptych.types import FlowTruth

FlowProtocolName = Literal["kitti2015", "kitti2012", "plain"]

PAIRS = {"kitti2015": 200, "kitti2012": 194}
"""Training pairs of the benchmarks, named 000000_10 and so on."""
PICTURE_FOLDERS = {"image_2": "kitti2015", "obj_map": "kitti2015", "colored_0": "kitti2012", "image_0": "kitti2012"}
"""Folders that only one of the benchmarks has."""
KITTI_HEIGHTS = range(370, 377)
KITTI_WIDTHS = range(1224, 1243)


def flow_truth(place: Path, protocol: FlowProtocolName) -> tuple[FlowSource, str]:
    """The truth of all pairs in a folder, and the split that they are.

    A folder in the layout of KITTI is called after the benchmark only where its names and
    picture size are the benchmark's: a made-up world in that layout is not.

    Args:
        place: folder of the data set, or of .flo or .png files for `plain`.
        protocol: how flow is scored.

    Raises:
        InputError: there is no such truth, or it is that of the other benchmark.
    """
    if not place.exists():
        raise InputError(f"{place} does not exist; name the folder of the ground truth")
    name = place.resolve().parent.name if place.resolve().name == "training" else place.resolve().name
    if protocol == "plain":
        return flow_maps(place), name
    source = kitti_flow_truth(place)
    held = {edition for folder, edition in PICTURE_FOLDERS.items() if (source.place / folder).is_dir()}
    if held and protocol not in held:
        raise InputError(f"{place}: is in the layout of {held.pop()}, not of {protocol}; pass --protocol accordingly")
    return source, _split(source, protocol) or name


def object_truth(place: Path) -> FlowSource | None:
    """What moves, of a folder of KITTI 2015 with object maps but without flow; None where there is flow, or no map."""
    folder = next((part for part in (place, place / "training") if (part / "obj_map").is_dir()), None)
    if folder is None or (folder / "flow_occ").is_dir():
        return None
    files = sorted((folder / "obj_map").glob("*.png"))

    def read(index: int) -> FlowTruth:
        moving = load_mask(files[index])
        unknown = torch.zeros(2, *moving.shape)
        return FlowTruth(files[index].stem, unknown, torch.ones_like(moving), files[index], moving=moving)

    return FlowSource(tuple(file.stem for file in files), read, folder)


def split_name(source: FlowSource, place: Path) -> str:
    """What the pairs of a folder in the layout of KITTI 2015 may be called."""
    return _split(source, "kitti2015") or place.resolve().name


def _split(source: FlowSource, protocol: FlowProtocolName) -> str | None:
    """The benchmark's name with the number of its pairs; None where it is not the benchmark."""
    pairs = PAIRS[protocol]
    height, width = source.load(0).valid.shape
    of_kitti = height in KITTI_HEIGHTS and width in KITTI_WIDTHS
    if not of_kitti or not set(source.names) <= {f"{number:06d}_10" for number in range(pairs)}:
        return None
    return protocol if len(source) == pairs else f"{protocol}, {len(source)} of {pairs} pairs"
