"""Predicted maps found on the disk for the images that have a truth."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.data.truth.folders import depth_maps, flow_maps
from triptych.errors import InputError
from triptych.evaluation.resampling import Rows
from triptych.formats.maps import DEPTH_SCALE, load_visibility
from triptych.inference.result import RESULT_FILE

Kind = Literal["depth", "flow", "visibility", "motion"]

SHOWN_NAMES = 3
BY_ORDER = "predictions were matched to images by their order, for no name fits"
"""What a reader must know where `Matched.by_name` is False."""
REFINED = "predicted with --refinement geometry: classical geometry over what the networks say, not these alone"


@dataclass(frozen=True)
class PredictedMap:
    """One map.

    Attributes:
        values: NaN where they are unknown.
        file: where it lies, for messages.
    """

    values: Float[Tensor, "channels height width"]
    file: Path


@dataclass(frozen=True)
class PredictedMaps:
    """Maps by name, read when they are asked for.

    Attributes:
        names: of the images that they were predicted for.
        read: gives the map at a position of `names`.
        place: what was given, for messages.
        rows: shares of the image's rows, from and to, that was predicted for, the others having
            been cut off; None where the place does not tell.
        unnamed: True for a stack, whose maps are known by their order alone.
        mirrored: whether they are of the mirror images; None where the place does not tell.
    """

    names: tuple[str, ...]
    read: Callable[[int], PredictedMap]
    place: Path
    rows: Rows | None = None
    unnamed: bool = False
    mirrored: bool | None = None


@dataclass(frozen=True)
class Matched:
    """Predicted maps in the order of the truth.

    Attributes:
        maps: where they come from.
        positions: the position in `maps` for each truth.
        by_name: False where names have nothing in common and the order decided.
    """

    maps: PredictedMaps
    positions: tuple[int, ...]
    by_name: bool

    def load(self, index: int) -> PredictedMap:
        """The map for the truth at a position."""
        return self.maps.read(self.positions[index])


def predicted_maps(place: Path, kind: Kind, *, png_scale: float = DEPTH_SCALE) -> PredictedMaps:
    """The maps in a prediction.

    Args:
        place: a folder that `triptych predict` wrote, or one that holds several of them (their
            names then begin with their folders'); any other folder of maps; for depth a .npy
            file of shape (N, H, W) too.
        kind: which maps.
        png_scale: steps of a depth PNG of others per unit of depth.

    Raises:
        InputError: there is no such place, or it holds no such maps.
    """
    if not place.exists():
        raise InputError(f"{place} does not exist; name the folder of the predicted maps")
    if (place / RESULT_FILE).is_file():
        return _of_prediction(place, kind)
    runs = sorted(path.parent for path in place.rglob(RESULT_FILE)) if place.is_dir() else []
    if runs:
        return _joined(place, [_prefixed(_of_prediction(run, kind), run.relative_to(place)) for run in runs])
    inner = place / kind
    return _of_files(inner if inner.is_dir() else place, kind, png_scale=png_scale)


def refinement_notes(place: Path) -> tuple[str, ...]:
    """Whether geometry had its say in what `triptych predict` wrote; nothing of the files of other programs.

    Args:
        place: a folder that it wrote, one that holds several, or a file or folder in one.
    """
    folder = place if place.is_dir() else place.parent
    files = [file for file in (folder / RESULT_FILE, folder.parent / RESULT_FILE) if file.is_file()]
    if not files and place.is_dir():
        files = sorted(folder.rglob(RESULT_FILE))
    return (REFINED,) if any(_is_refined(file) for file in files) else ()


def _is_refined(file: Path) -> bool:
    try:
        return _result(file).get("refinement") == "geometry"
    except InputError:  # somebody else's file of that name
        return False


def matched(maps: PredictedMaps, names: Sequence[str]) -> Matched:
    """The predicted map of each truth, found by name, or by order where no name fits.

    Names are compared in several ways, the strictest first: whole; without KITTI's `data`
    folders; drive and frame; the last part alone. Leading zeros of numbers do not count.

    Args:
        maps: the prediction.
        names: of the truth, in order.

    Raises:
        InputError: some images have no prediction, or no name fits and the counts differ.
    """
    if maps.unnamed:
        if len(maps.names) != len(names):
            raise InputError(f"{maps.place}: is a stack of {len(maps.names)} maps, the truth has {len(names)} images")
        return Matched(maps, tuple(range(len(names))), by_name=False)
    best: dict[int, int] = {}
    for alias in _ALIASES:
        held = _unique([alias(name) for name in maps.names])
        wanted = [alias(name) for name in names]
        if len(_unique(wanted)) < len(wanted):
            continue
        found = {index: held[name] for index, name in enumerate(wanted) if name in held}
        if len(found) == len(names):
            for index, position in found.items():
                _check_place(maps, names[index], maps.names[position])
            return Matched(maps, tuple(found[index] for index in range(len(names))), by_name=True)
        if len(found) > len(best):
            best = found
    if best:
        missing = [name for index, name in enumerate(names) if index not in best]
        shown = ", ".join(missing[:SHOWN_NAMES]) + (" and others" if len(missing) > SHOWN_NAMES else "")
        raise InputError(
            f"{maps.place}: has no prediction for {len(missing)} of {len(names)} images with a truth: {shown}; "
            "predict them too, or name a truth with fewer images"
        )
    if len(maps.names) != len(names):
        raise InputError(
            f"{maps.place}: holds {len(maps.names)} maps, the truth has {len(names)} images, and no name fits "
            f"({maps.names[0]} against {names[0]}); name the maps like the images, or their folder alone, or a stack "
            "of maps itself"
        )
    for name, predicted in zip(names, maps.names, strict=True):
        _check_place(maps, name, predicted)
    return Matched(maps, tuple(range(len(names))), by_name=False)


def _check_place(maps: PredictedMaps, name: str, predicted: str) -> None:
    """Refuse a map whose name tells of another drive or camera of KITTI than the truth's."""
    for pattern, what in ((_DRIVE, "drive"), (_CAMERA, "camera")):
        true, found = pattern.search(name), pattern.search(predicted)
        if true and found and true.group(1) != found.group(1):
            raise InputError(
                f"{maps.place}: {predicted} is of another {what} than the truth, {name}; name that one's prediction"
            )


def _of_prediction(folder: Path, kind: Kind) -> PredictedMaps:
    """The maps of a folder that `triptych predict` wrote."""
    content = _result(folder / RESULT_FILE)
    inner = folder / kind
    if not inner.is_dir():
        raise InputError(f"{folder}: holds no {kind}; predict again, with this version")
    maps = _of_files(inner, kind, png_scale=DEPTH_SCALE)
    try:
        names = content["frames"].get("names") or None
        crop = float(content.get("settings", {}).get("frames", {}).get("bottom_crop", 0.0))
        top, bottom = content.get("rows", (0.0, 1.0 - crop))
        rows = (float(top), float(bottom))
        if not 0 <= rows[0] < rows[1] <= 1:
            raise ValueError(f"rows {rows[0]:g} to {rows[1]:g}")
        indices = [int(name) for name in maps.names]
        renamed = maps.names if names is None else tuple(str(names[index]) for index in indices)
        mirrored = bool(content.get("mirrored", False))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise InputError(
            f"{folder / RESULT_FILE} does not fit the files beside it ({error!r}); predict again"
        ) from error
    return replace(maps, names=renamed, place=folder, rows=rows, mirrored=mirrored)


def _result(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as JSON ({error}); predict again, or remove the file") from error
    if not isinstance(content, dict) or not isinstance(content.get("frames"), dict):
        raise InputError(f"{path} is not what `triptych predict` writes; predict again, or remove the file")
    return content


def _of_files(place: Path, kind: Kind, *, png_scale: float) -> PredictedMaps:
    if kind == "depth":
        depth = depth_maps(place, png_scale=png_scale)

        def depth_map(index: int) -> PredictedMap:
            found = depth.load(index)
            return PredictedMap(found.depth_m[None], found.file)

        return PredictedMaps(depth.names, depth_map, place, unnamed=place.is_file() and len(depth) > 1)
    if kind == "flow":
        flow = flow_maps(place)

        def flow_map(index: int) -> PredictedMap:
            found = flow.load(index)
            return PredictedMap(torch.where(found.valid, found.flow, torch.nan), found.file)

        return PredictedMaps(flow.names, flow_map, place)
    if not place.is_dir():
        raise InputError(f"{place} is not a folder; name the folder of the predicted {kind} maps")
    files = sorted(place.rglob("*.png"))
    if not files:
        raise InputError(f"{place}: holds no .png of {kind}")
    names = tuple(file.relative_to(place).with_suffix("").as_posix() for file in files)
    return PredictedMaps(names, lambda index: PredictedMap(load_visibility(files[index])[None], files[index]), place)


def _prefixed(maps: PredictedMaps, folder: Path) -> PredictedMaps:
    return replace(maps, names=tuple(f"{folder.as_posix()}/{name}" for name in maps.names))


def _joined(place: Path, parts: Sequence[PredictedMaps]) -> PredictedMaps:
    """Several predictions as one."""
    covered, mirrored = {part.rows for part in parts}, {part.mirrored for part in parts}
    if len(mirrored) > 1:
        raise InputError(f"{place}: some of its predictions are of mirror images; name one kind's folder")
    if len(covered) > 1:
        raise InputError(f"{place}: its predictions cut off different shares of the rows; score them apart")
    offsets = [(part, index) for part in parts for index in range(len(part.names))]

    def read(position: int) -> PredictedMap:
        part, index = offsets[position]
        return part.read(index)

    return PredictedMaps(
        names=tuple(name for part in parts for name in part.names),
        read=read,
        place=place,
        rows=covered.pop(),
        mirrored=mirrored.pop(),
    )


def _unique(names: Sequence[str]) -> dict[str, int]:
    """Positions of the names that come once."""
    positions: dict[str, int] = {}
    twice = set()
    for position, name in enumerate(names):
        if name in positions:
            twice.add(name)
        positions[name] = position
    return {name: position for name, position in positions.items() if name not in twice}


def _plain(name: str) -> str:
    """The name with numbers without leading zeros."""
    return "/".join(str(int(part)) if part.isdecimal() else part for part in name.split("/"))


def _without_data(name: str) -> str:
    return _plain("/".join(part for part in name.split("/") if part != "data"))


def _drive_and_frame(name: str) -> str:
    """`drive/frame` of KITTI's longer names, also where an underscore joins them."""
    match = re.search(r"(\d{4}_\d\d_\d\d_drive_\d{4})(?:_sync)?(?:.*[/_])?(?<!\d)(\d+)$", name)
    return f"{match.group(1)}/{int(match.group(2))}" if match else _without_data(name)


def _last_part(name: str) -> str:
    return _plain(name.rsplit("/", maxsplit=1)[-1])


_DRIVE = re.compile(r"(\d{4}_\d\d_\d\d_drive_\d{4})")
_CAMERA = re.compile(r"image_0?([0-3])(?:/|$)")

_ALIASES: tuple[Callable[[str], str], ...] = (_plain, _without_data, _drive_and_frame, _last_part)
