from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import is_dataclass

import pytest
import torch
from torch import Tensor

import triptych.geometry
from triptych.geometry.camera import (
    backprojected,
    cropped_intrinsics,
    flipped_intrinsics,
    inverse_intrinsics,
    projected,
    resized_intrinsics,
)
from triptych.geometry.epipolar import (
    epipolar_distance,
    epipolar_lines,
    essential_matrix,
    fundamental_from_flow,
    fundamental_matrix,
)
from triptych.geometry.grid import in_frame, pixel_grid, resize_flow, sample
from triptych.geometry.pose import (
    axis_angle,
    inverse_transform,
    relative_transform,
    rigid_transform,
    rotation_matrix,
    skew_matrix,
    trajectory,
    transformed,
)
from triptych.geometry.precision import check_precision, matrix_product
from triptych.geometry.rigid import rigid_flow
from triptych.geometry.round_trip import round_trip
from triptych.geometry.triangulation import triangulated
from triptych.geometry.visibility import (
    forward_backward_visibility,
    range_map,
    range_visibility,
    two_way_visibility,
)
from triptych.geometry.warp import warped

CALLS: dict[str, Callable[[torch.dtype], object]] = {
    "pixel_grid": lambda t: pixel_grid(2, 3, dtype=t),
    "sample": lambda t: sample(_map(1, t), _map(2, t)),
    "in_frame": lambda t: in_frame(_map(2, t), height=4, width=5),
    "resize_flow": lambda t: resize_flow(_map(2, t), (8, 10)),
    "warped": lambda t: warped(_map(3, t), _map(2, t)),
    "resized_intrinsics": lambda t: resized_intrinsics(_eye(3, t), scale_x=2, scale_y=2),
    "cropped_intrinsics": lambda t: cropped_intrinsics(_eye(3, t), left=1, top=1),
    "flipped_intrinsics": lambda t: flipped_intrinsics(_eye(3, t), width=5),
    "inverse_intrinsics": lambda t: inverse_intrinsics(_eye(3, t)),
    "backprojected": lambda t: backprojected(_map(1, t), _eye(3, t)),
    "projected": lambda t: projected(_map(3, t), _eye(3, t)),
    "skew_matrix": lambda t: skew_matrix(torch.ones(3, dtype=t)),
    "rotation_matrix": lambda t: rotation_matrix(torch.ones(3, dtype=t)),
    "axis_angle": lambda t: axis_angle(_eye(3, t)),
    "rigid_transform": lambda t: rigid_transform(torch.ones(3, dtype=t), torch.ones(3, dtype=t)),
    "inverse_transform": lambda t: inverse_transform(_eye(4, t)),
    "relative_transform": lambda t: relative_transform(_eye(4, t), _eye(4, t)),
    "trajectory": lambda t: trajectory(_eye(4, t)),
    "transformed": lambda t: transformed(_map(3, t), _eye(4, t)),
    "rigid_flow": lambda t: rigid_flow(_map(1, t), _eye(3, t), _eye(4, t)),
    "essential_matrix": lambda t: essential_matrix(_eye(4, t)),
    "fundamental_matrix": lambda t: fundamental_matrix(_eye(4, t), _eye(3, t)),
    "epipolar_lines": lambda t: epipolar_lines(_map(2, t), _eye(3, t)),
    "epipolar_distance": lambda t: epipolar_distance(_map(2, t), _map(2, t), _eye(3, t)),
    "fundamental_from_flow": lambda t: fundamental_from_flow(_map(2, t), _map(1, t)),
    "range_map": lambda t: range_map(_map(2, t)),
    "range_visibility": lambda t: range_visibility(_map(2, t)),
    "forward_backward_visibility": lambda t: forward_backward_visibility(_map(2, t), _map(2, t)),
    "two_way_visibility": lambda t: two_way_visibility(_map(2, t), _map(2, t)),
    "round_trip": lambda t: round_trip(_map(2, t), _map(2, t)),
    "triangulated": lambda t: triangulated(_map(2, t), _eye(3, t), _eye(4, t)),
}
OF_BOOLS = {"in_frame", "forward_backward_visibility"}
BESIDE_FLOAT32: dict[str, Callable[[torch.dtype], object]] = {
    "rigid_transform": lambda t: rigid_transform(torch.ones(3), torch.ones(3, dtype=t)),
    "relative_transform": lambda t: relative_transform(_eye(4, torch.float32), _eye(4, t)),
    "epipolar_distance": lambda t: epipolar_distance(_map(2, torch.float32), _map(2, t), _eye(3, torch.float32)),
    "rigid_flow": lambda t: rigid_flow(_map(1, t), _eye(3, torch.float32), _eye(4, torch.float32)),
    "triangulated": lambda t: triangulated(_map(2, t), _eye(3, torch.float32), _eye(4, torch.float32)),
}
UNCHECKED = {
    *("check_precision", "matrix_product"),
    *("intrinsics_matrix", "intrinsics_from_field_of_view"),  # of plain numbers
    *("depth_from_disparity", "disparity_from_depth"),  # no coordinates
}


