"""Finding the predicted map of each image that has a truth."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from triptych.errors import InputError
from triptych.evaluation.predictions import (
    REFINED,
    PredictedMap,
    PredictedMaps,
    matched,
    predicted_maps,
    refinement_notes,
)
from triptych.formats.maps import save_depth, save_depth_png, save_kitti_flow, save_visibility


def named(*names: str) -> PredictedMaps:
    return PredictedMaps(names, lambda index: PredictedMap(torch.ones(1, 1, 1), Path(names[index])), Path("maps"))


def positions(predicted: Sequence[str], truth: Sequence[str]) -> tuple[int, ...]:
    found = matched(named(*predicted), truth)
    assert found.by_name
    return found.positions


def prediction(folder: Path, values: Sequence[float], *, names: Sequence[str] = (), bottom_crop: float = 0.0) -> Path:
    for index, value in enumerate(values):
        save_depth(folder / "depth" / f"{index:06d}.npz", torch.full((4, 6), value))
    content = {"frames": {"names": list(names)}, "settings": {"frames": {"bottom_crop": bottom_crop}}}
    (folder / "result.json").write_text(json.dumps(content))
    return folder


def test_equal_names_are_matched_whatever_their_order() -> None:
    assert positions(["b", "c", "a"], ["a", "b"]) == (2, 0)


def test_leading_zeros_do_not_count() -> None:
    assert positions(["000009", "000010"], ["0000000010", "0000000009"]) == (1, 0)


def test_names_of_kitti_are_matched_in_their_usual_spellings() -> None:
    truth = [
        "2011_09_26/2011_09_26_drive_0002_sync/image_02/data/0000000069",
        "2011_09_26/2011_09_26_drive_0009_sync/image_02/data/0000000069",
    ]
    for predicted in (
        [name.replace("data/", "") for name in truth],
        ["2011_09_26_drive_0002_sync/0000000069", "2011_09_26_drive_0009_sync/0000000069"],
        ["2011_09_26_drive_0002_sync_0000000069", "2011_09_26_drive_0009_sync_0000000069"],
        ["2011_09_26_drive_0002/69", "2011_09_26_drive_0009/69"],
    ):
        assert positions(predicted[::-1], truth) == (1, 0), predicted


def test_the_last_part_alone_is_not_enough_where_it_comes_twice() -> None:
    truth = ["one/5", "two/5"]
    with pytest.raises(InputError, match=r"holds 3 maps, the truth has 2 images"):
        matched(named("other/5", "third/5", "fourth/6"), truth)


@pytest.mark.parametrize(
    ("predicted", "what"),
    [
        ("2011_09_26_drive_0095_sync/image_02/data/0000000005", "drive"),
        ("2011_09_26/2011_09_26_drive_0001_sync/image_03/data/0000000005", "camera"),
        ("2011_09_26_drive_0095_sync/image_02/data/0000000100", "drive"),
    ],
)
def test_maps_of_another_drive_or_camera_are_refused(predicted: str, what: str) -> None:
    truth = "2011_09_26/2011_09_26_drive_0001_sync/image_02/data/0000000005"
    with pytest.raises(InputError, match=f"is of another {what} than the truth"):
        matched(named(predicted), [truth])


def test_a_name_that_comes_twice_is_no_match() -> None:
    with pytest.raises(InputError, match="holds 2 maps, the truth has 1 images"):
        matched(named("a/5", "b/5"), ["5"])
    with pytest.raises(InputError, match="holds 3 maps, the truth has 2 images"):
        matched(named("other/5", "x/y", "z/z"), ["one/5", "two/5"])


def test_a_stack_is_matched_by_its_order_alone(tmp_path: Path) -> None:
    np.save(tmp_path / "all.npy", np.arange(3 * 6, dtype=np.float32).reshape(3, 2, 3) + 1)
    stack = predicted_maps(tmp_path / "all.npy", "depth")
    found = matched(stack, ["0000000002", "0000000003", "0000000004"])
    assert not found.by_name
    assert found.load(0).values[0, 0, 0].item() == 1.0
    with pytest.raises(InputError, match="a stack of 3 maps, the truth has 2 images"):
        matched(stack, ["000000", "000001"])


@pytest.mark.parametrize("rows", ["[-3, 5]", "[0.0, NaN]", "[0.8, 0.2]", "[0.5]"])
def test_rows_that_cannot_be_are_refused(tmp_path: Path, rows: str) -> None:
    prediction(tmp_path, [1.0])
    (tmp_path / "result.json").write_text(f'{{"frames": {{"names": ["a"]}}, "rows": {rows}}}')
    with pytest.raises(InputError, match=r"result\.json does not fit"):
        predicted_maps(tmp_path, "depth")


def test_images_without_a_prediction_are_named() -> None:
    with pytest.raises(InputError, match=r"no prediction for 2 of 4 images with a truth: 000001, 000003"):
        matched(named("000000", "000002", "000009"), ["000000", "000001", "000002", "000003"])


def test_where_no_name_fits_the_order_decides_if_the_counts_are_equal() -> None:
    found = matched(named("x1", "x2"), ["a", "b"])
    assert (found.positions, found.by_name) == ((0, 1), False)
    with pytest.raises(InputError, match=r"holds 2 maps, the truth has 3 images"):
        matched(named("x1", "x2"), ["a", "b", "c"])


def test_a_folder_of_ours_names_its_maps_like_the_frames_that_were_read(tmp_path: Path) -> None:
    maps = predicted_maps(
        prediction(tmp_path, [3.0, 5.0], names=["0000000007", "0000000009"], bottom_crop=0.25), "depth"
    )
    found = matched(maps, ["0000000009"])
    assert found.load(0).values.unique().tolist() == [5.0]
    assert maps.rows == (0.0, 0.75)


def test_without_names_of_frames_the_positions_stand_for_them(tmp_path: Path) -> None:
    maps = predicted_maps(prediction(tmp_path, [3.0, 5.0]), "depth")
    assert maps.names == ("000000", "000001")


def test_several_folders_of_ours_are_one_prediction(tmp_path: Path) -> None:
    for drive, value in (("2011_09_26_drive_0002_sync", 2.0), ("2011_09_26_drive_0009_sync", 9.0)):
        prediction(tmp_path / drive, [value, value + 0.5], names=["0000000000", "0000000001"])
    maps = predicted_maps(tmp_path, "depth")
    found = matched(maps, ["2011_09_26/2011_09_26_drive_0009_sync/image_02/data/0000000001"])
    assert found.load(0).values.unique().tolist() == [9.5]


def test_predictions_cut_off_differently_are_not_one(tmp_path: Path) -> None:
    prediction(tmp_path / "a", [1.0])
    prediction(tmp_path / "b", [1.0], bottom_crop=0.25)
    with pytest.raises(InputError, match="cut off different shares"):
        predicted_maps(tmp_path, "depth")


def test_maps_of_others_are_read_with_their_own_scale(tmp_path: Path) -> None:
    save_depth_png(tmp_path / "a.png", torch.full((2, 3), 4.0), scale=1000.0)
    (folder := tmp_path / "stack").mkdir()
    np.save(folder / "all.npy", np.full((3, 2, 3), 7.0, np.float32))
    assert predicted_maps(tmp_path / "a.png", "depth", png_scale=1000.0).read(0).values.unique().tolist() == [4.0]
    stack = predicted_maps(folder / "all.npy", "depth")
    assert stack.names == ("000000", "000001", "000002")
    assert stack.read(2).values.shape == (1, 2, 3)


def test_flow_is_nan_where_its_file_says_it_is_unknown(tmp_path: Path) -> None:
    valid = torch.tensor([[True, False]])
    save_kitti_flow(tmp_path / "flow" / "000000_10.png", torch.ones(2, 1, 2), valid)
    flow = predicted_maps(tmp_path, "flow").read(0).values
    assert flow[:, 0, 0].tolist() == [1.0, 1.0]
    assert flow[:, 0, 1].isnan().all()


def test_masks_are_read_as_shares(tmp_path: Path) -> None:
    save_visibility(tmp_path / "visibility" / "a.png", torch.tensor([[0.0, 0.2, 1.0]]))
    mask = predicted_maps(tmp_path, "visibility").read(0)
    assert mask.values.flatten().tolist() == pytest.approx([0.0, 51 / 255, 1.0])
    assert mask.file == tmp_path / "visibility" / "a.png"


@pytest.mark.parametrize("kind", ["depth", "flow", "motion"])
def test_a_folder_without_such_maps_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(InputError, match=str(tmp_path)):
        predicted_maps(tmp_path, kind)
    with pytest.raises(InputError, match="does not exist"):
        predicted_maps(tmp_path / "nowhere", kind)


@pytest.mark.parametrize("content", ["{", "[]", '{"frames": 3}', '{"frames": {"names": ["only one"]}}'])
def test_a_result_that_does_not_fit_is_refused(tmp_path: Path, content: str) -> None:
    prediction(tmp_path, [1.0, 2.0])
    (tmp_path / "result.json").write_text(content)
    with pytest.raises(InputError, match=r"result\.json"):
        predicted_maps(tmp_path, "depth")


def test_that_geometry_had_its_say_is_noted_of_our_own_predictions_alone(tmp_path: Path) -> None:
    out, alone = tmp_path / "all" / "out", tmp_path / "alone"
    for folder, refinement in ((out, "geometry"), (alone, "none")):
        (folder / "depth").mkdir(parents=True)
        (folder / "result.json").write_text(json.dumps({"frames": {}, "refinement": refinement}))
    path = out / "trajectory.kitti.txt"
    path.touch()
    for place in (out, out / "depth", path, tmp_path / "all"):
        assert refinement_notes(place) == (REFINED,)
    assert refinement_notes(alone) == ()
    theirs = tmp_path / "theirs.txt"
    theirs.touch()
    (tmp_path / "result.json").write_text("figures of something else")
    assert refinement_notes(theirs) == ()
