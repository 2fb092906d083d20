"""Classical answers about a sequence, for networks to begin with.

Flow by DIS, camera motion behind it by two views, and by the third view depth and the
flow of what one of the sources does not show. All of it is geometry: nothing needs a label.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Generic, TypeVar, final

import torch
from jaxtyping import Bool, Float, Int, UInt8
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from triptych import __version__
from triptych.formats.atomic import atomic_path
from triptych.geometry.pose import inverse_transform
from triptych.geometry.visibility import forward_backward_visibility
from triptych.inference.classical import enlarged_dis_flow
from triptych.inference.ground import (
    ground_inverse_depth,
    seen_below_ground,
    standing_inverse_depth,
    without_specks,
)
from triptych.inference.matches import tracked_matches
from triptych.inference.three_view import (
    SourceView,
    joint_points,
    length_ratio,
    static_flow,
    static_points,
)
from triptych.inference.two_view import PairMotion, pair_motion
from triptych.types import FrameSequence, Teaching

DOUBTED_TRUST = 0.1  # of flow that nothing confirms: what DIS fills in there is smooth, not matched
FLOW_STEPS = 64.0  # a pixel, where flow is kept as 16-bit integers (KITTI's choice)
STANDING_TRUST = 0.5  # of the depth of what moves on the ground
LEAST_INVERSE_DEPTH = 1e-3  # of the median
PAIRS_KEPT = 256
SNIPPETS_KEPT = 3000  # 2.4 GB at 128x384
KEPT_BYTES = 2**31

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@final
class _Recent(Generic[Key, Value]):
    """Answers that were worked out lately, at most so many."""

    def __init__(self, answer: Callable[[Key], Value], *, most: int) -> None:
        self._answer, self._most = answer, most
        self._kept: OrderedDict[Key, Value] = OrderedDict()

    def __call__(self, key: Key) -> Value:
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        value = self._kept[key] = self._answer(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return value


@dataclass(frozen=True)
class _Pair:
    """Two frames: flow and where it is confirmed, both ways, and the motion from first to second."""

    there: Float[Tensor, "2 height width"]
    back: Float[Tensor, "2 height width"]
    seen_there: Bool[Tensor, "1 height width"]
    seen_back: Bool[Tensor, "1 height width"]
    motion: PairMotion


@dataclass(frozen=True)
class PackedTeaching:
    """A teaching in 16 bytes a pixel instead of 32."""

    flow: Int[Tensor, "2 2 height width"]
    maps: Float[Tensor, "4 height width"]
    source_from_target: Float[Tensor, "2 4 4"]
    motion_trust: Float[Tensor, "2"]

    @property
    def bytes(self) -> int:
        """Memory of the maps."""
        return self.flow.nbytes + self.maps.nbytes

    def teaching(self) -> Teaching:
        """The teaching."""
        return Teaching(
            flow=self.flow.float() / FLOW_STEPS,
            flow_trust=self.maps[:2, None].float(),
            source_from_target=self.source_from_target,
            motion_trust=self.motion_trust,
            inverse_depth=self.maps[2:3].float(),
            depth_trust=self.maps[3:].float(),
        )


@final
class SequenceTeacher:
    """Teachings of the snippets of one sequence, each worked out when it is first asked for.

    They depend on the frames alone, so that a training resumes exactly. Holds the last
    `SNIPPETS_KEPT` of them.
    """

    def __init__(self, sequence: FrameSequence) -> None:
        self.sequence = sequence
        self._pairs = _Recent(self._pair, most=PAIRS_KEPT)
        self._snippets = _Recent(self._snippet, most=SNIPPETS_KEPT)

    def teaching(self, positions: tuple[int, int, int]) -> Teaching:
        """Classical answers about the snippet of the frames (previous, target, next).

        Args:
            positions: in the sequence.
        """
        return self.packed(positions).teaching()

    def packed(self, positions: tuple[int, int, int]) -> PackedTeaching:
        """The same in half the memory.

        Args:
            positions: in the sequence.
        """
        return self._snippets(positions)

    def _pair(self, positions: tuple[int, int]) -> _Pair:
        first, second = (self.sequence.images[position] for position in positions)
        there, back = enlarged_dis_flow(first, second), enlarged_dis_flow(second, first)
        seen_there = forward_backward_visibility(there[None], back[None])[0]
        seen_back = forward_backward_visibility(back[None], there[None])[0]
        motion = pair_motion(tracked_matches(first, second, there), self.sequence.intrinsics)
        return _Pair(there, back, seen_there, seen_back, motion)

    def _snippet(self, positions: tuple[int, int, int]) -> PackedTeaching:
        before, after = self._pairs(positions[:2]), self._pairs(positions[1:])
        intrinsics = self.sequence.intrinsics
        previous = SourceView(before.back, before.seen_back, inverse_transform(before.motion.source_from_target))
        following = SourceView(after.there, after.seen_there, after.motion.source_from_target)
        views, trusts = (previous, following), (before.motion.trust, after.motion.trust)
        one, other = (static_points(view, intrinsics) for view in views)
        ratio = length_ratio(other, one) if min(trusts) > 0 else None
        joint = [joint_points(one, other, None if ratio is None else 1 / ratio), joint_points(other, one, ratio)]
        flows, flow_trusts = [], []
        for view, known_points, trust in zip(views, joint, trusts, strict=True):
            static, known = static_flow(known_points, intrinsics, view.source_from_target)
            known = known & (trust > 0)
            flows.append(torch.where(known & ~view.seen, static, view.flow))
            flow_trusts.append(torch.where(view.seen | known, 1.0, DOUBTED_TRUST))
        best = int(trusts[1] >= trusts[0])
        inverse_depth, depth_trust = joint[best].inverse_depth, joint[best].parallax / (1 + joint[best].parallax)
        if trusts[best] == 0:
            depth_trust = torch.zeros_like(depth_trust)
        elif (ground := ground_inverse_depth(joint[best], intrinsics, views[best].source_from_target)) is not None:
            below = without_specks(
                seen_below_ground((one, other)[best], ground, intrinsics, views[best].source_from_target)
            )
            inverse_depth = torch.where(below, standing_inverse_depth(below, ground), inverse_depth)
            depth_trust = torch.where(below, STANDING_TRUST, depth_trust)
        steps = (torch.stack(flows) * FLOW_STEPS).round().clamp(-(2**15), 2**15 - 1).to(torch.int16)
        return PackedTeaching(
            flow=steps,
            maps=torch.cat((*flow_trusts, _of_median_one(inverse_depth, depth_trust), depth_trust)).half(),
            source_from_target=torch.stack([view.source_from_target for view in views]).float(),
            motion_trust=torch.tensor(trusts),
        )


@final
class SnippetTeacher:
    """Teachings of snippets by themselves, for data of which no sequence is in memory.

    Known by their pixels, the latest are kept, so that a second epoch need not work them out again.
    """

    def __init__(self, *, kept_bytes: int = KEPT_BYTES, folder: Path | None = None) -> None:
        """Nothing is known yet but what is in the folder.

        Args:
            kept_bytes: memory for what is kept; 0 keeps but the last.
            folder: where all are kept too, for other trainings and processes.
        """
        self._kept_bytes = kept_bytes
        self._folder = folder
        self._recent: OrderedDict[bytes, PackedTeaching] = OrderedDict()

    def __call__(self, images: UInt8[Tensor, "3 3 height width"], intrinsics: Float[Tensor, "3 3"]) -> Teaching:
        """Classical answers about one snippet.

        Args:
            images: previous, target and next frame.
            intrinsics: K of them (px).
        """
        key = hashlib.blake2b(images.numpy().tobytes() + intrinsics.numpy().tobytes(), digest_size=16).digest()
        packed = self._recent.pop(key, None)
        self._recent[key] = packed = packed or self._kept(key.hex(), images, intrinsics)
        while len(self._recent) > max(1, self._kept_bytes // packed.bytes):
            self._recent.popitem(last=False)
        return packed.teaching()

    def _kept(
        self, name: str, images: UInt8[Tensor, "3 3 height width"], intrinsics: Float[Tensor, "3 3"]
    ) -> PackedTeaching:
        """The teaching in the folder, or worked out and put there."""
        if self._folder is None:
            return _packed_teaching(images, intrinsics)
        file = self._folder / f"{name}-{__version__}.safetensors"
        with suppress(OSError, SafetensorError, TypeError):  # not there, or damaged: worked out anew
            return PackedTeaching(**load_file(file))
        packed = _packed_teaching(images, intrinsics)
        with atomic_path(file) as temporary:
            save_file({part.name: getattr(packed, part.name).contiguous() for part in fields(packed)}, temporary)
        return packed


def _packed_teaching(images: UInt8[Tensor, "3 3 height width"], intrinsics: Float[Tensor, "3 3"]) -> PackedTeaching:
    sequence = FrameSequence(
        images=images,
        intrinsics=intrinsics,
        timestamps=torch.arange(3, dtype=torch.float64),
        source_indices=torch.arange(3),
        source_length=3,
        intrinsics_origin="of the snippet",
        name="snippet",
    )
    return SequenceTeacher(sequence).packed((0, 1, 2))


def _of_median_one(
    inverse_depth: Float[Tensor, "1 height width"], trust: Float[Tensor, "1 height width"]
) -> Float[Tensor, "1 height width"]:
    """Inverse depth whose median is 1 where it is trusted, within what 16 bits hold well."""
    known = inverse_depth[trust > 0]
    median = known.median() if known.numel() else inverse_depth.new_ones(())
    return (inverse_depth / median).clamp(LEAST_INVERSE_DEPTH, 1 / LEAST_INVERSE_DEPTH)
