"""The benchmark `streets`: made, predicted and scored by commands; fixed, as its hashes say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from triptych.cli import main
from triptych.data.synthetic import benchmark
from triptych.data.synthetic.benchmark import BenchmarkPart, benchmark_clip, worlds_hash
from triptych.evaluation.predictions import REFINED

Refused = Callable[..., str]

WORLDS: dict[BenchmarkPart, str] = {"test": "278823e264e61d13", "validation": "7631643bda933f6b"}
"""Of all clips: family, seed, camera, what moves and how it looks."""
LOOKS: dict[tuple[BenchmarkPart, int], list[float]] = {
    ("test", 0): [85.612, 111.5549, 3.142, -0.7426, 0.5198, 0.9089, 0.2427, 0.2427],
    ("test", 1): [101.467, 108.0004, 2.7207, -0.4777, 0.4692, 0.9237, 0.0114, 0.0114],
    ("validation", 0): [115.5307, 155.9311, 3.3219, -0.7996, 1.0304, 0.9386, 0.0162, 0.009],
}
"""Of the first clip of each family at 32x96: means of what is seen and true, on any machine but for rounding."""


@pytest.mark.parametrize("part", list(WORLDS))
def test_the_worlds_of_the_benchmarks_are_what_they_were(part: BenchmarkPart) -> None:
    assert worlds_hash(part) == WORLDS[part]


@pytest.mark.parametrize(("part", "number"), list(LOOKS))
def test_the_clips_of_the_benchmarks_are_what_they_were(part: BenchmarkPart, number: int) -> None:
    clip = benchmark_clip(part, number, size=(32, 96))
    corner = clip.images[:, :, :16, :48].double().mean()
    depth = clip.depth_m.clamp(max=100).double().log().mean()
    flow = clip.flow_forward.clamp(-50, 50).double()
    looks = [clip.images.double().mean(), corner, depth, flow[:, 0].mean(), flow.abs().mean()]
    shares = [share.double().mean() for share in (clip.visible_forward, clip.moving, clip.role > 1)]
    assert [float(value) for value in (*looks, *shares)] == pytest.approx(LOOKS[part, number], rel=2e-3, abs=2e-3)


@pytest.fixture(scope="module")
def streets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("benchmark") / "streets"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benchmark, "CLIPS", 2)
        patch.setattr(benchmark, "FRAMES", 5)
        main(["prepare", "synthetic", "--benchmark", "--size=64x96", f"--output={folder}"])
    return folder


def test_a_model_is_scored_on_all_clips(streets: Path, fitted: Path, tmp_path: Path) -> None:
    prediction, scores, rows = tmp_path / "prediction", tmp_path / "scores.json", tmp_path / "clips.csv"
    main(
        [
            *("evaluate", "streets", f"--model={fitted}", f"--ground-truth={streets}"),
            *(f"--prediction={prediction}", f"--json={scores}", f"--per_image={rows}"),
        ]
    )
    result = json.loads(scores.read_text())
    assert result["protocol"]["split"].startswith("streets at 64x96, version 1, worlds ")
    assert result["metrics"]["clips"] == 2
    assert REFINED in result["notes"]
    assert {"abs_rel", "epe_all", "ate_3", "occlusion_f1", "learned_occlusion_f1"} <= set(result["metrics"])
    assert set(result["baselines"]) == {"mean_depth_map", "dis_five_point", "trivial"}
    assert len(rows.read_text().splitlines()) == 3
    again = tmp_path / "again.json"
    main(["evaluate", "streets", f"--ground-truth={streets}", f"--prediction={prediction}", f"--json={again}"])
    read = json.loads(again.read_text())
    assert (read["metrics"], read["notes"]) == (result["metrics"], result["notes"])
    known = json.loads((prediction / "predicted.json").read_text())
    assert known == {"benchmark": result["protocol"]["split"], "model": str(fitted)}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name what to score"),
        (["--prediction=nowhere"], "holds no prediction of avenue"),
        (["--model=nowhere"], "no file of weights"),
    ],
)
def test_what_cannot_be_scored_is_refused(streets: Path, refused: Refused, words: list[str], said: str) -> None:
    assert said in refused("evaluate", "streets", f"--ground-truth={streets}", *words)


def test_a_folder_that_is_no_benchmark_is_refused(tmp_path: Path, refused: Refused) -> None:
    words = ["evaluate", "streets", f"--ground-truth={tmp_path}", "--prediction=x"]
    assert "triptych prepare synthetic --benchmark" in refused(*words)
    (tmp_path / "benchmark.json").write_text(
        json.dumps({"name": "streets", "version": 0, "worlds": "", "clips": ["a"]})
    )
    assert "is version 0 of the benchmark" in refused(*words)
    (tmp_path / "benchmark.json").write_text(json.dumps({"name": "streets", "version": 1, "worlds": "", "clips": [1]}))
    assert "is damaged" in refused(*words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--benchmark", "--part=train"], "not of train"),
        (["--benchmark", "--family=hall"], "leave out --family"),
        (["--layout=folders"], "say which, --part train"),
    ],
)
def test_what_cannot_be_prepared_is_refused(tmp_path: Path, refused: Refused, words: list[str], said: str) -> None:
    assert said in refused("prepare", "synthetic", f"--output={tmp_path / 'out'}", *words)
    assert list(tmp_path.iterdir()) == []


def test_worlds_to_learn_from_are_drives_with_their_k(tmp_path: Path) -> None:
    root = tmp_path / "worlds"
    main(
        [
            *("prepare", "synthetic", "--part=train", "--layout=folders", "--clips=2", "--frames=4"),
            *("--size=64x96", f"--output={root}"),
        ]
    )
    run = tmp_path / "run"
    main(
        [
            *("train", "--config", "folders", f"--data.root={root}", "--validation.held_out=0", "--stages=flow"),
            *("--steps=1", "--size=64x96", "--training.flow.imitation=0", f"--output={run}"),
        ]
    )
    assert (run / "model.safetensors").is_file()
    assert len(list(root.glob("*/frames/*.png"))) == 8
    assert len(list(root.glob("*/K.txt"))) == 2
