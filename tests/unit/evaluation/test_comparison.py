"""Only figures of one protocol share a column, and the best of them is bold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from triptych.artefacts.tables import Table
from triptych.errors import InputError
from triptych.evaluation.comparison import ResultFile, comparison
from triptych.evaluation.published import PublishedRow
from triptych.evaluation.results import Protocol, Result

SETTINGS = {"images": 697, "crop": "Garg"}
NAN = math.nan


def protocol(**changes: Any) -> Protocol:
    return Protocol("depth", "eigen", {**SETTINGS, **changes})


def file(name: str, metrics: Mapping[str, float], *, path: str = "", **kept: Any) -> ResultFile:
    kept.setdefault("protocol", protocol())
    return ResultFile(path or f"{name}{sum(metrics.values()):.4f}.json", Result(metrics=metrics, name=name, **kept))


def published(name: str = "theirs", *, how: Protocol | None = None, **printed: str) -> PublishedRow:
    return PublishedRow(name, how or protocol(), printed, "A, B 2020")


def heads(table: Table) -> list[str]:
    return [column.head() for column in table.columns]


def texts(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row.cells] for row in table.rows]


def bold(table: Table, column: str) -> list[str]:
    """Names of the rows that are bold in a column."""
    index = [head.split()[0] for head in heads(table)].index(column)
    return [row.cells[0].text for row in table.rows if row.cells[index].bold]


def test_results_of_one_name_are_seeds_with_mean_and_sample_deviation() -> None:
    (table,) = comparison([file("ours", {"abs_rel": value}) for value in (0.112, 0.115, 0.118)])
    assert heads(table) == ["method", "seeds", "abs_rel ↓"]
    assert texts(table) == [["ours", "3", "0.115 ± 0.003"]]  # sqrt((.003^2 + .003^2) / 2); of a population: .002


def test_one_seed_each_has_no_column_of_seeds_and_no_deviation() -> None:
    (table,) = comparison([file("a", {"abs_rel": 0.1}), file("b", {"abs_rel": 0.2})])
    assert texts(table) == [["a", "0.100"], ["b", "0.200"]]


def test_seeds_that_were_averaged_are_named() -> None:
    (table,) = comparison([file("a", {"abs_rel": 0.1}, path="1.json"), file("a", {"abs_rel": 0.2}, path="2.json")])
    assert "a: mean of 1.json, 2.json" in table.notes


def test_averaged_files_are_named_by_no_more_of_their_path_than_tells_them_apart() -> None:
    for paths, shown in ((("/x/1.json", "/x/2.json"), "1.json, 2.json"), (("/x/1/r", "/x/2/r"), "1/r, 2/r")):
        (table,) = comparison([file("a", {"abs_rel": 0.1 + i}, path=path) for i, path in enumerate(paths)])
        assert table.notes[-1] == f"a: mean of {shown}"


def test_results_that_share_a_default_name_are_not_averaged() -> None:
    given = [
        file("10", {"abs_rel": float(number)}, path=f"x/{name}.json", named=False) for number, name in enumerate("abc")
    ]
    with pytest.raises(InputError) as caught:
        comparison(given)
    assert str(caught.value) == (
        "three results are called '10' by default (a.json, b.json, c.json): "
        "give each method a --name when evaluating, the same one for the seeds of one method"
    )


def test_a_default_name_among_given_ones_is_refused_and_one_alone_is_not() -> None:
    given = [file("a", {"abs_rel": 0.1}, path="1.json"), file("a", {"abs_rel": 0.2}, path="2.json", named=False)]
    with pytest.raises(InputError, match=r"two results are called 'a', but by default only: 2\.json: give"):
        comparison(given)
    (table,) = comparison([file("b", {"abs_rel": 0.3}), given[1]])
    assert texts(table) == [["b", "0.300"], ["a", "0.200"]]


def test_columns_are_in_the_order_of_the_measures_with_their_digits_and_units() -> None:
    (table,) = comparison([file("a", {"frames": 12.0, "epe_all": 1.006, "rmse": 4.0006})])
    assert heads(table) == ["method", "rmse (m) ↓", "EPE all (px) ↓", "frames"]
    assert texts(table) == [["a", "4.001", "1.01", "12"]]


def test_a_count_has_no_column_where_the_protocol_tells_the_same() -> None:
    (table,) = comparison([file("a", {"abs_rel": 0.1, "images": 697.0})])
    assert heads(table) == ["method", "abs_rel ↓"]
    (table,) = comparison([file("a", {"abs_rel": 0.1, "images": 697.0}), file("b", {"abs_rel": 0.1, "images": 5.0})])
    assert heads(table) == ["method", "abs_rel ↓", "images"]


def test_a_count_that_all_seeds_share_has_no_deviation() -> None:
    (table,) = comparison([file("a", {"abs_rel": value, "frames": 12.0}) for value in (0.1, 0.2)])
    assert texts(table)[0][-1] == "12"


def test_the_lowest_error_and_the_highest_share_are_bold() -> None:
    (table,) = comparison([file("a", {"abs_rel": 0.1, "delta1": 0.8}), file("b", {"abs_rel": 0.2, "delta1": 0.9})])
    assert bold(table, "abs_rel") == ["a"]
    assert bold(table, "delta1") == ["b"]


def test_the_best_is_decided_before_rounding() -> None:
    (table,) = comparison([file("a", {"abs_rel": 0.11521}), file("b", {"abs_rel": 0.11519})])
    assert [row[1] for row in texts(table)] == ["0.115", "0.115"]
    assert bold(table, "abs_rel") == ["b"]


def test_equals_are_bold_together_and_one_alone_is_not() -> None:
    (table,) = comparison([file("a", {"abs_rel": 0.1, "rmse": 4.0}), file("b", {"abs_rel": 0.1, "rmse": NAN})])
    assert bold(table, "abs_rel") == ["a", "b"]
    assert bold(table, "rmse") == []


def test_a_tie_does_not_depend_on_how_floats_add_up() -> None:
    seeds = [file("a", {"abs_rel": value}) for value in (0.1, 0.2, 0.3)]  # their mean is 0.19999999999999998
    (table,) = comparison([*seeds, file("b", {"abs_rel": 0.2})])
    assert bold(table, "abs_rel") == ["a", "b"]


def test_what_is_neither_better_high_nor_low_is_never_bold() -> None:
    (table,) = comparison([file("a", {"scale_median": 31.0}), file("b", {"scale_median": 32.0})])
    assert bold(table, "scale") == []


def test_the_mean_over_seeds_decides_not_the_best_seed() -> None:
    seeds = [file("lucky", {"abs_rel": value}) for value in (0.05, 0.25)]
    (table,) = comparison([*seeds, file("steady", {"abs_rel": 0.14})])
    assert bold(table, "abs_rel") == ["steady"]


def test_a_figure_that_is_missing_is_a_dash() -> None:
    (table,) = comparison([file("a", {"abs_rel": NAN, "rmse": 4.0}), file("b", {"abs_rel": 0.1})])
    assert texts(table) == [["a", "\u2013", "4.000"], ["b", "0.100", "\u2013"]]


def test_a_figure_that_one_seed_lacks_is_a_dash_with_a_note() -> None:
    (table,) = comparison([file("a", {"rmse": 4.0, "abs_rel": NAN}), file("a", {"rmse": 4.1, "abs_rel": 0.1})])
    assert texts(table) == [["a", "2", "\u2013", "4.050 ± 0.071"]]
    assert "a: 1 of 2 seeds lack abs_rel" in table.notes


def test_baselines_stand_below_and_are_not_bold_even_when_they_are_best() -> None:
    baselines = {"mean_depth": {"abs_rel": 0.01}}
    given = [file("a", {"abs_rel": 0.1}, baselines=baselines), file("b", {"abs_rel": 0.2}, baselines=baselines)]
    (table,) = comparison(given)
    assert [(row.cells[0].text, row.section) for row in table.rows] == [
        ("a", ""),
        ("b", ""),
        ("mean depth", "baselines"),
    ]
    assert bold(table, "abs_rel") == ["a"]
    (without,) = comparison(given, baselines=False)
    assert [row.cells[0].text for row in without.rows] == ["a", "b"]


def test_a_baseline_that_differs_between_results_is_shown_beside_each() -> None:
    given = [
        file("a", {"abs_rel": 0.1}, baselines={"zero": {"abs_rel": 0.5}}),
        file("b", {"abs_rel": 0.2}, baselines={"zero": {"abs_rel": 0.6}}),
        file("c", {"abs_rel": 0.3}),
    ]
    (table,) = comparison(given)
    assert texts(table)[3:] == [["zero, beside a", "0.500"], ["zero, beside b", "0.600"]]


def test_results_of_two_protocols_are_refused_with_the_values_that_differ() -> None:
    given = [
        file("a", {"abs_rel": 0.1}, path="x/a.json"),
        file("b", {"abs_rel": 0.2}, path="x/b.json", protocol=protocol(crop="none", cap_m=80.0)),
    ]
    with pytest.raises(InputError) as caught:
        comparison(given)
    assert str(caught.value) == (
        "2 results of 2 protocols do not belong in one table: crop Garg, none; cap 80 m, not given (a.json, b.json); "
        "give results of one protocol, --across SETTING for columns, or --separate for a table each"
    )


def test_the_refusal_of_many_protocols_is_of_a_bounded_length() -> None:
    settings = [{f"setting_{number}": f"{value} " * 40 for number in range(30)} for value in range(30)]
    given = [
        file("a", {"abs_rel": 0.1}, path=f"{n}.json", protocol=protocol(**kept)) for n, kept in enumerate(settings)
    ]
    with pytest.raises(InputError) as caught:
        comparison(given)
    said = str(caught.value)
    assert said.startswith("30 results of 30 protocols do not belong in one table: setting 0 0 0 0")
    assert " and 26 others; setting 1 " in said  # four values of thirty
    assert "; and 24 more (0.json, 1.json and 28 others); give" in said  # six settings of thirty
    assert len(said) < 1500


def test_a_value_with_a_comma_stands_in_quotes_in_a_refusal() -> None:
    given = [file(crop, {"abs_rel": 0.1}, protocol=protocol(crop=crop)) for crop in ("Garg", "upper, left")]
    with pytest.raises(InputError, match="crop Garg, 'upper, left' "):
        comparison(given)


def test_of_several_tasks_only_what_all_of_them_have_is_compared() -> None:
    flow = Protocol("flow", "kitti2015", {"images": 200, "resizing": "flow"})
    given = [file("a", {"abs_rel": 0.1}), file("b", {"epe_all": 0.1}, protocol=flow)]
    with pytest.raises(InputError, match="table: task depth, flow; protocol eigen, kitti2015; images 200, 697 "):
        comparison(given)


def test_separate_makes_a_table_for_each_protocol() -> None:
    other = protocol(crop="none")
    given = [
        file("a", {"abs_rel": 0.1}),
        file("b", {"abs_rel": 0.2}, protocol=other),
        file("c", {"abs_rel": 0.3}),
    ]
    first, second = comparison(given, separate=True)
    assert [row[0] for row in texts(first)] == ["a", "c"]
    assert [row[0] for row in texts(second)] == ["b"]
    assert first.caption == protocol().line()
    assert second.caption == other.line()


def test_the_same_figures_twice_are_not_two_seeds() -> None:
    given = [file("a", {"abs_rel": 0.1, "rmse": NAN}, path=path) for path in ("one.json", "copy.json")]
    with pytest.raises(InputError, match=r"one\.json and copy\.json hold the same figures"):
        comparison(given)


def test_the_same_figures_of_another_name_are_a_tie() -> None:
    (table,) = comparison([file("a", {"abs_rel": 0.1}, path="1"), file("b", {"abs_rel": 0.1}, path="2")])
    assert [row[0] for row in texts(table)] == ["a", "b"]
    assert bold(table, "abs_rel") == ["a", "b"]


def test_the_same_figures_of_another_protocol_are_another_result() -> None:
    other = file("a", {"abs_rel": 0.1}, path="2", protocol=protocol(crop="none"))
    tables = comparison([file("a", {"abs_rel": 0.1}, path="1"), other], separate=True)
    assert [[row[0] for row in texts(table)] for table in tables] == [["a"], ["a"]]


def test_one_file_under_two_names_of_its_path_is_one_result() -> None:
    given = [file("a", {"abs_rel": 0.1}, path="runs/a.json"), file("a", {"abs_rel": 0.2}, path="runs/../runs/a.json")]
    with pytest.raises(InputError, match="same figures"):
        comparison(given)


def test_published_rows_of_the_same_protocol_are_appended_and_may_be_best() -> None:
    rows = [published(abs_rel="0.10", delta1="0.9")]
    (table,) = comparison([file("a", {"abs_rel": 0.2}), file("a", {"abs_rel": 0.3})], published=rows)
    assert heads(table)[2:] == ["abs_rel ↓"]
    assert texts(table)[1] == ["theirs", "\u2013", "0.10"]
    assert bold(table, "abs_rel") == ["theirs"]
    assert any("A, B 2020" in note and "theirs" in note for note in table.notes)


def test_published_rows_of_another_protocol_are_counted_with_the_points_that_differ() -> None:
    rows = [published(how=protocol(crop="none"), abs_rel="0.10")]
    (table,) = comparison([file("a", {"abs_rel": 0.2})], published=rows)
    assert texts(table) == [["a", "0.200"]]
    assert table.notes == ("1 published row is left out, for its protocol differs (in crop)",)
    rows += [published("more", how=protocol(images=652, cap_m=80.0), abs_rel="0.10")]
    (table,) = comparison([file("a", {"abs_rel": 0.2})], published=rows)
    assert table.notes == ("2 published rows are left out, for their protocols differ (in crop, images, cap)",)


def test_published_rows_of_another_task_or_sequence_are_not_mentioned() -> None:
    rows = [
        published(how=Protocol("flow", "kitti2015", {}), epe_all="6.60"),
        published(how=protocol(sequence="10"), abs_rel="0.1"),
    ]
    (table,) = comparison([file("a", {"abs_rel": 0.2})], published=rows)
    assert table.notes == ()


def test_what_a_source_leaves_open_is_said() -> None:
    rows = [PublishedRow("theirs", protocol(), {"abs_rel": "0.10"}, "A, B 2020", unstated=("crop",))]
    (table,) = comparison([file("a", {"abs_rel": 0.2})], published=rows)
    said = "theirs: figures as printed in A, B 2020; it does not state crop, taken to be as in this table"
    assert table.notes == (said,)


def test_notes_of_the_results_stand_once_with_the_results_that_they_are_of() -> None:
    given = [file(name, {"abs_rel": 0.1}, notes=("same", name)) for name in ("a", "b")]
    (table,) = comparison(given)
    assert table.notes == ("same", "a: a", "b: b")


def test_nothing_to_compare_is_refused() -> None:
    with pytest.raises(InputError, match="no results"):
        comparison([])
