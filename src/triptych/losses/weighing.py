"""How errors are compared, masked, gated and weighed; what the total loss leaves open.

The defaults are the paper's values where it states one, and nothing beyond the paper.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, get_args, get_type_hints

from triptych.losses.cross_task import PhotometricRule
from triptych.losses.epipolar import EpipolarKind, EpipolarRule, FundamentalOrigin
from triptych.losses.means import MaskNormalization
from triptych.losses.sides import VisibilityRule
from triptych.losses.weights import TemporalMode

PhotometricKind = Literal["ssim", "census"]
SourceRule = Literal["mean", "minimum"]


@dataclass(frozen=True, kw_only=True)
class Weighing:
    """Choices and factors of the losses.

    Attributes:
        photometric: `ssim` with L1 (the paper's), or `census`.
        alpha: share of SSIM in the photometric error.
        temporal_weights: form of w_b and w_f in eq. 3.
        visibility_for_flow: what masks L_op and L_o; eq. 2 uses the range map.
        visibility_for_depth: what masks L_d and L_Eo.
        photometric_rule: eq. 5 on photometric errors, or the per-pixel minimum of both
            sides, or no gate.
        tau_photometric: of the gates w_o and w_d.
        epipolar_rule: eqs. 5 to 7 on epipolar distances, or their minimum over the
            sources without gates, or no epipolar error at all.
        tau_epipolar: of the gates w_Eo and w_Ed.
        epipolar_kind: distance to the line, or Sampson's.
        fundamental: where the F of L_Ed comes from; `pose`, the letter of the paper,
            makes it zero.
        minimum_motion_px: motion below which no epipolar gate closes.
        lambda_ed: factor of L_Ed (1 / px).
        lambda_eo: factor of L_Eo (1 / px).
        lambda_smooth: factor of the smoothness of disparity.
        mask_normalization: what the masked means of eqs. 2 and 7 divide by: `kept`, the sum of
            the applied masks, or `all`, what that would be if nothing were hidden: the number
            of pixels of all directions, sources and levels, but where one of several counts
            (a direction, a source, a side) of one. Masking everything is the minimum of the
            latter: it is there to be measured. Guidance, completion, smoothness, consistency,
            augmentation and imitation stay means over what they keep.
        source_rule: the depth side over all sources, or the best one at each pixel.
        automask: keep of the depth side only what the unmoved source explains worse.
        depth_levels: how many disparities, from the finest, take part.
        flow_guidance: factor of the pull of depth and pose toward the flow.
        flow_completion: factor of the pull of flow toward the static scene's, where the
            target is not seen in the source and no match can teach it.
        depth_consistency: factor of the difference between the target's depth, moved into the
            source, and the source's own, relative to their sum: the term `geometric_consistency`.
            The depth network then runs on the sources too.
        flow_augmentation: factor (1 / px) of the distance between flow of a random window of
            the frames, enlarged, and the window of their flow, where the match is seen in the
            whole. The flow network then runs twice.
        flow_pyramid_weight: factor of eq. 2 on the coarser flows.
        flow_smoothness: factor of the smoothness of flow (1 / px).
        flow_smoothness_order: differences that it penalizes.
        min_depth: depth of disparity 1.
        max_depth: depth of disparity 0.

    Raises:
        ValueError: a choice that there is not, or a number out of its range.
    """

    photometric: PhotometricKind = "ssim"
    alpha: float = 0.85
    temporal_weights: TemporalMode = "printed"
    visibility_for_flow: VisibilityRule = "range_map"
    visibility_for_depth: VisibilityRule = "learned"
    photometric_rule: PhotometricRule = "cross_weighted"
    tau_photometric: float = 0.28
    epipolar_rule: EpipolarRule = "cross_weighted"
    tau_epipolar: float = 0.28
    epipolar_kind: EpipolarKind = "line"
    fundamental: FundamentalOrigin = "pose"
    minimum_motion_px: float = 0.1
    lambda_ed: float = 0.002
    lambda_eo: float = 0.02
    lambda_smooth: float = 0.001
    mask_normalization: MaskNormalization = "kept"
    source_rule: SourceRule = "mean"
    automask: bool = False
    depth_levels: int = 1
    flow_guidance: float = 0.0
    flow_completion: float = 0.0
    depth_consistency: float = 0.0
    flow_augmentation: float = 0.0
    flow_pyramid_weight: float = 0.0
    flow_smoothness: float = 0.0
    flow_smoothness_order: Literal[1, 2] = 1
    min_depth: float = 0.1
    max_depth: float = 100.0

    def __post_init__(self) -> None:
        kinds = get_type_hints(type(self))
        for field in fields(self):
            value, choices = getattr(self, field.name), get_args(kinds[field.name])
            if choices and value not in choices:
                msg = f"{field.name} is one of {', '.join(map(str, choices))}, got {value!r}"
                raise ValueError(msg)
        for name in ("tau_photometric", "tau_epipolar"):
            if not 0 < getattr(self, name) < 1:
                msg = f"{name} needs to be between 0 and 1, got {getattr(self, name)}"
                raise ValueError(msg)
        if not 0 <= self.alpha <= 1:
            msg = f"alpha needs to be in [0, 1], got {self.alpha}"
            raise ValueError(msg)
        if self.depth_levels < 1:
            msg = f"depth_levels needs to be at least 1, got {self.depth_levels}"
            raise ValueError(msg)
        for name in ("depth_consistency", "flow_augmentation"):
            if not getattr(self, name) >= 0:
                msg = f"{name} needs to be 0 or more, got {getattr(self, name)}"
                raise ValueError(msg)
