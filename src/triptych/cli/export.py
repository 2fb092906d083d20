"""Write a model for other uses: weights alone, or graphs for ONNX runtimes and torch.export."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from triptych.cli.outputs import check_result_folder, refuse_sources_within
from triptych.cli.parsing import parsed
from triptych.config.load import size_of
from triptych.config.schema import PACKAGED
from triptych.errors import InputError

WEIGHTS = "safetensors"
OF_GRAPHS = ("size", "fixed", "graphs")


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `triptych export`."""
    parser.add_argument(
        "model",
        nargs="?",
        default=PACKAGED,
        help="run folder, model file or folder of save_pretrained; by default the weights in the package",
    )
    parser.add_argument("--output", required=True, help="file to write; of graphs: folder to write")
    parser.add_argument(
        "--format",
        default=WEIGHTS,
        choices=[WEIGHTS, "onnx", "torch-export"],
        help="weights with the settings that rebuild them, or a graph for each network and one for all",
    )
    parser.add_argument("--half", action="store_true", help="weights in half precision; they are loaded as float32")
    parser.add_argument("--size", type=str | None, help="HEIGHTxWIDTH of graphs (px); by default the model's own")
    parser.add_argument("--graphs", type=str | None, help="some of depth,pose,flow,triptych; by default all")
    parser.add_argument("--fixed", action="store_true", help="graphs for this size alone, which may then be any")
    parser.add_argument("--overwrite", action="store_true", help="replace what is there")


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Load and write."""
    options = parsed(parser, words)
    target = Path(options.output)
    if options.format == WEIGHTS:
        _write_weights(options, target)
    else:
        _write_graphs(options, target)


def _write_weights(options: Namespace, target: Path) -> None:
    for name in OF_GRAPHS:
        if getattr(options, name):
            raise InputError(f"--{name}: is of graphs; with --format {WEIGHTS} leave it out")
    if target.is_dir():
        raise InputError(f"{target}: is a folder; weights are written to a file, name one")
    if target.exists() and not options.overwrite:
        raise InputError(f"{target}: is there already; name another file or pass --overwrite")
    from triptych.cli.console import say
    from triptych.config.build_model import MODEL_FILE, load_model, save_model

    refuse_sources_within(target, [options.model, Path(options.model) / MODEL_FILE])
    model, settings = load_model(options.model)
    save_model(target, model, settings, half=options.half)
    say(f"model: {target} ({target.stat().st_size / 1e6:.1f} MB)")


def _write_graphs(options: Namespace, target: Path) -> None:
    if options.half:
        raise InputError(f"--half: graphs are written in float32; leave it out, or take --format {WEIGHTS}")
    if target.is_file():
        raise InputError(f"{target}: is a file; graphs are written to a folder, name another one")
    size = None if options.size is None else size_of(options.size)
    from triptych.cli.console import counted, say
    from triptych.config.build_model import load_model
    from triptych.inference.graphs_files import DESCRIPTION_FILE, write_graphs

    check_result_folder(target, overwrite=options.overwrite, sources=[options.model], marks=[DESCRIPTION_FILE])
    model, settings = load_model(options.model)
    with counted("exporting") as progress:
        write_graphs(
            target,
            model,
            form=options.format,
            size=size or size_of(settings.size),
            min_depth=settings.depth.min_depth,
            max_depth=settings.depth.max_depth,
            names=[name.strip() for name in options.graphs.split(",")] if options.graphs else (),
            fixed=options.fixed,
            overwrite=options.overwrite,
            facts={"model": Path(options.model).resolve().name, "bottom_crop": settings.frames.bottom_crop},
            progress=progress,
        )
    megabytes = sum(file.stat().st_size for file in target.iterdir()) / 1e6
    say(f"graphs: {target} ({megabytes:.1f} MB; {DESCRIPTION_FILE} tells what they take and give)")
