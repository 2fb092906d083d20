"""Points stand where the camera saw them, and any PLY reader finds them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from triptych.artefacts.point_cloud import PointCloudWriter, colored_points, save_ply
from triptych.geometry.camera import intrinsics_matrix

K = intrinsics_matrix(10.0, 10.0, 1.0, 1.0)


def parsed_ply(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Positions and colors, read by the header alone."""
    header, _, body = path.read_bytes().partition(b"end_header\n")
    lines = header.decode("ascii").splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    count = next(int(line.split()[2]) for line in lines if line.startswith("element vertex"))
    kinds = {"float": "<f4", "uchar": "u1"}
    fields = [(line.split()[2], kinds[line.split()[1]]) for line in lines if line.startswith("property")]
    vertices = np.frombuffer(body, dtype=fields)
    assert len(vertices) == count
    return (
        np.stack([vertices[axis] for axis in "xyz"], axis=1),
        np.stack([vertices[color] for color in ("red", "green", "blue")], axis=1),
    )


def scene(*, height: int = 3, width: int = 4) -> tuple[Tensor, Tensor]:
    depth = torch.full((height, width), 2.0)
    image = torch.arange(3 * height * width, dtype=torch.uint8).reshape(3, height, width)
    return depth, image


def test_a_pixel_lands_where_pinhole_and_pose_say() -> None:
    depth, image = scene()
    pose = torch.tensor([[0.0, 0, 1, 100], [0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 0, 1]])  # a quarter turn
    points, colors = colored_points(depth, image, K, pose, max_depth=10.0)
    assert points.shape == (12, 3)
    # Pixel (x=3, y=2): camera point 2 * ((3-1)/10, (2-1)/10, 1) = (.4, .2, 2).
    assert points[11].tolist() == pytest.approx([102.0, 0.2, -0.4])
    assert colors[11].tolist() == [11, 23, 35]


def test_far_invalid_and_unwanted_pixels_are_left_out() -> None:
    depth = torch.tensor([[1.0, 5.0, 5.1, 0.0], [-1.0, float("nan"), float("inf"), 2.0]])
    image = torch.arange(24, dtype=torch.uint8).reshape(3, 2, 4)
    keep = torch.ones((2, 4), dtype=torch.bool)
    keep[1, 3] = False
    points, colors = colored_points(depth, image, K, torch.eye(4), max_depth=5.0, keep=keep)
    assert points[:, 2].tolist() == [1.0, 5.0]
    assert colors[:, 0].tolist() == [0, 1]
    everywhere, _ = colored_points(depth, image, K, torch.eye(4), max_depth=5.0)
    assert everywhere[:, 2].tolist() == [1.0, 5.0, 2.0]


def test_a_stride_picks_rows_and_columns_and_moves_none_of_them() -> None:
    depth, image = scene(height=5, width=7)
    every, colors = colored_points(depth, image, K, torch.eye(4), max_depth=9.0)
    thin, thin_colors = colored_points(depth, image, K, torch.eye(4), max_depth=9.0, stride=3)
    chosen = [row * 7 + column for row in (0, 3) for column in (0, 3, 6)]
    assert torch.equal(thin, every[chosen])
    assert torch.equal(thin_colors, colors[chosen])


def test_a_cloud_is_read_back_from_its_header(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    points = torch.randn((50, 3), generator=generator)
    colors = torch.randint(0, 256, (50, 3), generator=generator, dtype=torch.uint8)
    save_ply(tmp_path / "c.ply", points, colors)
    read_points, read_colors = parsed_ply(tmp_path / "c.ply")
    assert np.array_equal(read_points, points.numpy())
    assert np.array_equal(read_colors, colors.numpy())


def test_a_cloud_written_in_pieces_is_the_file_written_at_once(tmp_path: Path) -> None:
    points = torch.arange(1200.0).reshape(400, 3)
    colors = (torch.arange(1200) % 256).to(torch.uint8).reshape(400, 3)
    save_ply(tmp_path / "once.ply", points, colors)
    with PointCloudWriter(tmp_path / "pieces.ply") as cloud:
        for start, end in ((0, 7), (7, 7), (7, 400)):
            cloud.write(points[start:end], colors[start:end])
    assert (tmp_path / "pieces.ply").read_bytes() == (tmp_path / "once.ply").read_bytes()


def test_a_cloud_of_no_points_is_valid(tmp_path: Path) -> None:
    save_ply(tmp_path / "c.ply", torch.zeros(0, 3), torch.zeros((0, 3), dtype=torch.uint8))
    assert len(parsed_ply(tmp_path / "c.ply")[0]) == 0


def test_a_cloud_given_up_leaves_nothing(tmp_path: Path) -> None:
    def write() -> None:
        with PointCloudWriter(tmp_path / "c.ply") as cloud:
            cloud.write(torch.zeros(2, 3), torch.zeros((2, 3), dtype=torch.uint8))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write()
    assert list(tmp_path.iterdir()) == []
