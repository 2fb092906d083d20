"""Intrinsics from flags, files and assumptions."""

from pathlib import Path

import pytest
import torch

from triptych.data.calibration import (
    Calibration,
    assumed_calibration,
    calibration_at_size,
    calibration_from_file,
    calibration_from_text,
    given_calibration,
)
from triptych.errors import InputError
from triptych.geometry.camera import intrinsics_matrix

CAM_TO_CAM = """calib_time: 09-Jan-2012 13:57:47
S_02: 1.392000e+03 5.120000e+02
K_02: 9.597910e+02 0.0 6.960217e+02 0.0 9.569251e+02 2.241806e+02 0.0 0.0 1.0
S_rect_02: 1.242000e+03 3.750000e+02
P_rect_02: 721.5 0.0 609.5 44.8 0.0 721.5 172.8 0.2 0.0 0.0 1.0 0.0027
S_rect_03: 1.242000e+03 3.750000e+02
P_rect_03: 700.0 0.0 600.0 -339.5 0.0 701.0 170.0 2.2 0.0 0.0 1.0 0.0027
"""
ODOMETRY = """P0: 718.8 0 607.1 0 0 718.8 185.2 0 0 0 1 0
P2: 707.0 0 601.8 45.3 0 707.0 183.1 -0.1 0 0 1 0.004
Tr: 1 0 0 0 0 1 0 0 0 0 1 0
"""


def four(calibration: Calibration) -> list[float]:
    matrix = calibration.intrinsics
    return [round(float(matrix[i, j]), 3) for i, j in ((0, 0), (1, 1), (0, 2), (1, 2))]


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_flag_of_four_numbers_is_fx_fy_cx_cy_in_this_order() -> None:
    assert four(calibration_from_text("500, 510,320.5,240")) == [500.0, 510.0, 320.5, 240.0]


@pytest.mark.parametrize("flag", ["500,500,320", "500,500,320,240,0", "500,500,320,center", "500;500;320;240"])
def test_a_flag_that_is_not_four_numbers_is_refused_with_the_form_wanted(flag: str) -> None:
    with pytest.raises(InputError, match="fx,fy,cx,cy"):
        given_calibration(flag)


def test_a_calibration_file_that_is_missing_is_named() -> None:
    with pytest.raises(InputError, match=r"nowhere/calib\.txt.*no such file"):
        given_calibration("nowhere/calib.txt")


def test_kitti_raw_calibration_takes_the_rectified_left_color_camera_and_its_size(tmp_path: Path) -> None:
    found = given_calibration(str(written(tmp_path, "calib_cam_to_cam.txt", CAM_TO_CAM)))
    assert four(found) == [721.5, 721.5, 609.5, 172.8]
    assert found.size == (375, 1242)
    assert found.origin == "P_rect_02 of calib_cam_to_cam.txt"


@pytest.mark.parametrize("camera", ["3", "03", "image_03"])
def test_kitti_raw_calibration_takes_the_camera_asked_for(tmp_path: Path, camera: str) -> None:
    path = written(tmp_path, "calib_cam_to_cam.txt", CAM_TO_CAM)
    assert four(calibration_from_file(path, camera=camera)) == [700.0, 701.0, 600.0, 170.0]


def test_kitti_odometry_calibration_takes_the_camera_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, "calib.txt", ODOMETRY)
    assert four(calibration_from_file(path)) == [707.0, 707.0, 601.8, 183.1]
    assert four(calibration_from_file(path, camera="0")) == [718.8, 718.8, 607.1, 185.2]


def test_a_camera_that_the_file_lacks_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "calib.txt", ODOMETRY)
    with pytest.raises(InputError, match="has no P3"):
        calibration_from_file(path, camera="3")
    with pytest.raises(InputError, match="0, 1, 2 and 3"):
        calibration_from_file(path, camera="left")


def test_a_projection_of_eleven_numbers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="P2 must be 12 numbers"):
        calibration_from_file(written(tmp_path, "calib.txt", "P2: 1 2 3 4 5 6 7 8 9 10 11"))


def test_a_size_of_nothing_is_refused(tmp_path: Path) -> None:
    text = CAM_TO_CAM.replace("S_rect_02: 1.242000e+03", "S_rect_02: 0")
    with pytest.raises(InputError, match="S_rect_02 must be the width and height"):
        calibration_from_file(written(tmp_path, "calib_cam_to_cam.txt", text))


def test_a_text_file_with_a_3x3_matrix_is_k(tmp_path: Path) -> None:
    path = written(tmp_path, "K.txt", "718.856 0 607.1928\n0 718.5 185.2157\n0 0 1\n")
    assert four(calibration_from_file(path)) == [718.856, 718.5, 607.193, 185.216]


@pytest.mark.parametrize("text", ["1 2 3\n4 5 6\n", "500 500 320 240", "focal length unknown", ""])
def test_a_text_file_without_nine_numbers_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="3x3 matrix K was expected"):
        calibration_from_file(written(tmp_path, "K.txt", text))


