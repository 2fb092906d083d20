"""The total loss (eq. 8) of what the networks say of a snippet.

Equations 1 to 7 are in the neighboring modules; here they are weighted and added.
The defaults are the paper's values where it states one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from functools import partial
from typing import Literal, get_args, get_type_hints

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.errors import InputError
from triptych.losses.census import census_errors
from triptych.losses.cross_task import PhotometricRule, photometric_gates, photometric_means
from triptych.losses.epipolar import (
    EpipolarErrors,
    EpipolarKind,
    EpipolarRule,
    FundamentalOrigin,
    Poses,
    epipolar_errors,
    epipolar_gates,
    epipolar_means,
)
from triptych.losses.flow import ErrorFunction, flow_loss, flow_pyramid_loss
from triptych.losses.guidance import flow_guidance
from triptych.losses.means import kept_share, masked_mean
from triptych.losses.photometric import photometric_errors
from triptych.losses.sides import (
    DepthSide,
    FlowSide,
    Views,
    VisibilityRule,
    depth_side,
    flow_side,
    single_precision,
    snippet_views,
)
from triptych.losses.smoothness import disparity_smoothness, flow_smoothness
from triptych.losses.weights import TemporalMode, lowest
from triptych.types import LossTerms, Snippet, SnippetEstimate

TERMS = (
    "flow_photometric",
    "flow_pyramid",
    "flow_smoothness",
    "depth_photometric",
    "cross_flow_photometric",
    "flow_epipolar",
    "depth_epipolar",
    "guidance",
    "flow_completion",
    "smoothness",
)
"""Every term that a total may have."""

PhotometricKind = Literal["ssim", "census"]
SourceRule = Literal["mean", "minimum"]
Disparity = tuple[Tensor, ...]
Scalars = dict[str, Float[Tensor, ""]]


@dataclass(frozen=True)
class Named:
    """Terms and shares by name; `|` joins two, of different names."""

    terms: Scalars
    shares: Scalars

    def __or__(self, other: Named) -> Named:
        """Both."""
        return Named(self.terms | other.terms, self.shares | other.shares)

    def only(self, wanted: Collection[str]) -> Named:
        """Without the terms that are not wanted.

        Raises:
            InputError: none is left.
        """
        left = {name: term for name, term in self.terms.items() if name in wanted}
        if not left:
            msg = f"none of the terms {', '.join(sorted(wanted))} is here; there are {', '.join(self.terms)}"
            raise InputError(msg)
        return Named(left, self.shares)


@dataclass(frozen=True, kw_only=True)
class Objective:
    """L_total = L_op + L_ap + lambda_s L_s (eq. 8), called with a snippet and its estimate.

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
        source_rule: the depth side over all sources, or the best one at each pixel.
        automask: keep of the depth side only what the unmoved source explains worse.
        depth_levels: how many disparities, from the finest, take part.
        flow_guidance: factor of the pull of depth and pose toward the flow.
        flow_completion: factor of the pull of flow toward the static scene's, where the
            target is not seen in the source and no match can teach it.
        flow_pyramid_weight: factor of eq. 2 on the coarser flows.
        flow_smoothness: factor of the smoothness of flow (1 / px).
        flow_smoothness_order: differences that it penalizes.
        min_depth: depth of disparity 1.
        max_depth: depth of disparity 0.
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
    source_rule: SourceRule = "mean"
    automask: bool = False
    depth_levels: int = 1
    flow_guidance: float = 0.0
    flow_completion: float = 0.0
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

    def __call__(
        self,
        snippet: Snippet,
        estimate: SnippetEstimate,
        *,
        flow_learns: bool | None = None,
        terms: Collection[str] | None = None,
    ) -> LossTerms:
        """The loss of a batch of snippets, in float32 also under autocast.

        What the estimate leaves out is left out here: flow alone gives L_op, depth and
        pose alone L_d and L_s, all of them L_total. A flow that does not learn is a
        witness: it gates and guides, and the terms that only it could lower are left out.

        Args:
            snippet: three frames around the target, unjittered in `frames`.
            estimate: what the networks say.
            flow_learns: whether the flow is being trained; None takes it from whether
                it carries a gradient, and as True where gradients are off.
            terms: names of the terms that count; None takes all that the estimate allows.

        Returns:
            The total, its terms (which add up to it) and the shares of pixels kept.

        Raises:
            ValueError: not three frames; an estimate with neither flow nor depth and
                pose, or without what a setting needs.
            InputError: none of the terms that count is here.
        """
        with torch.autocast(snippet.frames.device.type, enabled=False):
            views, estimate = snippet_views(snippet), single_precision(estimate)
            named, flow, learns = Named({}, {}), None, False
            forward = estimate.flow_target_to_source
            if forward is not None:
                flow = flow_side(views, forward, estimate.flow_source_to_target, self._error)
                carries = forward.flow.requires_grad or not torch.is_grad_enabled()
                learns = carries if flow_learns is None else flow_learns
                if learns:
                    named = self._flow_terms(views, flow)
            if estimate.disparity is not None and estimate.source_from_target is not None:
                poses = Poses(estimate.source_from_target, estimate.target_from_source)
                named |= self._depth_terms(views, flow, estimate.disparity, poses, flow_learns=learns)
            if not named.terms:
                msg = "nothing to learn from: the estimate has neither a learning flow nor depth and pose"
                raise ValueError(msg)
            if terms is not None:
                named = named.only(terms)
            total = torch.stack(list(named.terms.values())).sum()
        return LossTerms(total, {name: term.detach() for name, term in named.terms.items()}, named.shares)

    @property
    def _error(self) -> ErrorFunction:
        return census_errors if self.photometric == "census" else partial(photometric_errors, alpha=self.alpha)

    def _flow_terms(self, views: Views, flow: FlowSide) -> Named:
        """L_op, the same over the pyramid, and the smoothness of flow."""
        visibility = flow.visibility(self.visibility_for_flow)
        seen = visibility * flow.in_frame
        backward, forward = map(kept_share, seen.unbind(1))
        shares = {"visibility_backward": backward, "visibility_forward": forward}
        temporal = self.temporal_weights
        terms = {"flow_photometric": flow_loss(*flow.error.unbind(1), *seen.unbind(1), temporal=temporal)}
        if self.flow_pyramid_weight:
            coarse = flow_pyramid_loss(
                views.target, views.sources, flow.levels, visibility, self._error, temporal=temporal
            )
            terms["flow_pyramid"] = self.flow_pyramid_weight * coarse
        if self.flow_smoothness:
            roughness = flow_smoothness(flow.flow.flatten(1, 2), views.target, order=self.flow_smoothness_order)
            terms["flow_smoothness"] = self.flow_smoothness * roughness
        return Named(terms, shares)

    def _depth_terms(
        self, views: Views, flow: FlowSide | None, disparity: Disparity, poses: Poses, *, flow_learns: bool
    ) -> Named:
        """L_ap and lambda_s L_s; without flow, L_ap is the photometric error of depth alone."""
        if len(disparity) < self.depth_levels:
            msg = f"depth_levels={self.depth_levels}, but the estimate has {len(disparity)} disparities"
            raise ValueError(msg)
        disparity = disparity[: self.depth_levels]
        depth = depth_side(
            views,
            disparity,
            poses.source_from_target,
            self._error,
            min_depth=self.min_depth,
            max_depth=self.max_depth,
        )
        weight, shares = depth.valid, {"valid": kept_share(depth.valid)}
        if self.automask:
            with torch.no_grad():
                unmoved = self._error(views.target, views.sources).unsqueeze(1)
            better = (depth.error.detach() < unmoved).to(weight.dtype)
            weight, shares["automask"] = weight * better, kept_share(better)
        if flow is None:
            weight = weight * self._source_choice(depth.error, weight)
            named = Named({"depth_photometric": masked_mean(depth.error, weight)}, shares)
        else:
            weight = weight * flow.visibility(self.visibility_for_depth).unsqueeze(1)
            shares["learned_visibility"] = kept_share(flow.learned)
            epipolar = self._epipolar_errors(views, flow, depth, poses)
            named = self._cross_terms(flow, depth, weight, epipolar, flow_learns=flow_learns)
            named = Named({}, shares) | named
        if self.lambda_smooth:
            smoothness = self.lambda_smooth * disparity_smoothness(disparity, views.target)
            named = named | Named({"smoothness": smoothness}, {})
        return named

    def _cross_terms(
        self,
        flow: FlowSide,
        depth: DepthSide,
        depth_weight: Float[Tensor, "batch levels sources 1 height width"],
        epipolar: EpipolarErrors | None,
        *,
        flow_learns: bool,
    ) -> Named:
        """L_ap of eq. 7 and the guidance by flow."""
        shares: Scalars = {}
        seen = (flow.visibility(self.visibility_for_flow) * flow.in_frame).unsqueeze(1)
        flow_weight, ungated, static = seen, depth_weight[:, :1], torch.ones_like(seen)
        gated = self.epipolar_rule == "cross_weighted"
        if epipolar is not None and gated:
            static, of_rigid = epipolar_gates(epipolar, tau=self.tau_epipolar)
            shares |= {"gate_epipolar_flow": kept_share(static), "gate_epipolar_depth": kept_share(of_rigid)}
            flow_weight, depth_weight = flow_weight * of_rigid, depth_weight * static
        rule, errors = self.photometric_rule, (flow.error.unsqueeze(1), depth.error)
        w_o, w_d = photometric_gates(*errors, flow_weight, depth_weight, rule=rule, tau=self.tau_photometric)
        shares |= {"gate_photometric_flow": kept_share(w_o), "gate_photometric_depth": kept_share(w_d)}
        flow_weight, depth_weight = flow_weight * w_o, depth_weight * w_d
        depth_weight = depth_weight * self._source_choice(depth.error, depth_weight)
        of_flow, of_depth = photometric_means(*errors, flow_weight, depth_weight, rule=rule)
        terms = {"depth_photometric": of_depth}
        if flow_learns:
            terms["cross_flow_photometric"] = of_flow
        if epipolar is not None:
            weights = (depth_weight[:, :1], flow_weight) if gated else (seen, ungated)
            l_eo, l_ed = epipolar_means(
                epipolar, weight_of_flow=weights[0], weight_of_rigid=weights[1], rule=self.epipolar_rule
            )
            terms |= {"flow_epipolar": self.lambda_eo * l_eo, "depth_epipolar": self.lambda_ed * l_ed}
        if self.flow_guidance:
            trusted = (seen * static).squeeze(1) * depth.in_front
            terms["guidance"] = self.flow_guidance * flow_guidance(depth.rigid, flow.flow, trusted)
        if self.flow_completion and flow_learns:
            # The same distance with the roles swapped: where nothing is matched, the flow is the learner.
            hidden = (1 - seen).squeeze(1) * depth.in_front
            terms["flow_completion"] = self.flow_completion * flow_guidance(flow.flow, depth.rigid, hidden)
        return Named(terms, shares)

    def _epipolar_errors(self, views: Views, flow: FlowSide, depth: DepthSide, poses: Poses) -> EpipolarErrors | None:
        if self.epipolar_rule == "none":
            return None
        return epipolar_errors(
            flow.flow,
            depth.rigid,
            views.intrinsics,
            poses,
            flow.visibility(self.visibility_for_flow) * flow.in_frame,
            mean_inverse_depth=depth.mean_inverse_depth,
            fundamental=self.fundamental,
            kind=self.epipolar_kind,
            minimum_motion_px=self.minimum_motion_px,
        )

    def _source_choice(self, error: Tensor, weight: Tensor) -> Float[Tensor, "..."]:
        """1 for the sources that take part at a pixel: all, or the one with the lowest error."""
        if self.source_rule == "mean":
            return torch.ones_like(error)
        return lowest(error, weight, dim=2).to(error.dtype)
