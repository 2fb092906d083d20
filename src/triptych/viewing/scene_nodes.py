"""A scene's points, cameras and path as nodes of a viser server, and what is seen of them at a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from triptych.artefacts.colors import MOVING_COLOR
from triptych.formats.trajectories import quaternions
from triptych.viewing.scene_contents import MEDIAN_DEPTH, FramePoints, Scene, SceneFrame

PointChoice = Literal["of all frames", "up to this frame", "of this frame"]
MotionChoice = Literal["marked", "as they look", "hidden"]

CAMERAS_SHOWN = 12  # about as many from one end of the path to the other: more would hide it
CAMERA_SIZE = 0.035 * MEDIAN_DEPTH
NOW_SIZE = 0.07 * MEDIAN_DEPTH
PATH_COLOR = (64, 156, 255)
NOW_COLOR = (255, 214, 10)
LINE_PX = 2.0
POINT_SHARE = 0.6
"""Size of a point over the distance of its neighbors: clouds of several frames lie over each other."""
ANGLE_RAD = 0.9
"""Vertical angle of the viewer's own camera at first."""


@dataclass(frozen=True)
class Shown:
    """What is seen of a scene.

    Attributes:
        points: static points of which frames. What moves is shown where it is in the frame only.
        motion: how what moves by itself is shown.
        cameras: some cameras along the path.
        pictures: the frames within these cameras; the current one's is always there.
        path: the line that the camera went.
    """

    points: PointChoice = "of all frames"
    motion: MotionChoice = "marked"
    cameras: bool = True
    pictures: bool = False
    path: bool = True


class SceneNodes:
    """The nodes of a scene.

    Each frame's points hang at its camera, in half-precision coordinates of that camera: what
    rounding there is grows with the distance from the camera that saw the point.
    """

    def __init__(self, server: Any, scene: Scene) -> None:
        """Adds all nodes to a viser server."""
        self._scene = scene
        server.scene.set_up_direction(tuple(scene.up.tolist()))
        server.scene.world_axes.visible = False
        server.scene.configure_environment_map(hdri=None)  # nothing here is lit
        _place_viewer(server, scene)
        self._static = _clouds(server, "/Static points", scene, moving=False)
        self._moving = _clouds(server, "/Moving points", scene, moving=True)
        chosen = _apart(scene.path)
        self._cameras = {i: _camera(server, f"/Cameras/{i:06d}", scene.frames[i], scene) for i in chosen}
        self._now = [
            _camera(server, f"/Camera now/{i:06d}", frame, scene, now=True) for i, frame in enumerate(scene.frames)
        ]
        self._path = _path(server, scene)
        self._colored: dict[int, MotionChoice] = dict.fromkeys(self._moving, "as they look")
        self._pictures: bool | None = None

    def show(self, frame: int, shown: Shown) -> None:
        """Shows a frame.

        Args:
            frame: which.
            shown: what of it.
        """
        for index, cloud in self._static.items():
            seen = {"of all frames": True, "up to this frame": index <= frame, "of this frame": index == frame}
            cloud.visible = seen[shown.points]
        for index, cloud in self._moving.items():
            now = index == frame and shown.motion != "hidden"
            if now and self._colored[index] != shown.motion:
                natural = _colors(self._scene.frames[index].points, moving=True)
                cloud.colors = _marked(natural) if shown.motion == "marked" else natural
                self._colored[index] = shown.motion
            cloud.visible = now
        for index, camera in self._cameras.items():
            camera.visible = shown.cameras and index != frame
        if shown.pictures != self._pictures:
            for index, camera in self._cameras.items():
                camera.image = _picture(self._scene.frames[index]) if shown.pictures else None
            self._pictures = shown.pictures
        for index, camera in enumerate(self._now):
            camera.visible = index == frame
        if self._path is not None:
            self._path.visible = shown.path

    def resize(self, factor: float) -> None:
        """Makes all points larger or smaller than they are at first."""
        for cloud in (*self._static.values(), *self._moving.values()):
            cloud.point_size = factor * POINT_SHARE * self._scene.spacing


