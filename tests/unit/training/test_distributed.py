"""Several processes: the gradient of the joined batch, every sample once, one judgement of one network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from lightning.fabric import Fabric
from tests.unit.training.validation_of_two import judged
from torch import Tensor

from triptych.data.snippets import SnippetDataset
from triptych.errors import InputError
from triptych.losses.means import masked_mean, weights_shared
from triptych.training.feed import Feed
from triptych.training.processes import launched
from triptych.types import FrameSequence

HERE = Path(__file__).parent


def run_by_two(script: str, file: Path) -> None:
    """Run a file of this folder in two processes, of which the first writes what it found."""
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone", str(HERE / script), str(file)]
    paths = os.pathsep.join((str(HERE.parents[2]), os.environ.get("PYTHONPATH", "")))
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, *launcher], check=False, capture_output=True, text=True, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, dict[str, Tensor]]]:
    """Gradients of two processes, of one with the joined batch, and of one with its own half, by stage."""
    file = tmp_path_factory.mktemp("gradients") / "found.pt"
    run_by_two("gradients_of_two.py", file)
    return torch.load(file, weights_only=True)


def difference(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    """Of all gradients together, relative to their length."""
    assert set(one) == set(other)
    off = torch.cat([(one[name] - other[name]).flatten() for name in one]).double()
    return float(off.norm() / torch.cat([other[name].flatten() for name in one]).double().norm())


@pytest.mark.parametrize("stage", ["flow", "depth", "joint", "beyond"])
def test_two_processes_have_the_gradient_of_one_with_the_joined_batch(
    found: dict[str, dict[str, dict[str, Tensor]]], stage: str
) -> None:
    gradients = found[stage]
    assert difference(gradients["two"], gradients["joined"]) < 1e-6
    assert difference(gradients["own"], gradients["joined"]) > 1e-2  # the halves are not alike


def test_frozen_networks_take_no_part_in_the_exchange(found: dict[str, dict[str, dict[str, Tensor]]]) -> None:
    learners = {stage: {name.split(".")[0] for name in found[stage]["two"]} for stage in found}
    everything = {"flow", "depth", "pose"}
    expected = {"flow": {"flow"}, "depth": {"depth", "pose"}, "joint": everything, "beyond": everything}
    assert learners == expected


def test_two_processes_judge_the_first_ones_network_as_one_process_does(tmp_path: Path) -> None:
    run_by_two("validation_of_two.py", tmp_path / "figures.json")
    alone = judged(Fabric(accelerator="cpu", devices=1), batch_size=3)
    assert {"flow_photometric", "depth_photometric", "smoothness"} <= set(alone)
    assert json.loads((tmp_path / "figures.json").read_text()) == pytest.approx(alone, rel=1e-4)


def test_shared_weights_make_the_average_of_means_the_mean_of_all() -> None:
    errors, masks = torch.rand(2, 50), (torch.rand(2, 50) > 0.5).float() * torch.tensor([[1.0], [0.1]])
    average = masks.sum(dim=1).mean()
    with weights_shared(lambda _: average):
        parts = [masked_mean(error, mask) for error, mask in zip(errors, masks, strict=True)]
    assert torch.stack(parts).mean() == pytest.approx(float(masked_mean(errors, masks)), rel=1e-6)
    alone = [masked_mean(error, mask) for error, mask in zip(errors, masks, strict=True)]
    assert torch.stack(alone).mean() != pytest.approx(float(masked_mean(errors, masks)), rel=1e-6)


def snippets(count: int) -> SnippetDataset:
    return SnippetDataset(
        FrameSequence(
            images=torch.zeros(count + 2, 3, 4, 4, dtype=torch.uint8),
            intrinsics=torch.eye(3),
            timestamps=torch.arange(count + 2, dtype=torch.float64),
            source_indices=torch.arange(count + 2),
            source_length=count + 2,
            intrinsics_origin="made for a test",
            name="black",
        )
    )


def drawn(feed: Feed, *, epoch: int = 0, offset: int = 0, epochs: int = 1) -> list[list[int]]:
    """The indices of the batches of some epochs."""
    batches, found, ends = feed.batches(epoch=epoch, offset=offset), [], 0
    for snippet, ends_epoch in batches:
        found.append(snippet.index.tolist())
        ends += ends_epoch
        if ends == epochs:
            break
    batches.close()
    return found


def test_two_ranks_of_two_workers_see_every_sample_exactly_once_in_each_epoch() -> None:
    data = snippets(24)
    feeds = [Feed(data, batch_size=3, seed=5, workers=2, rank=rank, world_size=2) for rank in range(2)]
    both = [drawn(feed, epochs=2) for feed in feeds]
    for epoch in range(2):
        seen = Counter(index for batches in both for batch in batches[4 * epoch : 4 * epoch + 4] for index in batch)
        assert seen == Counter(range(24))
    assert both[0][:4] != both[0][4:]  # each epoch in an order of its own


def test_a_feed_goes_on_within_an_epoch_at_the_very_batch() -> None:
    data = snippets(24)
    feed = Feed(data, batch_size=3, seed=5, workers=2, rank=1, world_size=2)
    assert drawn(feed, epoch=1, offset=3, epochs=2) == drawn(feed, epoch=1, epochs=2)[3:]


def test_fewer_snippets_than_processes_are_refused() -> None:
    with pytest.raises(InputError, match="3 snippets for 4 processes"):
        Feed(snippets(3), batch_size=1, seed=0, rank=0, world_size=4)


@pytest.mark.parametrize("failing", [False, True])
def test_processes_are_let_go_of_at_the_end_but_not_by_one_that_fails(
    monkeypatch: pytest.MonkeyPatch, *, failing: bool
) -> None:
    done: list[str] = []
    monkeypatch.setattr("torch.distributed.is_initialized", lambda: True)
    monkeypatch.setattr("torch.distributed.destroy_process_group", lambda: done.append("let go"))
    with suppress(KeyboardInterrupt), launched(Fabric(accelerator="cpu", devices=1)):
        done.append("worked")
        if failing:
            raise KeyboardInterrupt
    assert done == (["worked"] if failing else ["worked", "let go"])
