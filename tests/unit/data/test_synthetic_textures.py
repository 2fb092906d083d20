"""Patterns filter themselves: each returns its mean over the pixel's footprint."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from triptych.data.synthetic.textures import Lattice, above, mix, pulses, within


def _mean_over_footprint(pattern, center, width):
    """The oracle: the pattern averaged over many points of the footprint."""
    points = center + (torch.arange(20001, dtype=torch.float64) / 20000 - 0.5) * width
    return pattern(points).double().mean().item()


@settings(max_examples=25, deadline=None)
@given(center=st.floats(-9, 9), width=st.floats(0.01, 5), low=st.floats(0, 0.5), share=st.floats(0.05, 0.5))
def test_pulses_are_the_exact_box_filter_of_the_pulse_train(center, width, low, share):
    found = pulses(torch.tensor([center]).double(), low, low + share, torch.tensor([width]).double())
    expected = _mean_over_footprint(lambda x: (x - x.floor() >= low) & (x - x.floor() <= low + share), center, width)
    assert found.item() == pytest.approx(expected, abs=2e-3)


@settings(max_examples=25, deadline=None)
@given(center=st.floats(-2, 2), width=st.floats(0.05, 3))
def test_within_is_the_share_of_the_footprint_between_the_edges(center, width):
    found = within(torch.tensor([center]).double(), -0.3, 0.9, torch.tensor([width]).double())
    expected = _mean_over_footprint(lambda x: (x > -0.3) & (x < 0.9), center, width)
    assert found.item() == pytest.approx(expected, abs=2e-3)


def test_above_is_a_step_for_a_point():
    values = torch.tensor([0.9, 1.1])
    assert above(values, 1.0, torch.zeros(2)).tolist() == [0.0, 1.0]


def test_mix_replaces_the_color_by_the_share():
    base = torch.tensor([[0.2], [0.4], [0.6]])
    mixed = mix(base, (1.0, 0.0, 0.6), torch.tensor([0.25]))
    assert mixed.flatten().tolist() == pytest.approx([0.4, 0.3, 0.6])


def test_noise_joins_the_lattice_values_without_a_step():
    lattice = Lattice(3)
    u = torch.linspace(-30, 30, 60001, dtype=torch.float64)
    noise = lattice.noise(u, 0.3 + 0 * u)
    assert noise.abs().max() <= 1
    assert noise.diff().abs().max() < 0.004  # the slope of a smooth step is 1.5 times its height at most
    assert noise.std() > 0.2


def test_noise_is_the_lattice_value_at_whole_coordinates():
    lattice = Lattice(4)
    u, v = torch.tensor([2.0, -7.0, 300.0]), torch.tensor([5.0, 1.0, -2.0])
    assert torch.allclose(lattice.noise(u, v), lattice.cells(u, v) * 2 - 1, atol=1e-6)


def test_fractal_noise_fades_to_nothing_under_a_pixel_larger_than_its_coarsest_cells():
    u = torch.linspace(0, 50, 500)
    foot = torch.full_like(u, 1.0)
    noise = Lattice(5).fractal(u, u * 0.7, (foot, foot), frequency=1.0, octaves=4)
    assert noise.abs().max() == 0


def test_fractal_noise_loses_only_the_octaves_that_the_pixel_outgrows():
    lattice, u = Lattice(6), torch.linspace(0, 50, 500)
    foot = torch.ones_like(u)  # of 0.5 cells of the first octave, and of 0.965 of the second
    noise = lattice.fractal(u, 0.3 * u, (foot, foot), frequency=0.5, octaves=5, gain=0.7)
    amplitude = (1 - 0.7) / (1 - 0.7**5)
    fade = (0.95 - 0.5) / (0.95 - 0.35)
    assert torch.allclose(noise, amplitude * fade * lattice.noise(0.5 * u, 0.15 * u), atol=1e-6)


def test_fractal_noise_of_few_seen_points_equals_that_of_all_points():
    lattice, u = Lattice(7), torch.linspace(0, 9, 90)
    foot = torch.full_like(u, 10.0)
    foot[::5] = 0.0
    sparse = lattice.fractal(u, u, (foot, foot), frequency=2.0, octaves=3)
    dense = lattice.fractal(u[::5], u[::5], (foot[::5], foot[::5]), frequency=2.0, octaves=3)
    assert torch.allclose(sparse[::5], dense, atol=1e-6)


def test_lattices_of_different_seeds_differ_and_of_the_same_seed_do_not():
    u = torch.linspace(0, 9, 90)
    assert torch.equal(Lattice(1).noise(u, u), Lattice(1).noise(u, u))
    assert not torch.allclose(Lattice(1).noise(u, u), Lattice(2).noise(u, u), atol=0.1)


def test_fractal_amplitudes_sum_to_one():
    lattice = Lattice(8)
    lattice._corners = torch.ones_like(lattice._corners)
    zero = torch.zeros(3)
    for octaves in (1, 2, 5):
        noise = lattice.fractal(zero + 0.4, zero, (zero, zero), frequency=1.0, octaves=octaves, gain=0.8)
        assert noise.tolist() == pytest.approx([1.0] * 3, abs=1e-5)
    assert math.isclose(float(noise[0]), 1.0, abs_tol=1e-5)
