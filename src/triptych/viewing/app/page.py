"""The page: choose a video and what is done with it, watch, stop, look at the result."""

from __future__ import annotations

from typing import Any

import gradio as gr

from triptych.errors import InputError
from triptych.viewing.app.jobs import Jobs
from triptych.viewing.app.order import checked_order
from triptych.viewing.app.page_layout import LEARN, OWN, RENDERED, form, work
from triptych.viewing.app.page_parts import heading_html, refusal_html
from triptych.viewing.app.page_state import Shown, changed, shown
from triptych.viewing.app.uploads import Uploads

LOOKS_EVERY_S = 1.0
ASK = '(mine) => window.confirm("Delete this, its video and all results?") ? mine : ""'
"""Of the browser: the token where the person says yes."""
RELOAD = "() => window.location.reload()"
_QUIETLY: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", "queue": False}
"""Of events: nothing is drawn over the page, no address of its own leads to them, and each is an answer to a request.

All are quick. The library's queue answers by a stream that it closes after the last event: an event that begins
at that moment is lost, and the page says that its connection is.
"""


def page(jobs: Jobs, uploads: Uploads, *, frames_at_most: int) -> Any:
    """The page, as the library's blocks.

    A browser keeps the token of its job; no other browser learns of it.

    Args:
        jobs: the queue.
        uploads: the videos that wait.
        frames_at_most: of a video that are used.
    """
    with gr.Blocks(title="triptych", analytics_enabled=False, fill_width=True) as built:
        token = gr.BrowserState("", storage_key="triptych-job")
        seen = gr.State({})
        timer = gr.Timer(LOOKS_EVERY_S, active=False)
        gr.HTML(heading_html())
        asked = form(largest_bytes=uploads.largest_bytes, frames_at_most=frames_at_most)
        watched = work()
        places = {**watched.parts, "form": asked.place, "refusal": asked.refusal, "timer": timer}
        outputs = [*places.values(), token, seen]

        def updates(now: Shown, before: Shown) -> dict[Any, Any]:
            changes = {places[name]: gr.update(**values) for name, values in changed(now, before).items()}
            return {**changes, seen: {**before, **now}}

        def begin(*given: Any) -> dict[Any, Any]:
            try:
                mine = _submitted(jobs, uploads, *given[:-1], frames_at_most=frames_at_most)
            except InputError as error:
                return {asked.refusal: gr.update(value=refusal_html(str(error)))}
            return {**updates(shown(jobs, mine), given[-1]), token: mine}

        def watch(mine: str, before: Shown) -> dict[Any, Any]:
            return updates(shown(jobs, mine), before)

        def halt(mine: str, before: Shown) -> dict[Any, Any]:
            jobs.stop(mine)
            return updates(shown(jobs, mine), before)

        def forget(mine: str | None) -> Any:
            if not mine:
                return gr.skip()
            jobs.remove(mine)
            return ""

        asked.source.change(lambda where: gr.update(visible=where == OWN), asked.source, asked.drop, **_QUIETLY)
        asked.how.change(lambda what: gr.update(visible=what == LEARN), asked.how, asked.learning, **_QUIETLY)
        asked.drop.upload(lambda: "", None, asked.refusal, **_QUIETLY)
        given = [asked.source, asked.how, asked.drop, *asked.given, seen]
        asked.start.click(begin, given, outputs, **_QUIETLY)
        watched.stop.click(halt, [token, seen], outputs, **_QUIETLY)
        watched.again.click(forget, token, token, js=ASK, **_QUIETLY).then(None, js=RELOAD)
        timer.tick(watch, [token, seen], outputs, **_QUIETLY)
        built.load(watch, [token, seen], outputs, **_QUIETLY)
    return built


def _submitted(jobs: Jobs, uploads: Uploads, *given: Any, frames_at_most: int) -> str:
    """The token of the job that the form asks for.

    Raises:
        InputError: it cannot be done; the video stays for another try.
    """
    source, how, upload, preset, minutes, frames, intrinsics = given
    order = checked_order(
        rendered=source == RENDERED,
        learn=how == LEARN,
        frames=frames or 0,
        frames_at_most=frames_at_most,
        preset=preset,
        minutes=minutes or 0,
        intrinsics=intrinsics or "",
    )
    if order.rendered:
        return jobs.submit(order)
    with uploads.lent(upload or "") as taken:
        return jobs.submit(order, taken)
