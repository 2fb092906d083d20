"""`triptych predict DATA --split NAME`: predict on the images of a standard split."""

from __future__ import annotations

from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from triptych.cli.outputs import check_result_folder
from triptych.errors import InputError
from triptych.formats.counts import number_of

OF_SEQUENCES = (
    "intrinsics",
    "points",
    "points_without_motion",
    "start",
    "limit",
    "stride",
    "rate",
    "camera",
    "bottom_crop",
    "assumed_fov_deg",
)
"""Options that have no meaning for images that are no sequence."""


def predict_split(parser: ArgumentParser, options: Namespace) -> None:
    """Load, predict image by image, write."""
    given = [name for name in OF_SEQUENCES if getattr(options, name) != parser.get_default(name)]
    if given:
        raise InputError(f"--{given[0]}: is for a sequence of frames, not for the images of --split {options.split}")
    import torch

    from triptych.cli.console import counted, say, warn
    from triptych.config.build_model import load_model
    from triptych.config.load import size_of
    from triptych.data.kitti_inventory import FLOW_CALIBRATION_ARCHIVE
    from triptych.data.split_images import split_images
    from triptych.inference.image_writer import write_image_predictions
    from triptych.inference.predictor import PredictionSettings, Predictor
    from triptych.inference.writer import WriterSettings

    folder = Path(options.output)
    check_result_folder(folder, overwrite=options.overwrite, sources=[options.source, options.model])
    images = split_images(Path(options.source), options.split)
    paired = images[0].following is not None
    if paired and options.mirrored:
        raise InputError(f"--mirrored: is for depth of single images, {options.split} has pairs")
    if not paired and (options.flo or options.visibility != parser.get_default("visibility")):
        raise InputError(
            f"--flo and --visibility: are for flow, of single images as in {options.split} there is depth alone"
        )
    model, fitted = load_model(options.model)
    how = PredictionSettings(
        visibility=options.visibility,
        refinement=options.refinement if paired else "none",
        min_depth=fitted.depth.min_depth,
        max_depth=fitted.depth.max_depth,
    )
    field_of_view = fitted.frames.assumed_fov_deg
    assumed = sum(image.calibration is None for image in images) if paired else 0
    if assumed:
        warn(
            f"{number_of(assumed, 'pair has', 'pairs have')} no calibration ({FLOW_CALIBRATION_ARCHIVE} has it): a "
            f"horizontal field of view of {field_of_view:g} degrees is assumed"
        )
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with counted("predicting") as progress:
        write_image_predictions(
            folder,
            images,
            Predictor(model, how, device=device),
            size=size_of(fitted.size),
            settings=WriterSettings(overwrite=options.overwrite, flo=options.flo, max_depth=fitted.depth.max_depth),
            facts={
                "source": options.split,
                "visibility": how.visibility,
                "refinement": how.refinement,
                "depth_from": "each image alone" if not paired else "each pair",
                **({"assumed_field_of_view_deg": field_of_view, "pairs_that_assume_it": assumed} if assumed else {}),
            },
            assumed_fov_deg=field_of_view,
            mirrored=options.mirrored,
            progress=progress,
        )
    say(f"prediction: {folder} ({number_of(len(images), 'image', 'images')} of {options.split})")