def _map(channels: int, dtype: torch.dtype) -> Tensor:
    return torch.ones(1, channels, 4, 5, dtype=dtype)


def _eye(size: int, dtype: torch.dtype) -> Tensor:
    return torch.eye(size, dtype=dtype)[None]


def test_every_public_function_of_geometry_is_called_here() -> None:
    modules = [
        importlib.import_module(f"triptych.geometry.{file.name}")
        for file in pkgutil.iter_modules(triptych.geometry.__path__)
    ]
    functions = [
        function
        for module in modules
        for _, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
    ]
    public = {function.__name__ for function in functions if not function.__name__.startswith("_")}
    assert public == CALLS.keys() | UNCHECKED


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("call", [*CALLS.values(), *BESIDE_FLOAT32.values()], ids=[*CALLS, *BESIDE_FLOAT32])
def test_geometry_refuses_numbers_below_float32(call: Callable[[torch.dtype], object], dtype: torch.dtype) -> None:
    with pytest.raises(TypeError, match=rf"float32 or float64 is needed, {dtype} came: call \.float\(\)"):
        call(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", CALLS)
def test_geometry_takes_float32_and_float64_and_keeps_them(name: str, dtype: torch.dtype) -> None:
    result = CALLS[name](dtype)
    if is_dataclass(result):
        result = tuple(vars(result).values())
    tensors = result if isinstance(result, tuple) else (result,)
    floating = [tensor.dtype for tensor in tensors if tensor.is_floating_point()]
    assert set(floating) == (set() if name in OF_BOOLS else {dtype})


def test_integers_and_bools_pass_the_check() -> None:
    check_precision(torch.ones(2, dtype=torch.int64), torch.ones(2, dtype=torch.bool))


def test_small_products_equal_the_ordinary_product() -> None:
    generator = torch.Generator().manual_seed(0)
    left = torch.randn(5, 1, 3, 4, generator=generator, dtype=torch.float64)
    right = torch.randn(2, 4, 2, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(matrix_product(left, right), left @ right, rtol=0, atol=1e-14)


def test_autocast_does_not_touch_geometry(scene) -> None:
    depth, intrinsics, pose = scene(0, dtype=torch.float32)
    outside = rigid_flow(depth, intrinsics, pose)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = rigid_flow(depth, intrinsics, pose)
        fundamental = fundamental_matrix(pose, intrinsics)
        fitted = fundamental_from_flow(inside.flow, inside.valid.float())
        chained = relative_transform(pose, inverse_transform(pose))
    assert torch.equal(inside.flow, outside.flow)
    assert torch.equal(fundamental, fundamental_matrix(pose, intrinsics))
    assert torch.equal(fitted, fundamental_from_flow(outside.flow, outside.valid.float()))
    assert torch.equal(chained, relative_transform(pose, inverse_transform(pose)))
