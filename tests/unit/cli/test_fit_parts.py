"""Which frames a fit learns from, and which it is judged by."""

from __future__ import annotations

import pytest

from triptych.cli.fit import judgment, parted


@pytest.mark.parametrize(
    ("count", "share", "held_out"),
    [(60, 0.1, 6), (60, 0.2, 12), (30, 0.1, 3), (24, 0.1, 0), (60, 0.0, 0), (10, 0.9, 0), (6, 0.5, 3)],
)
def test_the_end_of_the_video_is_held_out_where_both_parts_have_a_snippet(
    count: int, share: float, held_out: int
) -> None:
    kept = [2 * index for index in range(count)]
    learned, judged = parted(kept, share)
    assert learned + judged == kept
    assert len(judged) == held_out


def test_the_judgment_tells_what_was_asked_for() -> None:
    figures = {"error_unmoved": 0.2, "error_by_flow": 0.05, "flow_consistency_px": 0.4, "flow_photometric": 0.1}
    assert judgment(figures, frames=6) == (
        "the networks on 6 frames held out: photometric error 0.200 with nothing moved, 0.050 by flow, flow there and "
        "back ends 0.40 px off"
    )
    whole = judgment(figures | {"error_by_depth": 0.07, "depth_consistency": 0.05}, frames=6)
    assert "0.070 by depth and camera motion" in whole
    assert whole.endswith("depths of neighbors differ by 10 %")  # |a - b| / (a + b) is half of it
