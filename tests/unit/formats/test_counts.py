"""Counts read as a person would say them."""

import pytest

from triptych.formats.counts import number_of


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 files are"), (1, "1 file is"), (2, "2 files are"), (1234, "1,234 files are")]
)
def test_only_one_is_singular(count: int, said: str) -> None:
    assert number_of(count, "file is", "files are") == said
