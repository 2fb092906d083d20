"""The page's own parts, as HTML: how a job is doing, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby

from triptych.viewing.app.addresses import ARCHIVE, PICTURE, address
from triptych.viewing.app.job import ENDED, OVERVIEW, JobStatus
from triptych.viewing.app.live_picture import LivePicture
from triptych.viewing.app.run_progress import RunProgress
from triptych.viewing.app.steps import LOG, REPORT, SCENE
from triptych.viewing.chart import Band, Lines, line_chart
from triptych.viewing.curves import KINDS, thinned
from triptych.viewing.run_log import Series

PACE = "about a quarter of a second a frame on two cores"
"""Of a prediction, as docs/start.md tells it."""
_FEWEST_POINTS = 5  # of a curve that is drawn
_LEGIBLE_STAGES = {"flow": "flow", "depth": "depth", "joint": "all together"}


def heading_html() -> str:
    """What the page is for."""
    return (
        '<header class="head"><h1>triptych</h1><p>Depth, camera motion and optical flow of a video that one moving '
        "camera filmed, learned without labels. All of it happens on this machine.</p></header>"
    )


def upload_html(*, largest_bytes: int, frames: int, endings: Sequence[str]) -> str:
    """The place where a video is dropped; `assets/app_upload.js` runs it."""
    names = ", ".join(ending.removeprefix(".") for ending in endings)
    return (
        f'<div class="drop" data-largest="{largest_bytes}"><label>'
        f'<input type="file" accept="video/*,{",".join(endings)}" aria-describedby="drop-told">'
        "<strong>Drop a video here, or choose a file</strong>"
        f"<span>{names}; up to {largest_bytes / 1e6:g} MB. At most its first {frames} frames are used, and the file "
        "is deleted as soon as they are read.</span></label>"
        '<progress max="1" value="0" hidden aria-label="Upload"></progress>'
        '<p id="drop-told" class="told" role="status"></p></div>'
    )


def refusal_html(message: str) -> str:
    """What cannot be done, and why; empty without a message."""
    return f'<p class="refusal" role="alert">{escape(message)}</p>' if message else ""


def status_html(status: JobStatus) -> str:
    """How a job is doing."""
    parts = [f'<p class="state" role="status" data-state="{status.state}">{escape(_state_text(status))}</p>']
    if status.state == "failed":
        parts.append(refusal_html(status.failure))
    parts.append(_steps(status))
    if status.state in ("running", "stopping"):
        parts.append(_bar(status.progress))
    parts.append(_notes(status.notes))
    if status.state not in ENDED:  # the report has it then
        parts.append(_curve(status.progress.losses))
    return "\n".join(part for part in parts if part)


def picture_html(picture: LivePicture | None, *, token: str, number: int) -> str:
    """The newest picture; empty without one.

    Args:
        picture: that was made.
        token: of the job.
        number: that is another one for another picture, so that a browser loads it anew.
    """
    if picture is None:
        return ""
    text = escape(picture.label)
    place = f"{address(token, PICTURE)}?{number}"
    return (
        f'<figure class="live"><a href="{place}" target="_blank" rel="noopener"><img src="{place}" '
        f'alt="{text}: panels of depth, flow and masks"></a><figcaption>{text}</figcaption></figure>'
    )


def links_html(status: JobStatus, token: str) -> str:
    """Where the results are, once the job has ended; empty before."""
    if status.state not in ENDED:
        return ""
    links = []
    if status.complete:
        links.append(f'<a class="main" href="{address(token, ARCHIVE)}" download>Download everything (zip)</a>')
    for name, text in ((REPORT, "Report"), (SCENE, "3D view"), (LOG, "Messages")):
        if name in status.files:
            links.append(f'<a href="{address(token, name)}" target="_blank" rel="noopener">{text} in its own tab</a>')
    return f'<nav class="links" aria-label="Results">{"".join(links)}</nav>' if links else ""


def frame_html(name: str, title: str, token: str) -> str:
    """A result within the page."""
    return (
        f'<iframe class="result" src="{address(token, name)}" title="{escape(title)}" '
        'loading="lazy" sandbox="allow-scripts allow-downloads"></iframe>'
    )


def video_html(token: str) -> str:
    """The overview as a video."""
    return (
        f'<video class="result" src="{address(token, OVERVIEW)}" controls muted loop playsinline '
        'aria-label="Frame, depth, flow, visibility and motion together"></video>'
    )


def _state_text(status: JobStatus) -> str:
    if status.state == "waiting" and status.place == 0:
        return "Starting …"
    if status.state == "waiting":
        return f"Waiting: {status.place} {'job is' if status.place == 1 else 'jobs are'} before this one"
    if status.state == "running":
        # Between its last step and its end a job is behind all its steps.
        return status.progress.doing or f"{status.steps[min(status.step, len(status.steps) - 1)]} …"
    return {
        "stopping": "Stopping in good order …",
        "done": "Done",
        "stopped": "Stopped",
        "failed": "This did not work",
    }[status.state]


def _steps(status: JobStatus) -> str:
    """The steps as a list, those behind marked as done."""
    items = []
    for number, name in enumerate(status.steps):
        done = number < status.step
        current = number == status.step and status.state in ("running", "stopping")
        look = "done" if done else "current" if current else ""
        mark = ' aria-current="step"' if current else ""
        hidden = '<span class="unseen"> (done)</span>' if done else ""
        items.append(f'<li class="{look}"{mark}>{escape(name)}{hidden}</li>')
    return f'<ol class="steps">{"".join(items)}</ol>'


def _bar(progress: RunProgress) -> str:
    if progress.share is None:
        return '<progress class="bar" aria-label="Progress"></progress>'
    left = ""
    if progress.seconds_left is not None:
        minutes, seconds = divmod(round(progress.seconds_left), 60)
        left = f", {minutes}:{seconds:02d} of learning left"
    percent = f"{100 * progress.share:.0f} %"
    return (
        f'<progress class="bar" max="1" value="{progress.share:.4f}" aria-label="Progress">{percent}</progress>'
        f'<p class="percent">{percent}{left}</p>'
    )


def _notes(notes: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<ul class="notes">{items}</ul>' if items else ""


def _curve(losses: Series) -> str:
    """The loss over the steps, its stages as bands; empty for a few points."""
    if len(losses) < _FEWEST_POINTS:
        return ""
    stretches = [(stage, list(points)) for stage, points in groupby(losses, key=lambda point: point[1])]
    bands = [
        Band(float(points[0][0]), float(points[-1][0]), number % KINDS) for number, (_, points) in enumerate(stretches)
    ]
    extent = (float(losses[0][0]), float(losses[-1][0]))
    names = ", then ".join(_LEGIBLE_STAGES.get(stage, stage) for stage, _ in stretches)
    drawing = line_chart(Lines(f"Loss from {losses[0][2]:.3g} to {losses[-1][2]:.3g}", thinned(losses), bands, extent))
    return (
        f'<figure class="curve"><figcaption>Loss over the steps ({escape(names)}; it jumps where a stage begins or '
        f"more terms join)</figcaption>{drawing}</figure>"
    )
