"""A table across one setting has a column for each of its values, each of one protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from triptych.artefacts.tables import Table
from triptych.errors import InputError
from triptych.evaluation.comparison import ResultFile, comparison
from triptych.evaluation.published import PublishedRow
from triptych.evaluation.results import Protocol, Result

FRAMES = {"09": 1591, "10": 1201}


def protocol(sequence: str, **changes: Any) -> Protocol:
    settings = {"sequence": sequence, "frames": FRAMES[sequence], "alignment": "7dof"}
    return Protocol("odometry", "kitti_odometry", {**settings, **changes})


def file(name: str, sequence: str, ate: float, **kept: Any) -> ResultFile:
    changes: Mapping[str, Any] = kept.pop("changes", {})
    path = kept.pop("path", f"{name}_{sequence}_{ate}.json")
    return ResultFile(path, Result(protocol(sequence, **changes), {"ate_m": ate}, name=name, **kept))


def snippets(length: int, mean: float) -> ResultFile:
    count = 1592 - length
    how = Protocol("snippets", f"ate_{length}", {"sequence": "09", "snippet": length, "snippets": count})
    return ResultFile(f"{length}.json", Result(how, {"ate_mean": mean, "snippets": count}, name="ours"))


def heads(table: Table) -> list[str]:
    return [column.head() for column in table.columns]


def texts(table: Table) -> list[list[str]]:
    return [[cell.text + "*" * cell.bold for cell in row.cells] for row in table.rows]


def test_sequences_become_columns_with_the_best_of_each_and_a_dash_for_none() -> None:
    given = [file("b", "10", 6.0), file("a", "09", 8.0), file("a", "10", 7.0), file("c", "10", 9.0)]
    (table,) = comparison(given, across="sequence")
    assert heads(table) == ["method", "ATE 09 (m) ↓", "ATE 10 (m) ↓"]
    assert sorted(texts(table)) == [
        ["a", "8.000", "7.000"],  # alone in 09: nothing to beat
        ["b", "\u2013", "6.000*"],
        ["c", "\u2013", "9.000"],
    ]


def test_the_caption_has_the_common_settings_and_the_counts_of_each_value() -> None:
    (table,) = comparison([file("a", "09", 8.0), file("a", "10", 7.0)], across="sequence")
    assert table.caption == ("odometry, kitti_odometry: alignment 7dof; sequence 09 (frames 1591), 10 (frames 1201)")


def test_counts_that_all_values_share_stand_with_the_common_settings() -> None:
    given = [file("a", "09", ate, changes={"alignment": how}) for how, ate in (("scale", 9.0), ("7dof", 8.0))]
    (table,) = comparison(given, across="alignment")
    assert table.caption == "odometry, kitti_odometry: sequence 09; frames 1591; alignment 7dof, scale"
    assert heads(table)[1:] == ["ATE 7dof (m) ↓", "ATE scale (m) ↓"]


def test_a_value_that_says_nothing_alone_stands_with_its_setting() -> None:
    given = [file("a", "09", ate, changes={"alignment": how}) for how, ate in (("none", 9.0), ("7dof", 8.0))]
    (table,) = comparison(given, across="alignment")
    assert heads(table)[1:] == ["ATE alignment 7dof (m) ↓", "ATE alignment none (m) ↓"]


def test_snippet_lengths_are_columns_though_their_protocols_are_named_after_them() -> None:
    (table,) = comparison([snippets(5, 0.02), snippets(3, 0.01)], across="snippet")
    assert heads(table)[1:] == ["snippet ATE, mean, snippet 3 (m) ↓", "snippet ATE, mean, snippet 5 (m) ↓"]
    assert texts(table) == [["ours", "0.0100", "0.0200"]]
    assert table.caption == "snippets, ate: sequence 09; snippet 3 (snippets 1589), 5 (snippets 1587)"


def test_a_count_can_itself_be_the_setting_of_the_columns() -> None:
    given = [file("a", "09", 8.0), file("a", "09", 7.0, changes={"frames": 200, "part": "0:200"})]
    (table,) = comparison(given, across="frames")
    assert heads(table)[1:] == ["ATE frames 200 (m) ↓", "ATE frames 1591 (m) ↓"]
    assert table.caption == ("odometry, kitti_odometry: sequence 09; alignment 7dof; frames 200 (part 0:200), 1591")


def test_seeds_are_averaged_in_each_column_and_counted_from_fewest_to_most() -> None:
    (table,) = comparison([file("a", "09", 8.0), file("a", "09", 10.0), file("a", "10", 7.0)], across="sequence")
    assert heads(table)[1] == "seeds"
    assert texts(table) == [["a", "1 to 2", "9.000 ± 1.414", "7.000"]]  # sqrt((1 + 1) / 1)
    assert table.notes[-1] == "a, 09: mean of a_09_8.0.json, a_09_10.0.json"


def test_baselines_stand_in_the_columns_of_their_protocols() -> None:
    given = [
        file(name, sequence, ate, baselines={"straight_motion": {"ate_m": 100.0 + int(sequence)}})
        for name, sequence, ate in (("a", "09", 8.0), ("a", "10", 7.0), ("b", "10", 6.0))
    ]
    (table,) = comparison(given, across="sequence")
    assert texts(table)[-1] == ["straight motion", "109.000", "110.000"]


def test_published_rows_of_one_method_join_the_columns_of_their_protocols() -> None:
    rows = [
        PublishedRow("theirs", protocol("09"), {"ate_m": "7.9"}, "A 2020"),
        PublishedRow("theirs", protocol("10"), {"ate_m": "8.1"}, "A 2020"),
        PublishedRow("other", protocol("10", frames=1), {"ate_m": "0.1"}, "B 2021"),
    ]
    (table,) = comparison([file("a", "09", 8.0), file("a", "10", 7.0)], across="sequence", published=rows)
    assert texts(table) == [["a", "8.000", "7.000*"], ["theirs", "7.9*", "8.1"]]
    assert table.notes == (
        "theirs: figures as printed in A 2020",
        "1 published row is left out, for its protocol differs (in frames)",
    )


def test_a_note_that_holds_in_one_column_says_so() -> None:
    given = [file("a", "09", 8.0, notes=("2 missing",)), file("a", "10", 7.0), file("b", "10", 6.0, notes=("x",))]
    (table,) = comparison(given, across="sequence")
    assert table.notes == ("09: 2 missing", "b, 10: x")


def test_protocols_that_differ_in_more_are_refused_and_separate_tables_keep_their_columns() -> None:
    given = [file("a", "09", 8.0), file("a", "10", 7.0), file("a", "09", 9.0, changes={"alignment": "6dof"})]
    with pytest.raises(InputError) as caught:
        comparison(given, across="sequence")
    assert str(caught.value) == (
        "3 results of 3 protocols do not belong in one table: alignment 6dof, 7dof "
        "(a_09_8.0.json, a_10_7.0.json, a_09_9.0.json); "
        "give results that differ in sequence only, or --separate for a table each"
    )
    first, second = comparison(given, across="sequence", separate=True)
    assert heads(first) == ["method", "ATE 09 (m) ↓", "ATE 10 (m) ↓"]
    assert heads(second) == ["method", "ATE 09 (m) ↓"]


def test_a_column_is_never_of_two_protocols() -> None:
    given = [file("a", "09", 8.0), file("b", "09", 7.0, changes={"frames": 1589}), file("a", "10", 7.0)]
    with pytest.raises(
        InputError, match=r"sequence 09 are of 2 protocols and cannot share a column: frames 1589, 1591 "
    ):
        comparison(given, across="sequence")


def test_a_setting_that_a_result_does_not_have_is_refused_with_those_it_has() -> None:
    with pytest.raises(InputError, match=r"no setting snippet .* it has sequence, frames, alignment"):
        comparison([file("a", "09", 8.0)], across="snippet")


def test_default_names_neither_join_a_row_nor_pass_without_a_hint() -> None:
    same = [file("trajectory", sequence, 8.0, named=False, path=f"{sequence}.json") for sequence in FRAMES]
    with pytest.raises(InputError, match=r"two results are called 'trajectory' by default .* for all results of one"):
        comparison(same, across="sequence")
    (table,) = comparison([file(sequence, sequence, 8.0, named=False) for sequence in FRAMES], across="sequence")
    assert table.notes == ("09, 10: named after files; results evaluated with one --name share a row",)
