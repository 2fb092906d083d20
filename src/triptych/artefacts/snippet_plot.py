"""A plot of the trajectory errors of snippets along a sequence, as PNG."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from triptych.artefacts.plots import LINES, save_figure
from triptych.formats.atomic import StrPath

DECADES = 4
"""Powers of ten that the axis shows at most; errors below are drawn at its edge."""

_LOWEST_SHARE = 0.01  # of the errors lies below the axis where a few are next to none


def save_snippet_errors(
    path: StrPath,
    frames: Int[Tensor, " snippets"],
    errors_m: Float[Tensor, " snippets"],
    baseline_errors_m: Float[Tensor, " snippets"],
    *,
    title: str,
    protocol: str,
    name: str = "prediction",
) -> None:
    """Write the error of each snippet over its first frame, beside that of straight motion.

    The axis of errors is logarithmic, so that a bad stretch does not flatten the rest, and
    reaches up to the largest error of both. Each snippet is a dot, straight motion a thin
    line, broken where snippets are left out; level lines are means.

    Args:
        path: of the PNG.
        frames: number of each snippet's first frame, growing.
        errors_m: of the prediction (m).
        baseline_errors_m: of driving straight ahead (m), of the same snippets.
        title: above the plot.
        protocol: how the errors were made, in small print below it.
        name: of the prediction, for the key.

    Raises:
        InputError: the place cannot be written to.
        ValueError: no snippet, errors that are negative or not finite, or
            frames that do not grow.
    """
    places = frames.detach().cpu().double()
    ours, straight = (errors.detach().cpu().double() for errors in (errors_m, baseline_errors_m))
    _check(places, ours, straight)
    least, most = error_range(ours, straight)
    figure = Figure(figsize=(9.0, 4.8), layout="constrained")
    axes = figure.add_subplot(yscale="log", ylim=(least, most))
    # A line through errors that jump from frame to frame would fill the picture.
    axes.plot(
        places, ours.clamp(min=least), ".", color=LINES[1], markersize=5, markeredgewidth=0, clip_on=False, label=name
    )
    axes.plot(*_with_gaps(places, straight.clamp(min=least)), color=LINES[2], linewidth=0.9, label="straight motion")
    for errors, color, style in ((ours, LINES[1], "--"), (straight, LINES[2], ":")):
        mean = float(errors.mean())
        axes.axhline(max(mean, least), color=color, linewidth=1.6, linestyle=style, label=f"its mean {mean:.4f} m")
    axes.margins(x=0.01)
    axes.grid(color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set(xlabel="first frame of the snippet", ylabel="error (m, logarithmic)")
    _draw_key(axes)
    below = int((ours < least).sum())
    hidden = (
        f"{below} of {len(ours)} errors of the prediction lie below the axis and are drawn at its edge. "
        if below
        else ""
    )
    save_figure(path, figure, title=title, small=f"{hidden}{protocol}")


def error_range(
    errors_m: Float[Tensor, " snippets"], baseline_errors_m: Float[Tensor, " snippets"]
) -> tuple[float, float]:
    """Errors (m) between which the axis reaches: up to the largest, and down to all but 1 % of each.

    At most `DECADES` powers of ten apart; around 1 mm where no error is above 0.
    """
    most = float(torch.maximum(errors_m.max(), baseline_errors_m.max()))
    if most <= 0:
        return 1e-4, 1e-2
    least = min(float(errors.quantile(_LOWEST_SHARE)) for errors in (errors_m, baseline_errors_m))
    return max(least / 1.3, most / 10**DECADES), 1.3 * most


def _draw_key(axes: Axes) -> None:
    """The key in one line above the plot, where it hides nothing; each mean after what it is of."""
    handles, labels = axes.get_legend_handles_labels()
    order = (0, 2, 1, 3)
    key = axes.legend(
        [handles[place] for place in order],
        [labels[place] for place in order],
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=4,
        frameon=False,
        borderaxespad=0.2,
    )
    for text in key.get_texts():
        text.set_parse_math(False)


def _with_gaps(
    frames: Float[Tensor, " snippets"], errors_m: Float[Tensor, " snippets"]
) -> tuple[Float[Tensor, " places"], Float[Tensor, " places"]]:
    """Frames and errors with NaN between them where snippets are left out, so that a line breaks there."""
    steps = frames.diff()
    if len(steps) == 0:
        return frames, errors_m
    gaps = (steps > steps.min()).nonzero()[:, 0] + 1
    nothing = torch.full((1,), torch.nan, dtype=frames.dtype)

    def broken(values: Float[Tensor, " snippets"]) -> Float[Tensor, " places"]:
        pieces = values.tensor_split(gaps)
        return torch.cat([part for piece in pieces for part in (piece, nothing)][:-1])

    return broken(frames), broken(errors_m)


def _check(
    frames: Float[Tensor, " snippets"],
    errors_m: Float[Tensor, " snippets"],
    baseline_errors_m: Float[Tensor, " snippets"],
) -> None:
    if len(frames) == 0:
        raise ValueError("one snippet at least is needed, got none")
    for errors in (errors_m, baseline_errors_m):
        if not bool((errors.isfinite() & (errors >= 0)).all()):
            raise ValueError("errors must be finite and at least 0")
    if bool((frames.diff() <= 0).any()):
        raise ValueError("frames must grow from snippet to snippet")