def test_a_binary_file_is_refused_as_a_calibration(tmp_path: Path) -> None:
    path = tmp_path / "K.txt"
    path.write_bytes(bytes(range(128, 256)))
    with pytest.raises(InputError, match="cannot be read as a calibration"):
        calibration_from_file(path)


def test_yaml_may_name_the_numbers_or_hold_the_matrix(tmp_path: Path) -> None:
    named = written(tmp_path, "a.yaml", "{width: 640, height: 480, fx: 500, fy: 510, cx: 320, cy: 240}")
    matrix = written(tmp_path, "b.yml", "intrinsics:\n- [500, 0, 320]\n- [0, 510, 240]\n- [0, 0, 1]\n")
    assert four(calibration_from_file(named)) == four(calibration_from_file(matrix)) == [500, 510, 320, 240]
    assert calibration_from_file(named).size == (480, 640)
    assert calibration_from_file(matrix).size is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("fx: 500\nfy: 500\ncx: 320\n", "has no cy"),
        ("{fx: 500, fy: wide, cx: 320, cy: 240}", "wide"),
        ("intrinsics: [[500, 0, 320], [0, 500, 240]]", "must be 3x3, not 2x3"),
        ("intrinsics: [[500, 0, 320], [0, 500]]", "needed are"),
        ("intrinsics: 500", "not a single number"),
        ("[500, 500, 320, 240]", "a mapping was expected"),
        ("{fx: 500, fy: [", "is not YAML"),
        ("{width: 640, fx: 500, fy: 500, cx: 320, cy: 240}", "has no height"),
        ("{width: .inf, height: 480, fx: 500, fy: 500, cx: 320, cy: 240}", "needed are"),
        ("{width: 640, height: 0, fx: 500, fy: 500, cx: 320, cy: 240}", "must be positive"),
    ],
)
def test_yaml_that_lacks_something_says_what_in_one_line(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint) as caught:
        calibration_from_file(written(tmp_path, "camera.yaml", text))
    assert "\n" not in str(caught.value)
    assert "camera.yaml" in str(caught.value)


def test_a_calibration_of_a_larger_picture_is_scaled_with_its_pixel_centers() -> None:
    # f' = f / 2 = 250; c' = (320 + 0.5) / 2 - 0.5 = 159.75
    large = Calibration(intrinsics_matrix(500, 500, 320, 240), "test", size=(480, 640))
    assert four(calibration_at_size(large, height=240, width=320)) == [250.0, 250.0, 159.75, 119.75]


def test_a_calibration_without_a_size_is_taken_as_it_is() -> None:
    plain = calibration_from_text("500,500,320,240")
    assert four(calibration_at_size(plain, height=480, width=640)) == [500, 500, 320, 240]


def test_a_calibration_of_a_picture_of_another_shape_is_refused() -> None:
    wide = Calibration(intrinsics_matrix(500, 500, 320, 180), "test", size=(360, 640))
    with pytest.raises(InputError, match="are for pictures of 640x360, these are 640x480"):
        calibration_at_size(wide, height=480, width=640)


@pytest.mark.parametrize(
    ("matrix", "complaint"),
    [
        ([[500, 0, 700], [0, 500, 240], [0, 0, 1]], r"principal point \(700, 240\) lies outside the 640x480"),
        ([[500, 0, 320], [0, 500, -1], [0, 0, 1]], "lies outside"),
        ([[0.58, 0, 0.5], [0, 1.92, 0.5], [0, 0, 1]], "must be in pixels, not divided"),
        ([[-500, 0, 320], [0, 500, 240], [0, 0, 1]], "must be positive"),
        ([[float("nan"), 0, 320], [0, 500, 240], [0, 0, 1]], "must be positive, all finite"),
        ([[500, 3, 320], [0, 500, 240], [0, 0, 1]], "K must be"),
        ([[500, 0, 0], [0, 500, 0], [320, 240, 1]], "K must be"),
        ([[500, 0, 320], [0, 500, 240], [0, 0, 2]], "K must be"),
    ],
)
def test_a_matrix_that_is_no_k_of_the_picture_is_refused(matrix: list[list[float]], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        calibration_at_size(Calibration(torch.tensor(matrix, dtype=torch.float32), "test"), height=480, width=640)


def test_an_assumed_right_angle_has_a_focal_length_of_half_the_width() -> None:
    assumed = assumed_calibration(height=480, width=640, horizontal_deg=90.0)
    assert four(assumed) == [320.0, 320.0, 319.5, 239.5]
    assert assumed.assumed
    assert "90 degrees" in assumed.origin


@pytest.mark.parametrize("angle", [0.0, -60.0, 180.0, float("nan")])
def test_an_angle_that_no_pinhole_has_is_refused(angle: float) -> None:
    with pytest.raises(InputError, match="between 1 and 170"):
        assumed_calibration(height=480, width=640, horizontal_deg=angle)
