"""Depth as other programs write it with NumPy."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from triptych.errors import InputError
from triptych.formats.maps import load_depth, save_depth
from triptych.formats.numpy_maps import depth_of_stack, load_npy_depth, load_npz_depth, npy_axes, open_depth_stack

SPECIAL = np.array([[np.nan, np.inf, -np.inf], [0.0, -1.5, 80.25]], np.float32)


def test_values_without_a_number_survive_npy_and_npz(tmp_path: Path) -> None:
    np.save(tmp_path / "d.npy", SPECIAL)
    np.savez(tmp_path / "d.npz", depth=SPECIAL)
    assert load_npy_depth(tmp_path / "d.npy").numpy().tobytes() == SPECIAL.tobytes()
    assert load_npz_depth(tmp_path / "d.npz").numpy().tobytes() == SPECIAL.tobytes()


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", ">f4", ">f8"])
def test_floats_of_any_width_and_order_become_float32(tmp_path: Path, kind: str) -> None:
    np.save(tmp_path / "d.npy", np.asfortranarray(np.array([[1.5, 2.0], [3.25, 4.0]], kind)))
    depth = load_npy_depth(tmp_path / "d.npy")
    assert depth.dtype == torch.float32
    assert depth.tolist() == [[1.5, 2.0], [3.25, 4.0]]


def test_what_float32_cannot_hold_becomes_infinite(tmp_path: Path) -> None:
    np.save(tmp_path / "d.npy", np.array([[1e300, -1e300]]))
    assert load_npy_depth(tmp_path / "d.npy").tolist() == [[float("inf"), -float("inf")]]


def test_an_npz_gives_depth_or_the_only_array_that_it_has(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", other=np.zeros((2, 2)), depth=np.ones((2, 2)))
    np.savez(tmp_path / "b.npz", np.full((2, 2), 7.0))
    save_depth(tmp_path / "c.npz", torch.full((2, 2), 3.0))
    assert load_npz_depth(tmp_path / "a.npz").unique().tolist() == [1.0]
    assert load_npz_depth(tmp_path / "b.npz").unique().tolist() == [7.0]
    assert load_npz_depth(tmp_path / "c.npz").unique().tolist() == [3.0]


def test_an_npz_of_several_arrays_without_depth_is_refused_with_their_names(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", left=np.ones((2, 2)), right=np.ones((2, 2)))
    with pytest.raises(InputError, match=r"d\.npz: an array `depth` is needed, .* it holds left, right"):
        load_npz_depth(tmp_path / "d.npz")


@pytest.mark.parametrize("array", [np.ones(3), np.ones((2, 2, 2)), np.ones((2, 2), int), np.ones((2, 2), bool)])
def test_what_is_no_map_of_floats_is_refused(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "d.npy", array)
    np.savez(tmp_path / "d.npz", depth=array)
    with pytest.raises(InputError, match=r"d\.npy: depth must be floats of shape \(H, W\)"):
        load_npy_depth(tmp_path / "d.npy")
    with pytest.raises(InputError, match=r"d\.npz, array depth: depth must be floats of shape \(H, W\)"):
        load_npz_depth(tmp_path / "d.npz")


def test_a_stack_gives_each_of_its_maps(tmp_path: Path) -> None:
    stack = np.arange(24.0, dtype=np.float32).reshape(2, 3, 4)
    np.save(tmp_path / "s.npy", stack)
    opened = open_depth_stack(tmp_path / "s.npy")
    assert isinstance(opened, np.memmap)
    assert npy_axes(tmp_path / "s.npy") == 3
    assert np.array_equal(depth_of_stack(opened, 1).numpy(), stack[1])


def test_a_single_map_is_no_stack(tmp_path: Path) -> None:
    np.save(tmp_path / "s.npy", np.ones((3, 4)))
    with pytest.raises(InputError, match=r"s\.npy: a stack must be floats of shape \(N, H, W\)"):
        open_depth_stack(tmp_path / "s.npy")


@pytest.mark.parametrize("load", [load_npy_depth, load_npz_depth, open_depth_stack])
@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK\x03\x04", b"not a map at all" * 100])
def test_a_file_of_something_else_is_refused_by_its_path(tmp_path: Path, load, content: bytes) -> None:
    (tmp_path / "bad.npy").write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.npy"):
        load(tmp_path / "bad.npy")
    with pytest.raises(InputError, match="No such file"):
        load(tmp_path / "missing")


@pytest.mark.parametrize("load", [load_npz_depth, load_depth])
def test_an_archive_with_any_byte_of_its_directory_changed_is_refused_or_read(tmp_path: Path, load: Any) -> None:
    path = tmp_path / "d.npz"
    save_depth(path, torch.ones(2, 3))
    content = path.read_bytes()
    refused = 0
    for place in range(content.find(b"PK\x01\x02"), len(content)):
        for flipped in (1, 0x80):
            path.write_bytes(content[:place] + bytes([content[place] ^ flipped]) + content[place + 1 :])
            try:
                load(path)
            except InputError:
                refused += 1
    assert refused > 20


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    objects = np.array([{"a": 1}], dtype=object)
    np.save(tmp_path / "d.npy", objects)
    stream = io.BytesIO()
    np.savez(stream, depth=objects)
    (tmp_path / "d.npz").write_bytes(stream.getvalue())
    for load, name in ((load_npy_depth, "d.npy"), (load_npz_depth, "d.npz")):
        with pytest.raises(InputError, match=name):
            load(tmp_path / name)


def test_a_cut_array_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "d.npy", np.ones((20, 30)))
    (tmp_path / "bad.npy").write_bytes((tmp_path / "d.npy").read_bytes()[:-1])
    with pytest.raises(InputError, match=r"bad\.npy is not a \.npy file of numbers, or is damaged"):
        load_npy_depth(tmp_path / "bad.npy")


def test_an_npz_named_npy_is_refused(tmp_path: Path) -> None:
    save_depth(tmp_path / "d.npz", torch.ones(2, 2))
    (tmp_path / "d.npz").rename(tmp_path / "d.npy")
    with pytest.raises(InputError, match=r"d\.npy is not a \.npy file"):
        load_npy_depth(tmp_path / "d.npy")
