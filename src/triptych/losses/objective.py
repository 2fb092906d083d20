"""The total loss (eq. 8) of what the networks say of a snippet.

Equations 1 to 7 are in the neighboring modules; here they are weighted and added.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.losses.census import census_errors
from triptych.losses.crop_agreement import WindowFlow, crop_agreement
from triptych.losses.cross_task import photometric_gates, photometric_means
from triptych.losses.epipolar import EpipolarErrors, Poses, epipolar_errors, epipolar_gates, epipolar_means
from triptych.losses.flow import ErrorFunction, flow_loss, flow_pyramid_loss
from triptych.losses.guidance import flow_guidance
from triptych.losses.means import kept_share, masked_mean
from triptych.losses.named import TERMS, Named, Scalars
from triptych.losses.photometric import photometric_errors
from triptych.losses.sides import (
    DepthSide,
    FlowSide,
    Views,
    depth_side,
    flow_side,
    single_precision,
    snippet_views,
)
from triptych.losses.smoothness import disparity_smoothness, flow_smoothness
from triptych.losses.weighing import Weighing
from triptych.losses.weights import lowest
from triptych.types import LossTerms, Snippet, SnippetEstimate

__all__ = ["TERMS", "Objective"]


@final
@dataclass(frozen=True, kw_only=True)
class Objective(Weighing):
    """L_total = L_op + L_ap + lambda_s L_s (eq. 8), called with a snippet and its estimate.

    Its settings are those of `Weighing`.
    """

    def __call__(
        self,
        snippet: Snippet,
        estimate: SnippetEstimate,
        *,
        flow_learns: bool | None = None,
        terms: Collection[str] | None = None,
        window: WindowFlow | None = None,
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
            window: what the flow network says of a window of the frames, for `flow_augmentation`.

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
                    named = self._flow_terms(views, flow, window)
            if estimate.disparity is not None and estimate.source_from_target is not None:
                poses = Poses(estimate.source_from_target, estimate.target_from_source)
                depth = self._depth_side(views, estimate, estimate.disparity, poses)
                named |= self._depth_terms(views, flow, depth, poses, flow_learns=learns)
                if self.lambda_smooth:
                    levels = estimate.disparity[: self.depth_levels]
                    smoothness = self.lambda_smooth * disparity_smoothness(levels, views.target)
                    named |= Named({"smoothness": smoothness}, {})
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

    def _flow_terms(self, views: Views, flow: FlowSide, window: WindowFlow | None) -> Named:
        """L_op, the same over the pyramid, the smoothness of flow, and what its windows should agree with."""
        visibility = flow.visibility(self.visibility_for_flow)
        seen = visibility * flow.in_frame
        backward, forward = map(kept_share, seen.unbind(1))
        shares = {"visibility_backward": backward, "visibility_forward": forward}
        temporal, normalization = self.temporal_weights, self.mask_normalization
        finest = flow_loss(*flow.error.unbind(1), *seen.unbind(1), temporal=temporal, normalization=normalization)
        terms = {"flow_photometric": finest}
        if self.flow_pyramid_weight:
            coarse = flow_pyramid_loss(
                views.target,
                views.sources,
                flow.levels,
                visibility,
                self._error,
                temporal=temporal,
                normalization=normalization,
            )
            terms["flow_pyramid"] = self.flow_pyramid_weight * coarse
        if self.flow_smoothness:
            roughness = flow_smoothness(flow.flow.flatten(1, 2), views.target, order=self.flow_smoothness_order)
            terms["flow_smoothness"] = self.flow_smoothness * roughness
        if self.flow_augmentation and window is not None:
            trusted = flow.visibility("range_map") * flow.in_frame
            terms["flow_augmentation"] = self.flow_augmentation * crop_agreement(window, flow.flow, trusted)
        return Named(terms, shares)

    def _depth_side(
        self, views: Views, estimate: SnippetEstimate, disparity: tuple[Tensor, ...], poses: Poses
    ) -> DepthSide:
        if len(disparity) < self.depth_levels:
            msg = f"depth_levels={self.depth_levels}, but the estimate has {len(disparity)} disparities"
            raise ValueError(msg)
        return depth_side(
            views,
            disparity[: self.depth_levels],
            poses.source_from_target,
            self._error,
            source_disparity=estimate.source_disparity if self.depth_consistency else None,
            min_depth=self.min_depth,
            max_depth=self.max_depth,
        )

    def _depth_terms(
        self, views: Views, flow: FlowSide | None, depth: DepthSide, poses: Poses, *, flow_learns: bool
    ) -> Named:
        """L_ap; without flow it is the photometric error of depth alone."""
        weight, shares = depth.valid, {"valid": kept_share(depth.valid)}
        if self.automask:
            with torch.no_grad():
                unmoved = self._error(views.target, views.sources).unsqueeze(1)
            better = (depth.error.detach() < unmoved).to(weight.dtype)
            weight, shares["automask"] = weight * better, kept_share(better)
        if flow is None:
            chosen = weight * self._source_choice(depth.error, weight)
            photometric = masked_mean(
                depth.error, chosen, normalization=self.mask_normalization, choices=self._source_choices
            )
            return Named({"depth_photometric": photometric} | self._consistency(depth, weight), shares)
        weight = weight * flow.visibility(self.visibility_for_depth).unsqueeze(1)
        shares["learned_visibility"] = kept_share(flow.learned)
        epipolar = self._epipolar_errors(views, flow, depth, poses)
        return Named({}, shares) | self._cross_terms(flow, depth, weight, epipolar, flow_learns=flow_learns)

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
        consistency = self._consistency(depth, depth_weight)
        rule, errors = self.photometric_rule, (flow.error.unsqueeze(1), depth.error)
        w_o, w_d = photometric_gates(*errors, flow_weight, depth_weight, rule=rule, tau=self.tau_photometric)
        shares |= {"gate_photometric_flow": kept_share(w_o), "gate_photometric_depth": kept_share(w_d)}
        flow_weight, depth_weight = flow_weight * w_o, depth_weight * w_d
        depth_weight = depth_weight * self._source_choice(depth.error, depth_weight)
        normalization, choices = self.mask_normalization, self._source_choices
        of_flow, of_depth = photometric_means(
            *errors, flow_weight, depth_weight, rule=rule, normalization=normalization, source_choices=choices
        )
        terms = {"depth_photometric": of_depth}
        if flow_learns:
            terms["cross_flow_photometric"] = of_flow
        if epipolar is not None:
            weights = (depth_weight[:, :1], flow_weight) if gated else (seen, ungated)
            l_eo, l_ed = epipolar_means(
                epipolar,
                weight_of_flow=weights[0],
                weight_of_rigid=weights[1],
                rule=self.epipolar_rule,
                normalization=normalization,
                source_choices=choices,
            )
            terms |= {"flow_epipolar": self.lambda_eo * l_eo, "depth_epipolar": self.lambda_ed * l_ed}
        if self.flow_guidance:
            trusted = (seen * static).squeeze(1) * depth.in_front
            terms["guidance"] = self.flow_guidance * flow_guidance(depth.rigid, flow.flow, trusted)
        if self.flow_completion and flow_learns:
            # The same distance with the roles swapped: where nothing is matched, the flow is the learner.
            hidden = (1 - seen).squeeze(1) * depth.in_front
            terms["flow_completion"] = self.flow_completion * flow_guidance(flow.flow, depth.rigid, hidden)
        return Named(terms | consistency, shares)

    def _consistency(
        self, depth: DepthSide, weight: Float[Tensor, "batch levels sources 1 height width"]
    ) -> dict[str, Tensor]:
        """The consistency of depths, where the sources' were estimated, by the weight of the finest.

        That is L_d's before its photometric gate and the choice of a source: which frame
        looks more like the target tells nothing of its depth.
        """
        if depth.inconsistency is None:
            return {}
        return {"geometric_consistency": self.depth_consistency * masked_mean(depth.inconsistency, weight[:, 0])}

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

    @property
    def _source_choices(self) -> int:
        """Of how many sources `_source_choice` keeps one."""
        return 2 if self.source_rule == "minimum" else 1

    def _source_choice(self, error: Tensor, weight: Tensor) -> Float[Tensor, "..."]:
        """1 for the sources that take part at a pixel: all, or the one with the lowest error."""
        if self.source_rule == "mean":
            return torch.ones_like(error)
        return lowest(error, weight, dim=2).to(error.dtype)
