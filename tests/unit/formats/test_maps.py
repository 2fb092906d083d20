"""Maps read back as they were written, and as others wrote them."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from triptych.errors import InputError
from triptych.formats.maps import (
    UNKNOWN_FLOW,
    load_depth,
    load_depth_png,
    load_flo,
    load_kitti_flow,
    load_mask,
    load_visibility,
    save_depth,
    save_depth_png,
    save_flo,
    save_kitti_flow,
    save_mask,
    save_visibility,
)

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "flow"
needs_data = pytest.mark.skipif(not REAL.is_dir(), reason="no real data beside the checkout")


def test_depth_survives_the_npz_bit_by_bit_infinities_included(tmp_path: Path) -> None:
    depth = torch.tensor([[0.1, 1e-30, float("inf")], [float("nan"), -0.0, 3e38]])
    save_depth(tmp_path / "d.npz", depth)
    loaded = load_depth(tmp_path / "d.npz")
    assert loaded.numpy().tobytes() == depth.numpy().tobytes()


def test_depth_png_holds_256_steps_a_meter_and_zero_for_invalid(tmp_path: Path) -> None:
    depth = torch.tensor([[1.0, 2.5, 0.0, -3.0, float("nan"), float("inf"), 1e-4, 300.0]])
    save_depth_png(tmp_path / "d.png", depth)
    stored = np.asarray(Image.open(tmp_path / "d.png"))
    assert stored.tolist() == [[256, 640, 0, 0, 0, 0, 1, 65535]]
    expected = [[1.0, 2.5, 0.0, 0.0, 0.0, 0.0, 1 / 256, 65535 / 256]]
    assert load_depth_png(tmp_path / "d.png").tolist() == expected


def test_depth_png_rounds_to_the_nearest_step_of_its_scale(tmp_path: Path) -> None:
    depth = torch.tensor([[0.0149, 0.0151]])
    save_depth_png(tmp_path / "d.png", depth, scale=100.0)
    assert torch.equal(load_depth_png(tmp_path / "d.png", scale=100.0), torch.tensor([[1.0, 2.0]]) / 100)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), height=st.integers(1, 5), width=st.integers(1, 7))
def test_kitti_flow_of_64ths_is_exact(
    tmp_path_factory: pytest.TempPathFactory, seed: int, height: int, width: int
) -> None:
    path = tmp_path_factory.mktemp("flow") / "f.png"
    generator = torch.Generator().manual_seed(seed)
    flow = torch.randint(-32768, 32768, (2, height, width), generator=generator) / 64
    valid = torch.rand((height, width), generator=generator) > 0.3
    save_kitti_flow(path, flow, valid)
    loaded, loaded_valid = load_kitti_flow(path)
    assert torch.equal(loaded_valid, valid)
    assert torch.equal(loaded, flow * valid)


def test_kitti_flow_is_red_x_green_y_blue_valid(tmp_path: Path) -> None:
    flow = torch.tensor([[[1.0, 0.0]], [[-2.0, 0.0]]])
    save_kitti_flow(tmp_path / "f.png", flow, torch.tensor([[True, False]]))
    blue, green, red = cv2.imread(str(tmp_path / "f.png"), cv2.IMREAD_UNCHANGED).transpose(2, 0, 1)
    assert red.tolist() == [[32768 + 64, 0]]
    assert green.tolist() == [[32768 - 128, 0]]
    assert blue.tolist() == [[1, 0]]


def test_kitti_flow_beyond_the_format_becomes_invalid(tmp_path: Path) -> None:
    x = torch.tensor([[-512.0, -512.02, 511.984375, 512.0, float("nan"), float("inf")]])
    save_kitti_flow(tmp_path / "f.png", torch.stack((x, torch.zeros_like(x))), torch.ones_like(x) > 0)
    flow, valid = load_kitti_flow(tmp_path / "f.png")
    assert valid.tolist() == [[True, False, True, False, False, False]]
    assert flow[0].tolist() == [[-512.0, 0.0, 511.984375, 0.0, 0.0, 0.0]]


def test_kitti_flow_rounds_instead_of_cutting(tmp_path: Path) -> None:
    flow = torch.full((2, 1, 1), 0.99 / 64)
    save_kitti_flow(tmp_path / "f.png", flow, torch.ones((1, 1), dtype=torch.bool))
    assert load_kitti_flow(tmp_path / "f.png")[0].unique().tolist() == [1 / 64]


def test_flo_is_the_magic_the_size_and_interleaved_floats(tmp_path: Path) -> None:
    flow = torch.arange(12.0).reshape(2, 2, 3) + 0.1
    save_flo(tmp_path / "f.flo", flow)
    content = (tmp_path / "f.flo").read_bytes()
    assert content[:4] == np.float32(202021.25).tobytes()
    assert np.frombuffer(content[4:12], "<i4").tolist() == [3, 2]
    assert np.frombuffer(content[12:20], "<f4").tolist() == flow[:, 0, 0].tolist()
    assert torch.equal(load_flo(tmp_path / "f.flo"), flow)


def test_masks_are_black_and_white_and_read_back(tmp_path: Path) -> None:
    mask = torch.tensor([[True, False, True]])
    save_mask(tmp_path / "m.png", mask)
    assert np.asarray(Image.open(tmp_path / "m.png")).tolist() == [[255, 0, 255]]
    assert torch.equal(load_mask(tmp_path / "m.png"), mask)


def test_visibility_is_kept_to_half_a_step_and_clipped(tmp_path: Path) -> None:
    visibility = torch.tensor([[0.0, 0.3, 1.0, -1.0, 2.0, float("nan")]])
    save_visibility(tmp_path / "v.png", visibility)
    loaded = load_visibility(tmp_path / "v.png")
    assert (loaded[:, :3] - visibility[:, :3]).abs().max() <= 0.5 / 255 + 1e-7
    assert loaded[0, 3:].tolist() == [0.0, 1.0, 0.0]


LOADERS: list[Callable[[Path], Any]] = [
    load_depth,
    load_depth_png,
    load_kitti_flow,
    load_flo,
    load_mask,
    load_visibility,
]


@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize("content", [b"", b"PIEH", b"not a map at all" * 100, b"\x89PNG\r\n\x1a\n"])
def test_a_file_of_something_else_is_refused_by_its_path(
    tmp_path: Path, load: Callable[[Path], Any], content: bytes
) -> None:
    path = tmp_path / "bad.bin"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.bin"):
        load(path)


@pytest.mark.parametrize("load", LOADERS)
def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path, load: Callable[[Path], Any]) -> None:
    with pytest.raises(InputError, match="No such file"):
        load(tmp_path / "missing")
    with pytest.raises(InputError, match="directory"):
        load(tmp_path)


def damaged(content: bytes) -> list[bytes]:
    """The content cut at half, and with one byte of its middle changed."""
    middle = len(content) // 2
    return [content[:middle], content[:middle] + bytes([content[middle] ^ 0x55]) + content[middle + 1 :]]


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    flow = torch.randn((2, 20, 30), generator=generator)
    save_kitti_flow(tmp_path / "f", flow, flow[0] > 0)
    save_depth(tmp_path / "d", flow[0])
    cases: list[tuple[str, Callable[[Path], Any]]] = [("f", load_kitti_flow), ("d", load_depth)]
    for name, load in cases:
        for content in damaged((tmp_path / name).read_bytes()):
            (tmp_path / "bad").write_bytes(content)
            with pytest.raises(InputError, match="bad"):
                load(tmp_path / "bad")


def test_a_flo_of_the_wrong_length_is_refused(tmp_path: Path) -> None:
    save_flo(tmp_path / "f.flo", torch.zeros(2, 4, 5))
    content = (tmp_path / "f.flo").read_bytes()
    for bad in (
        content[:-1],
        content + b"\0",
        content[:4] + np.array([-5, -4], "<i4").tobytes() + content[12:],
    ):
        (tmp_path / "bad.flo").write_bytes(bad)
        with pytest.raises(InputError, match="damaged"):
            load_flo(tmp_path / "bad.flo")


def test_the_wrong_kind_of_png_is_refused_by_bits_and_channels(tmp_path: Path) -> None:
    save_mask(tmp_path / "m.png", torch.ones((2, 3), dtype=torch.bool))
    with pytest.raises(InputError, match=r"1 x 16 bits is needed, found 1 x 8 bits"):
        load_depth_png(tmp_path / "m.png")
    Image.new("RGB", (3, 2)).save(tmp_path / "rgb.png")
    with pytest.raises(InputError, match=r"3 x 16 bits is needed, found 3 x 8 bits"):
        load_kitti_flow(tmp_path / "rgb.png")


@pytest.mark.parametrize("arrays", [{"other": np.ones((2, 2))}, {"depth": np.ones(3)}, {"depth": np.ones((2, 2), int)}])
def test_an_npz_without_a_depth_map_is_refused(tmp_path: Path, arrays: dict[str, Any]) -> None:
    np.savez(tmp_path / "d.npz", **arrays)
    with pytest.raises(InputError, match=r"d\.npz"):
        load_depth(tmp_path / "d.npz")


def test_an_npz_that_hides_a_pickle_is_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.savez(stream, depth=np.array([{"a": 1}], dtype=object))
    (tmp_path / "d.npz").write_bytes(stream.getvalue())
    with pytest.raises(InputError, match="not a depth file"):
        load_depth(tmp_path / "d.npz")


def end_point_error(estimate: Tensor, truth: Tensor) -> Tensor:
    return (estimate - truth).norm(dim=0)


@pytest.mark.real
@needs_data
def test_the_devkit_example_scores_what_the_devkit_says() -> None:
    truth, valid = load_kitti_flow(REAL / "kitti2015_devkit_demo" / "flow_gt.png")
    estimate, _ = load_kitti_flow(REAL / "kitti2015_devkit_demo" / "flow_est.png")
    error = end_point_error(estimate, truth)[valid]
    outlier = (error > 3) & (error > 0.05 * truth.norm(dim=0)[valid])
    assert error.mean().item() == pytest.approx(12.2007, abs=5e-5)
    assert 100 * outlier.double().mean().item() == pytest.approx(20.6879, abs=5e-5)


@pytest.mark.real
@needs_data
def test_the_kitti_2012_pair_scores_what_its_tool_says() -> None:
    truth, valid = load_kitti_flow(REAL / "kitti2012" / "flow_noc" / "000157_10.png")
    estimate, _ = load_kitti_flow(REAL / "kitti2012" / "predictions" / "LKflow_000157_10.png")
    error = end_point_error(estimate, truth)[valid]
    assert error.mean().item() == pytest.approx(2.7504, abs=5e-5)
    assert 100 * (error > 3).double().mean().item() == pytest.approx(34.05, abs=5e-3)


@pytest.mark.real
@needs_data
def test_real_flow_files_are_rewritten_without_change(tmp_path: Path) -> None:
    flow, valid = load_kitti_flow(REAL / "kitti2012" / "flow_occ" / "000157_10.png")
    save_kitti_flow(tmp_path / "f.png", flow, valid)
    again, valid_again = load_kitti_flow(tmp_path / "f.png")
    assert torch.equal(again, flow)
    assert torch.equal(valid_again, valid)
    rubber = REAL / "middlebury_RubberWhale" / "flow10.flo"
    save_flo(tmp_path / "f.flo", load_flo(rubber))
    assert (tmp_path / "f.flo").read_bytes() == rubber.read_bytes()
    known = (load_flo(rubber).abs() < UNKNOWN_FLOW).all(dim=0)
    assert 0.9 < known.double().mean().item() < 1.0
