"""The parts that the pages of results have in common, of what lies in a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from triptych.inference.result import PredictionFolder
from triptych.viewing.depth_histogram import depth_histogram
from triptych.viewing.metric_table import MetricTable, metric_table
from triptych.viewing.page import Section
from triptych.viewing.path_plot import CameraPath, path_plot
from triptych.viewing.player import player_section
from triptych.viewing.shown_frames import FRAMES_AT_MOST, shown_frames


def metrics_section(tables: Sequence[MetricTable]) -> Section:
    """Tables of measures; empty without any."""
    return Section("results", "Results", "\n".join(filter(None, map(metric_table, tables))))


def prediction_sections(
    prediction: PredictionFolder,
    *,
    paths: Sequence[CameraPath] = (),
    marked: int = 0,
    path_note: str = "",
    path_unit: str = "",
    frames_at_most: int = FRAMES_AT_MOST,
    progress: Callable[[int, int], None] | None = None,
) -> list[Section]:
    """The player and the histogram of depths.

    Args:
        prediction: whose frames are shown.
        paths: drawn in place of the prediction's own path alone.
        marked: which of them is the prediction's.
        path_note: how they were aligned.
        path_unit: of the paths; empty where the scale is unknown.
        frames_at_most: of more frames, so many are shown, evenly spaced.
        progress: told (done, total) frames.

    Raises:
        InputError: a file is missing or damaged.
    """
    shown = shown_frames(prediction, at_most=frames_at_most, progress=progress)
    own = CameraPath("camera", prediction.camera_to_world.float())
    player = player_section(
        prediction, shown, paths=paths or [own], marked=marked, path_note=path_note, path_unit=path_unit
    )
    histogram = depth_histogram(shown.depths, near=shown.colors.near, far=shown.colors.far)
    note = (
        "How many of the pixels have which depth, up to scale, over all frames that are shown; the axis is "
        "logarithmic. The dashed lines are the ends of the panels' colors."
    )
    body = f'<figure class="histogram">{histogram}<figcaption>{note}</figcaption></figure>' if histogram else ""
    return [player, Section("depths", "Depths", body)]


def path_section(paths: Sequence[CameraPath], *, note: str = "", unit: str = "") -> Section:
    """Camera paths from above, where no player shows them; empty without any."""
    if not paths:
        return Section("path", "Camera path from above", "")
    caption = f"<figcaption>{escape(note)}</figcaption>" if note else ""
    body = f'<figure class="path">{path_plot(paths, unit=unit).svg}{caption}</figure>'
    return Section("path", "Camera path from above", body)
