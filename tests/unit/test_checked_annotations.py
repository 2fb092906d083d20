"""What tests/conftest.py promises: annotations are checked wherever the tests run, with shapes and without."""

import pytest
import torch
from beartype.roar import BeartypeCallHintParamViolation
from jaxtyping import TypeCheckError

from triptych.data.synthetic.solids import Solid, bounding_box
from triptych.geometry.rigid import rigid_flow


def test_shapes_that_do_not_agree_are_refused() -> None:
    with pytest.raises(TypeCheckError, match="intrinsics"):
        rigid_flow(torch.rand(1, 1, 4, 4), torch.rand(2, 3, 3), torch.eye(4)[None])


def test_a_function_that_names_no_shape_is_checked_too() -> None:
    with pytest.raises(BeartypeCallHintParamViolation, match="corners"):
        bounding_box(3)  # type: ignore[arg-type]


def test_so_is_a_record() -> None:
    with pytest.raises(BeartypeCallHintParamViolation, match="planes"):
        Solid(3, None, None, None, None, None)  # type: ignore[arg-type]
