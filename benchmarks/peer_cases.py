"""What is compared with the peers: our work, theirs, and the bars."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from checkouts import Monodepth2, loop_cost_volume, maskflownet_s, ptlflow_maskflownet_s
from floors import Work
from own_steps import PEER_LOSSES, depth_and_pose_step, in_preferred_layout, joint_step
from triptych.losses.photometric import photometric_errors
from triptych.networks.depth import DepthNetwork
from triptych.networks.flow import MaskFlowNet
from triptych.networks.matching import cost_volume

HEIGHT, WIDTH = 192, 640


@dataclass(frozen=True)
class Case:
    """Something timed: ours, and a peer's.

    Attributes:
        name: what it is.
        ours: makes our work.
        peer: makes the peer's; None where there is none.
        bar: what the ratio is to be at most.
        floor_bar: what our time over its floor is to be at most.
        memory_bar: what our peak memory over the peer's is to be at most.
        memory_bar_gb: what our peak memory is to be at most.
    """

    name: str
    ours: Callable[[], Work]
    peer: Callable[[], Work] | None
    bar: float | None = None
    floor_bar: float | None = None
    memory_bar: float | None = None
    memory_bar_gb: float | None = None


def step_case(peers: argparse.Namespace, batch: int, *, bar: float, same: bool) -> Case:
    """The depth-and-pose training step."""
    losses = PEER_LOSSES if same else {}
    kind = "same losses" if same else "paper preset"
    return Case(
        f"depth-and-pose step, batch {batch}, {kind} / monodepth2",
        lambda: depth_and_pose_step(batch, HEIGHT, WIDTH, **losses),
        (lambda: monodepth2(peers, batch).step) if peers.monodepth2 else None,
        bar=bar,
        floor_bar=1.6,
        memory_bar=0.8,
    )


def flow_case(peers: argparse.Namespace, peer_name: str, *, backward: bool) -> Case:
    """MaskFlowNet-S of one direction."""
    parts = "forward + backward" if backward else "forward"

    def ours() -> Work:
        network, images = in_preferred_layout(MaskFlowNet()), _pair()
        return _flow_work(network, lambda: network(*images).levels, backward=backward)

    def peer() -> Work:
        images = _pair()
        if peer_name == "maskflownet":
            network = maskflownet_s(peers.maskflownet).train()
            return _flow_work(network, lambda: network(*images)[0], backward=backward)
        network = ptlflow_maskflownet_s(peers.ptlflow).train()
        pair = {"images": torch.stack(images, 1)}
        return _flow_work(network, lambda: network(pair)["flow_preds"], backward=backward)

    return Case(
        f"MaskFlowNet-S {parts} / {peer_name}",
        ours,
        peer if getattr(peers, peer_name) else None,
        bar=0.55 if backward else None,
        floor_bar=1.25 if backward else None,
    )


def _pair() -> tuple[Tensor, Tensor]:
    return torch.rand(1, 3, HEIGHT, WIDTH), torch.rand(1, 3, HEIGHT, WIDTH)


def _flow_work(network: torch.nn.Module, flows: Callable[[], Any], *, backward: bool) -> Work:
    def work() -> None:
        if not backward:
            with torch.no_grad():
                flows()
            return
        network.zero_grad(set_to_none=True)
        torch.stack([flow.square().mean() for flow in flows()]).sum().backward()

    return work


def monodepth2(peers: argparse.Namespace, batch: int) -> Monodepth2:
    """The peer's step."""
    return Monodepth2(peers.monodepth2, batch=batch, height=HEIGHT, width=WIDTH)


def cost_volume_case() -> Case:
    """Cost volumes of a pair at levels 2 to 6."""
    sizes = {32: (48, 160), 64: (24, 80), 96: (12, 40), 128: (6, 20), 196: (3, 10)}

    def work(volume: Callable[[Tensor, Tensor], Tensor]) -> Work:
        pairs = [[torch.randn(1, c, *s, requires_grad=True) for _ in range(2)] for c, s in sizes.items()]
        return lambda: [volume(*pair).square().sum().backward() for pair in pairs]

    return Case(
        "cost volume forward + backward / loop of 81",
        lambda: work(cost_volume),
        lambda: work(loop_cost_volume),
        bar=0.25,
    )


def photometric_case(peers: argparse.Namespace) -> Case:
    """Errors of eight warped images against one target."""

    def work(errors: Callable[[Tensor, Tensor], Tensor]) -> Work:
        target, warped = torch.rand(1, 3, HEIGHT, WIDTH), torch.rand(1, 8, 3, HEIGHT, WIDTH)
        return lambda: errors(target, warped.detach().requires_grad_()).mean().backward()

    return Case(
        "photometric errors of 8 images, forward + backward / monodepth2",
        lambda: work(photometric_errors),
        (lambda: work(monodepth2(peers, 1).photometric_errors)) if peers.monodepth2 else None,
        bar=0.22,
    )


def depth_case(peers: argparse.Namespace) -> Case:
    """Depth of one frame, eager."""

    def inferred(run: Callable[[Tensor], object]) -> Work:
        image = torch.rand(1, 3, HEIGHT, WIDTH)

        def work() -> None:
            with torch.inference_mode():
                run(image)

        return work

    return Case(
        "depth of one frame, eager / monodepth2",
        lambda: inferred(in_preferred_layout(DepthNetwork()).eval().finest),
        (lambda: inferred(monodepth2(peers, 1).depth_network().eval())) if peers.monodepth2 else None,
        bar=0.70,
    )


def joint_case(peers: argparse.Namespace, *, checkpointing: bool) -> Case:
    """The joint step; the peers' parts are monodepth2's step, two flows with and two without gradient."""

    def parts() -> Work:
        network, images = maskflownet_s(peers.maskflownet).train(), _pair()
        flows = [
            _flow_work(network, lambda: network(*images)[0], backward=backward)
            for backward in (True, True, False, False)
        ]
        step = monodepth2(peers, 1).step
        return lambda: [work() for work in (step, *flows)]

    return Case(
        f"joint step, batch 1{', checkpointing' if checkpointing else ''} / the peers' parts",
        lambda: joint_step(1, HEIGHT, WIDTH, checkpointing=checkpointing),
        parts if peers.monodepth2 and peers.maskflownet and not checkpointing else None,
        floor_bar=None if checkpointing else 1.4,
        memory_bar_gb=3.0 if checkpointing else 5.0,
    )


def all_cases(peers: argparse.Namespace) -> Iterator[Case]:
    """All that is timed."""
    for batch, bar in ((1, 0.65), (6, 0.55)):
        for same in (True, False):
            yield step_case(peers, batch, bar=bar, same=same)
    for name in ("maskflownet", "ptlflow"):
        for backward in (False, True):
            yield flow_case(peers, name, backward=backward)
    yield cost_volume_case()
    yield photometric_case(peers)
    yield depth_case(peers)
    for checkpointing in (False, True):
        yield joint_case(peers, checkpointing=checkpointing)
