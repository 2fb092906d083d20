"""Camera motion between two images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from triptych.geometry.pose import rigid_transform
from triptych.networks.encoder import Encoder
from triptych.networks.layers import Norm, multiple_size, resized, single_precision

MOTION_SCALE = 0.01
"""Factor on the regressed axis-angle (rad) and translation: first motions are small."""


class PoseNetwork(nn.Module):
    """Rigid motion that maps points of the target camera to the source camera."""

    def __init__(
        self,
        encoder: str = "resnet18",
        *,
        pretrained: str | None = None,
        encoder_options: Mapping[str, Any] | None = None,
        channels: int = 256,
        norm: Norm = "batch",
    ) -> None:
        """Build the network.

        Args:
            encoder: a timm model that yields features; it sees both images as six channels.
            pretrained: see `Encoder`.
            encoder_options: see `Encoder`.
            channels: of the decoder's convolutions.
            norm: normalization of the decoder; never of the output.

        Raises:
            InputError: where the encoder cannot be had.
        """
        super().__init__()
        self.encoder = Encoder(encoder, images=2, pretrained=pretrained, options=encoder_options)
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
    ) -> Float[Tensor, "batch 4 4"]:
        """The pose `source_from_target` of each pair.

        Args:
            target: RGB in [0, 1].
            source: a neighboring frame, RGB in [0, 1].

        Returns:
            SE(3) matrices; the translation is up to scale.
        """
        pair = torch.cat((target, source), dim=1)
        height, width = pair.shape[-2:]
        pair = resized(pair, multiple_size(height, width, of=self.stride))
        motion = MOTION_SCALE * single_precision(self.decoder(self.encoder(pair)[-1])).mean(dim=(2, 3))
        return rigid_transform(motion[:, :3], motion[:, 3:])


def _convolution(inputs: int, outputs: int, *, size: int, norm: Norm) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=norm == "none")
    normalization = [nn.BatchNorm2d(outputs)] if norm == "batch" else []
    return [convolution, *normalization, nn.ReLU(inplace=True)]
