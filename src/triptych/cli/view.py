"""Show a prediction in 3D in the browser, or write it as a page, points, GLB or COLMAP's text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser, Namespace

from triptych.cli.outputs import refuse_sources_within
from triptych.cli.parsing import parsed
from triptych.errors import InputError


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `triptych view`."""
    parser.add_argument("result", help="folder of a prediction, or of a run that holds one")
    parser.add_argument("--save", type=str | None, help="write a page that plays by itself (.html, .viser), and end")
    parser.add_argument(
        "--export",
        type=str | None,
        help="write points (.ply), points with cameras (.glb) or a folder for COLMAP, and end",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace what --save and --export find there")
    parser.add_argument("--points", type=int | None, help="how many points at most, all frames together")
    parser.add_argument("--without_motion", action="store_true", help="leave out what moves by itself")
    parser.add_argument("--host", default="127.0.0.1", help="address to serve on; 0.0.0.0 lets other machines see it")
    parser.add_argument("--port", type=int, default=8080, help="port to serve on; the next free one if it is taken")
    parser.add_argument("--headless", action="store_true", help="serve without opening a browser")


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Write what is asked for, or serve until Ctrl-C."""
    options = parsed(parser, words)
    if options.points is not None and options.points < 1:
        raise InputError(f"--points {options.points}: give a number above 0")
    if not 0 <= options.port <= 65535:
        raise InputError(f"--port {options.port}: give a number from 0 to 65535")
    from triptych.inference.result import prediction_folder

    prediction = prediction_folder(Path(options.result))
    _check_targets(options, prediction.folder)
    if options.save is None and options.export is None:
        _serve(options)
        return
    from triptych.cli.console import counted, say
    from triptych.formats.counts import number_of
    from triptych.viewing.scene import save_scene
    from triptych.viewing.scene_contents import POINTS
    from triptych.viewing.scene_export import export_geometry

    if options.save is not None:
        target = Path(options.save)
        with counted("reading") as progress:
            save_scene(
                target,
                prediction,
                points=options.points or POINTS,
                without_motion=options.without_motion,
                progress=progress,
            )
        say(f"scene: {target} ({target.stat().st_size / 1e6:.1f} MB)")
    if options.export is not None:
        count = export_geometry(
            options.export,
            prediction,
            points=options.points,
            without_motion=options.without_motion,
            overwrite=options.overwrite,
        )
        say(f"geometry: {options.export} ({number_of(count, 'point', 'points')}, up to scale)")


def _check_targets(options: Namespace, prediction: Path) -> None:
    """Refuse what cannot be written before anything is, and what would take the prediction away."""
    from triptych.viewing.scene_export import check_place

    if options.save is not None and Path(options.save).exists() and not options.overwrite:
        raise InputError(f"{options.save}: is there already; name another file or pass --overwrite")
    if options.export is not None:
        if options.overwrite:
            refuse_sources_within(Path(options.export), [prediction], option="--export")
        check_place(options.export, overwrite=options.overwrite)


def _serve(options: Namespace) -> None:
    import signal
    import threading
    import webbrowser

    from triptych.cli.console import counted, say
    from triptych.inference.result import prediction_folder
    from triptych.viewing.scene import SceneServer
    from triptych.viewing.scene_contents import POINTS, scene_of

    with counted("reading") as progress:
        scene = scene_of(
            prediction_folder(Path(options.result)),
            points=options.points or POINTS,
            without_motion=options.without_motion,
            progress=progress,
        )
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):  # heard also where a shell starts it in the background
        signal.signal(number, lambda *_: ended.set())
    server = SceneServer(scene, host=options.host, port=options.port)
    try:
        say(f"scene: {server.address} (Ctrl-C ends it)")
        if not options.headless:
            webbrowser.open(server.address)
        ended.wait()
    finally:
        server.close()
