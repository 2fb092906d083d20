"""Camera motion between two images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from triptych.geometry.pose import rigid_transform
from triptych.networks.checkpointing import checkpointed
from triptych.networks.encoder import Encoder
from triptych.networks.layers import Norm, multiple_size, resized, single_precision

MOTION_SCALE = 0.01
"""Usual factor on the regressed axis-angle (rad) and translation: first motions are small."""

FLOW_GAIN = 5.0
"""Brings a flow of a twentieth of the width to the size of an image's own contrast."""


class PoseNetwork(nn.Module):
    """Rigid motion that maps points of the target camera to the source camera.

    It sees both images and, with `sees_flow`, the optical flow between them: rotation and
    translation are then near to linear in what it sees, and are learned from hundreds of
    pairs where images alone take tens of thousands.

    Attributes:
        checkpointing: compute activations again in the backward pass instead of keeping them.
    """

    checkpointing = False

    def __init__(
        self,
        encoder: str = "resnet18",
        *,
        pretrained: str | None = None,
        encoder_options: Mapping[str, Any] | None = None,
        channels: int = 256,
        norm: Norm = "batch",
        sees_flow: bool = False,
        motion_scale: float = MOTION_SCALE,
    ) -> None:
        """Build the network.

        Args:
            encoder: a timm model that yields features; it sees both images as six channels.
            pretrained: see `Encoder`.
            encoder_options: see `Encoder`.
            channels: of the decoder's convolutions.
            norm: normalization of the decoder; never of the output.
            sees_flow: give it the flow too.
            motion_scale: factor on the regressed axis-angle (rad) and translation.

        Raises:
            InputError: where the encoder cannot be had.
        """
        super().__init__()
        self.sees_flow = sees_flow
        self.motion_scale = motion_scale
        images = 3 if sees_flow else 2
        self.encoder = Encoder(encoder, images=images, pretrained=pretrained, options=encoder_options)
        self.stride = self.encoder.strides[-1]
        self.decoder = nn.Sequential(
            *_convolution(self.encoder.channels[-1], channels, size=1, norm=norm),
            *_convolution(channels, channels, size=3, norm=norm),
            *_convolution(channels, channels, size=3, norm=norm),
            nn.Conv2d(channels, 6, 1),
        )

    def forward(
        self,
        target: Float[Tensor, "batch 3 height width"],
        source: Float[Tensor, "batch 3 height width"],
        flow: Float[Tensor, "batch 2 height width"] | None = None,
    ) -> Float[Tensor, "batch 4 4"]:
        """The pose `source_from_target` of each pair.

        Args:
            target: RGB in [0, 1].
            source: a neighboring frame, RGB in [0, 1].
            flow: from target to source (px); no gradient is sent to it. A network that
                does not see flow leaves it aside.

        Returns:
            SE(3) matrices; the translation is up to scale.

        Raises:
            ValueError: the network sees flow, and none is given.
        """
        pair = torch.cat((target, source), dim=1)
        if self.sees_flow:
            if flow is None:
                raise ValueError("this pose network sees flow: give it the flow from target to source")
            pair = torch.cat((pair, _flow_picture(flow.detach()).to(pair.dtype)), dim=1)
        height, width = pair.shape[-2:]
        pair = resized(pair, multiple_size(height, width, of=self.stride))
        features = checkpointed(self.encoder, pair, enabled=self.checkpointing)[-1]
        motion = self.motion_scale * single_precision(self.decoder(features)).mean(dim=(2, 3))
        return rigid_transform(motion[:, :3], motion[:, 3:])


def _flow_picture(flow: Float[Tensor, "batch 2 height width"]) -> Float[Tensor, "batch 3 height width"]:
    """Flow as an image about 0.5: its two components, and how far it points outward."""
    height, width = flow.shape[-2:]
    size = max(height, width)
    across = torch.linspace(-1, 1, width, device=flow.device, dtype=flow.dtype)
    down = torch.linspace(-1, 1, height, device=flow.device, dtype=flow.dtype)[:, None]
    shares = flow * (FLOW_GAIN / size)
    outward = shares[:, :1] * across + shares[:, 1:] * down
    return 0.5 + torch.cat((shares, outward), dim=1)


def _convolution(inputs: int, outputs: int, *, size: int, norm: Norm) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=norm == "none")
    normalization = [nn.BatchNorm2d(outputs)] if norm == "batch" else []
    return [convolution, *normalization, nn.ReLU(inplace=True)]
