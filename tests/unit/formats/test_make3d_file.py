"""Make3D's Matlab files as SciPy writes them, whole and damaged."""

import io
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

from triptych.errors import InputError
from triptych.formats.make3d import load_make3d_depth, make3d_name
from triptych.formats.matlab import matlab_array

NAME = "depth_sph_corr-060705-17.10.14-p-049t000.mat"


def grid(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.5, 81.0, (55, 305, 4))


def matlab_file(path: Path, variables: dict[str, Any], *, packed: bool = False) -> Path:
    scipy.io.savemat(path, variables, do_compression=packed)
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_depth_is_the_last_channel_of_the_grid(tmp_path: Path, packed: bool) -> None:
    values = grid()
    depth = load_make3d_depth(matlab_file(tmp_path / NAME, {"Position3DGrid": values}, packed=packed))
    assert tuple(depth.shape) == (55, 305)
    assert np.array_equal(depth.numpy(), values[:, :, 3].astype(np.float32))


def test_the_name_of_the_image_is_that_of_the_file_without_what_all_share() -> None:
    assert make3d_name(f"Gridlaserdata/{NAME}") == "060705-17.10.14-p-049t000"


@pytest.mark.parametrize("packed", [False, True])
def test_the_grid_is_found_among_other_variables(tmp_path: Path, packed: bool) -> None:
    others = {"a": "text", "b": {"c": 1.0}, "Position3DGrid": grid(), "z": np.eye(3)}
    depth = load_make3d_depth(matlab_file(tmp_path / NAME, others, packed=packed))
    assert np.array_equal(depth.numpy(), grid()[:, :, 3].astype(np.float32))


@pytest.mark.parametrize("kind", ["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("shape", [(2, 3, 4), (1, 1), (5, 1), (3, 0)])
def test_numbers_of_every_kind_are_read_as_scipy_reads_them(
    tmp_path: Path, kind: str, packed: bool, shape: tuple[int, ...]
) -> None:
    values = np.random.default_rng(1).integers(0, 100, shape).astype(kind)
    path = matlab_file(tmp_path / "a.mat", {"first": np.eye(2), "x": values}, packed=packed)
    found = matlab_array(path.read_bytes(), "x")
    assert found is not None
    assert found.dtype == values.dtype
    assert np.array_equal(found, scipy.io.loadmat(path)["x"])


def test_big_endian_files_are_read_too() -> None:
    # Header and one matrix by hand: double, 2 x 1, named x, with 1.0 and 256.0.
    body = np.array([6, 8, 6, 0, 5, 8, 2, 1], ">u4").tobytes()
    body += np.array([(1 << 16) | 1], ">u4").tobytes() + b"x\0\0\0"
    body += np.array([9, 16], ">u4").tobytes() + np.array([1.0, 256.0], ">f8").tobytes()
    content = b" " * 124 + b"\x01\x00MI" + np.array([14, len(body)], ">u4").tobytes() + body
    found = matlab_array(content, "x")
    assert found is not None
    assert found.tolist() == [[1.0], [256.0]]


def test_what_is_no_array_of_real_numbers_is_refused(tmp_path: Path) -> None:
    for value in ("text", {"a": 1.0}, np.eye(2) * 1j, np.array([[1, "a"]], dtype=object)):
        path = matlab_file(tmp_path / "a.mat", {"Position3DGrid": value})
        with pytest.raises(InputError, match=r"a\.mat"):
            load_make3d_depth(path)


@pytest.mark.parametrize("values", [np.ones((55, 305)), np.ones((55, 305, 3))])
def test_a_grid_of_another_shape_is_refused_with_what_was_found(tmp_path: Path, values: np.ndarray) -> None:
    path = matlab_file(tmp_path / NAME, {"Position3DGrid": values})
    with pytest.raises(InputError, match=r"\(rows, columns, 4\) is needed, found \(55, 305"):
        load_make3d_depth(path)
    with pytest.raises(InputError, match="found none"):
        load_make3d_depth(matlab_file(tmp_path / NAME, {"depth": values}))


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_cut_anywhere_is_refused_with_its_name_in_one_line(tmp_path: Path, packed: bool) -> None:
    content = matlab_file(tmp_path / "whole.mat", {"Position3DGrid": grid()}, packed=packed).read_bytes()
    generator = random.Random(0)
    for length in (0, 1, 127, 128, 132, len(content) - 1, *(generator.randrange(len(content)) for _ in range(30))):
        (tmp_path / NAME).write_bytes(content[:length])
        with pytest.raises(InputError) as caught:
            load_make3d_depth(tmp_path / NAME)
        assert NAME in str(caught.value)
        assert "leave 060705-17.10.14-p-049t000 out" in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("packed", [False, True])
def test_damaged_bytes_end_in_a_refusal_or_a_map_and_never_in_another_error(tmp_path: Path, packed: bool) -> None:
    # SciPy's own reader crashed the interpreter on some of these.
    stream = io.BytesIO()
    scipy.io.savemat(stream, {"Position3DGrid": grid()[:5, :6]}, do_compression=packed)
    generator, refused = random.Random(1), 0
    for _ in range(400):
        content = bytearray(stream.getvalue())
        for _ in range(3):
            content[generator.randrange(124, 220)] = generator.choice([0, 255, generator.randrange(16)])
        (tmp_path / NAME).write_bytes(content)
        try:
            load_make3d_depth(tmp_path / NAME)
        except InputError:
            refused += 1
    assert refused > 200


def test_a_grid_whose_sizes_do_not_fit_its_numbers_is_refused(tmp_path: Path) -> None:
    content = matlab_file(tmp_path / NAME, {"Position3DGrid": grid()}).read_bytes()
    sizes = np.array([55, 305, 4], "<i4").tobytes()
    assert content.count(sizes) == 1
    (tmp_path / NAME).write_bytes(content.replace(sizes, np.array([55, 304, 4], "<i4").tobytes()))
    with pytest.raises(InputError, match="is damaged"):
        load_make3d_depth(tmp_path / NAME)


def test_packed_data_without_their_checksum_are_refused(tmp_path: Path) -> None:
    content = matlab_file(tmp_path / NAME, {"Position3DGrid": grid()}, packed=True).read_bytes()
    kind, size = np.frombuffer(content[128:136], "<u4").tolist()
    assert (kind, size) == (15, len(content) - 136)
    (tmp_path / NAME).write_bytes(content[:132] + np.array([size - 4], "<u4").tobytes() + content[136:-4])
    with pytest.raises(InputError, match="packed data are cut off"):
        load_make3d_depth(tmp_path / NAME)


def test_a_missing_file_and_another_kind_of_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        load_make3d_depth(tmp_path / NAME)
    (tmp_path / NAME).write_bytes(b"not a map at all" * 100)
    with pytest.raises(InputError, match="not a Matlab file of version 5 to 7"):
        load_make3d_depth(tmp_path / NAME)
