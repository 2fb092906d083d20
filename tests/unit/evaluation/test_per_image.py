import csv
import math
from pathlib import Path

from triptych.evaluation.per_image import save_per_image


def test_each_image_has_a_line_with_its_figures(tmp_path: Path) -> None:
    images = [("a/1", {"abs_rel": 0.125, "rmse": math.nan}), ("a/2", {"abs_rel": 0.5, "delta1": 1.0})]
    save_per_image(tmp_path / "x.csv", images)
    with (tmp_path / "x.csv").open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows == [["image", "abs_rel", "rmse", "delta1"], ["a/1", "0.125", "", ""], ["a/2", "0.5", "", "1.0"]]
