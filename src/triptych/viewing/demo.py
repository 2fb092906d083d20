"""The demo's result: its table and its page."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from jaxtyping import Float
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
from triptych.errors import InputError
from triptych.evaluation.clip import ClipScores, DepthScores, FlowScores, MaskScores, OdometryScores
from triptych.evaluation.clip_figures import FARTHEST_M
from triptych.formats.content import file_content
from triptych.formats.maps import load_depth, load_kitti_flow, load_mask, load_visibility
from triptych.formats.trajectories import load_kitti_trajectory
from triptych.inference.result import KITTI_TRAJECTORY, RESULT_FILE, prediction_folder
from triptych.metrics.alignment import umeyama
from triptych.metrics.depth import depth_scale
from triptych.types import SyntheticClip
from triptych.viewing.curves import curves_section
from triptych.viewing.metric_table import MetricRow, MetricTable
from triptych.viewing.page import page_text, save_page
from triptych.viewing.parts import metrics_section, path_section, prediction_sections
from triptych.viewing.path_plot import CameraPath
from triptych.viewing.pictures import PictureGroup, PicturePanel, picture_section
from triptych.viewing.provenance import provenance_section
from triptych.viewing.run_log import run_log

DEMO_FILE = "demo.json"
"""The figures, in the demo's folder."""
SHOWN_FRAMES = 3
NETWORKS_ALONE = "networks alone"
BESIDE_WIDTH = 48


def demo_rows(scores: ClipScores, alone: ClipScores) -> list[MetricRow]:
    """The table: each measure beside what the networks alone, trivial and classical methods reach.

    Args:
        scores: of the prediction.
        alone: of the networks' own answers, without refinement.
    """
    depth, flow, odometry, masks = scores.depth, scores.flow, scores.odometry, scores.masks
    frames = f"{scores.frames} held-out frames"
    scaled = f"{frames}, nearer than {FARTHEST_M:.0f} m, median scaling per image"
    pairs = f"{scores.frames - 1} held-out pairs, mean per image"
    snippets = f"{frames}, one scale a snippet"
    return [
        MetricRow(
            "depth abs_rel",
            depth.abs_rel,
            "lower",
            scaled,
            "",
            {NETWORKS_ALONE: alone.depth.abs_rel, "mean map": depth.baseline_abs_rel},
        ),
        MetricRow(
            "depth delta1",
            depth.delta1,
            "higher",
            scaled,
            "",
            {NETWORKS_ALONE: alone.depth.delta1, "mean map": depth.baseline_delta1},
        ),
        MetricRow(
            "flow EPE all",
            flow.epe_all,
            "lower",
            pairs,
            "px",
            {NETWORKS_ALONE: alone.flow.epe_all, "zero": flow.zero_epe_all, "DIS": flow.dis_epe_all},
        ),
        MetricRow(
            "flow EPE noc",
            flow.epe_noc,
            "lower",
            pairs,
            "px",
            {NETWORKS_ALONE: alone.flow.epe_noc, "zero": flow.zero_epe_noc, "DIS": flow.dis_epe_noc},
        ),
        MetricRow(
            "ATE-3",
            odometry.ate_3,
            "lower",
            snippets,
            "m",
            {NETWORKS_ALONE: alone.odometry.ate_3, "straight": odometry.straight_ate_3},
            digits=4,
        ),
        MetricRow("occlusion F1", masks.occlusion_f1, "higher", pairs, "", {NETWORKS_ALONE: alone.masks.occlusion_f1}),
        MetricRow("motion F1", masks.motion_f1, "higher", pairs, "", {NETWORKS_ALONE: alone.masks.motion_f1}),
    ]


def table_lines(rows: Sequence[MetricRow]) -> list[str]:
    """The table as lines of text."""
    lines = [f"{'measure':<18}{'ours':>9}  {'better':<8}{'beside it':<{BESIDE_WIDTH}}protocol"]
    for row in rows:
        beside = ", ".join(f"{name} {value:.{row.digits}f}" for name, value in row.baselines.items())
        name = f"{row.name} ({row.unit})" if row.unit else row.name
        lines.append(f"{name:<18}{row.value:>9.{row.digits}f}  {row.better:<8}{beside:<{BESIDE_WIDTH}}{row.protocol}")
    return lines


