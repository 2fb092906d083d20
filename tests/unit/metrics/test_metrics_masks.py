import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.metrics.masks import mask_metrics, roc_auc


def flags(*values: int) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.bool).view(1, 1, 1, -1)


def test_precision_recall_and_f1_are_those_counted_by_hand() -> None:
    # two hits, one false alarm, two misses; the last pixel has no truth
    claimed, truth = flags(1, 1, 1, 0, 0, 0, 1), flags(1, 1, 0, 1, 1, 0, 1)
    metrics = mask_metrics(claimed, truth, flags(1, 1, 1, 1, 1, 1, 0))
    assert metrics.precision.item() == pytest.approx(2 / 3)
    assert metrics.recall.item() == pytest.approx(2 / 4)
    assert metrics.f1.item() == pytest.approx(2 * (2 / 3) * (1 / 2) / (2 / 3 + 1 / 2))


def test_claiming_nothing_scores_zero() -> None:
    metrics = mask_metrics(flags(0, 0), flags(1, 0), flags(1, 1))
    assert (metrics.precision.item(), metrics.recall.item(), metrics.f1.item()) == (0, 0, 0)


def test_with_nothing_to_find_recall_and_f1_are_undefined() -> None:
    metrics = mask_metrics(flags(1, 0), flags(0, 0), flags(1, 1))
    assert metrics.precision.item() == 0
    assert metrics.recall.isnan().item()
    assert metrics.f1.isnan().item()


def slow_auc(score: list[float], truth: list[bool]) -> float:
    pairs = [(p, n) for p, t in zip(score, truth, strict=True) if t for n, u in zip(score, truth, strict=True) if not u]
    return sum(1.0 if p > n else 0.5 if p == n else 0.0 for p, n in pairs) / len(pairs)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), levels=st.integers(1, 6))
def test_the_area_under_the_curve_is_the_share_of_pairs_in_order(seed: int, levels: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    score = torch.randint(levels, (2, 1, 3, 5), generator=generator).float()  # with many ties
    truth = torch.rand(2, 1, 3, 5, generator=generator) < 0.4
    valid = torch.rand(2, 1, 3, 5, generator=generator) < 0.8
    truth[..., 0, :2], valid[..., 0, :2] = torch.tensor([True, False]), True
    area = roc_auc(score, truth, valid)
    for index in range(2):
        inside = valid[index]
        expected = slow_auc(score[index][inside].tolist(), truth[index][inside].tolist())
        assert area[index].item() == pytest.approx(expected)


def test_a_perfect_and_a_reversed_score_span_the_range() -> None:
    score = torch.tensor([0.1, 0.4, 0.8]).view(1, 1, 1, 3)
    assert roc_auc(score, flags(0, 0, 1), flags(1, 1, 1)).item() == 1
    assert roc_auc(-score, flags(0, 0, 1), flags(1, 1, 1)).item() == 0


def test_one_kind_alone_has_no_area() -> None:
    assert roc_auc(torch.rand(1, 1, 1, 3), flags(1, 1, 1), flags(1, 1, 1)).isnan().item()
