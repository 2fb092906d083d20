"""A fit is judged on frames at the end of its video."""

from __future__ import annotations

from pathlib import Path

from tests.integration.run_lines import lines

from triptych.cli import main
from triptych.formats.photos import load_photo


def test_a_judgment_leaves_its_figures_the_best_networks_and_a_picture(
    tmp_path: Path, video: Path, tiny: list[str]
) -> None:
    folder = tmp_path / "run"
    words = [
        "fit",
        str(video),
        f"--output={folder}",
        "--from_scratch",
        "--held_out=0.4",
        "--stages=[flow]",
        "--steps=1",
    ]
    main([*words, "--steps=1", "--intrinsics=90,90,59.5,39.5", *tiny])
    (judged,) = lines(folder / "validation.jsonl")
    assert judged["measure"] == "flow_photometric"
    assert judged["picture"] == "pictures/epoch_000_step_0000001.png"
    assert (folder / "best.safetensors").is_file()
    picture = load_photo(folder / judged["picture"])
    assert picture.shape[2] > 64
    assert float(picture.float().std()) > 20  # neither blank nor dark
