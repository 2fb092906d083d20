"""The networks as an object: frames in, depth, flow and camera motion out, in two lines of Python.

`triptych.load()` gives a `Model`. What it returns are records of tensors on the CPU; conventions
are those of docs/conventions.md, depth and path are up to one scale.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal, final

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from triptych.config.build_model import load_model
from triptych.config.load import size_of
from triptych.config.model_folder import check_model_folder, save_model_folder
from triptych.config.schema import PACKAGED, FitSettings
from triptych.data.given import (
    GivenFrames,
    Images,
    check_word,
    given_clip,
    given_picture,
    intrinsics_in_any_form,
    usable_device,
)
from triptych.data.sequence import load_sequence, resized_image
from triptych.data.sources import open_source
from triptych.errors import InputError
from triptych.geometry.camera import resized_intrinsics
from triptych.geometry.grid import resize_flow
from triptych.geometry.visibility import range_visibility
from triptych.inference.path import camera_path
from triptych.inference.predictor import PredictionSettings, Predictor, Refinement, VisibilityKind
from triptych.inference.resizing import resized_depth, resized_prediction
from triptych.networks.joint import JointModel
from triptych.networks.layers import resized
from triptych.types import Prediction

Size = Literal["processing", "input"]
"""At which size maps come back: that of the networks, or that of the frames given."""


@dataclass(frozen=True)
class ClipPrediction:
    """What is predicted for the frames of a clip.

    Attributes:
        predictions: of each frame, in order.
        images: the frames, RGB, at the size of the maps.
        intrinsics: K at that size (px).
        camera_to_world: pose of each frame, the first at the identity; up to the scale of depth.
        assumed_intrinsics: True where K rests on an assumed field of view.
    """

    predictions: tuple[Prediction, ...]
    images: UInt8[Tensor, "frames 3 height width"]
    intrinsics: Float[Tensor, "3 3"]
    camera_to_world: Float[Tensor, "frames 4 4"]
    assumed_intrinsics: bool

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.predictions)


@dataclass(frozen=True)
class PairFlow:
    """Flow between two images.

    Attributes:
        flow: from the first to the second (px): first(p) matches second(p + flow(p)).
        visibility: 1 where a pixel of the first is seen in the second.
    """

    flow: Float[Tensor, "2 height width"]
    visibility: Float[Tensor, "height width"]


def load(model: str | Path = PACKAGED, *, device: torch.device | str | None = None) -> Model:
    """A model that is ready to predict.

    Args:
        model: run folder of a fit or training, model file, folder of `Model.save_pretrained`, or
            "packaged" for the weights in the package.
        device: where its networks run; by default the first GPU, or the CPU.

    Raises:
        InputError: there is no model, or no such device.
    """
    networks, settings = load_model(model)
    return Model(networks, settings, device=device, name=str(model))


@final
class Model:
    """The three networks with the settings they were trained with.

    Attributes:
        networks: depth, pose and flow, in evaluation mode.
        settings: of the training; `settings.size` is the processing size.
        device: where the networks run.
        name: what it was loaded from.
    """

    def __init__(
        self,
        networks: JointModel,
        settings: FitSettings,
        *,
        device: torch.device | str | None = None,
        name: str = "own",
    ) -> None:
        self.device = usable_device(device)
        self.networks = networks.to(self.device).eval()
        self.settings = settings
        self.name = name

    def __repr__(self) -> str:
        """Name, parameters and size in a line."""
        millions = sum(weights.numel() for weights in self.networks.parameters()) / 1e6
        return f"Model({self.name!r}, {millions:.1f} million parameters, {self.settings.size}, {self.device})"

    @property
    def size(self) -> tuple[int, int]:
        """Height and width at which the networks see frames (px)."""
        return size_of(self.settings.size)

    def predict(
        self,
        frames: Images | str | os.PathLike[str],
        intrinsics: Images | Sequence[float] | str | None = None,
        *,
        size: Size = "processing",
        visibility: VisibilityKind = "range_map",
        refinement: Refinement = "geometry",
    ) -> ClipPrediction:
        """Depth, flow, visibility, motion and camera path of consecutive frames.

        All frames and maps are held in memory; for long videos `triptych predict` writes them to
        files one by one.

        Args:
            frames: 8-bit RGB, (N, H, W, 3) or (N, 3, H, W), of any size; or a list of pictures
                as `depth` takes them; or the path of a video, a folder of images or a KITTI sequence.
            intrinsics: of the frames as given: K, or fx, fy, cx, cy (px), or the path of a
                calibration file. None takes those of the source, where it has some, or assumes a
                field of view, with a warning.
            size: of the maps: "processing", that of the networks, or "input", that of the frames
                (their upper part, where the model was trained with a crop at the bottom).
                Intrinsics and flow are then in pixels of the frames.
            visibility: see `PredictionSettings`.
            refinement: see `PredictionSettings`.

        Raises:
            InputError: the frames or the intrinsics cannot be used, or a word is none of its choices.
        """
        for name, word, allowed in (
            ("size", size, Size),
            ("visibility", visibility, VisibilityKind),
            ("refinement", refinement, Refinement),
        ):
            check_word(name, word, allowed)
        height, width = self.size
        how = self.settings.frames
        source = open_source(Path(frames)) if isinstance(frames, str | os.PathLike) else GivenFrames(given_clip(frames))
        sequence = load_sequence(
            source,
            height=height,
            width=width,
            calibration=intrinsics_in_any_form(intrinsics),
            assumed_fov_deg=how.assumed_fov_deg,
            bottom_crop=how.bottom_crop,
            minimum_frames=1,
        )
        if sequence.assumed_intrinsics:
            warnings.warn(
                f"no intrinsics: a field of view of {how.assumed_fov_deg:g} degrees is assumed, shapes may be "
                "stretched; give fx, fy, cx, cy if you know them",
                stacklevel=2,
            )
        predicted = self._predictor(visibility, refinement).predict(sequence)
        predictions = tuple(_in_own_memory(prediction) for prediction in predicted)
        images, matrix = sequence.images, sequence.intrinsics
        if size == "input":
            images = torch.stack([image[:, : self._rows(image.shape[1])] for image in source.frames()])
            full = (images.shape[-2], images.shape[-1])
            predictions = tuple(resized_prediction(prediction, full) for prediction in predictions)
            matrix = resized_intrinsics(matrix, scale_x=full[1] / width, scale_y=full[0] / height)
        steps = [prediction.step for prediction in predictions if prediction.step is not None]
        return ClipPrediction(predictions, images, matrix, camera_path(steps), sequence.assumed_intrinsics)

    def depth(
        self, image: Images | str | os.PathLike[str], *, size: Size = "processing"
    ) -> Float[Tensor, "height width"]:
        """Depth of a single picture, along the optical axis, up to scale.

        Args:
            image: 8-bit RGB, (H, W, 3) or (3, H, W), or the path of a picture.
            size: as in `predict`.

        Raises:
            InputError: the picture cannot be used.
        """
        check_word("size", size, Size)
        cut = self._cut(given_picture(image))
        depth = self._predictor().depth_of(self._at_size(cut)).clone()  # see `_in_own_memory`
        return resized_depth(depth, (cut.shape[1], cut.shape[2])) if size == "input" else depth

    def flow(
        self,
        first: Images | str | os.PathLike[str],
        second: Images | str | os.PathLike[str],
        *,
        size: Size = "processing",
    ) -> PairFlow:
        """Flow between two pictures of one size, by the flow network alone.

        Args:
            first: as `depth` takes it.
            second: likewise.
            size: as in `predict`.

        Returns:
            The flow, and the visibility by the range map of the flow back (eq. 1).

        Raises:
            InputError: a picture cannot be used, or they differ in size.
        """
        check_word("size", size, Size)
        pair = [self._cut(given_picture(image)) for image in (first, second)]
        if pair[0].shape != pair[1].shape:
            sizes = " and ".join(f"{image.shape[2]}x{image.shape[1]}" for image in pair)
            raise InputError(f"flow of two pictures: they are {sizes}; give two of one size")
        frames = torch.stack([self._at_size(image) for image in pair]).to(self.device).float() / 255
        with torch.no_grad():
            both = self.networks.flow.pairs(frames[None], ((0, 1), (1, 0))).flow
            flow, visibility = both[:1].cpu(), range_visibility(both[1:]).cpu()
        if size == "input":
            full = (pair[0].shape[1], pair[0].shape[2])
            flow, visibility = resize_flow(flow, full), resized(visibility, full)
        return PairFlow(flow[0], visibility[0, 0])

    def save_pretrained(
        self,
        folder: str | os.PathLike[str],
        *,
        half: bool = False,
        license_name: str | None = None,
        overwrite: bool = False,
    ) -> None:
        """Write a folder as the Hugging Face hub has them: config.json, model.safetensors, README.md.

        `from_pretrained`, `triptych predict --model` and `triptych fit --initial` take it. Not by
        `PyTorchModelHubMixin`: that keeps the arguments of one constructor, where here are settings
        that are checked when they are read.

        Args:
            folder: where.
            half: weights in half precision, for half the size; they are loaded as float32.
            license_name: of the weights, an identifier as the hub has them; by default apache-2.0 for the
                weights in the package and "unknown" for others.
            overwrite: replace these files where they are; what else the folder holds stays.

        Raises:
            InputError: the folder is not empty, or cannot be written to.
        """
        usual = "apache-2.0" if self.name == PACKAGED else "unknown"
        save_model_folder(
            Path(folder),
            self.networks,
            self.settings,
            half=half,
            license_name=license_name or usual,
            overwrite=overwrite,
        )

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike[str], *, device: torch.device | str | None = None) -> Model:
        """The model in a local folder that `save_pretrained` wrote.

        Args:
            folder: where; of a model on the hub, its local copy.
            device: as in `load`.

        Raises:
            InputError: there is no such folder, or no model of ours in it.
        """
        place = Path(folder).resolve()  # a folder may be called "packaged" too
        check_model_folder(Path(folder))
        networks, settings = load_model(place)
        return cls(networks, settings, device=device, name=str(place))

    def _predictor(self, visibility: VisibilityKind = "range_map", refinement: Refinement = "geometry") -> Predictor:
        depth = self.settings.depth
        how = PredictionSettings(
            visibility=visibility, refinement=refinement, min_depth=depth.min_depth, max_depth=depth.max_depth
        )
        return Predictor(self.networks, how, device=self.device)

    def _rows(self, height: int) -> int:
        """Rows that are left of a frame, above the crop."""
        return max(height - round(height * self.settings.frames.bottom_crop), 1)

    def _cut(self, image: UInt8[Tensor, "3 rows columns"]) -> UInt8[Tensor, "3 height columns"]:
        return image[:, : self._rows(image.shape[1])]

    def _at_size(self, image: UInt8[Tensor, "3 rows columns"]) -> UInt8[Tensor, "3 height width"]:
        return resized_image(image, height=self.size[0], width=self.size[1])


def _in_own_memory(prediction: Prediction) -> Prediction:
    """The same in copies: what is made in inference mode may neither be changed in place nor learned from."""
    maps = {entry.name: getattr(prediction, entry.name) for entry in fields(prediction)}
    copies = {name: value.clone() for name, value in maps.items() if isinstance(value, Tensor)}
    step = prediction.step
    if step is not None:
        step = replace(step, next_from_current=step.next_from_current.clone())
    return replace(prediction, step=step, **copies)
