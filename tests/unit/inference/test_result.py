"""A prediction that was written is read back as it was."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from triptych.errors import InputError
from triptych.formats.maps import save_depth, save_kitti_flow, save_mask, save_visibility
from triptych.formats.photos import save_photo
from triptych.inference.result import prediction_folder
from triptych.inference.writer import WriterSettings, write_prediction
from triptych.types import CameraStep, FrameSequence, Prediction

FRAMES, HEIGHT, WIDTH = 3, 16, 32


def sequence() -> FrameSequence:
    ramp = torch.linspace(0, 255, WIDTH).round().to(torch.uint8).expand(FRAMES, 3, HEIGHT, WIDTH).contiguous()
    return FrameSequence(
        images=ramp,
        intrinsics=torch.tensor([[20.0, 0, 15.5], [0, 21.0, 7.5], [0, 0, 1]]),
        timestamps=torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64),
        source_indices=torch.arange(FRAMES),
        source_length=FRAMES,
        intrinsics_origin="given",
        name="ramp",
    )


def predictions() -> list[Prediction]:
    step = torch.eye(4)
    step[2, 3] = -1.0
    maps = torch.zeros(HEIGHT, WIDTH)
    moving = maps.bool()
    moving[2, 3] = True
    flow = torch.stack((maps + 1.5, maps - 0.25))
    some = [Prediction(maps + 2 + i, flow, maps + 1, moving, CameraStep(step)) for i in range(FRAMES - 1)]
    return [*some, Prediction(maps + 9, None, None, None, None)]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    folder = tmp_path / "run" / "prediction"
    write_prediction(folder, sequence(), predictions(), settings=WriterSettings(), facts={"answer": 42})
    return folder


def test_every_part_comes_back(written: Path) -> None:
    found = prediction_folder(written)
    assert (len(found), found.size, found.name) == (FRAMES, (HEIGHT, WIDTH), "ramp")
    assert found.facts["answer"] == 42
    torch.testing.assert_close(found.intrinsics, sequence().intrinsics)
    torch.testing.assert_close(found.timestamps, sequence().timestamps)
    torch.testing.assert_close(found.camera_to_world[:, 2, 3], torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64))
    flow, visibility, motion = found.flow(1), found.visibility(1), found.motion(1)
    assert flow is not None
    assert visibility is not None
    assert motion is not None
    assert flow[:, 4, 4].tolist() == [1.5, -0.25]
    assert visibility.min() == 1
    assert motion.nonzero().tolist() == [[2, 3]]
    assert float(found.depth(1)[0, 0]) == 3
    assert (found.image(0).float() - sequence().images[0].float()).abs().max() <= 4  # JPEG
    assert (found.flow(2), found.visibility(2), found.motion(2)) == (None, None, None)


def test_the_folder_of_a_run_leads_to_its_prediction(written: Path) -> None:
    assert prediction_folder(written.parent).folder == written


def test_what_is_no_prediction_is_refused_in_a_line(written: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no result\.json"):
        prediction_folder(tmp_path)
    with pytest.raises(InputError, match="is not there"):
        prediction_folder(tmp_path / "nowhere")
    shutil.rmtree(written / "frames")
    with pytest.raises(InputError, match=r"or keeps no frames .*; predict again"):
        prediction_folder(written)
    (written / "result.json").write_text('{"source": "x"}')
    with pytest.raises(InputError, match="is not what `triptych predict` writes"):
        prediction_folder(written)


@pytest.mark.parametrize(
    ("name", "save"),
    [
        ("depth/000001.npz", save_depth),
        ("flow/000001.png", lambda path, one: save_kitti_flow(path, one.expand(2, -1, -1), one.bool())),
        ("visibility/000001.png", save_visibility),
        ("motion/000001.png", lambda path, one: save_mask(path, one.bool())),
        ("frames/000001.jpg", lambda path, one: save_photo(path, one.expand(3, -1, -1).to(torch.uint8))),
    ],
)
def test_a_file_of_another_size_is_told(written: Path, name: str, save: Callable[[Path, torch.Tensor], None]) -> None:
    save(written / name, torch.ones(HEIGHT, 2 * WIDTH))
    found = prediction_folder(written)
    kind = name.partition("/")[0]
    with pytest.raises(InputError, match=rf"{name}: is 64x16 px, but the prediction 32x16; predict anew"):
        getattr(found, {"frames": "image"}.get(kind, kind))(1)
