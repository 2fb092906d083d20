"""Which flow truth lies in a folder, and what it may be called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from triptych.errors import InputError
from triptych.evaluation.flow_truth import flow_truth, object_truth, split_name
from triptych.formats.maps import save_flo, save_kitti_flow, save_mask


def benchmark(folder: Path, names: list[str], *, size: tuple[int, int] = (375, 1242)) -> Path:
    valid = torch.zeros(size, dtype=torch.bool)
    valid[0, 0] = True
    for name in names:
        for part in ("flow_occ", "flow_noc"):
            save_kitti_flow(folder / part / f"{name}.png", torch.zeros(2, *size), valid)
    return folder


def test_a_part_of_the_benchmark_is_called_a_part(tmp_path: Path) -> None:
    folder = benchmark(tmp_path / "training", ["000003_10", "000199_10"])
    assert flow_truth(folder, "kitti2015")[1] == "kitti2015, 2 of 200 pairs"
    assert flow_truth(tmp_path, "kitti2015")[1] == "kitti2015, 2 of 200 pairs"


@pytest.mark.parametrize(("name", "size"), [("000200_10", (375, 1242)), ("000003_10", (128, 384))])
def test_a_world_in_the_same_layout_is_called_after_its_folder(
    tmp_path: Path, name: str, size: tuple[int, int]
) -> None:
    world = tmp_path / "world"
    benchmark(world / "training", [name], size=size)
    assert flow_truth(world / "training", "kitti2015")[1] == "world"


def test_the_two_benchmarks_are_not_taken_for_each_other(tmp_path: Path) -> None:
    folder = benchmark(tmp_path, ["000003_10"])
    (folder / "colored_0").mkdir()
    assert flow_truth(folder, "kitti2012")[1] == "kitti2012, 1 of 194 pairs"
    with pytest.raises(InputError, match="layout of kitti2012, not of kitti2015"):
        flow_truth(folder, "kitti2015")


def test_plain_flow_and_missing_folders(tmp_path: Path) -> None:
    save_flo(tmp_path / "maps" / "a.flo", torch.ones(2, 3, 4))
    source, split = flow_truth(tmp_path / "maps", "plain")
    assert (source.names, split) == (("a",), "maps")
    with pytest.raises(InputError, match="does not exist"):
        flow_truth(tmp_path / "nowhere", "plain")


def test_object_maps_alone_tell_what_moves(tmp_path: Path) -> None:
    moving = torch.from_numpy(np.eye(4, 5) > 0)
    save_mask(tmp_path / "training" / "obj_map" / "000003_10.png", moving)
    source = object_truth(tmp_path)
    assert source is not None
    truth = source.load(0)
    assert truth.moving is not None
    assert torch.equal(truth.moving, moving)
    assert truth.visible is None
    assert split_name(source, tmp_path) == tmp_path.name
    benchmark(tmp_path / "training", ["000003_10"], size=(4, 5))
    assert object_truth(tmp_path) is None
    assert object_truth(tmp_path / "nowhere") is None
