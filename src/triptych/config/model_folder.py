"""A model as a folder in the convention of the Hugging Face hub: settings, weights and a card."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from triptych import __version__
from triptych.config.build_model import CONFIG_FILE, LIBRARY, MODEL_FILE, save_model, without_pretrained
from triptych.config.schema import FitSettings
from triptych.errors import InputError
from triptych.formats.atomic import atomic_folder
from triptych.networks.joint import JointModel

CARD_FILE = "README.md"

CARD = """\
---
license: "{license_name}"
library_name: {library}
pipeline_tag: depth-estimation
tags:
- depth-estimation
- optical-flow
- visual-odometry
- self-supervised
- video
---

# Depth, camera motion and optical flow from plain video

Three networks, learned without labels by {library} {version}: depth of single frames, motion
of the camera and optical flow between neighboring ones.

```python
from {library} import Model

model = Model.from_pretrained("FOLDER")
depth = model.depth("picture.jpg")
clip = model.predict("video.mp4", intrinsics=(720, 720, 640, 360))
```

`{library} predict video.mp4 --model FOLDER --output result` does the same on a command line, and
`{library} fit video.mp4 --initial FOLDER --output run` goes on from these weights on a video.

| | |
| --- | --- |
| parameters | {parameters:.1f} million, {precision} precision |
| processing size (height x width) | {size} |
| depth | {min_depth:g} to {max_depth:g}, encoder {depth_encoder} |
| camera motion | encoder {pose_encoder}, {sees} |
| flow | MaskFlowNet, {matching} matching |

## Limits

Depth and path are up to one scale factor: without labels and without a known length there is no meter.
A camera that stands still, or only turns, tells nothing of depth. What the networks have not seen, they
may get wrong without saying so; measure on your own scenes before you rely on them.
"""


def save_model_folder(
    folder: Path,
    model: JointModel,
    settings: FitSettings,
    *,
    half: bool = False,
    license_name: str = "unknown",
    overwrite: bool = False,
) -> None:
    """Write config.json, model.safetensors and README.md: a new folder whole or not at all, over an old one each file.

    Args:
        folder: where.
        model: the networks.
        settings: that rebuild them.
        half: in half precision.
        license_name: of the weights.
        overwrite: replace these files where they are; what else the folder holds stays.

    Raises:
        InputError: the folder is not empty, or cannot be written to.
    """
    known = _without_places(settings)
    content = {"library_name": LIBRARY, "triptych_version": __version__, "settings": asdict(known)}

    def write(place: Path) -> None:
        (place / CONFIG_FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        save_model(place / MODEL_FILE, model, known, half=half)
        (place / CARD_FILE).write_text(model_card(model, known, half=half, license_name=license_name), encoding="utf-8")

    if not (overwrite and folder.is_dir()):
        with atomic_folder(folder) as temporary:
            write(temporary)
        return
    try:
        with TemporaryDirectory(prefix=".partial-", dir=folder) as temporary_name:
            write(Path(temporary_name))
            for name in (MODEL_FILE, CONFIG_FILE, CARD_FILE):
                (Path(temporary_name) / name).replace(folder / name)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written to ({error.strerror or error}); name another folder") from error


def _without_places(settings: FitSettings) -> FitSettings:
    """The settings without files of this machine, which a model does not need and its readers need not know."""
    return replace(
        without_pretrained(settings),
        initial=None,
        intrinsics=settings.intrinsics if settings.intrinsics and not Path(settings.intrinsics).exists() else None,
    )


def check_model_folder(folder: Path) -> None:
    """Refuse what is no folder of a model, with the way to get one.

    Raises:
        InputError: no such folder, or one without a model.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder}: there is no such folder; only local ones are read: download a model of the hub first "
            "(huggingface_hub.snapshot_download), and name the copy"
        )
    for name in (CONFIG_FILE, MODEL_FILE):
        if not (folder / name).is_file():
            raise InputError(f"{folder}: holds no {name}; name a folder that Model.save_pretrained wrote")


def model_card(model: JointModel, settings: FitSettings, *, half: bool, license_name: str) -> str:
    """The text of a model's card: what it is, how it is used, what it cannot.

    Args:
        model: the networks.
        settings: of their training.
        half: whether the weights beside it are in half precision.
        license_name: of the weights.
    """
    return CARD.format(
        license_name=license_name,
        library=LIBRARY,
        version=__version__,
        parameters=sum(weights.numel() for weights in model.parameters()) / 1e6,
        precision="half" if half else "single",
        size=settings.size,
        min_depth=settings.depth.min_depth,
        max_depth=settings.depth.max_depth,
        depth_encoder=settings.depth.encoder,
        pose_encoder=settings.pose.encoder,
        sees="sees the flow" if settings.pose.sees_flow else "sees the images alone",
        matching=settings.flow.matching,
    )
