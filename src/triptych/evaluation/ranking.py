"""Which images to look at: the worst, the best, and some between."""

from __future__ import annotations

from collections.abc import Sequence

RANKS = ("best", "median", "worst")


def spread_positions(errors: Sequence[float], *, count: int = len(RANKS)) -> dict[str, int]:
    """Positions of the best, the middle and the worst image, by rank; fewer where there are fewer.

    Args:
        errors: of each image, lower is better.
        count: how many at most, 1 to 3; with fewer the worst stay.
    """
    order = sorted(range(len(errors)), key=lambda index: errors[index])
    chosen = {"worst": order[-1], "median": order[(len(order) - 1) // 2], "best": order[0]}
    seen: dict[str, int] = {}
    for rank in ("worst", "best", "median")[:count]:
        if chosen[rank] not in seen.values():
            seen[rank] = chosen[rank]
    return seen
