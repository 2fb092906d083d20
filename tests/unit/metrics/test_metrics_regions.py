import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.metrics.regions import region_mean, region_median


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), share=st.floats(0.1, 1))
def test_the_median_is_that_of_numpy(seed: int, share: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    values = torch.rand(2, 1, 4, 5, generator=generator, dtype=torch.float64)
    region = torch.rand(2, 1, 4, 5, generator=generator) < share
    region[:, :, 0, 0] = True
    expected = [float(np.median(v[r])) for v, r in zip(values.numpy(), region.numpy(), strict=True)]
    assert region_median(values, region).tolist() == expected


def test_the_median_of_an_even_number_is_the_mean_of_the_middle_two() -> None:
    values = torch.tensor([4.0, 1.0, 2.0, 100.0]).view(1, 1, 2, 2)
    assert region_median(values, torch.ones(1, 1, 2, 2, dtype=torch.bool)).item() == 3.0


def test_an_empty_region_has_neither_mean_nor_median() -> None:
    nowhere = torch.zeros(1, 1, 2, 2, dtype=torch.bool)
    values = torch.ones(1, 1, 2, 2)
    assert region_median(values, nowhere).isnan().item()
    assert region_mean(values, nowhere).isnan().item()


def test_values_outside_the_region_do_not_matter_but_a_nan_inside_is_not_hidden() -> None:
    values = torch.tensor([torch.nan, 2.0, 4.0, torch.inf]).view(1, 1, 2, 2)
    middle = torch.tensor([False, True, True, False]).view(1, 1, 2, 2)
    assert region_mean(values, middle).item() == 3.0
    assert region_median(values, middle).item() == 3.0
    assert region_median(values, torch.ones_like(middle)).isnan().item()