def _place_viewer(server: Any, scene: Scene) -> None:
    """Puts the viewer behind and above all cameras, looking the way the first one looks."""
    first = scene.frames[0].camera_to_world
    _, down, forward, place = first[:3].unbind(1)
    rearmost = min(0.0, float(((scene.path.to(place) - place) @ forward).min()))
    eye = place + rearmost * forward - MEDIAN_DEPTH * (0.9 * forward + 0.45 * down)
    start = server.initial_camera
    start.position = tuple(eye.tolist())
    start.look_at = tuple((place + MEDIAN_DEPTH * forward).tolist())
    start.fov = ANGLE_RAD
    start.near = 0.01 * MEDIAN_DEPTH


def _clouds(server: Any, group: str, scene: Scene, *, moving: bool) -> dict[int, Any]:
    """A cloud a frame, of those that have such points."""
    clouds = {}
    for index, frame in enumerate(scene.frames):
        positions = frame.points.positions[frame.points.moving == moving]
        if len(positions):
            clouds[index] = server.scene.add_point_cloud(
                f"{group}/{index:06d}",
                points=positions.numpy().astype(np.float16),
                colors=_colors(frame.points, moving=moving),
                point_size=POINT_SHARE * scene.spacing,
                point_shape="circle",
                point_shading="flat",
                precision="float16",
                visible=False,
                **_pose(frame.camera_to_world),
            )
    return clouds


def _camera(server: Any, name: str, frame: SceneFrame, scene: Scene, *, now: bool = False) -> Any:
    return server.scene.add_camera_frustum(
        name,
        fov=scene.vertical_angle,
        aspect=scene.aspect,
        scale=NOW_SIZE if now else CAMERA_SIZE,
        color=NOW_COLOR if now else PATH_COLOR,
        thickness=LINE_PX,
        thickness_units="screen",
        image=_picture(frame) if now else None,
        format="jpeg",
        cast_shadow=False,
        receive_shadow=False,
        visible=False,
        **_pose(frame.camera_to_world),
    )


def _apart(path: Float[Tensor, "frames 3"]) -> list[int]:
    """Frames whose cameras are so far from each other that their pictures do not overlap much."""
    extent = float((path.amax(0) - path.amin(0)).norm())
    least = max(CAMERA_SIZE, extent / CAMERAS_SHOWN)
    chosen = [0]
    for index in range(1, len(path)):
        if float((path[chosen] - path[index]).norm(dim=1).min()) >= least:
            chosen.append(index)
    return chosen


def _path(server: Any, scene: Scene) -> Any | None:
    places = scene.path.float().numpy()
    if len(places) < 2:
        return None
    segments = np.stack((places[:-1], places[1:]), axis=1)
    return server.scene.add_line_segments(
        "/Path", points=segments, colors=PATH_COLOR, thickness=LINE_PX, thickness_units="screen", visible=False
    )


def _pose(camera_to_world: Float[Tensor, "4 4"]) -> dict[str, tuple[float, ...]]:
    x, y, z, w = quaternions(camera_to_world[None, :3, :3])[0].tolist()
    return {"wxyz": (w, x, y, z), "position": tuple(camera_to_world[:3, 3].tolist())}


def _colors(points: FramePoints, *, moving: bool) -> NDArray[np.uint8]:
    return points.colors[points.moving == moving].numpy()


def _marked(colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Two thirds of the color of motion, a third of its lightness, so that the shape can be seen."""
    gray = torch.from_numpy(colors).float() @ torch.tensor([0.299, 0.587, 0.114])
    marked = torch.tensor(MOVING_COLOR) * 0.67 + gray[:, None] * 0.33
    return marked.round().clamp(0, 255).to(torch.uint8).numpy()


def _picture(frame: SceneFrame) -> NDArray[np.uint8]:
    return frame.picture.permute(1, 2, 0).contiguous().numpy()
