"""Depth truth of a small Make3D folder of the exact layout."""

from pathlib import Path

import numpy as np
import pytest
import scipy.io

from triptych.data.truth.make3d import make3d_truth
from triptych.errors import InputError

NAMES = ("060705-17.10.14-p-049t000", "math10-p-077t000", "op1-p-282t000")


@pytest.fixture
def make3d(tmp_path: Path) -> Path:
    """Three images, whose depth is 1, 2 and 3 m."""
    (tmp_path / "Gridlaserdata").mkdir()
    for number, name in enumerate(NAMES, start=1):
        grid = np.full((55, 305, 4), 99.0)
        grid[:, :, 3] = number
        scipy.io.savemat(tmp_path / "Gridlaserdata" / f"depth_sph_corr-{name}.mat", {"Position3DGrid": grid})
    return tmp_path


def test_every_image_has_a_grid_of_55_by_305(make3d: Path) -> None:
    source = make3d_truth(make3d)
    assert source.names == NAMES
    for number, truth in enumerate(source, start=1):
        assert tuple(truth.depth_m.shape) == (55, 305)
        assert truth.depth_m.unique().tolist() == [number]
        assert truth.file.name == f"depth_sph_corr-{truth.name}.mat"


@pytest.mark.parametrize("folder", [".", "Test134Depth"])
def test_the_files_are_found_however_the_archive_was_unpacked(make3d: Path, folder: str) -> None:
    place = make3d / "moved" / folder
    place.parent.mkdir(parents=True, exist_ok=True)
    (make3d / "Gridlaserdata").rename(place if folder != "." else make3d / "moved2")
    assert len(make3d_truth(make3d / "moved" if folder != "." else make3d / "moved2")) == 3


def test_a_list_of_names_sets_the_order_and_must_be_there(make3d: Path) -> None:
    assert make3d_truth(make3d, names=NAMES[::-1]).names == NAMES[::-1]
    with pytest.raises(InputError, match="lacks 1 of 4 images asked for, the first is op9-p-000t000"):
        make3d_truth(make3d, names=(*NAMES, "op9-p-000t000"))


def test_a_damaged_file_is_named_when_it_is_read_and_can_be_left_out(make3d: Path) -> None:
    file = make3d / "Gridlaserdata" / f"depth_sph_corr-{NAMES[2]}.mat"
    file.write_bytes(file.read_bytes()[:5000])
    source = make3d_truth(make3d)
    assert source.load(1).name == NAMES[1]
    with pytest.raises(InputError, match=rf"{NAMES[2]}\.mat is damaged.*leave {NAMES[2]} out"):
        source.load(2)
    assert [truth.name for truth in make3d_truth(make3d, leave_out=[NAMES[2]])] == list(NAMES[:2])


def test_leaving_out_what_is_not_there_is_refused(make3d: Path) -> None:
    with pytest.raises(InputError, match="op9-p-000t000 cannot be left out, it is not among the 3 images"):
        make3d_truth(make3d, leave_out=["op9-p-000t000"])


def test_a_folder_without_grids_is_refused_with_what_to_unpack(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no Gridlaserdata/depth_sph_corr-\*\.mat"):
        make3d_truth(tmp_path)
