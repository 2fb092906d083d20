"""Serve a local page that takes a video to depth, motion and flow, and shows them."""

from __future__ import annotations

import math
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from jsonargparse import ArgumentParser

from triptych.cli.parsing import parsed
from triptych.errors import InputError

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def add_arguments(parser: ArgumentParser) -> None:
    """The options of `triptych app`."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at; by default this machine alone")
    parser.add_argument("--port", type=int, default=7860, help="of the address; 0 for any that is free")
    parser.add_argument("--work", help="folder that keeps the results; without one they go when the app ends")
    parser.add_argument("--max_upload_mb", type=float, default=500.0, help="largest video that is taken (MB)")
    parser.add_argument("--max_frames", type=int, default=300, help="how many frames of a video are used at most")
    parser.add_argument("--headless", action="store_true", help="do not open a browser")


def run(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Serve until Ctrl-C."""
    options = parsed(parser, words)
    largest_upload_bytes = options.max_upload_mb * 1e6
    if not (math.isfinite(largest_upload_bytes) and largest_upload_bytes > 0):
        raise InputError(f"--max_upload_mb {options.max_upload_mb:g}: must be positive, and no more than a file can be")
    if options.max_frames < 10:
        raise InputError(f"--max_frames {options.max_frames}: 10 at least")
    import threading
    import webbrowser

    from triptych.cli.console import say, warn
    from triptych.viewing.app.server import AppSettings, serve

    if options.host not in LOOPBACK:
        warn(f"--host {options.host}: whoever reaches this machine over the network can use the app")

    def ready(address: str) -> None:
        say(f"app: {address} (Ctrl-C ends it)")
        if not options.headless:
            # Some browsers are waited for, and the page must be there meanwhile.
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    settings = AppSettings(
        host=options.host,
        port=options.port,
        work=Path(options.work) if options.work else None,
        largest_upload_bytes=int(largest_upload_bytes),
        frames_at_most=options.max_frames,
    )
    with _interruptible():
        serve(settings, ready=ready)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C, SIGTERM and the end of the terminal end the app in good order, also where it runs in the background.

    Where interrupts are ignored, the commands that the app starts would not hear them either.
    """
    heard = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: _interrupt}
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # not so under nohup
        heard[signal.SIGHUP] = _terminate
    before = {number: signal.signal(number, handler) for number, handler in heard.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _terminate(_number: int, _frame: FrameType | None) -> None:
    signal.raise_signal(signal.SIGTERM)  # to whoever hears that at the moment
