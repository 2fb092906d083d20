"""Agreement with evo, a tool of other hands, called as a command."""

import json
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from triptych.formats.trajectories import load_indexed_kitti_trajectory, load_kitti_trajectory, save_kitti_trajectory
from triptych.geometry.pose import rigid_transform
from triptych.metrics.trajectory import absolute_trajectory_error

REAL = Path(__file__).resolve().parents[4] / "shared" / "data"
COMMAND = Path(sys.executable).parent / "evo_ape"

pytestmark = pytest.mark.skipif(find_spec("evo") is None, reason="evo is not installed")


def error_by_evo(predicted: torch.Tensor, truth: torch.Tensor, folder: Path, *, flags: str) -> float:
    save_kitti_trajectory(folder / "predicted.txt", predicted)
    save_kitti_trajectory(folder / "truth.txt", truth)
    subprocess.run(
        [COMMAND, "kitti", "truth.txt", "predicted.txt", flags, "--save_results", "result.zip", "--no_warnings"],
        cwd=folder,
        env={"HOME": str(folder), "PATH": str(COMMAND.parent)},
        check=True,
        capture_output=True,
    )
    with zipfile.ZipFile(folder / "result.zip") as archive:
        return float(json.loads(archive.read("stats.json"))["rmse"])


@pytest.mark.parametrize(("alignment", "flags"), [("6dof", "-a"), ("7dof", "-as")])
def test_the_trajectory_error_of_a_made_path_is_that_of_evo(tmp_path: Path, alignment: str, flags: str) -> None:
    generator = torch.Generator().manual_seed(5)
    turn, place = torch.randn(2, 40, 3, generator=generator, dtype=torch.float64)
    predicted = rigid_transform(turn, 3 * place)
    truth = rigid_transform(turn, place + 0.1 * torch.randn(40, 3, generator=generator, dtype=torch.float64))
    ours = absolute_trajectory_error(predicted, truth, alignment=alignment).item()
    assert ours == pytest.approx(error_by_evo(predicted, truth, tmp_path, flags=flags), abs=1e-6)


@pytest.mark.real
@pytest.mark.skipif(not REAL.exists(), reason="no real data beside the checkout")
@pytest.mark.parametrize(("alignment", "flags"), [("6dof", "-a"), ("7dof", "-as")])
def test_the_trajectory_error_of_a_published_path_is_that_of_evo(tmp_path: Path, alignment: str, flags: str) -> None:
    frames, predicted = load_indexed_kitti_trajectory(REAL / "odometry" / "example_0" / "10.txt")
    truth = load_kitti_trajectory(REAL / "kitti_odom" / "poses" / "10.txt")[frames]
    ours = absolute_trajectory_error(predicted, truth, alignment=alignment).item()
    assert ours == pytest.approx(error_by_evo(predicted, truth, tmp_path, flags=flags), abs=1e-6)
