import torch

from triptych.metrics.edges import near_depth_edges


def row(*values: float) -> torch.Tensor:
    return torch.tensor(values).view(1, 1, 1, -1)


def everywhere(like: torch.Tensor) -> torch.Tensor:
    return torch.ones_like(like, dtype=torch.bool)


def test_pixels_within_two_of_a_jump_are_near_an_edge() -> None:
    depth = row(5.0, 5.0, 5.0, 5.0, 9.0, 9.0, 9.0, 9.0)
    assert near_depth_edges(depth, everywhere(depth)).flatten().tolist() == [0, 0, 1, 1, 1, 1, 0, 0]
    upright = depth.transpose(2, 3)
    assert near_depth_edges(upright, everywhere(upright)).flatten().tolist() == [0, 0, 1, 1, 1, 1, 0, 0]


def test_a_jump_of_less_than_a_tenth_is_no_edge() -> None:
    depth = row(10.0, 10.0, 10.9, 10.9)
    assert not near_depth_edges(depth, everywhere(depth)).any()
    assert near_depth_edges(row(10.0, 10.0, 11.2, 11.2), everywhere(depth)).all()


def test_unknown_pixels_neither_make_an_edge_nor_lie_near_one() -> None:
    depth = row(5.0, 5.0, 0.0, 5.0, 5.0)
    known = depth > 0
    assert not near_depth_edges(depth, known).any()
    beside = row(5.0, 9.0, 0.0, 9.0, 9.0)
    assert near_depth_edges(beside, known).flatten().tolist() == [1, 1, 0, 0, 0]


def test_arrays_and_batches_are_taken() -> None:
    depth = torch.stack((row(5.0, 9.0, 9.0, 9.0)[0], row(5.0, 5.0, 5.0, 5.0)[0]))
    edges = near_depth_edges(depth.numpy(), everywhere(depth).numpy())
    assert edges.flatten(1).sum(1).tolist() == [3, 0]
