"""Predictions for the images of a split, each by itself or with its next one, as a folder of files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import UInt8
from torch import Tensor

from triptych import __version__
from triptych.data.calibration import calibration_from_file
from triptych.data.image_folder import ImageFolder, rgb_image
from triptych.data.sequence import ASSUMED_FIELD_OF_VIEW_DEG, load_sequence, resized_image
from triptych.data.split_images import SplitImage
from triptych.formats.atomic import atomic_folder
from triptych.formats.maps import save_depth
from triptych.inference.predictor import Predictor
from triptych.inference.result import RESULT_FILE
from triptych.inference.writer import WriterSettings, write_frame
from triptych.types import FrameSequence


def write_image_predictions(
    folder: Path,
    images: Sequence[SplitImage],
    predictor: Predictor,
    *,
    size: tuple[int, int],
    settings: WriterSettings,
    facts: Mapping[str, Any],
    assumed_fov_deg: float = ASSUMED_FIELD_OF_VIEW_DEG,
    mirrored: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write depth of each image, and flow and masks of each pair; the folder appears when it is complete.

    `result.json` names the image of each file, so that the evaluation finds it.

    Args:
        folder: where.
        images: what is predicted on.
        predictor: the networks.
        size: rows and columns of the processing size.
        settings: how it is written.
        facts: what else `result.json` shall say.
        assumed_fov_deg: horizontal field of view of pairs without a calibration.
        mirrored: predict for the mirror images (single images only); maps stay mirrored.
        progress: told (done, total) images.

    Raises:
        InputError: an image cannot be read, or the folder cannot be written.
    """
    with atomic_folder(folder, overwrite=settings.overwrite) as target:
        for index, image in enumerate(images):
            if image.following is not None:
                pair = _pair(image, size, assumed_fov_deg)
                write_frame(target, index, next(iter(predictor.predict(pair))), settings)
            else:
                picture = _picture(image, size)
                depth = predictor.depth_of(picture.flip(-1) if mirrored else picture)
                save_depth(target / "depth" / f"{index:06d}.npz", depth)
            if progress is not None:
                progress(index + 1, len(images))
        content = {
            "frames": {"predicted": len(images), "names": [image.name for image in images]},
            "size": {"height": size[0], "width": size[1]},
            "mirrored": mirrored,
            "rows": list(images[0].rows),
            "scale": "up to scale",
            "versions": {"triptych": __version__, "torch": torch.__version__},
        } | dict(facts)
        (target / RESULT_FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _picture(image: SplitImage, size: tuple[int, int]) -> UInt8[Tensor, "3 height width"]:
    """The part of an image that is predicted on, at the processing size."""
    whole = rgb_image(image.image)
    top, bottom = (round(share * whole.shape[1]) for share in image.rows)
    return resized_image(whole[:, top:bottom], height=size[0], width=size[1])


def _pair(image: SplitImage, size: tuple[int, int], assumed_fov_deg: float) -> FrameSequence:
    """An image and its next one, at the processing size."""
    assert image.following is not None
    source = ImageFolder([image.image, image.following], name=image.name)
    calibration = None if image.calibration is None else calibration_from_file(image.calibration)
    return load_sequence(
        source, height=size[0], width=size[1], calibration=calibration, assumed_fov_deg=assumed_fov_deg
    )
