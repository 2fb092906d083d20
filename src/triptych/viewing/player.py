"""The player: frame, depth, flow, masks and the camera's path, all under one slider."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

import torch

from triptych.artefacts.colors import HIDDEN_COLOR, MOVING_COLOR, overlaid
from triptych.artefacts.figures import depth_legend
from triptych.formats.counts import number_of
from triptych.inference.result import PredictionFolder
from triptych.viewing.page import Section
from triptych.viewing.path_plot import CameraPath, path_plot
from triptych.viewing.pictures import PNG, STILL_QUALITY, WEBP, webp_text, wheel_text
from triptych.viewing.shown_frames import ShownFrame, ShownFrames

PLAYER = "player"
RATE_HZ = 10.0  # where the frames' times do not tell
SPEEDS = ("0.25", "0.5", "1", "2", "4")
_WIDE = 1.4  # width over height from which panels stand in two columns instead of three
_PATH_HEIGHTS = (300.0, 640.0)  # least and greatest of the path's drawing, which is 1000 wide
MIDDLE_GRAY = 128
_SWATCH = 16  # px


def player_section(
    prediction: PredictionFolder,
    shown: ShownFrames,
    *,
    paths: Sequence[CameraPath],
    marked: int = 0,
    path_note: str = "",
    path_unit: str = "",
) -> Section:
    """The frames under one slider; without scripts the first one stands there.

    Args:
        prediction: whose frames are shown.
        shown: their pictures.
        paths: the camera's path from above, with others beside it.
        marked: which of the paths is the prediction's.
        path_note: how the paths were aligned.
        path_unit: of the paths; empty where the scale is unknown.
    """
    height, width = shown.size
    low, high = _PATH_HEIGHTS
    drawing = path_plot(paths, unit=path_unit, height=min(max(1000.0 * height / width, low), high), marked=marked)
    columns = "across-2" if width >= _WIDE * height else "across-3"
    panels = "\n".join(
        [*_panels(shown), _path_panel(drawing.svg, path_note)],
    )
    body = (
        f"{_note(prediction, shown)}\n"
        f'<div class="player" id="player-panels">\n'
        f'<div class="row {columns}">\n{panels}\n</div>\n{_controls(len(shown.positions))}\n</div>'
    )
    marks = [[round(number, 1) for number in drawing.marks[index].tolist()] for index in shown.positions]
    return Section(PLAYER, "Frame by frame", body, data=_data(prediction, shown, marks), script="player.js")


def _note(prediction: PredictionFolder, shown: ShownFrames) -> str:
    count = len(shown.positions)
    parts = []
    if count < len(prediction):
        parts.append(
            f"{count:,} of {len(prediction):,} frames are shown, evenly spaced; "
            "flow, hidden and moving are those to the very next frame of the video."
        )
    if shown.size != prediction.size:
        (height, width), (full_height, full_width) = shown.size, prediction.size
        parts.append(f"The pictures are {width}x{height} pixels, of {full_width}x{full_height}.")
    parts.append("The colors have one range over the whole video.")
    return f'<p class="note">{escape(" ".join(parts))}</p>'


def _panels(shown: ShownFrames) -> list[str]:
    first = shown.frames[0]
    near, far, longest = (f"{value:.3g}" for value in (shown.colors.near, shown.colors.far, shown.colors.flow))
    bar = _legend(
        WEBP + webp_text(depth_legend(near=shown.colors.near, far=shown.colors.far), quality=STILL_QUALITY),
        "Color bar from near, bright, to far, dark",
        "scale",
    )
    wheel = _legend(PNG + wheel_text(), "Color wheel: the color of the way that a point moves in the picture", "wheel")
    return [
        _panel("frame", "Frame", '<span id="player-learned"></span>', _layer("frame", first, shown, "The frame")),
        _panel("depth", "Depth", f"near {near} {bar} {far} far", _layer("depth", first, shown, "Depth, colored")),
        _panel(
            "flow",
            "Flow to the next frame",
            f"{wheel} white: none, full color: {longest} px",
            _layer("flow", first, shown, "Flow, colored"),
        ),
        _mask_panel("hidden", "Not visible in the next frame", first, shown),
        _mask_panel("moving", "Moves by itself", first, shown),
    ]


def _mask_panel(kind: str, title: str, first: ShownFrame, shown: ShownFrames) -> str:
    """The frame in gray, and a color over it."""
    color = {"hidden": HIDDEN_COLOR, "moving": MOVING_COLOR}[kind]
    swatch = _legend(WEBP + _swatch_text(color), f"The color of what is {kind}", "swatch")
    legend = f'{swatch} <span id="player-{kind}-share"></span>'
    below = _layer("frame", first, shown, "", gray=True)
    return _panel(kind, title, legend, below + _layer(kind, first, shown, title, over=True))


def _swatch_text(color: tuple[int, int, int]) -> str:
    """As the color stands in a picture: over its gray, whatever the color of the page."""
    gray = torch.full((3, _SWATCH, _SWATCH), MIDDLE_GRAY, dtype=torch.uint8)
    return webp_text(overlaid(gray, torch.ones(_SWATCH, _SWATCH), color), quality=STILL_QUALITY)


def _legend(address: str, description: str, look: str) -> str:
    return f'<img class="{look}" src="{address}" alt="{escape(description)}">'


def _layer(
    kind: str, first: ShownFrame, shown: ShownFrames, description: str, *, gray: bool = False, over: bool = False
) -> str:
    height, width = shown.size
    text = getattr(first, kind)
    source = f'src="{PNG if over else WEBP}{text}" ' if text else ""
    look = "gray" if gray else "over" if over else ""
    return (
        f'<img class="layer {look}" data-layer="{kind}" data-says="{escape(description)}" '
        f'{source}width="{width}" height="{height}" '
        f'alt="{escape(f"{description}, frame 1" if description else "")}">'
    )


def _panel(kind: str, title: str, legend: str, layers: str) -> str:
    return (
        f'<figure class="panel" data-panel="{kind}"><figcaption><span class="title">{escape(title)}</span>'
        f'<span class="legend">{legend}</span></figcaption>'
        f'<div class="stack">{layers}<span class="nothing">The last frame has no next one.</span></div></figure>'
    )


def _path_panel(svg: str, note: str) -> str:
    small = f'<p class="small">{escape(note)}</p>' if note else ""
    return (
        '<figure class="panel path" data-panel="path"><figcaption><span class="title">Camera path from above</span>'
        f'<span class="legend">the mark is this frame</span></figcaption>{svg}{small}</figure>'
    )


def _controls(count: int) -> str:
    speeds = "".join(
        f'<option value="{speed}"{" selected" if speed == "1" else ""}>{speed}&times;</option>' for speed in SPEEDS
    )
    return (
        '<div class="controls" role="group" aria-label="Player">'
        '<button type="button" id="player-play" aria-label="Play" disabled>Play</button>'
        f'<input type="range" id="player-slider" min="0" max="{count - 1}" value="0" step="1" '
        'aria-label="Frame" aria-describedby="player-keys" disabled>'
        '<output id="player-place" for="player-slider"></output>'
        f'<label>Speed <select id="player-speed" disabled>{speeds}</select></label>'
        '<p class="small" id="player-keys">← and → move by a frame, with Shift by ten; Space plays; '
        "on the slider Home and End go to the ends.</p>"
        "<noscript><p>Without scripts only the first frame is shown.</p></noscript></div>"
    )


def _data(prediction: PredictionFolder, shown: ShownFrames, marks: list[list[float]]) -> str:
    """What the script reads: facts of all frames, and an element a frame, decoded when it is looked at."""
    times = prediction.timestamps[shown.positions]
    span = float(times[-1] - times[0])
    learned = prediction.facts.get("frames_learned_from")
    facts = {
        "rate": (len(times) - 1) / span if span > 0 else RATE_HZ,
        "numbers": [position + 1 for position in shown.positions],
        "total": len(prediction),
        "times": [round(float(time - times[0]), 3) for time in times] if span > 0 else None,
        "marks": marks,
        "hidden": [_rounded(frame.hidden_share) for frame in shown.frames],
        "moving": [_rounded(frame.moving_share) for frame in shown.frames],
        "learned": [position in set(learned) for position in shown.positions] if isinstance(learned, list) else None,
    }
    elements = [
        '<script type="application/json" class="player-frame">'
        + json.dumps([frame.frame, frame.depth, frame.flow, frame.hidden, frame.moving])
        + "</script>"
        for frame in shown.frames
    ]
    return "\n".join([f'<script type="application/json" id="player-facts">{json.dumps(facts)}</script>', *elements])


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


def summary_line(prediction: PredictionFolder) -> str:
    """What was predicted, in a sentence."""
    height, width = prediction.size
    return f"{prediction.name}: {number_of(len(prediction), 'frame', 'frames')} of {width}x{height} pixels."
