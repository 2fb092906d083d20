"""Score a model on all clips of a synthetic benchmark against their exact truth."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from jsonargparse import ArgumentParser, Namespace

from triptych.cli.evaluate_output import add_file_arguments, check_outputs, result_name, show
from triptych.cli.outputs import check_result_folder
from triptych.cli.parsing import parsed
from triptych.errors import InputError

if TYPE_CHECKING:
    from triptych.data.synthetic.benchmark import Benchmark


PREDICTED_BENCHMARK = "predicted.json"
"""By which a folder of predictions of a benchmark is known."""


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `triptych evaluate streets`."""
    parser.add_argument(
        "--ground-truth",
        "--ground_truth",
        required=True,
        help="folder that `triptych prepare synthetic --benchmark` wrote",
    )
    parser.add_argument("--model", type=str | None, help="run folder or model file that predicts all clips first")
    parser.add_argument(
        "--prediction",
        type=str | None,
        help="folder with a prediction for each clip, by its name; with --model it is written, or left out",
    )
    parser.add_argument("--refinement", default="geometry", choices=["geometry", "none"], help="as that of `predict`")
    parser.add_argument("--overwrite", action="store_true", help="replace what the prediction folder holds")
    parser.add_argument("--name", type=str | None, help="of what is scored, the same for all seeds of a method")
    add_file_arguments(parser)
    parser.add_argument("--per_image", type=str | None, help="CSV file to write the figures of each clip to")


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Predict where asked to, score, show."""
    options = parsed(parser, words)
    if options.model is None and options.prediction is None:
        raise InputError("name what to score: --model, a run folder, or --prediction, a folder of predictions")
    if options.prediction is None and options.overwrite:
        raise InputError("--overwrite: is for a folder of predictions that stays; name it, --prediction")
    if options.model is None and (options.overwrite or options.refinement != parser.get_default("refinement")):
        raise InputError("--refinement and --overwrite: are for predicting, with --model")
    check_outputs(files=(options.json, options.report, options.per_image))
    if options.model is not None and options.prediction is not None:
        check_result_folder(
            Path(options.prediction),
            overwrite=options.overwrite,
            sources=[options.ground_truth, options.model],
            marks=[PREDICTED_BENCHMARK],
        )
    from triptych.cli.console import counted, say
    from triptych.data.synthetic.benchmark import load_benchmark
    from triptych.evaluation.per_image import save_per_image
    from triptych.evaluation.streets import score_benchmark

    benchmark = load_benchmark(Path(options.ground_truth))
    with _predicted(options, benchmark) as prediction:
        name = result_name(options.name, Path(options.model or options.prediction))
        with counted("scoring") as progress:
            report = score_benchmark(prediction, benchmark.clips, split=benchmark.name, name=name, progress=progress)
        show(report.result, options, prediction=prediction)
    if options.per_image is not None:
        save_per_image(options.per_image, list(report.clips.items()))
        say(f"each clip: {options.per_image}")


@contextmanager
def _predicted(options: Namespace, benchmark: Benchmark) -> Iterator[Path]:
    """The folder of predictions: as given, or written by the model, to stay or for this time alone."""
    if options.model is None:
        yield Path(options.prediction)
        return
    from triptych.formats.atomic import atomic_folder

    if options.prediction is None:
        with TemporaryDirectory() as temporary:
            _predict(options, benchmark, Path(temporary))
            yield Path(temporary)
        return
    with atomic_folder(Path(options.prediction), overwrite=options.overwrite) as folder:
        _predict(options, benchmark, folder)
        told = json.dumps({"benchmark": benchmark.name, "model": str(options.model)}, indent=2)
        (folder / PREDICTED_BENCHMARK).write_text(told + "\n", encoding="utf-8")
    yield Path(options.prediction)


def _predict(options: Namespace, benchmark: Benchmark, folder: Path) -> None:
    """Predict every clip into a folder of its name."""
    import torch

    from triptych.cli.console import counted
    from triptych.config.build_model import load_model
    from triptych.data.synthetic.benchmark import clip_sequence
    from triptych.formats.clips import load_clip
    from triptych.inference.predictor import PredictionSettings, Predictor
    from triptych.inference.writer import WriterSettings, write_prediction
    from triptych.networks.execution import keep_freed_memory

    keep_freed_memory()
    model, fitted = load_model(options.model)
    how = PredictionSettings(
        refinement=options.refinement, min_depth=fitted.depth.min_depth, max_depth=fitted.depth.max_depth
    )
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    predictor = Predictor(model, how, device=device)
    settings = WriterSettings(max_depth=fitted.depth.max_depth, learned_visibility=True, pictures=False)
    facts = {"model": str(options.model), "refinement": options.refinement, "benchmark": benchmark.name}
    with counted("predicting") as progress:
        for number, place in enumerate(benchmark.clips):
            sequence = clip_sequence(load_clip(place))
            write_prediction(folder / place.name, sequence, predictor.predict(sequence), settings=settings, facts=facts)
            progress(number + 1, len(benchmark.clips))
