"""Where things stand on the page: the form for a job, and the place where a job is watched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from triptych.viewing.app import page_parts as parts
from triptych.viewing.app.order import FEWEST_FRAMES, LONGEST_MINUTES, PRESETS
from triptych.viewing.app.uploads import ENDINGS
from triptych.viewing.page import asset

USUAL_FRAMES = 60
USUAL_MINUTES = 5
FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
OWN, RENDERED = "My video", "A rendered clip"
AT_ONCE, LEARN = "Predict at once", "Learn from this video first"


def look() -> dict[str, Any]:
    """Fonts, colors and style sheet, all of this machine."""
    theme = gr.themes.Default(primary_hue="blue", font=FONTS, font_mono=["ui-monospace", "Consolas", "monospace"])
    legible = {"body_text_color_subdued": "*neutral_600", "block_info_text_color": "*neutral_600"}
    legible |= {"button_primary_background_fill": "*primary_600", "input_placeholder_color": "*neutral_500"}
    legible |= {"button_cancel_background_fill": "*neutral_50", "button_cancel_text_color": "#b71c1c"}
    return {"theme": theme.set(**legible), "css": asset("app.css")}


@dataclass(frozen=True)
class Form:
    """What a person gives: components of the library.

    Attributes:
        place: all of it.
        source: whether it is their video or the rendered clip.
        drop: where the video is dropped.
        how: whether something is learned first.
        learning: what the learning needs.
        given: preset, minutes, frames and intrinsics.
        start: the button.
        refusal: why it cannot be done.
    """

    place: Any
    source: Any
    drop: Any
    how: Any
    learning: Any
    given: tuple[Any, Any, Any, Any]
    start: Any
    refusal: Any


def form(*, largest_bytes: int, frames_at_most: int) -> Form:
    """The form, at this place of the page.

    Args:
        largest_bytes: of a video.
        frames_at_most: of a video that are used.
    """
    with gr.Column(elem_id="form") as place:
        source = gr.Radio([OWN, RENDERED], value=OWN, label="Video")
        drop = gr.HTML(
            html_template=parts.upload_html(largest_bytes=largest_bytes, frames=frames_at_most, endings=ENDINGS),
            js_on_load=asset("app_upload.js"),
        )
        how = gr.Radio(
            [AT_ONCE, LEARN],
            value=AT_ONCE,
            label="What to do",
            info=f"By the weights in the package, {parts.PACE}; or learn from this very video first, "
            "which takes minutes and fits better.",
        )
        with gr.Row(visible=False) as learning:
            preset = gr.Dropdown(
                [(text, name) for name, text in PRESETS.items()], value="adapt", label="Start from", min_width=280
            )
            minutes = gr.Slider(
                1, LONGEST_MINUTES, value=USUAL_MINUTES, step=1, label="Minutes of learning", min_width=280
            )
        with gr.Row():
            frames = gr.Slider(
                FEWEST_FRAMES,
                frames_at_most,
                value=min(USUAL_FRAMES, frames_at_most),
                step=1,
                label="Frames used at most",
                info="From the first one on; to learn from, a hundred and more are better.",
                min_width=280,
            )
            intrinsics = gr.Textbox(
                label="Camera, if you know it",
                info="fx, fy, cx, cy in pixels of the video; without it a field of view of 80 degrees is assumed.",
                placeholder="e.g. 720, 720, 640, 360",
                max_lines=1,
                min_width=280,
            )
        refusal = gr.HTML()
        start = gr.Button("Start", variant="primary", elem_id="start")
    return Form(place, source, drop, how, learning, (preset, minutes, frames, intrinsics), start, refusal)


@dataclass(frozen=True)
class Work:
    """Where a job is watched: components of the library.

    Attributes:
        parts: by the names that `page_state.shown` uses.
        stop: the button that stops.
        again: the button that deletes.
    """

    parts: dict[str, Any]
    stop: Any
    again: Any


def work() -> Work:
    """The place of a job, at this place of the page."""
    with gr.Column(visible=False, elem_id="job") as place:
        status, links = gr.HTML(elem_id="status"), gr.HTML()
        with gr.Row():
            stop = gr.Button("Stop", elem_id="stop")
            again = gr.Button(
                "Delete this and start over", variant="stop", size="sm", scale=0, min_width=220, elem_id="again"
            )
        named = {"work": place, "status": status, "stop": stop, "picture": gr.HTML(), "links": links}
        with gr.Tabs(visible=False) as tabs:
            for name, title in (("report", "Report"), ("scene", "3D view"), ("video", "Video")):
                with gr.Tab(title, visible=False) as tab:
                    named |= {f"{name}_tab": tab, name: gr.HTML()}
    return Work({**named, "tabs": tabs}, stop, again)
