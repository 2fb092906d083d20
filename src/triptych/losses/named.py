"""The terms of the loss and the shares of pixels kept, by name."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from jaxtyping import Float
from torch import Tensor

from triptych.errors import InputError

TERMS: Final = (
    "flow_photometric",
    "flow_pyramid",
    "flow_smoothness",
    "flow_augmentation",
    "depth_photometric",
    "cross_flow_photometric",
    "flow_epipolar",
    "depth_epipolar",
    "guidance",
    "flow_completion",
    "geometric_consistency",
    "smoothness",
)
"""Every term that a total may have."""

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
