import numpy as np
import pytest
import torch

from triptych.metrics.alignment import check_trajectories
from triptych.metrics.arrays import as_maps, as_mask, as_tensors
from triptych.metrics.depth import depth_metrics, hole_rate
from triptych.metrics.flow import flow_metrics
from triptych.metrics.masks import mask_metrics, roc_auc


def test_tensors_pass_as_they_are_and_arrays_share_their_memory() -> None:
    tensor, array = torch.ones(2), np.ones(3, np.float32)
    same, shared = as_tensors(tensor, array)
    assert same is tensor
    array[1] = 7
    assert shared.tolist() == [1, 7, 1]


@pytest.mark.parametrize("kind", ["read-only", "reversed", "big-endian"])
def test_arrays_that_torch_cannot_read_in_place_are_copied(kind: str) -> None:
    array = np.arange(6.0)
    if kind == "read-only":
        array.flags.writeable = False
    elif kind == "reversed":
        array = array[::-1]
    else:
        array = array.astype(">f8")
    (tensor,) = as_tensors(array)
    assert tensor.tolist() == array.tolist()
    assert tensor.dtype == torch.float64


def test_measures_of_arrays_are_those_of_tensors() -> None:
    generator = np.random.default_rng(0)
    depth, truth = 1 + generator.random((2, 2, 1, 5, 6))
    flow, true_flow = generator.normal(size=(2, 2, 2, 5, 6)) * 5
    region, claimed = generator.random((2, 2, 1, 5, 6)) < 0.5
    tensors = [torch.from_numpy(values) for values in (depth, truth, flow, true_flow, region, claimed)]
    d, t, f, g, r, c = tensors
    assert depth_metrics(depth, truth, region).abs_rel.tolist() == depth_metrics(d, t, r).abs_rel.tolist()
    assert hole_rate(depth, truth, region).tolist() == hole_rate(d, t, r).tolist()
    assert flow_metrics(flow, true_flow, region).fl_all.tolist() == flow_metrics(f, g, r).fl_all.tolist()
    assert mask_metrics(claimed, region, region).f1.tolist() == mask_metrics(c, r, r).f1.tolist()
    assert roc_auc(depth, claimed, region).tolist() == roc_auc(d, c, r).tolist()


def test_maps_of_another_shape_are_refused_by_name() -> None:
    depth, truth = torch.ones(2, 1, 4, 5), torch.ones(2, 1, 4, 5)
    with pytest.raises(ValueError, match=r"predicted must be \(batch, 1, height, width\), got \(4, 5\)"):
        as_maps(predicted=depth[0, 0], truth=truth)
    with pytest.raises(ValueError, match=r"flow must be \(batch, 2, height, width\), got \(2, 1, 4, 5\)"):
        as_maps(channels=2, flow=depth)
    with pytest.raises(ValueError, match=r"truth is \(2, 1, 4, 4\), predicted is \(2, 1, 4, 5\)"):
        as_maps(predicted=depth, truth=truth[..., :4])
    with pytest.raises(ValueError, match=r"valid must be of bools, got torch.float32"):
        as_mask("valid", np.ones((1, 1, 2, 2), np.float32))


def test_depth_below_zero_is_no_good_prediction() -> None:
    depth = torch.full((1, 1, 2, 2), -3.0)
    with pytest.raises(ValueError, match="below 0"):
        depth_metrics(depth, -depth, depth < 0)


def test_one_trajectory_at_a_time_is_taken() -> None:
    poses = torch.eye(4).repeat(1, 5, 1, 1)
    with pytest.raises(ValueError, match=r"predicted must be \(frames, 4, 4\), one trajectory, got \(1, 5, 4, 4\)"):
        check_trajectories(poses, poses[0], fewest=2, present=None)