def load_demo_scores(path: Path) -> tuple[ClipScores, ClipScores]:
    """Scores of the demo's prediction and of its networks alone, as the demo wrote them.

    Raises:
        InputError: no such file, or not the demo's.
    """
    try:
        content = json.loads(file_content(path))
        frames = int(content["held_out_frames"])
        ours, alone = (
            ClipScores(
                DepthScores(**part["depth"]),
                FlowScores(**part["flow"]),
                OdometryScores(**part["odometry"]),
                MaskScores(**part["masks"]),
                frames,
            )
            for part in (content, content["networks_alone"])
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: is not what `triptych demo` writes ({error!r})") from error
    return ours, alone


def save_demo_page(
    path: Path,
    clip: SyntheticClip,
    rows: Sequence[MetricRow],
    *,
    prediction: Path,
    held_out: Sequence[int],
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write the page: the report of the demo, with pictures of held-out frames beside their truth.

    Args:
        path: of the HTML file.
        clip: the truth.
        rows: the table.
        prediction: folder that `triptych predict` wrote for the whole clip, in the run's.
        held_out: positions of the frames that nothing was learned from.
        progress: told (done, total) frames of the player.
    """
    pairs = list(held_out[:-1])
    chosen = [pairs[round(i * (len(pairs) - 1) / (SHOWN_FRAMES - 1))] for i in range(SHOWN_FRAMES)]
    learned = len(clip.images) - len(held_out)
    summary = (
        f"Three networks learned depth, camera motion and optical flow from {learned} frames of a video, without any "
        f"label. Here is what they say of the {len(held_out)} frames after them, which they have never seen, and what "
        "the geometry of neighboring frames makes of it."
    )
    found = prediction_folder(prediction) if (prediction / RESULT_FILE).is_file() else None
    paths = _paths(clip, prediction)
    note = "All frames; ours moved onto the truth by one similarity (7 degrees of freedom)."
    if found is None:
        seen = [path_section(paths, note=note, unit="m")]
    else:
        marked = len(paths) - 1
        seen = prediction_sections(found, paths=paths, marked=marked, path_note=note, path_unit="m", progress=progress)
    truth = picture_section(
        [_group(index, clip, prediction) for index in chosen],
        key="truth",
        title="Beside the truth",
        note="Frames that nothing was learned from. Depth has the truth's scale by the median of each frame.",
    )
    sections = [metrics_section([MetricTable("", rows)]), *seen[:1], truth, *seen[1:]]
    sections += [curves_section(run_log(prediction.parent)), provenance_section(prediction.parent, found)]
    save_page(path, page_text(title=f"Triptych demo: {clip.name}", summary=summary, sections=sections))


def _group(index: int, clip: SyntheticClip, prediction: Path) -> PictureGroup:
    name = f"{index:06d}"
    image = clip.images[index]
    truth_m = clip.depth_m[index, 0]
    known = truth_m.isfinite() & (truth_m < FARTHEST_M)
    depth = load_depth(prediction / "depth" / f"{name}.npz")
    scale = depth_scale(depth[None, None], truth_m[None, None], known[None, None], scaling="median")
    near, far = depth_limits(torch.where(known, truth_m, FARTHEST_M)[None])
    flow, _ = load_kitti_flow(prediction / "flow" / f"{name}.png")
    true_flow = clip.flow_forward[index]
    longest = flow_limit(true_flow[None])
    visibility = load_visibility(prediction / "visibility" / f"{name}.png")
    moving = load_mask(prediction / "motion" / f"{name}.png")
    hidden = (~clip.visible_forward[index, 0]).float()

    def pair(what: str, ours: Tensor, true: Tensor, shown: str) -> tuple[PicturePanel, PicturePanel]:
        return (
            PicturePanel(f"{what}, ours", ours, f"{what} as predicted for frame {index}: {shown}"),
            PicturePanel(f"{what}, true", true, f"{what} as it is in frame {index}: {shown}"),
        )

    return PictureGroup(
        title=f"Frame {index}",
        rows=(
            (PicturePanel("Frame", image, f"Frame {index} of the clip, never learned from"),),
            pair(
                "Depth",
                depth_colors(depth * scale[0], near=near, far=far),
                depth_colors(truth_m.clamp_max(10 * FARTHEST_M), near=near, far=far),
                "bright is near, dark is far",
            ),
            pair(
                "Flow",
                flow_colors(flow, maximum=longest),
                flow_colors(true_flow, maximum=longest),
                "color is direction, strength is length",
            ),
            pair(
                "Hidden in the next frame",
                overlaid(image, 1 - visibility, HIDDEN_COLOR),
                overlaid(image, hidden, HIDDEN_COLOR),
                "blue is hidden or out of view",
            ),
            pair(
                "Moves by itself",
                overlaid(image, moving.float(), MOVING_COLOR),
                overlaid(image, clip.moving[index, 0].float(), MOVING_COLOR),
                "orange moves by itself",
            ),
        ),
    )


def _paths(clip: SyntheticClip, prediction: Path) -> list[CameraPath]:
    truth: Float[Tensor, "frames 4 4"] = clip.camera_to_world.double()
    ours = load_kitti_trajectory(prediction / KITTI_TRAJECTORY).double()
    aligned = ours.clone()
    moved = umeyama(ours[:, :3, 3], truth[:, :3, 3], with_scale=True)
    aligned[:, :3, 3] = moved.moved(ours[:, :3, 3])
    # The rotation of the similarity turns where the camera looks, too.
    aligned[:, :3, :3] = moved.rotation.to(aligned) @ ours[:, :3, :3]
    return [CameraPath("truth", truth.float()), CameraPath("ours", aligned.float())]
