"""Maps of others in plain folders or files, as truth or as predictions.

Names are paths below the folder without suffix. Where a name comes in several formats,
the one that keeps most counts, as in the folders that `triptych predict` writes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePath

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.data.image_folder import natural_key
from triptych.data.truth.source import DepthSource, FlowSource
from triptych.errors import InputError
from triptych.formats.maps import DEPTH_SCALE, UNKNOWN_FLOW, load_depth_png, load_flo, load_kitti_flow
from triptych.formats.numpy_maps import (
    MAP_AXES,
    depth_of_stack,
    load_npy_depth,
    load_npz_depth,
    npy_axes,
    open_depth_stack,
)
from triptych.formats.sintel import load_dpt
from triptych.types import DepthTruth, FlowTruth

DEPTH_SUFFIXES = (".npz", ".npy", ".dpt", ".png")
FLOW_SUFFIXES = (".flo", ".png")
STACK_DIGITS = 6


def depth_maps(path: Path, *, png_scale: float = DEPTH_SCALE) -> DepthSource:
    """Depth from .npz, .npy, .dpt and 16-bit .png files, values as stored.

    In a PNG 0 is unknown; what the others hold, NaN included, is for the caller to judge.

    Args:
        path: a folder, searched in depth; one file; or a .npy of shape (N, H, W), whose
            maps are named 000000, 000001 and so on and read from the disk one by one.
        png_scale: steps of a PNG per unit of depth.

    Raises:
        InputError: there is no such file; on reading, one is damaged.
    """
    if path.is_file() and path.suffix == ".npy":
        return _npy_source(path)
    files = _files(path, DEPTH_SUFFIXES, kind="depth")
    names = tuple(files)
    loaders: dict[str, Callable[[Path], Float[Tensor, "height width"]]] = {
        ".npz": load_npz_depth,
        ".npy": load_npy_depth,
        ".dpt": load_dpt,
        ".png": lambda file: load_depth_png(file, scale=png_scale),
    }

    def read(index: int) -> DepthTruth:
        file = files[names[index]]
        return DepthTruth(name=names[index], depth_m=loaders[file.suffix](file), file=file)

    return DepthSource(names=names, read=read, place=path)


def flow_maps(path: Path) -> FlowSource:
    """Flow from .flo (Middlebury, Sintel) and 3 x 16-bit .png (KITTI) files.

    Args:
        path: a folder, searched in depth, or one file.

    Raises:
        InputError: there is no such file; on reading, one is damaged.
    """
    files = _files(path, FLOW_SUFFIXES, kind="flow")
    names = tuple(files)

    def read(index: int) -> FlowTruth:
        file = files[names[index]]
        flow, valid = load_kitti_flow(file) if file.suffix == ".png" else _known(load_flo(file))
        return FlowTruth(name=names[index], flow=flow, valid=valid, file=file)

    return FlowSource(names=names, read=read, place=path)


def _known(
    flow: Float[Tensor, "2 height width"],
) -> tuple[Float[Tensor, "2 height width"], Bool[Tensor, "height width"]]:
    """Flow with 0 where Middlebury's mark, or a value that is not finite, says it is unknown."""
    valid = (flow.abs() <= UNKNOWN_FLOW).all(dim=0)  # False for NaN too
    return torch.where(valid, flow, 0.0), valid


def _files(path: Path, suffixes: tuple[str, ...], *, kind: str) -> dict[str, Path]:
    """Files by name, sorted; of several formats the first of `suffixes`."""
    if path.is_file() and path.suffix in suffixes:
        return {path.stem: path}
    wanted = ", ".join(suffixes)
    if path.is_file():
        raise InputError(f"{path}: is no {kind} file; {wanted} are")
    if not path.is_dir():
        raise InputError(f"{path}: no such folder; name one with {kind} files ({wanted})")
    files: dict[str, Path] = {}
    for suffix in suffixes:
        for file in path.rglob(f"*{suffix}"):
            below = file.relative_to(path)
            if not any(part.startswith(".") for part in below.parts):
                files.setdefault(below.with_suffix("").as_posix(), file)
    if not files:
        raise InputError(f"{path}: holds no {kind} file ({wanted}); name the folder that has them")
    return dict(sorted(files.items(), key=lambda item: [natural_key(PurePath(part)) for part in item[0].split("/")]))


def _npy_source(path: Path) -> DepthSource:
    """The maps of a lone .npy file: a stack of three axes, or one map."""
    if npy_axes(path) == MAP_AXES:
        return DepthSource((path.stem,), lambda _: DepthTruth(path.stem, load_npy_depth(path), path), path)
    stack = open_depth_stack(path)
    names = tuple(f"{index:0{STACK_DIGITS}d}" for index in range(len(stack)))
    return DepthSource(names, lambda index: DepthTruth(names[index], depth_of_stack(stack, index), path), path)
