"""Sintel's depth and flow read back as they were written, and as its own tools lay them out."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.errors import InputError
from triptych.formats.maps import UNKNOWN_FLOW, load_flo
from triptych.formats.sintel import load_dpt, save_dpt


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), height=st.integers(1, 5), width=st.integers(1, 7))
def test_depth_survives_the_dpt_bit_by_bit(
    tmp_path_factory: pytest.TempPathFactory, seed: int, height: int, width: int
) -> None:
    path = tmp_path_factory.mktemp("sintel") / "frame_0001.dpt"
    depth = torch.rand((height, width), generator=torch.Generator().manual_seed(seed)) * 1e4
    save_dpt(path, depth)
    assert torch.equal(load_dpt(path), depth)


def test_not_a_number_and_infinities_survive_the_dpt(tmp_path: Path) -> None:
    depth = torch.tensor([[float("nan"), float("inf"), -0.0]])
    save_dpt(tmp_path / "d.dpt", depth)
    assert load_dpt(tmp_path / "d.dpt").numpy().tobytes() == depth.numpy().tobytes()


def test_a_dpt_is_the_tag_the_width_the_height_and_rows_of_floats(tmp_path: Path) -> None:
    content = np.float32(202021.25).tobytes() + np.array([3, 2], "<i4").tobytes()
    content += np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.5], "<f4").tobytes()
    (tmp_path / "d.dpt").write_bytes(content)
    depth = load_dpt(tmp_path / "d.dpt")
    assert depth.tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.5]]
    save_dpt(tmp_path / "again.dpt", depth)
    assert (tmp_path / "again.dpt").read_bytes() == content


def test_a_column_of_another_map_is_written_in_its_own_order(tmp_path: Path) -> None:
    depth = torch.arange(6.0).reshape(2, 3)
    save_dpt(tmp_path / "d.dpt", depth.T)
    assert load_dpt(tmp_path / "d.dpt").tolist() == [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]


def test_a_dpt_of_the_wrong_length_or_tag_is_refused_by_name(tmp_path: Path) -> None:
    save_dpt(tmp_path / "d.dpt", torch.ones(4, 5))
    content = (tmp_path / "d.dpt").read_bytes()
    sizes = [np.array(size, "<i4").tobytes() for size in ([-5, -4], [0, 0], [2**31 - 1, 2**31 - 1])]
    cases = [content[:-1], content + b"\0", b"", content[:8], b"HEIP" + content[4:]]
    for bad in (*cases, *(content[:4] + size + content[12:] for size in sizes)):
        (tmp_path / "bad.dpt").write_bytes(bad)
        with pytest.raises(InputError, match=r"bad\.dpt"):
            load_dpt(tmp_path / "bad.dpt")


def test_a_missing_dpt_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        load_dpt(tmp_path / "missing.dpt")
    with pytest.raises(InputError, match="directory"):
        load_dpt(tmp_path)


def test_the_flow_of_sintel_is_that_of_middlebury(tmp_path: Path) -> None:
    # Sintel's own script writes the tag as characters, then width, height, and u and v in turn.
    content = b"PIEH" + np.array([2, 1], "<i4").tobytes() + np.array([1.5, -2.0, 2e9, 2e9], "<f4").tobytes()
    (tmp_path / "f.flo").write_bytes(content)
    flow = load_flo(tmp_path / "f.flo")
    assert flow[:, 0, 0].tolist() == [1.5, -2.0]
    assert (flow[:, 0, 1] > UNKNOWN_FLOW).all()
