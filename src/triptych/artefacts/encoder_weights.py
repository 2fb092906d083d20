"""Pretrained weights of encoders: whether they can be had, told in a line before the networks are built.

Left to timm and the Hugging Face client, a machine without a network is told after a minute of
retries, and a file of another kind by whatever error its bytes provoke.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import huggingface_hub
import timm
import torch
from huggingface_hub.errors import HfHubHTTPError
from safetensors.torch import load_file
from torch import Tensor

from triptych.errors import InputError

HUB_FILES: Final = ("model.safetensors", "pytorch_model.bin")
"""What timm asks the hub for, in this order."""

ANSWER_SECONDS: Final = 10.0
"""The Hugging Face client's own limit for an answer; asked once and not six times."""

SHOWN_NAMES: Final = 2


def check_hub_weights(encoder: str, *, option: str) -> None:
    """Refuse timm's own weights where they are neither on this machine nor to be fetched.

    Args:
        encoder: name of the timm model.
        option: that asks for the weights, for the message.

    Raises:
        InputError: the hub does not answer.
    """
    config = timm.get_pretrained_cfg(encoder) if timm.is_model(encoder) else None
    if config is None or not config.hf_hub_id:
        return  # an unknown encoder or one without weights, which the encoder tells
    names = (config.hf_hub_filename,) if config.hf_hub_filename else HUB_FILES
    if any(isinstance(huggingface_hub.try_to_load_from_cache(config.hf_hub_id, name), str) for name in names):
        return
    try:
        huggingface_hub.get_hf_file_metadata(
            huggingface_hub.hf_hub_url(config.hf_hub_id, names[0]), timeout=ANSWER_SECONDS
        )
    except HfHubHTTPError:
        return  # the hub has answered, if only that the file has another name
    except Exception as error:  # of whichever HTTP library the client of the day uses
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise InputError(
            f"--{option} imagenet: the weights of {encoder} cannot be fetched ({reason}); without a network give a "
            "file of them, or null for none, to --depth.pretrained and to --pose.pretrained"
        ) from error


def check_weights_file(encoder: str, file: Path, *, option: str) -> None:
    """Refuse a file that does not hold an encoder's weights.

    Args:
        encoder: name of the timm model.
        file: safetensors, or a torch state dict.
        option: that names the file, for the message.

    Raises:
        InputError: it cannot be read as tensors by name, or the encoder's first layer is not among them.
    """
    fault = _fault(encoder, _content(file))
    if fault is not None:
        raise InputError(
            f"--{option} {file}: is no file of weights of {encoder} ({fault}); give timm's weights of it, as "
            "safetensors or a torch state dict, or imagenet, or null"
        )


def _content(file: Path) -> object:
    """What a file holds; None where it cannot be read."""
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        content: object = torch.load(file, map_location="cpu", weights_only=True)
    except Exception:  # of any kind, where bytes that mean something else are taken for a pickle
        return None
    return content


def _fault(encoder: str, content: object) -> str | None:
    """What is wrong with the content of a file."""
    if not isinstance(content, Mapping) or not content:
        return "it holds no tensors by name"
    names = [str(name) for name in content]
    shown = ", ".join(names[:SHOWN_NAMES]) + (", ..." if len(names) > SHOWN_NAMES else "")
    if not all(isinstance(value, Tensor) for value in content.values()):
        return f"it holds {shown} and not tensors alone"
    config: Any = timm.get_pretrained_cfg(encoder) if timm.is_model(encoder) else None
    first = getattr(config, "first_conv", None)
    if isinstance(first, str) and f"{first}.weight" not in names:
        return f"it holds {shown} and no {first}.weight"
    return None
