"""The controls beside a served scene: the frame, playing, and what is shown."""

from __future__ import annotations

import threading
from typing import Any, get_args

from triptych.viewing.scene_contents import Scene
from triptych.viewing.scene_nodes import MotionChoice, PointChoice, SceneNodes, Shown

FASTEST_HZ = 30


class ScenePanel:
    """Sliders and boxes in the browser, and a thread that moves the slider while it plays."""

    def __init__(self, server: Any, scene: Scene, nodes: SceneNodes) -> None:
        """Adds the controls to a viser server and shows the first frame."""
        self._server = server
        self._nodes = nodes
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._playing = threading.Event()
        gui = server.gui
        gui.set_panel_label(scene.name)
        last = max(1, len(scene.frames) - 1)
        self._last = last
        single = len(scene.frames) == 1
        self._frame = gui.add_slider("Frame", min=0, max=last, step=1, initial_value=0, disabled=single)
        self._play = gui.add_checkbox("Play", initial_value=False, disabled=single)
        rate = min(FASTEST_HZ, max(1, round(1 / scene.frame_s)))
        self._rate = gui.add_slider("Frames a second", min=1, max=FASTEST_HZ, step=1, initial_value=rate)
        self._points = gui.add_dropdown("Points", get_args(PointChoice), initial_value=Shown.points)
        self._motion = gui.add_dropdown("What moves", get_args(MotionChoice), initial_value=Shown.motion)
        self._size = gui.add_slider("Point size", min=0.25, max=4.0, step=0.25, initial_value=1.0)
        self._cameras = gui.add_checkbox("Cameras", initial_value=Shown.cameras)
        self._pictures = gui.add_checkbox("Their pictures", initial_value=Shown.pictures)
        self._path = gui.add_checkbox("Path", initial_value=Shown.path)
        gui.add_markdown("Lengths are up to scale. Drag to turn, right-drag to move, scroll to come near.")
        for control in (self._frame, self._points, self._motion, self._cameras, self._pictures, self._path):
            control.on_update(lambda _: self._show())
        self._size.on_update(lambda _: self._nodes.resize(float(self._size.value)))
        self._play.on_update(lambda _: self._playing.set() if self._play.value else self._playing.clear())
        self._show()
        self._player = threading.Thread(target=self._run, daemon=True)
        self._player.start()

    def close(self) -> None:
        """Ends the playing."""
        self._ended.set()
        self._playing.set()
        self._player.join(timeout=2)

    def _show(self) -> None:
        with self._lock, self._server.atomic():
            self._nodes.show(
                int(self._frame.value),
                Shown(
                    points=self._points.value,
                    motion=self._motion.value,
                    cameras=self._cameras.value,
                    pictures=self._pictures.value,
                    path=self._path.value,
                ),
            )

    def _run(self) -> None:
        while True:
            self._playing.wait()
            if self._ended.wait(1 / self._rate.value):
                return
            if self._playing.is_set():
                self._frame.value = (self._frame.value + 1) % (self._last + 1)
