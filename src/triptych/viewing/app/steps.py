"""From an order to the commands that carry it out, in a job's folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from triptych.formats.clips import FRAMES, INTRINSICS
from triptych.inference.result import PREDICTION
from triptych.viewing.app.order import Order

RUN = "run"
VIDEO = "video"
CLIP = "clip"
LOG = "log.txt"
REPORT = "report.html"
SCENE = "scene.html"
BEST = "best.safetensors"
MODEL = "model.safetensors"
"""Names within a job's folder, or that of its run. None comes from outside."""
CLIP_SIZE = "128x384"


@dataclass(frozen=True)
class Step:
    """One command of a job.

    Attributes:
        name: what it does, for a person.
        words: of the command line, once the job's folder is as the steps before left it.
        needed: whether the job fails where it does.
        reads_source: whether it reads the video, which is deleted after the last step that does.
        learns: whether it may be stopped early and what was learned by then be shown.
        told: whether its progress can be read from what it writes.
    """

    name: str
    words: Callable[[Path], list[str]]
    needed: bool = True
    reads_source: bool = False
    learns: bool = False
    told: bool = False


def steps_of(order: Order) -> list[Step]:
    """The steps of a job, in order."""
    first = Step("Render", lambda folder: _render(order, folder), reads_source=True)
    main = (
        Step("Learn and predict", lambda folder: _fit(order, folder), reads_source=True, learns=True, told=True)
        if order.learn
        else Step("Predict", lambda folder: _predict(order, folder), reads_source=True, told=True)
    )
    return [*([first] if order.rendered else []), main, *_showing(order)]


def steps_after_stop(order: Order) -> list[Step]:
    """The steps of a job whose learning was stopped: what the best networks by then say."""
    model = f"{RUN}/{BEST}"
    return [
        Step("Predict", lambda folder: _predict(order, folder, model=folder / model), reads_source=True, told=True),
        *_showing(order),
    ]


def source_of(folder: Path) -> Path:
    """The video in a job's folder, or the rendered clip."""
    clips = sorted((folder / CLIP).glob(f"*/{FRAMES}"))
    videos = sorted(folder.glob(f"{VIDEO}.*"))
    return next(iter([*clips, *videos]), folder / VIDEO)


def _render(order: Order, folder: Path) -> list[str]:
    # The validation worlds: the weights in the package have not learned from them.
    options = ["--layout=folders", "--part=validation", "--clips=1", f"--size={CLIP_SIZE}"]
    return ["prepare", "synthetic", *options, f"--frames={order.frames}", f"--output={folder / CLIP}"]


def _predict(order: Order, folder: Path, *, model: Path | None = None) -> list[str]:
    words = ["predict", str(source_of(folder)), f"--output={folder / RUN / PREDICTION}", f"--limit={order.frames}"]
    return [*words, *([f"--model={model}"] if model else []), *_intrinsics(order, folder)]


def _fit(order: Order, folder: Path) -> list[str]:
    words = ["fit", str(source_of(folder)), f"--output={folder / RUN}", f"--frames.limit={order.frames}"]
    scratch = ["--from_scratch"] if order.preset == "small" else []
    return [*words, f"--preset={order.preset}", *scratch, f"--minutes={order.minutes:g}", *_intrinsics(order, folder)]


def _showing(order: Order) -> list[Step]:
    """The steps that make the result's pages; a result is one without them too."""
    return [
        Step("Report", lambda folder: _report(order, folder), needed=False),
        Step("3D view", lambda folder: ["view", str(folder / RUN), f"--save={folder / RUN / SCENE}"], needed=False),
    ]


def _report(order: Order, folder: Path) -> list[str]:
    # A fit has written one already, under the name that its video has here.
    return ["report", str(folder / RUN), f"--output={folder / RUN / REPORT}", "--overwrite", f"--title={order.title}"]


def _intrinsics(order: Order, folder: Path) -> list[str]:
    """What is known of the camera; of a rendered clip all, in a file beside its frames."""
    known = str(source_of(folder).parent / INTRINSICS) if order.rendered else order.intrinsics
    return [f"--intrinsics={known}"] if known else []
