"""What a run sees at the moment, as a picture made of what it writes."""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from triptych.artefacts.overview import OverviewRange, overview_frame
from triptych.errors import InputError
from triptych.formats.maps import load_depth, load_kitti_flow, load_mask, load_visibility
from triptych.formats.photos import load_photo
from triptych.viewing.app.run_progress import frames_in, written_prediction

PICTURES = "pictures"
"""Folder of a training's own pictures in that of its run."""
QUALITY = 85


@dataclass(frozen=True)
class LivePicture:
    """A picture of a run.

    Attributes:
        label: what it shows.
        kind: its media type.
        content: the file.
    """

    label: str
    kind: str
    content: bytes


class PictureMaker:
    """Makes the newest picture of a run, each only once; for one thread at a time.

    Args:
        run: folder of the run.
    """

    def __init__(self, run: Path) -> None:
        self._run = run
        self._made_of: Path | None = None
        self._picture: LivePicture | None = None
        self._range: OverviewRange | None = None

    def newest(self) -> LivePicture | None:
        """The newest picture; None before there is something to see."""
        with suppress(InputError, OSError):  # it was moved away while it was read
            self._look()
        return self._picture

    def _look(self) -> None:
        folder = written_prediction(self._run)
        frames = 0 if folder is None else frames_in(folder)
        if folder is not None and frames > 1:
            self._draw(folder, frames - 2)  # the last one may have no flow, or be just written
            return
        drawn = sorted(path for path in (self._run / PICTURES).glob("*.png") if not path.name.startswith("."))
        if drawn and drawn[-1] != self._made_of:
            self._keep(
                drawn[-1],
                LivePicture("On a held-out frame, by now", "image/png", drawn[-1].read_bytes()),
            )

    def _draw(self, folder: Path, index: int) -> None:
        """The panels of a frame that is predicted."""
        name = f"{index:06d}"
        depth_file = folder / "depth" / f"{name}.npz"
        if depth_file == self._made_of:
            return
        depth, (flow, _) = load_depth(depth_file), load_kitti_flow(folder / "flow" / f"{name}.png")
        self._range = self._range or OverviewRange.of([(depth, flow)])
        drawn = overview_frame(
            load_photo(folder / "frames" / f"{name}.jpg"),
            depth,
            flow,
            load_visibility(folder / "visibility" / f"{name}.png"),
            load_mask(folder / "motion" / f"{name}.png"),
            shown=self._range,
        )
        self._keep(depth_file, LivePicture(f"Frame {index + 1}", "image/jpeg", _jpeg(drawn)))

    def _keep(self, made_of: Path, picture: LivePicture) -> None:
        self._made_of, self._picture = made_of, picture


def _jpeg(picture: UInt8[Tensor, "3 height width"]) -> bytes:
    """The picture as a file."""
    content = io.BytesIO()
    Image.fromarray(picture.permute(1, 2, 0).contiguous().numpy()).save(content, "JPEG", quality=QUALITY)
    return content.getvalue()
