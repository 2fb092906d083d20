"""Published figures are those of the publications, and say how they were made."""

import pytest

from triptych.evaluation.depth_protocols import PROTOCOLS
from triptych.evaluation.flow import GROUND_TRUTH
from triptych.evaluation.published import NOT_STATED, PublishedRow, published_rows
from triptych.evaluation.results import Protocol

PAPER = "Fang and Liu"
EIGEN = Protocol(
    "depth",
    "eigen",
    {
        "split": "eigen_test",
        "images": 697,
        "ground_truth": "LiDAR, forward distance",
        "crop": "Garg",
        "min_depth_m": 0.001,
        "cap_m": 80.0,
        "scaling": "median",
        "resizing": "disparity, bilinear",
        "post_processing": "none",
    },
)
KITTI_2015 = Protocol(
    "flow",
    "kitti2015",
    {"split": "kitti2015", "images": 200, "ground_truth": "flow_occ and flow_noc", "resizing": "flow, bilinear"},
)


def papers_rows(task: str) -> list[PublishedRow]:
    return [row for row in published_rows() if row.source.startswith(PAPER) and row.protocol.task == task]


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("Fang & Liu, baseline", ".120/.928/5.034/.196/.852/.951/.977"),
        ("Fang & Liu, + MaskFlow", ".114/.876/4.868/.190/.877/.959/.982"),
        ("Fang & Liu, full", ".112/.825/4.752/.188/.878/.960/.982"),
        ("Fang & Liu, full, trained on Cityscapes", ".119/.986/5.182/.179/.852/.945/.978"),
    ],
)
def test_the_papers_depth_rows_are_as_it_prints_them(name: str, figures: str) -> None:
    (row,) = [row for row in papers_rows("depth") if row.name == name]
    names = ["abs_rel", "sq_rel", "rmse", "rmse_log", "delta1", "delta2", "delta3"]
    assert row.figures == {name: float(text) for name, text in zip(names, figures.split("/"), strict=True)}
    assert row.protocol.differing(EIGEN) == []


def test_the_papers_flow_rows_are_as_it_prints_them() -> None:
    rows = papers_rows("flow")
    assert [(row.figures["epe_noc"], row.figures["epe_all"]) for row in rows] == [(4.35, 8.13), (4.27, 6.60)]
    assert all(row.protocol.differing(KITTI_2015) == [] for row in rows)


@pytest.mark.parametrize(("sequence", "mean", "deviation"), [("09", 0.008, 0.005), ("10", 0.008, 0.006)])
def test_the_papers_odometry_rows_stand_beside_no_snippet_length(sequence: str, mean: float, deviation: float) -> None:
    (row,) = [row for row in papers_rows("snippets") if row.protocol.settings["sequence"] == sequence]
    assert row.figures == {"ate_mean": mean, "ate_std": deviation}
    assert row.protocol.settings["snippet"] == NOT_STATED
    for length, snippets in ((3, 1589), (5, 1587)):
        ours = Protocol(
            "snippets", row.protocol.name, {**row.protocol.settings, "snippet": length, "snippets": snippets}
        )
        assert row.protocol.differing(ours)


def test_digits_are_kept_as_printed() -> None:
    (row,) = [row for row in papers_rows("depth") if row.name == "Fang & Liu, baseline"]
    assert row.printed["abs_rel"] == "0.120"


def test_every_row_names_its_source_and_every_table_has_a_name_once() -> None:
    rows = published_rows()
    assert all(row.source for row in rows)
    places = [(row.name, row.protocol.line()) for row in rows]
    assert len(set(places)) == len(places)


def test_what_the_paper_leaves_open_is_marked() -> None:
    assert all("resizing" in row.unstated for row in [*papers_rows("depth"), *papers_rows("flow")])


def test_depth_that_was_resized_as_depth_is_of_another_protocol() -> None:
    (row,) = [row for row in published_rows() if row.name.startswith("SfMLearner") and row.protocol.task == "depth"]
    assert EIGEN.differing(row.protocol) == ["resizing"]


def test_the_protocols_are_those_that_results_are_scored_by() -> None:
    scored = PROTOCOLS["eigen"]
    names = ["split", "ground_truth", "crop", "min_depth_m", "cap_m", "scaling", "resizing"]
    assert {name: getattr(scored, name) for name in names} == {name: EIGEN.settings[name] for name in names}
    assert scored.name == EIGEN.name
    assert GROUND_TRUTH["kitti2015"] == KITTI_2015.settings["ground_truth"]
