"""Ways to run networks that change their time and memory, not what they say."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
from typing import TypeVar

import torch
from torch import Tensor, nn

from triptych.errors import InputError
from triptych.networks.joint import JointModel

Module = TypeVar("Module", bound=nn.Module)

PLANAR_WEIGHTS = 2**20
"""More weights than this has a 3x3 convolution from 256 to 512 channels: the last stage of a ResNet18."""

# mallopt's names of its settings (malloc.h of glibc), and the values that keep memory.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 2**30
UNTRIMMED_BYTES = 2**31 - 1


def in_channels_last(model: Module) -> Module:
    """The model with the channels of each pixel of its weights, and so of its maps, in one piece; in place.

    Weights keep their values and shapes, a state dict fits either way; the same numbers come
    out but for rounding. Convolutions of more than `PLANAR_WEIGHTS` keep the usual layout, for
    they work on the smallest maps, where channels last is slower, as is Adam's walk over
    such weights.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            if module.weight.numel() <= PLANAR_WEIGHTS:
                module.to(memory_format=torch.channels_last)
            else:
                module.register_forward_pre_hook(_planar)
    return model


def _planar(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(maps.contiguous() for maps in inputs)


def prefers_channels_last(device: torch.device) -> bool:
    """Whether training is faster with channels last there.

    Measured: by a tenth to a quarter on CPUs with AVX-512, slower on those with AVX2 alone,
    whose weight gradients fall to a third of their speed. GPUs: with half precision.
    """
    return device.type == "cpu" and torch.backends.cpu.get_cpu_capability() == "AVX512"


def compile_networks(model: JointModel) -> None:
    """Have torch.compile translate the networks when they first run, in place; names of weights stay.

    The geometry and the losses are left as they are: their gradients are written by hand, which
    is no slower. On a CPU the first step takes minutes and the following ones are not faster;
    it is meant for GPUs.

    Raises:
        InputError: on a machine without the C++ compiler that it needs.
    """
    device = next(model.parameters()).device
    if device.type == "cpu" and shutil.which(os.environ.get("CXX", "g++")) is None:
        raise InputError("torch.compile needs a C++ compiler on a CPU: install g++, name one in CXX, or do without")
    flow = model.flow
    # The flow network is entered by its methods, so what it is made of is compiled.
    for part in (model.depth, model.pose, flow.pyramid, *flow.blocks.values(), flow.context):
        part.compile(dynamic=False)


def keep_freed_memory() -> bool:
    """Have the process keep memory it has freed, for the next step; whether it could.

    glibc gives large buffers back to the system at once and takes them anew in the next step,
    and the first touch of each page costs more than the arithmetic on it. To be called at the
    start of a command, never by a library at import: it holds for the whole process.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    library = ctypes.CDLL(None)
    settings = ((M_MMAP_THRESHOLD, KEPT_BYTES), (M_TRIM_THRESHOLD, UNTRIMMED_BYTES))
    return all(library.mallopt(name, value) == 1 for name, value in settings)
