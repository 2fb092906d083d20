"""Camera paths from above, drawn to scale."""

import math
import re

import pytest
import torch

from triptych.viewing.path_plot import LINES, CameraPath, path_plot


def straight_path(*, length: float, frames: int = 5) -> torch.Tensor:
    poses = torch.eye(4).repeat(frames, 1, 1)
    poses[:, 2, 3] = torch.linspace(0, length, frames)
    return poses


def line_points(plot: str, index: int) -> list[tuple[float, float]]:
    lines = re.findall(rf'polyline class="line-{index}" points="([^"]*)"', plot)
    return [(float(x), float(y)) for x, y in (point.split(",") for point in lines[0].split())]


def test_forward_is_to_the_right_and_right_is_down() -> None:
    poses = torch.eye(4).repeat(3, 1, 1)
    poses[1, 2, 3] = 4.0
    poses[2, 0, 3], poses[2, 2, 3] = 1.0, 4.0
    first, ahead, beside = line_points(path_plot([CameraPath("p", poses)]).svg, 0)
    assert ahead[1] == pytest.approx(first[1])
    assert beside[0] == pytest.approx(ahead[0])
    assert beside[1] - ahead[1] == pytest.approx((ahead[0] - first[0]) / 4, abs=0.2)  # one scale for both


def test_paths_share_one_scale() -> None:
    plot = path_plot([CameraPath("a", straight_path(length=2.0)), CameraPath("b", straight_path(length=4.0))]).svg
    lengths = [line_points(plot, i)[-1][0] - line_points(plot, i)[0][0] for i in (0, 1)]
    assert lengths[1] == pytest.approx(2 * lengths[0], abs=0.2)


@pytest.mark.parametrize(("length", "label"), [(100.0, "20 m"), (23.0, "5 m"), (0.05, "0.01 m"), (6000.0, "1000 m")])
def test_the_bar_is_a_round_length_drawn_to_scale(length: float, label: str) -> None:
    plot = path_plot([CameraPath("p", straight_path(length=length))], unit="m").svg
    assert f">{label}</text>" in plot
    left, right = (float(re.findall(rf'{end}="([\d.]+)"', plot)[0]) for end in ("x1", "x2"))
    points = line_points(plot, 0)
    drawn = (right - left) / (points[-1][0] - points[0][0])
    assert drawn == pytest.approx(float(label.removesuffix(" m")) / length, rel=1e-2)
    assert right - left <= 200.0


def test_without_a_unit_the_bar_says_that_the_scale_is_unknown() -> None:
    assert "(scale unknown)" in path_plot([CameraPath("p", straight_path(length=5.0))]).svg


def test_a_path_without_extent_is_drawn_in_the_middle_without_a_bar() -> None:
    plot = path_plot([CameraPath("p", straight_path(length=0.0))], unit="m").svg
    assert line_points(plot, 0)[0] == (500.0, 280.0)
    assert "x1" not in plot


def test_paths_that_cannot_be_drawn_are_refused() -> None:
    path = CameraPath("p", straight_path(length=1.0))
    for paths in ([], [path] * (LINES + 1)):
        with pytest.raises(ValueError, match="paths are needed"):
            path_plot(paths)
    for poses in (torch.zeros(0, 4, 4), torch.full((1, 4, 4), math.nan)):
        with pytest.raises(ValueError, match="finite positions"):
            path_plot([path, CameraPath("bad", poses)])


def test_the_mark_stands_at_each_frame_and_looks_where_the_camera_looks() -> None:
    poses = straight_path(length=4.0, frames=3)
    turn = torch.tensor([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])  # a quarter to the right: z becomes x
    poses[2, :3, :3] = turn
    other = CameraPath("other", straight_path(length=1.0))
    drawing = path_plot([other, CameraPath("ours", poses)], marked=1)
    points = line_points(drawing.svg, 1)
    for mark, (x, y) in zip(drawing.marks.tolist(), points, strict=True):
        assert mark[:2] == pytest.approx([x, y], abs=0.1)
    assert drawing.marks[:, 2].tolist() == pytest.approx([0.0, 0.0, 90.0])  # clockwise: down is to the right
    assert f"translate({points[0][0]:.1f} {points[0][1]:.1f})" in drawing.svg
    assert "mark" not in path_plot([other]).svg


def test_a_lower_drawing_holds_the_path_too() -> None:
    drawing = path_plot([CameraPath("p", straight_path(length=4.0))], height=300.0)
    assert 'viewBox="0 0 1000 300"' in drawing.svg
    assert all(0 < y < 300 for _, y in line_points(drawing.svg, 0))
