"""A scene is saved whole, plays through its frames, and is served where it is said to be."""

from __future__ import annotations

import sys
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from tests.unit.viewing.exact_prediction import street, write_truth

from triptych.errors import InputError
from triptych.inference.result import PredictionFolder, prediction_folder
from triptych.viewing.scene import SceneServer, save_scene, scene_html
from triptych.viewing.scene_contents import scene_of
from triptych.viewing.scene_nodes import SceneNodes, Shown


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> PredictionFolder:
    folder = tmp_path_factory.mktemp("truth") / "prediction"
    write_truth(folder, street())
    return prediction_folder(folder)


def played(path: Path) -> tuple[float, list[tuple[float, dict[str, Any]]]]:
    """Length (s) and timed messages of a recording."""
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    inner = zstandard.ZstdDecompressor().decompressobj().decompress(content[8:])
    assert len(inner) == size
    told = msgspec.msgpack.decode(inner[8 : 8 + int.from_bytes(inner[:8], "little")])
    return told["durationSeconds"], [(time, message) for time, message in told["messages"]]


def test_a_recording_shows_one_frame_after_the_other(truth: PredictionFolder, tmp_path: Path) -> None:
    save_scene(tmp_path / "s.viser", truth)
    length, messages = played(tmp_path / "s.viser")
    assert length == pytest.approx(5 * 0.1 + 1.5)  # as filmed, then a rest
    shown: dict[str, list[float]] = {}
    for time, message in messages:
        if message["type"] == "SetSceneNodeVisibilityMessage" and message["visible"]:
            shown.setdefault(message["name"], []).append(round(time, 3))
    assert [shown[f"/Camera now/{index:06d}"] for index in range(6)] == [[0.0], [0.1], [0.2], [0.3], [0.4], [0.5]]
    assert all(shown[f"/Static points/{index:06d}"] == [0.0] for index in range(6))
    assert shown["/Path"] == [0.0]


def test_a_page_is_whole_and_of_bounded_size(
    truth: PredictionFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = scene_html(truth)
    assert f"<title>{truth.name} in 3D</title>" in page
    assert "src=" not in page.split("<script")[0]
    assert len(scene_html(truth, points=600)) < len(page) - 100_000
    assert len(page) < 2_500_000  # of which the player is 0.8 MB
    assert capsys.readouterr() == ("", "")  # the library of the viewer keeps still


def test_only_endings_that_play_are_written(truth: PredictionFolder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"saved as \.html or \.viser"):
        save_scene(tmp_path / "s.mp4", truth)
    assert list(tmp_path.iterdir()) == []


def test_without_the_library_the_way_to_it_is_told(truth: PredictionFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "viser", None)
    with pytest.raises(InputError, match=r"pip install -e '\.\[view\]'"):
        scene_html(truth)


def test_a_server_answers_at_its_address_and_moves_on_from_a_port_that_is_taken(truth: PredictionFolder) -> None:
    scene = scene_of(truth, points=400)
    first = SceneServer(scene, port=0)
    try:
        port = int(first.address.rpartition(":")[2])
        second = SceneServer(scene, port=port)
        try:
            assert second.address != first.address
            for server in (first, second):
                with urllib.request.urlopen(server.address, timeout=20) as answer:
                    assert answer.status == 200
        finally:
            second.close()
    finally:
        first.close()


def test_an_address_that_is_not_ours_is_refused_at_once(truth: PredictionFolder) -> None:
    with pytest.raises(InputError, match=r"cannot serve on 203\.0\.113\.1, port 8080: .*choose another --host"):
        SceneServer(scene_of(truth, points=400), host="203.0.113.1")  # an address for documentation


class Node:
    """What a viewer's library hands back for anything that is added."""

    def __init__(self, name: str, **properties: Any) -> None:
        self.name = name
        self.__dict__.update(properties)


class Recorder:
    """Stands in for the library: keeps what is added."""

    def __init__(self) -> None:
        self.scene = self
        self.nodes: dict[str, Node] = {}
        self.world_axes = Node("axes")
        self.initial_camera = Node("start")

    def _add(self, name: str, **properties: Any) -> Node:
        self.nodes[name] = Node(name, **properties)
        return self.nodes[name]

    add_point_cloud = add_camera_frustum = add_line_segments = _add

    def set_up_direction(self, direction: tuple[float, ...]) -> None:
        self.up = direction

    def configure_environment_map(self, hdri: str | None) -> None:
        self.hdri = hdri

    def seen(self, group: str) -> list[int]:
        """Numbers of the visible nodes of a group."""
        return [int(name[-6:]) for name, node in self.nodes.items() if name.startswith(group) and node.visible]


def test_choices_decide_which_points_are_seen(truth: PredictionFolder) -> None:
    server = Recorder()
    nodes = SceneNodes(server, scene_of(truth))
    for choice, expected in (
        ("of all frames", [0, 1, 2, 3, 4, 5]),
        ("up to this frame", [0, 1, 2]),
        ("of this frame", [2]),
    ):
        nodes.show(2, Shown(points=choice))  # type: ignore[arg-type]
        assert server.seen("/Static points") == expected
        assert server.seen("/Moving points") == server.seen("/Camera now") == [2]
    nodes.show(1, Shown(motion="hidden", cameras=False, path=False))
    assert server.seen("/Moving points") == server.seen("/Cameras") == []
    assert not server.nodes["/Path"].visible


def test_what_moves_can_be_marked_and_be_seen_as_it_looks(truth: PredictionFolder) -> None:
    server = Recorder()
    scene = scene_of(truth)
    nodes = SceneNodes(server, scene)
    natural = scene.frames[1].points.colors[scene.frames[1].points.moving].numpy()
    nodes.show(1, Shown(motion="marked"))
    marked = server.nodes["/Moving points/000001"].colors
    assert (marked[:, 0].astype(int) - marked[:, 2] > 120).all()  # orange
    nodes.show(1, Shown(motion="as they look"))
    assert (server.nodes["/Moving points/000001"].colors == natural).all()


def test_points_are_resized_together(truth: PredictionFolder) -> None:
    server = Recorder()
    nodes = SceneNodes(server, scene_of(truth, points=400))
    before = server.nodes["/Static points/000000"].point_size
    nodes.resize(2.5)
    assert server.nodes["/Static points/000003"].point_size == pytest.approx(2.5 * before)


def test_cameras_are_drawn_once_where_the_camera_came_back(truth: PredictionFolder) -> None:
    there = scene_of(truth, points=400)
    back = replace(there, frames=there.frames + there.frames[::-1])
    drawn = []
    for scene in (there, back):
        server = Recorder()
        SceneNodes(server, scene)
        drawn.append([name for name in server.nodes if name.startswith("/Cameras/")])
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) >= 3
