"""Image encoders: any timm backbone that yields features, with its own normalization."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, cast

import timm
import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor, nn

from triptych.errors import InputError

IMAGENET = "imagenet"
"""The value of `pretrained` that asks for timm's own weights of the encoder."""
UNTRAINED = "none"
"""The value of `pretrained` that, like None, asks for no weights."""
OWN_OPTIONS = frozenset({"features_only", "in_chans", "checkpoint_path", "cache_dir"})
"""Arguments of timm that are not options of an encoder, beside all that begin with `pretrained`: options also come
out of files of models, which may be anybody's, and these would read other files and addresses."""


class Encoder(nn.Module):
    """Features of images at falling resolutions, from a timm backbone.

    The backbone's own mean and standard deviation are applied inside, so the input is
    always RGB in [0, 1].

    Attributes:
        channels: of each level, fine to coarse.
        strides: of each level, fine to coarse; where they start and how many there are
            depends on the backbone (ResNet 2..32, ConvNeXt and Swin 4..32).
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        name: str = "resnet18",
        *,
        images: int = 1,
        pretrained: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Build the backbone.

        Args:
            name: a timm model, with or without its weights' tag (`resnet18.tv_in1k`).
            images: RGB images that are given joined on the channel axis. Pretrained
                first convolutions are repeated and divided by timm.
            pretrained: "imagenet" for timm's weights of that name, the path of a local
                weights file (safetensors or a torch state dict), or None.
            options: further arguments of the backbone (`channels`, `layers`, ...).

        Raises:
            InputError: unknown backbone, one without features, an option that is none, or weights that cannot be had.
        """
        super().__init__()
        self.backbone = _backbone(name, in_channels=3 * images, pretrained=pretrained, options=options or {})
        self._channels_last = str(getattr(self.backbone, "output_fmt", "")).endswith("NHWC")
        information = cast(Any, self.backbone).feature_info
        self.channels = tuple(int(count) for count in information.channels())
        self.strides = tuple(int(stride) for stride in information.reduction())
        config = cast(Any, self.backbone).pretrained_cfg or {}
        config.pop("state_dict", None)  # a second copy of the weights
        for key, default in (("mean", (0.485, 0.456, 0.406)), ("std", (0.229, 0.224, 0.225))):
            values = torch.tensor(config.get(key, default)).repeat(images).reshape(1, -1, 1, 1)
            self.register_buffer(key, values, persistent=False)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> tuple[Float[Tensor, "batch _ _ _"], ...]:
        """Features of each level, fine to coarse; sides divisible by the last stride."""
        levels = self.backbone((images - self.mean) / self.std)
        return tuple(level.movedim(-1, 1) if self._channels_last else level for level in levels)


def _backbone(name: str, *, in_channels: int, pretrained: str | None, options: Mapping[str, Any]) -> nn.Module:
    if not timm.is_model(name):
        raise InputError(f"encoder {name!r} is not a timm model: timm.list_models() names them")
    refused = sorted(key for key in options if key in OWN_OPTIONS or key.startswith("pretrained"))
    if refused:
        raise InputError(f"encoder options {', '.join(refused)}: are not the backbone's; leave them out")
    arguments = {"features_only": True, "in_chans": in_channels, **options}
    if pretrained is None or pretrained == UNTRAINED:
        return _created(name, arguments)
    if pretrained == IMAGENET:
        ways_out = (
            "set `pretrained` (--depth.pretrained, --pose.pretrained) to a local weights file of it, copy the "
            "Hugging Face cache from a machine that has a network, or start without pretrained weights"
        )
        with _told(name, ways_out):
            return _created(name, {**arguments, "pretrained": True})
    if not Path(pretrained).is_file():
        raise InputError(
            f"encoder weights {pretrained!r} are not a file: give a safetensors file or a "
            f"state dict of timm's {name}, {IMAGENET!r}, or {UNTRAINED!r}"
        )
    with _told(name, f"check that {pretrained} is for this encoder and its options"):
        weights = _weights(Path(pretrained))
        overlay = {"state_dict": dict(weights)}
        backbone = _created(name, {**arguments, "pretrained": True, "pretrained_cfg_overlay": overlay})
        _check_all_given(backbone, weights)
    return backbone


@contextmanager
def _told(name: str, ways_out: str) -> Iterator[None]:
    """Any failure to load weights as one line for a person."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # timm, huggingface_hub, safetensors and pickle raise many kinds
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise InputError(f"weights of encoder {name!r} could not be loaded ({reason}): {ways_out}") from error


def _weights(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        return dict(load_file(path))
    try:
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except UnpicklingError as error:  # its own message advises to allow the file to run code
        raise ValueError("not a file of tensors alone") from error


def _check_all_given(backbone: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Refuse weights that leave a parameter at its random start, which timm does silently.

    timm's feature extractors join the parts of a name by "_" or put a prefix before it.
    """
    given = {name.replace(".", "_") for name in weights}
    for name, _ in backbone.named_parameters():
        plain = name.replace(".", "_")
        if not any(plain == known or plain.endswith("_" + known) for known in given):
            raise KeyError(f"no {name} in it")


def _created(name: str, arguments: Mapping[str, Any]) -> nn.Module:
    try:
        return cast(nn.Module, timm.create_model(name, **arguments))
    except (TypeError, AttributeError, NotImplementedError) as error:
        raise InputError(f"encoder {name!r} does not give features with options {dict(arguments)}: {error}") from error
