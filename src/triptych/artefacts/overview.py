"""Everything that is predicted for a frame, in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from triptych.artefacts.colors import (
    HIDDEN_COLOR,
    MOVING_COLOR,
    depth_colors,
    depth_limits,
    flow_colors,
    flow_limit,
    overlaid,
)
from triptych.artefacts.figures import LabeledPicture, depth_legend, flow_legend, path_picture, picture_grid

PANEL_WIDTH = 632  # two of them and their gaps make a video 1288 px wide
_TALLEST = 480  # px; frames in portrait format get narrower panels instead
_NO_NEXT = "this is the last frame"


@dataclass(frozen=True)
class OverviewRange:
    """The color range of a whole sequence.

    Attributes:
        near: depth of the brightest color.
        far: depth of the darkest color.
        flow: length of the full flow colors (px).
    """

    near: float
    far: float
    flow: float

    @classmethod
    def of(
        cls, samples: Sequence[tuple[Float[Tensor, "height width"], Float[Tensor, "2 height width"] | None]]
    ) -> OverviewRange:
        """Range of some frames' depth and flow that stand for the sequence."""
        near, far = depth_limits(torch.stack([depth for depth, _ in samples]))
        flows = [flow for _, flow in samples if flow is not None]
        return cls(near=near, far=far, flow=flow_limit(torch.stack(flows)) if flows else 1.0)


def overview_frame(
    image: UInt8[Tensor, "3 height width"],
    depth: Float[Tensor, "height width"],
    flow: Float[Tensor, "2 height width"] | None,
    visibility: Float[Tensor, "height width"] | None,
    motion: Bool[Tensor, "height width"] | None,
    *,
    shown: OverviewRange,
    path: Float[Tensor, "frames 4 4"] | None = None,
    position: int = 0,
    last: LabeledPicture | None = None,
) -> UInt8[Tensor, "3 rows columns"]:
    """Frame, depth, flow, visibility, motion and the camera's path, labeled.

    Wide frames stand in two columns, others in three. The size depends on the frame's
    shape only, so that the pictures of a sequence make a video.

    Args:
        image: the RGB frame.
        depth: along the optical axis.
        flow: to the next frame (px); None for the last frame.
        visibility: 1 where the pixel is seen in the next frame; None for the last.
        motion: True where something moves by itself; None for the last.
        shown: the color range.
        path: camera-to-world poses of the whole sequence; None leaves its place to `last`.
        position: which of them is this frame's.
        last: stands where there is no path; without, the place is empty.
    """
    height, width = image.shape[1:]
    panel_width = min(PANEL_WIDTH, round(_TALLEST * width / height))
    panel_height = round(panel_width * height / width)
    panels = [
        LabeledPicture("Frame", image),
        depth_panel("Depth", depth, near=shown.near, far=shown.far),
        _flow_panel(flow, shown.flow),
        _share_panel(
            "Not visible in the next frame",
            image,
            None if visibility is None else 1 - visibility,
            HIDDEN_COLOR,
        ),
        _share_panel("Moves by itself", image, None if motion is None else motion.float(), MOVING_COLOR),
    ]
    if path is not None:
        picture = path_picture(path, position=position, width=panel_width, height=panel_height)
        panels.append(LabeledPicture("Camera path from above", picture))
    elif last is not None:
        panels.append(last)
    columns = 2 if width >= 1.4 * height else 3
    return picture_grid(panels, columns=columns, width=panel_width, height=panel_height)


def depth_panel(
    label: str, depth: Float[Tensor, "height width"], *, near: float, far: float, unit: str = ""
) -> LabeledPicture:
    """Depth under its label, with a color bar that says which end is near.

    Args:
        label: what depth it is.
        depth: along the optical axis; gray where it is not above 0.
        near: depth of the brightest color.
        far: depth of the darkest color.
        unit: written behind both.
    """
    return LabeledPicture(
        label,
        depth_colors(depth, near=near, far=far),
        begin=f"near {near:.3g}{unit}",
        legend=depth_legend(near=near, far=far),
        note=f"{far:.3g}{unit} far",
    )


def _flow_panel(flow: Float[Tensor, "2 height width"] | None, limit: float) -> LabeledPicture:
    label = "Flow to the next frame"
    if flow is None:
        return LabeledPicture(label, None, note=_NO_NEXT)
    picture = flow_colors(flow, maximum=limit)
    return LabeledPicture(label, picture, note=f"up to {limit:.3g} px", legend=flow_legend())


def _share_panel(
    label: str,
    image: UInt8[Tensor, "3 height width"],
    share: Float[Tensor, "height width"] | None,
    color: tuple[int, int, int],
) -> LabeledPicture:
    """The frame with a color where `share` is 1, and how much of it that is."""
    if share is None:
        return LabeledPicture(label, None, note=_NO_NEXT)
    note = f"{100 * float((share > 0.5).float().mean()):.0f} %"
    return LabeledPicture(label, overlaid(image, share, color), note=note, legend=_swatch(color))


def _swatch(color: tuple[int, int, int]) -> UInt8[Tensor, "3 height width"]:
    return torch.tensor(color, dtype=torch.uint8)[:, None, None].repeat(1, 14, 14)
