"""A table says what was measured, how, and beside what."""

import math

import pytest
from tests.unit.viewing.reader import read

from triptych.evaluation.results import Protocol, Result
from triptych.viewing.metric_table import MetricRow, MetricTable, metric_table, result_metrics
from triptych.viewing.report import result_page

HOSTILE = "<script>alert(\"x\")</script> & 'y'"


def words(*rows: MetricRow) -> str:
    return read(metric_table(MetricTable("", rows))).text


def test_a_row_shows_value_baselines_protocol_unit_and_direction() -> None:
    row = MetricRow("EPE", 1.8449, "lower", "11 pairs, all pixels", unit="px", baselines={"zero": 8.12}, digits=2)
    for expected in ("EPE", "px, ↓ lower is better", "11 pairs, all pixels", "1.84", "zero", "8.12"):
        assert expected in words(row)
    assert "↑ higher is better" in words(MetricRow("F1", 0.5, "higher", ""))
    assert "better" not in words(MetricRow("frames", 12.0, "neither", "", digits=0))


@pytest.mark.parametrize(
    ("value", "better", "baselines", "best"),
    [
        (1.0, "lower", {"a": 1.1, "b": 2.0}, True),
        (1.0, "lower", {"a": 0.9, "b": 2.0}, False),
        (1.0, "lower", {"a": 1.0}, False),
        (1.0, "higher", {"a": 0.9}, True),
        (1.0, "higher", {"a": 1.1}, False),
        (1.0, "lower", {}, False),
        (1.0, "neither", {"a": 2.0}, False),
        (math.nan, "lower", {"a": 1.0}, False),
        (1.0, "lower", {"a": math.nan}, False),
    ],
)
def test_best_is_said_only_of_what_beats_every_other(
    value: float, better: str, baselines: dict[str, float], best: bool
) -> None:
    row = MetricRow("m", value, better, "p", baselines=baselines)  # type: ignore[arg-type]
    assert row.is_best is best
    assert ("best" in words(row)) is best


def test_a_variant_is_beside_a_value_not_against_it() -> None:
    row = MetricRow("m", 1.0, "lower", "p", baselines={"mean map": 2.0}, variants={"by camera z": 0.5})
    assert row.is_best
    assert "0.500" in words(row)


def test_a_value_that_is_no_number_is_not_measured() -> None:
    text = words(MetricRow("m", math.nan, "lower", "p", baselines={"other": math.nan}))
    assert text.count("not measured") == 2
    assert "nan" not in text


def test_a_table_without_rows_is_nothing() -> None:
    assert metric_table(MetricTable("title", [])) == ""


def test_what_looks_like_markup_stays_text_in_a_table() -> None:
    row = MetricRow(HOSTILE, 1.0, "lower", HOSTILE, HOSTILE, {HOSTILE: 2.0}, variants={f"{HOSTILE}2": 1.0})
    table = MetricTable(HOSTILE, [row], answer=HOSTILE, protocol={HOSTILE: HOSTILE}, notes=[HOSTILE])
    reader = read(metric_table(table))
    assert "script" not in {tag for tag, _ in reader.tags}
    assert reader.text.count(HOSTILE) == 10


RESULT = Result(
    Protocol("depth", "eigen", {"split": "eigen_test", "cap_m": 80.0, "laser": None, "flipped": True}),
    {"abs_rel": 0.1234, "delta1": 0.9, "images": 697.0},
    baselines={"mean_map": {"abs_rel": 0.3}},
    variants={"camera_z": {"abs_rel": 0.12}},
    notes=("a note",),
    name="ours",
)


def test_a_result_becomes_a_table_with_its_protocol_notes_baselines_and_variants() -> None:
    table = result_metrics(RESULT)
    assert [row.name for row in table.rows] == ["abs_rel", "delta1", "images"]
    assert table.rows[0].baselines == {"mean map": 0.3}
    assert table.rows[0].variants == {"by camera z": 0.12}
    assert table.rows[1].baselines == {}
    assert dict(table.protocol) == {"split": "eigen_test", "cap": "80 m", "laser": "none", "flipped": "yes"}
    text = read(metric_table(table)).text
    for expected in ("ours: depth, eigen", "0.123", "mean map", "by camera z", "697", "a note", "80 m"):
        assert expected in text


def test_the_page_of_an_evaluation_is_its_table() -> None:
    reader = read(result_page(RESULT))
    assert "ours: depth, eigen" in reader.text
    assert [tag for tag, _ in reader.tags].count("table") == 1
    assert "script" not in {tag for tag, _ in reader.tags}
