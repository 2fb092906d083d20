"""The small parts that scorers are made of."""

import math
import threading
import time
from pathlib import Path

import pytest
import torch

from triptych.errors import InputError
from triptych.evaluation.averages import mean_figures, scale_spread
from triptych.evaluation.counted import CountedTruth, counted_truth
from triptych.evaluation.depth_protocols import PROTOCOLS, crop_window
from triptych.evaluation.mean_map import MeanMap
from triptych.evaluation.parallel import each
from triptych.evaluation.ranking import spread_positions
from triptych.evaluation.resampling import flip_blended, flow_on_grid, map_on_grid, row_range
from triptych.evaluation.result_table import result_table
from triptych.evaluation.results import Protocol, Result
from triptych.types import DepthTruth


def test_the_crop_of_garg_keeps_the_published_pixels() -> None:
    # 0.40810811 * 375 = 153.04, 0.99189189 * 375 = 371.96; 0.03594771 * 1242 = 44.65, 0.96405229 * 1242 = 1197.35
    assert crop_window("Garg", 375, 1242) == ((153, 371), (44, 1197))


def test_a_mean_leaves_out_images_that_have_no_figure() -> None:
    figures = mean_figures([{"abs_rel": 1.0, "epe_occ": math.nan}, {"abs_rel": 3.0, "epe_occ": 4.0}, {"abs_rel": 5.0}])
    assert figures == {"abs_rel": 3.0, "epe_occ": 4.0, "images": 3.0}
    assert math.isnan(mean_figures([{"epe_occ": math.nan}])["epe_occ"])


def test_the_spread_of_scales_is_relative_to_their_median() -> None:
    assert scale_spread([2.0, 4.0, 6.0]) == {
        "scale_median": 4.0,
        "scale_std": pytest.approx(math.sqrt((0.25 + 0 + 0.25) / 3)),
    }


@pytest.fixture
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)


@pytest.mark.usefixtures("four_cores")
def test_answers_come_in_order_from_several_threads() -> None:
    first_two = threading.Barrier(2, timeout=60)

    def work(index: int) -> int:
        if index < 2:
            first_two.wait()  # which one thread alone never gets past
        time.sleep(0.01 * (index % 3))
        return index * index

    seen: list[tuple[int, int]] = []
    answers = list(each(work, 12, progress=lambda done, count: seen.append((done, count))))
    assert answers == [index * index for index in range(12)]
    assert seen == [(done, 12) for done in range(1, 13)]


@pytest.mark.usefixtures("four_cores")
def test_no_more_work_is_begun_than_there_are_threads_ahead() -> None:
    begun = []
    answers = each(begun.append, 1000)
    for _ in range(5):
        next(answers)
    answers.close()
    assert 5 <= len(begun) <= 5 + 4


def test_what_fails_first_is_raised() -> None:
    def work(index: int) -> int:
        if index >= 3:
            raise InputError(f"image {index}")
        return index

    with pytest.raises(InputError, match="image 3"):
        list(each(work, 8))


def counted(depth_m: torch.Tensor) -> CountedTruth:
    return counted_truth(DepthTruth("one", depth_m, Path("one.png")), PROTOCOLS["plain"])


def test_cells_that_no_other_truth_reaches_hold_the_mean_of_all() -> None:
    maps = MeanMap()
    own, other = torch.zeros(24, 80), torch.zeros(24, 80)
    own[0, 0], own[1, 1], other[0, 0], other[2, 2] = 5.0, 7.0, 3.0, 9.0
    for depth in (own, other):
        maps.add(counted(depth))
    answer = maps.without(counted(own))
    assert answer is not None
    assert answer.tolist() == [3.0, 6.0]  # at the two pixels that `own` knows


def test_a_single_truth_has_no_mean_map_without_itself() -> None:
    maps = MeanMap()
    maps.add(counted(torch.ones(3, 4)))
    assert maps.without(counted(torch.ones(3, 4))) is None


def test_the_mean_map_takes_pictures_of_different_sizes() -> None:
    maps = MeanMap()
    large, small = torch.full((48, 160), 2.0), torch.full((24, 80), 4.0)
    large[:, 80:] = 8.0
    for depth in (large, small):
        maps.add(counted(depth))
    answer = maps.without(counted(small))
    assert answer is not None
    assert answer.view(24, 80)[:, :40].unique().tolist() == [2.0]
    assert answer.view(24, 80)[:, 40:].unique().tolist() == [8.0]


def test_the_worst_the_best_and_the_middle_are_found() -> None:
    assert spread_positions([3.0, 1.0, 9.0, 2.0, 5.0]) == {"worst": 2, "best": 1, "median": 0}
    assert spread_positions([4.0]) == {"worst": 0}


def test_blending_a_flipped_symmetric_answer_changes_nothing() -> None:
    disparity = torch.rand(3, 50, dtype=torch.float64)
    torch.testing.assert_close(flip_blended(disparity, disparity.flip(-1)), disparity)


def test_the_flipped_answer_takes_over_steeply_at_the_border() -> None:
    # 81 columns: column 6 lies at 7.5 % of the width, half way from 5 % to 10 %
    blended = flip_blended(torch.zeros(1, 81), torch.ones(1, 81))
    assert blended[0, 6].item() == pytest.approx(0.5 + 0.5 * 0.5)
    assert blended[0, 4].item() == pytest.approx(1.0)
    assert blended[0, 8].item() == pytest.approx(0.5)


def test_masks_are_resized_between_pixel_centers() -> None:
    values = map_on_grid(torch.tensor([[[0.0, 1.0]]]), (1, 6), rows=(0.0, 1.0))
    assert values.flatten().tolist() == pytest.approx([0, 0, 1 / 3, 2 / 3, 1, 1], abs=1e-6)


def test_a_share_of_a_row_is_rounded_as_the_cut_was() -> None:
    assert row_range((0.0, 0.75), 375) == (0, 375 - round(375 * 0.25))
    assert row_range((710 / 2272, 1562 / 2272), 55) == (17, 38)
    assert row_range((0.0, 0.01), 10) == (0, 1)


def test_rows_that_were_cut_off_are_unknown() -> None:
    flow = flow_on_grid(torch.ones(2, 3, 4), (8, 8), rows=(0.0, 0.75))
    assert flow[:, :6].isfinite().all()
    assert flow[:, 6:].isnan().all()
    assert flow[0, 0, 0].item() == 2.0
    assert flow[1, 0, 0].item() == 2.0
    mask = map_on_grid(torch.ones(1, 3, 4), (8, 8), rows=(0.0, 0.75))
    assert mask[0, :6].eq(1).all()
    assert mask[0, 6:].isnan().all()


def test_the_table_of_a_result_names_units_ways_and_baselines() -> None:
    result = Result(
        Protocol("flow", "kitti2015", {"images": 2}),
        metrics={"epe_all": 1.25, "images": 2.0},
        baselines={"zero_flow": {"epe_all": 8.0, "images": 2.0, "epe_occ": math.nan}},
        variants={"camera_z": {"epe_all": 1.5}},
        name="ours",
    )
    table = result_table(result)
    assert [column.label for column in table.columns] == ["measure", "", "ours", "by camera z", "zero flow"]
    cells = [[cell.text for cell in row.cells] for row in table.rows]
    assert ["EPE all (px)", "lower is better", "1.25", "1.50", "8.00"] in cells
    assert ["EPE occ (px)", "lower is better", "–", "–", "–"] in cells  # noqa: RUF001
    assert table.caption == "flow, kitti2015: images 2"
