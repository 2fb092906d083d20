"""The 3D scene of a prediction: served to browsers while a program runs, or saved as a file that plays by itself."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rich

from triptych.errors import InputError, installing
from triptych.formats.atomic import StrPath, atomic_path
from triptych.inference.result import PredictionFolder
from triptych.viewing.scene_contents import POINTS, Scene, scene_of
from triptych.viewing.scene_nodes import SceneNodes, Shown
from triptych.viewing.scene_panel import ScenePanel

SAVED = (".html", ".viser")
"""Endings of the files that a scene can be saved as."""

LOOPBACK = "127.0.0.1"
_HINT = (
    '<p style="position:fixed;left:0;right:0;top:0;margin:0;padding:8px 12px;font:14px/1.4 system-ui,sans-serif;'
    'color:#ddd;text-shadow:0 0 4px #000;pointer-events:none">Orange: moves by itself. Blue: cameras and their '
    "path. Yellow: this frame. Drag to turn, scroll to come near. Lengths are up to scale.</p>"
)
SLOWEST_S = 0.5  # a frame of a recording
FASTEST_S = 0.1  # a browser without a graphics card does not keep up with more
REST_S = 1.5  # on the last frame, before a recording begins anew


def scene_html(
    prediction: PredictionFolder,
    *,
    points: int = POINTS,
    without_motion: bool = False,
    dark: bool = True,
    shown: Shown | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> str:
    """A page that plays the scene and needs nothing else, neither a server nor a network.

    It is 1 MB and 9 bytes a point before compression; 300 000 points make 3 to 6 MB.

    Args:
        prediction: what is shown.
        points: how many at most, all frames together.
        without_motion: leave out what moves by itself.
        dark: light on dark.
        shown: what is seen; all static points, and what moves marked, if not given.
        progress: told (done, total) frames while they are read.

    Raises:
        InputError: the library of the viewer is missing, or a file of the prediction.
    """
    scene = scene_of(prediction, points=points, without_motion=without_motion, progress=progress)
    with _recorded(scene, shown or Shown()) as recording:
        page: str = recording.as_html(dark_mode=dark)
    title = f"<title>{_plain(prediction.name)} in 3D</title>"
    return page.replace("<title>Viser</title>", title, 1).replace("</body>", f"{_HINT}</body>", 1)


def save_scene(
    path: StrPath,
    prediction: PredictionFolder,
    *,
    points: int = POINTS,
    without_motion: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Writes the scene as a page (`.html`) or as a recording for viser's own player (`.viser`).

    Args:
        path: the file; its ending says which.
        prediction: what is shown.
        points: how many at most, all frames together.
        without_motion: leave out what moves by itself.
        progress: told (done, total) frames while they are read.

    Raises:
        InputError: another ending, the library of the viewer or a file of the prediction is
            missing, or the place cannot be written to.
    """
    ending = Path(path).suffix.lower()
    if ending not in SAVED:
        raise InputError(f"{path}: a scene is saved as {' or '.join(SAVED)}; name such a file")
    if ending == ".html":
        content = scene_html(prediction, points=points, without_motion=without_motion, progress=progress).encode()
    else:
        scene = scene_of(prediction, points=points, without_motion=without_motion, progress=progress)
        with _recorded(scene, Shown()) as recording:
            content = recording.serialize()
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


class SceneServer:
    """A scene that browsers can visit."""

    def __init__(self, scene: Scene, *, host: str = LOOPBACK, port: int = 8080) -> None:
        """Serves at once, on the next free port where this one is taken.

        Raises:
            InputError: the library of the viewer is missing, or the address cannot be served on.
        """
        _check_address(host, port)
        self._server = _viser_server(host, port)
        self._server.gui.configure_theme(dark_mode=True, show_logo=False, show_share_button=False)
        self._panel = ScenePanel(self._server, scene, SceneNodes(self._server, scene))
        self._host = host

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        host = LOOPBACK if self._host in ("0.0.0.0", "") else self._host
        return f"http://{f'[{host}]' if ':' in host else host}:{self._server.get_port()}"

    def close(self) -> None:
        """Ends the serving."""
        self._panel.close()
        with _quiet():
            self._server.stop()


@contextmanager
def _recorded(scene: Scene, shown: Shown) -> Iterator[Any]:
    """A recording that passes through all frames."""
    server = _viser_server(LOOPBACK, 0)
    try:
        server.gui.configure_theme(dark_mode=True, show_logo=False, show_share_button=False)
        nodes = SceneNodes(server, scene)
        nodes.show(0, shown)
        recording = server.get_scene_serializer()
        pause = min(max(scene.frame_s, FASTEST_S), SLOWEST_S)
        for index in range(1, len(scene.frames)):
            recording.insert_sleep(pause)
            nodes.show(index, shown)
        if len(scene.frames) > 1:
            recording.insert_sleep(REST_S)
        yield recording
    finally:
        with _quiet():
            server.stop()


def _viser_server(host: str, port: int) -> Any:
    try:
        import viser  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise InputError(f"the 3D viewer needs viser: {installing('view')}") from error
    with _quiet():
        return viser.ViserServer(host=host, port=port, verbose=False)


def _check_address(host: str, port: int) -> None:
    """Refuses what the library would wait for without end; a port that is taken is none of it."""
    try:
        kind, _, _, _, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(kind, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, OverflowError, UnicodeError) as error:
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            return
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot serve on {host}, port {port}: {reason}; choose another --host or --port") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing is printed by rich: the library tells when a server begins and ends."""
    console = rich.get_console()
    was, console.quiet = console.quiet, True
    try:
        yield
    finally:
        console.quiet = was


def _plain(text: str) -> str:
    return "".join(letter for letter in text if letter not in "<>&")
