"""The report: all that a run or a prediction has to show, in one page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from triptych.errors import InputError
from triptych.evaluation.results import Result
from triptych.inference.result import PREDICTION, RESULT_FILE, PredictionFolder, prediction_folder
from triptych.viewing.curves import curves_section
from triptych.viewing.demo import DEMO_FILE, demo_rows, load_demo_scores
from triptych.viewing.metric_table import MetricTable, result_metrics
from triptych.viewing.page import page_text, save_page
from triptych.viewing.parts import metrics_section, prediction_sections
from triptych.viewing.player import summary_line
from triptych.viewing.provenance import SETTINGS_FILE, provenance_section
from triptych.viewing.run_log import STEPS_FILE, run_log
from triptych.viewing.shown_frames import FRAMES_AT_MOST

REPORT_FILE = "report.html"


def report_page(
    place: Path,
    *,
    results: Sequence[Result] = (),
    title: str | None = None,
    frames_at_most: int = FRAMES_AT_MOST,
    progress: Callable[[int, int], None] | None = None,
) -> str:
    """The page of a run, of a prediction, or of a run with its prediction in it; what is not there is left out.

    Args:
        place: folder that `triptych fit`, `demo`, `train` or `predict` wrote.
        results: of evaluations, shown as tables.
        title: heading of the page; by default the name of the video, or of the folder.
        frames_at_most: of more frames, so many are shown, evenly spaced.
        progress: told (done, total) frames.

    Raises:
        InputError: the place is no such folder, or a file in it is damaged.
    """
    run = place if any((place / name).is_file() for name in (SETTINGS_FILE, STEPS_FILE)) else None
    prediction = _prediction(place)
    if run is None and prediction is None:
        what = "holds no run and no prediction" if place.is_dir() else "is no folder"
        raise InputError(f"{place}: {what}; name a folder that `triptych fit`, `train` or `predict` wrote")
    tables = [] if run is None else _demo_tables(run)
    sections = [metrics_section([*tables, *map(result_metrics, results)])]
    if prediction is not None:
        sections += prediction_sections(prediction, frames_at_most=frames_at_most, progress=progress)
    if run is not None:
        sections.append(curves_section(run_log(run)))
    sections.append(provenance_section(run, prediction))
    return page_text(title=title or _title(place, prediction), summary=_summary(prediction), sections=sections)


def save_report(
    path: Path,
    place: Path,
    *,
    results: Sequence[Result] = (),
    title: str | None = None,
    frames_at_most: int = FRAMES_AT_MOST,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write `report_page`.

    Raises:
        InputError: as `report_page`, or the page cannot be written.
    """
    page = report_page(place, results=results, title=title, frames_at_most=frames_at_most, progress=progress)
    save_page(path, page)


def result_page(result: Result) -> str:
    """The page of one evaluation: its figures, baselines, protocol and notes."""
    table = result_metrics(result)
    title, table = table.title, replace(table, title="")
    summary = "Figures of a prediction beside trivial and classical answers, all measured alike."
    return page_text(title=title, summary=summary, sections=[metrics_section([table])])


def _prediction(place: Path) -> PredictionFolder | None:
    """The prediction in a folder or in its `prediction`; None where there is none."""
    there = any((folder / RESULT_FILE).is_file() for folder in (place, place / PREDICTION))
    return prediction_folder(place) if there else None


def _demo_tables(run: Path) -> list[MetricTable]:
    if not (run / DEMO_FILE).is_file():
        return []
    return [MetricTable("", demo_rows(*load_demo_scores(run / DEMO_FILE)))]


def _title(place: Path, prediction: PredictionFolder | None) -> str:
    name = place.resolve().name if prediction is None else prediction.name
    return f"Triptych: {name}"


def _summary(prediction: PredictionFolder | None) -> str:
    if prediction is None:
        return "A training without labels."
    return (
        f"{summary_line(prediction)} Depth, camera motion, optical flow, visibility and motion "
        "as triptych found them, without labels; depth and path are up to scale."
    )
