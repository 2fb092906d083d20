"""Tables of the ablation's results: mean and deviation over the seeds."""

from __future__ import annotations

import json
import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from triptych.formats.atomic import atomic_path

BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"
FIGURES = {
    "abs_rel": "abs_rel",
    "delta1": "delta1",
    "moving_hole_rate": "holes, moving",
    "crossing_hole_rate": "crossing",
    "oncoming_hole_rate": "oncoming",
    "leading_hole_rate": "leading",
    "epe_all": "EPE all",
    "epe_noc": "noc",
    "epe_occ": "occ",
    "epe_moving": "moving",
    "occlusion_f1": "occlusion F1",
    "learned_occlusion_f1": "by the mask",
    "ate_5": "ATE-5",
}
BESIDE = {"rows": ("base", "base_baseline"), "settings": ("base", "full")}
"""Names of the runs that stand in a table beside those of its group."""
REFERENCE = "full"
"""What the settings change one thing of."""
PARTS = {"validation": "Validation worlds, by which settings are chosen", "test": "Test worlds, which decide nothing"}


def found_results(folder: Path, names: Sequence[str]) -> list[dict[str, Any]]:
    """The results in a folder, in the order of the plan's names and of the seeds."""
    found = [json.loads(path.read_text()) for path in folder.glob("*.json")]
    return sorted(found, key=lambda run: (names.index(run["name"]), run["seed"]))


def write_tables(found: list[dict[str, Any]], document: Path) -> None:
    """Put the tables between the marks of a document, which holds them already.

    Raises:
        ValueError: the document has no such marks.
    """
    text = document.read_text()
    if BEGIN not in text or END not in text:
        raise ValueError(f"{document}: needs the lines {BEGIN} and {END}")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    with atomic_path(document) as temporary:
        temporary.write_text(f"{before}{BEGIN}\n\n{tables(found)}\n{END}{after}")


def tables(found: list[dict[str, Any]]) -> str:
    """All tables as Markdown."""
    parts = []
    for part, title in PARTS.items():
        for group, told in (("rows", "rows of the paper"), ("settings", "one setting changed in `full`")):
            if not any(run["group"] == group for run in found):
                continue
            parts.append(f"### {title}: {told}\n\n{table(with_beside(found, group), part)}")
        if any(run["group"] == "settings" for run in found):
            parts.append(f"### {title}: each setting less `full` of the same seed\n\n{difference_table(found, part)}")
    parts.append(
        f"### Shares of pixels that gates and masks keep\n\n{share_table([run for run in found if run['shares']])}"
    )
    return "\n".join(parts)


def with_beside(found: list[dict[str, Any]], group: str) -> list[dict[str, Any]]:
    """The runs of a group, and beside them those of the same seeds that it is compared with."""
    seeds = {run["seed"] for run in found if run["group"] == group}
    return [run for run in found if run["group"] == group or (run["name"] in BESIDE[group] and run["seed"] in seeds)]


def table(runs: list[dict[str, Any]], part: str) -> str:
    """Figures of some runs on the worlds of a part."""
    return _figures_table(
        {
            name: [[_figure(run, part, figure) for run in seeds] for figure in FIGURES]
            for name, seeds in _by_name(runs).items()
        }
    )


def difference_table(found: list[dict[str, Any]], part: str) -> str:
    """How far each setting is from `full` of its own seed, which comes from the same networks."""
    full = {run["seed"]: run for run in found if run["name"] == REFERENCE}
    runs = [run for run in found if run["group"] == "settings" and run["seed"] in full]
    return _figures_table(
        {
            name: [
                [_figure(run, part, figure) - _figure(full[run["seed"]], part, figure) for run in seeds]
                for figure in FIGURES
            ]
            for name, seeds in _by_name(runs).items()
        }
    )


def _figures_table(rows: dict[str, list[list[float]]]) -> str:
    """Rows of figures, each of as many values as there are seeds."""
    lines = [f"| | seeds | {' | '.join(FIGURES.values())} |", f"| --- | --- |{' --- |' * len(FIGURES)}"]
    lines += [f"| {name} | {len(row[0])} | {' | '.join(shown(each) for each in row)} |" for name, row in rows.items()]
    return "\n".join(lines) + "\n"


def _figure(run: dict[str, Any], part: str, name: str) -> float:
    """A figure of a run; NaN where it has none."""
    value = run["figures"][part]["metrics"].get(name)
    return math.nan if value is None else float(value)


def share_table(runs: list[dict[str, Any]]) -> str:
    """Gate shares of each row and setting."""
    names = list(dict.fromkeys(share for run in runs for share in run["shares"]))
    lines = [f"| | {' | '.join(names)} |", f"| --- |{' --- |' * len(names)}"]
    for name, seeds in _by_name(runs).items():
        values = [shown([run["shares"].get(share) for run in seeds]) for share in names]
        lines.append(f"| {name} | {' | '.join(values)} |")
    return "\n".join(lines) + "\n"


def _by_name(runs: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for run in runs:
        rows[run["name"]].append(run)
    return dict(rows)


def shown(values: Sequence[float | None]) -> str:
    """Mean and deviation of what is known; nothing for none."""
    known = [value for value in values if value is not None and not math.isnan(value)]
    if not known:
        return ""
    spread = f" +- {statistics.stdev(known):.3f}" if len(known) > 1 else ""
    return f"{statistics.fmean(known):.3f}{spread}"
