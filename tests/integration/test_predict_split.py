"""From a model to the figures of a split: predict on its images, evaluate what was written."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from triptych.artefacts.checkpoints import load_weights, save_weights
from triptych.cli import main
from triptych.data import split_images as module
from triptych.data.split_images import SplitImage
from triptych.data.synthetic import synthetic_clip
from triptych.data.synthetic.kitti_writer import write_kitti_flow2015
from triptych.formats.maps import load_depth
from triptych.inference.predictor import Predictor
from triptych.types import FrameSequence, Prediction

Refused = Callable[..., str]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pairs in the layout of KITTI 2015."""
    root = tmp_path_factory.mktemp("pairs")
    write_kitti_flow2015(synthetic_clip("street", seed=2, frames=3, height=60, width=180, start_time=1.0), root)
    return root


@pytest.fixture
def two_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The split of 200 pairs cut to the two that are there, and single images of the same."""

    def images(root: Path) -> tuple[SplitImage, ...]:
        folder = root / "training"
        return tuple(
            SplitImage(
                f"{index:06d}_10",
                folder / "image_2" / f"{index:06d}_10.png",
                folder / "image_2" / f"{index:06d}_11.png",
                folder / "calib_cam_to_cam" / f"{index:06d}.txt",
            )
            for index in range(2)
        )

    def singles(root: Path) -> tuple[SplitImage, ...]:
        return tuple(SplitImage(image.name, image.image, rows=(0.0, 0.75)) for image in images(root))

    monkeypatch.setitem(module._MAKERS, "kitti2015", images)
    monkeypatch.setitem(module._MAKERS, "eigen_test", singles)


@pytest.mark.usefixtures("two_pairs")
def test_pairs_are_predicted_and_then_scored(tmp_path: Path, pairs: Path, fitted: Path) -> None:
    folder = tmp_path / "predicted"
    main(["predict", str(pairs), "--split=kitti2015", "--model", str(fitted), "--output", str(folder)])
    assert sorted(file.name for file in (folder / "flow").iterdir()) == ["000000.png", "000001.png"]
    for task in ("flow", "masks"):
        main(
            [
                *("evaluate", task, "--prediction", str(folder), "--ground-truth", str(pairs)),
                *("--json", str(tmp_path / f"{task}.json")),
            ]
        )
    flow = json.loads((tmp_path / "flow.json").read_text())
    assert flow["metrics"]["images"] == 2
    assert not any("by their order" in note for note in flow["notes"])
    assert "pairs_that_assume_it" not in json.loads((folder / "result.json").read_text())
    masks = json.loads((tmp_path / "masks.json").read_text())
    assert masks["protocol"]["scored"] == "occlusion, motion, depth"


@pytest.mark.usefixtures("two_pairs")
def test_pairs_without_a_calibration_are_told_and_recorded(
    tmp_path: Path,
    pairs: Path,
    fitted: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    known = module._MAKERS["kitti2015"]

    def one_without(root: Path) -> tuple[SplitImage, ...]:
        first, second = known(root)
        return replace(first, calibration=None), second

    monkeypatch.setitem(module._MAKERS, "kitti2015", one_without)
    tensors, known_settings = load_weights(fitted / "model.safetensors")
    settings = json.loads(known_settings["settings"])
    settings["frames"]["assumed_fov_deg"] = 60.0
    save_weights(tmp_path / "narrow.safetensors", tensors, {"settings": json.dumps(settings)})
    used: list[float] = []
    predict = Predictor.predict

    def noted(self: Predictor, sequence: FrameSequence) -> Iterator[Prediction]:
        used.append(float(sequence.intrinsics[0, 0]) / sequence.images.shape[-1])
        yield from predict(self, sequence)

    monkeypatch.setattr(Predictor, "predict", noted)
    words = ["--model", str(tmp_path / "narrow.safetensors"), "--output", str(tmp_path / "out")]
    main(["predict", str(pairs), "--split=kitti2015", *words])
    assert used[0] == pytest.approx(0.5 / math.tan(math.radians(30)))
    assert used[1] != pytest.approx(used[0])
    assert "1 pair has no calibration" in " ".join(capsys.readouterr().err.split())
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert (result["assumed_field_of_view_deg"], result["pairs_that_assume_it"]) == (60.0, 1)


@pytest.mark.usefixtures("two_pairs")
def test_single_images_are_predicted_on_their_kept_rows(tmp_path: Path, pairs: Path, fitted: Path) -> None:
    words = ["predict", str(pairs), "--split=eigen_test", "--model", str(fitted)]
    main([*words, "--output", str(tmp_path / "own")])
    main([*words, "--output", str(tmp_path / "mirrored"), "--mirrored"])
    result = json.loads((tmp_path / "own" / "result.json").read_text())
    assert result["frames"]["names"] == ["000000_10", "000001_10"]
    assert result["rows"] == [0.0, 0.75]
    assert result["depth_from"] == "each image alone"
    own = load_depth(tmp_path / "own" / "depth" / "000000.npz")
    mirrored = load_depth(tmp_path / "mirrored" / "depth" / "000000.npz")
    assert own.shape == mirrored.shape == (64, 96)
    assert not torch.equal(own, mirrored)
    assert not (tmp_path / "own" / "flow").exists()


@pytest.mark.usefixtures("two_pairs")
def test_what_has_no_meaning_for_a_split_is_refused(
    refused: Refused, tmp_path: Path, pairs: Path, fitted: Path, video: Path
) -> None:
    words = ["predict", str(pairs), "--model", str(fitted), "--output", str(tmp_path / "out")]
    assert "--stride: is for a sequence" in refused(*words, "--split=kitti2015", "--stride=2")
    assert "kitti2015 has pairs" in refused(*words, "--split=kitti2015", "--mirrored")
    assert "there is depth alone" in refused(*words, "--split=eigen_test", "--flo")
    assert "there is depth alone" in refused(*words, "--split=eigen_test", "--visibility=learned")
    assert "can be predicted on are" in refused(*words, "--split=kitti")
    assert "--mirrored: is for the images of a --split" in refused(
        "predict", str(video), "--model", str(fitted), "--output", str(tmp_path / "out"), "--mirrored"
    )
    assert not (tmp_path / "out").exists()
