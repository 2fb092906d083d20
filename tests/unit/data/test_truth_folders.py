"""Maps in plain folders, in every format that they may have."""

from pathlib import Path

import numpy as np
import pytest
import torch

from triptych.data.truth.folders import depth_maps, flow_maps
from triptych.data.truth.source import TruthSource
from triptych.errors import InputError
from triptych.formats.maps import save_depth, save_depth_png, save_flo, save_kitti_flow
from triptych.formats.sintel import save_dpt
from triptych.types import DepthTruth

DEPTH = torch.tensor([[1.5, 2.0, 0.0], [80.0, 0.25, 3.0]])


def test_depth_of_every_format_is_named_by_its_path_without_suffix(tmp_path: Path) -> None:
    save_depth(tmp_path / "b.npz", DEPTH)
    (tmp_path / "alley_1").mkdir()
    save_dpt(tmp_path / "alley_1" / "frame_0001.dpt", DEPTH + 1)
    np.save(tmp_path / "a.1.npy", (DEPTH + 2).double().numpy())
    save_depth_png(tmp_path / "c.png", DEPTH)
    (tmp_path / "notes.txt").write_text("no map")
    source = depth_maps(tmp_path)
    assert source.names == ("a.1", "alley_1/frame_0001", "b", "c")
    first, nested, second, third = (truth.depth_m for truth in source)
    assert torch.equal(first, DEPTH + 2)
    assert torch.equal(nested, DEPTH + 1)
    assert torch.equal(second, DEPTH)
    assert torch.equal(third, DEPTH)


def test_a_png_is_read_at_the_scale_that_is_given(tmp_path: Path) -> None:
    save_depth_png(tmp_path / "c.png", DEPTH, scale=100.0)
    assert torch.allclose(depth_maps(tmp_path, png_scale=100.0).load(0).depth_m, DEPTH)
    assert torch.allclose(depth_maps(tmp_path).load(0).depth_m, DEPTH * 100 / 256)


def test_values_without_a_number_are_left_to_the_caller(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([[np.nan, np.inf, -1.0]], np.float32))
    assert str(depth_maps(tmp_path).load(0).depth_m.tolist()) == "[[nan, inf, -1.0]]"


def test_of_several_formats_the_one_that_keeps_most_counts(tmp_path: Path) -> None:
    save_depth(tmp_path / "a.npz", DEPTH)
    (tmp_path / "a.png").write_bytes(b"a preview of 8 bits")
    assert torch.equal(depth_maps(tmp_path).load(0).depth_m, DEPTH)
    flow = torch.full((2, 2, 3), 0.3)
    save_flo(tmp_path / "f.flo", flow)
    save_kitti_flow(tmp_path / "f.png", flow, torch.ones((2, 3), dtype=torch.bool))
    (tmp_path / "a.png").unlink()
    assert torch.equal(flow_maps(tmp_path).load(0).flow, flow)


def test_half_written_and_hidden_files_are_passed_over(tmp_path: Path) -> None:
    save_depth(tmp_path / "a.npz", DEPTH)
    save_depth(tmp_path / ".partial-1234-b.npz", DEPTH)
    save_depth(tmp_path / ".cache" / "c.npz", DEPTH)
    assert depth_maps(tmp_path).names == ("a",)


def test_a_stack_gives_each_map_by_its_number(tmp_path: Path) -> None:
    stack = np.arange(24.0, dtype=np.float32).reshape(2, 3, 4)
    np.save(tmp_path / "all.npy", stack)
    source = depth_maps(tmp_path / "all.npy")
    assert source.names == ("000000", "000001")
    for index, truth in enumerate(source):
        assert np.array_equal(truth.depth_m.numpy(), stack[index])
        assert truth.name == source.names[index]
    assert source.position("000001") == 1


def test_one_file_is_one_map_named_by_its_stem(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", DEPTH.numpy())
    save_depth(tmp_path / "b.npz", DEPTH)
    save_flo(tmp_path / "c.flo", torch.ones(2, 2, 3))
    assert depth_maps(tmp_path / "a.npy").names == ("a",)
    assert torch.equal(depth_maps(tmp_path / "a.npy").load(0).depth_m, DEPTH)
    assert depth_maps(tmp_path / "b.npz").names == ("b",)
    assert flow_maps(tmp_path / "c.flo").names == ("c",)


def test_flow_that_middlebury_marks_or_that_is_no_number_is_unknown_and_zero(tmp_path: Path) -> None:
    flow = torch.tensor([[[1.0, 2e9, float("nan"), 1e9]], [[-2.0, 0.0, 0.0, 0.0]]])
    save_flo(tmp_path / "f.flo", flow)
    truth = flow_maps(tmp_path).load(0)
    assert truth.valid.tolist() == [[True, False, False, True]]
    assert truth.flow.tolist() == [[[1.0, 0.0, 0.0, 1e9]], [[-2.0, 0.0, 0.0, 0.0]]]
    assert (truth.visible, truth.moving, truth.images) == (None, None, None)


def test_kitti_flow_brings_its_own_validity(tmp_path: Path) -> None:
    valid = torch.tensor([[True, False, True]])
    save_kitti_flow(tmp_path / "f.png", torch.full((2, 1, 3), 2.0), valid)
    truth = flow_maps(tmp_path).load(0)
    assert torch.equal(truth.valid, valid)
    assert truth.flow[0].tolist() == [[2.0, 0.0, 2.0]]


@pytest.mark.parametrize("read", [depth_maps, flow_maps])
def test_a_place_without_maps_is_refused_with_the_formats_that_would_do(tmp_path: Path, read) -> None:
    (tmp_path / "notes.txt").write_text("no map")
    with pytest.raises(InputError, match=r"holds no (depth|flow) file \(\.(npz|flo),"):
        read(tmp_path)
    with pytest.raises(InputError, match=r"missing: no such folder"):
        read(tmp_path / "missing")
    with pytest.raises(InputError, match=r"notes\.txt: is no (depth|flow) file"):
        read(tmp_path / "notes.txt")


def test_a_damaged_file_is_named_when_it_is_read(tmp_path: Path) -> None:
    save_depth(tmp_path / "a.npz", DEPTH)
    (tmp_path / "b.npz").write_bytes(b"broken")
    source = depth_maps(tmp_path)
    assert source.load(0).name == "a"
    with pytest.raises(InputError, match=r"b\.npz is not an \.npz file"):
        source.load(1)


def test_a_source_knows_its_names_and_their_places(tmp_path: Path) -> None:
    for number in range(3):
        save_depth(tmp_path / f"{number}.npz", DEPTH + number)
    source = depth_maps(tmp_path)
    assert len(source) == 3
    assert torch.equal(source.load(-1).depth_m, DEPTH + 2)
    with pytest.raises(IndexError):
        source.load(3)
    with pytest.raises(InputError, match="has no 7; it has 3, from 0 on"):
        source.position("7")


def test_a_source_of_nothing_or_of_one_name_twice_is_refused(tmp_path: Path) -> None:
    def read(index: int) -> DepthTruth:
        raise AssertionError(index)

    with pytest.raises(InputError, match="holds no truth"):
        TruthSource(names=(), read=read, place=tmp_path)
    with pytest.raises(InputError, match="a comes twice"):
        TruthSource(names=("a", "b", "a"), read=read, place=tmp_path)
