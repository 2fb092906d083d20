"""What the page shows of a browser's job at a moment, part by part."""

from __future__ import annotations

import zlib
from typing import Any

from triptych.viewing.app import page_parts as parts
from triptych.viewing.app.job import ENDED, OVERVIEW, Job, JobStatus
from triptych.viewing.app.jobs import Jobs
from triptych.viewing.app.steps import REPORT, SCENE

Shown = dict[str, dict[str, Any]]
"""What changes of the parts of the page, by their names: values, and whether they are seen."""

TABS = {"report": REPORT, "scene": SCENE, "video": OVERVIEW}
"""Parts that show a file."""


def shown(jobs: Jobs, token: str) -> Shown:
    """What the parts of the page are for a browser's job, or for a browser without one.

    Args:
        jobs: the queue.
        token: that the browser has; of no job, there is the form to begin one.
    """
    job, status = jobs.find(token), jobs.status(token)
    if job is None or status is None:
        return {"form": {"visible": True}, "work": {"visible": False}, "timer": {"active": False}}
    ended = status.state in ENDED
    there = {part: ended and status.complete and name in status.files for part, name in TABS.items()}
    return {
        "form": {"visible": False},
        "work": {"visible": True},
        "timer": {"active": not ended},
        "status": {"value": parts.status_html(status)},
        "picture": {"value": "" if ended else _picture(job, token)},
        "stop": {"visible": not ended, "value": _stop_text(job, status), "interactive": status.state != "stopping"},
        "links": {"value": parts.links_html(status, token)},
        "tabs": {"visible": any(there.values())},
        **{f"{part}_tab": {"visible": is_there} for part, is_there in there.items()},
        "report": {"value": parts.frame_html(REPORT, "Report", token) if there["report"] else ""},
        "scene": {"value": parts.frame_html(SCENE, "3D view", token) if there["scene"] else ""},
        "video": {"value": parts.video_html(token) if there["video"] else ""},
    }


def changed(now: Shown, before: Shown) -> Shown:
    """The parts that are not as they were."""
    return {name: values for name, values in now.items() if before.get(name) != values}


def _picture(job: Job, token: str) -> str:
    picture = job.picture()
    number = 0 if picture is None else zlib.crc32(picture.content)
    return parts.picture_html(picture, token=token, number=number)


def _stop_text(job: Job, status: JobStatus) -> str:
    return "Stop learning and show what there is" if status.state == "running" and job.kept else "Stop"
