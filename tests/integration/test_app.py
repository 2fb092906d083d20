"""The app's server: what it refuses, and what it leaves behind."""

from __future__ import annotations

import http.client
import json
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.browser.running_app import RunningApp, running_app

Refused = Callable[..., str]
LIMIT = 100_000


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    with running_app(tmp_path_factory.mktemp("app"), f"--max_upload_mb={LIMIT / 1e6}") as app:
        yield app


def asked(
    app: RunningApp, method: str, path: str, body: object = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body=body, headers=named)  # type: ignore[arg-type]
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, content


def refusal(app: RunningApp, name: str, body: object) -> tuple[int, str]:
    status, _, content = asked(app, "POST", f"/upload?name={name}", body)
    return status, str(json.loads(content)["error"])


def test_the_page_may_load_nothing_from_elsewhere(app: RunningApp) -> None:
    status, headers, content = asked(app, "GET", "/")
    assert status == 200
    assert headers["content-security-policy"].startswith("default-src 'self' ")
    for foreign in (b"fonts.googleapis", b"cdnjs.", b'<script src="http'):
        assert foreign not in content


def test_a_video_is_kept_and_gives_way(app: RunningApp, video: Path) -> None:
    status, _, content = asked(app, "POST", "/upload?name=slide.mp4", video.read_bytes())
    first = json.loads(content)
    assert (status, first["frames"], first["size"]) == (200, 10, "120x80")
    assert len(app.videos()) == 1
    assert "slide" not in app.videos()[0].name
    before = app.videos()
    asked(app, "POST", f"/upload?name=slide.mp4&instead={first['token']}", video.read_bytes())
    assert len(app.videos()) == 1
    assert app.videos() != before


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("words.mp4", b"only words", "words.mp4: is no mp4"),
        ("empty.mp4", b"", "empty.mp4: is empty"),
        ("notes.txt", b"only words", "notes.txt: is not a video by its name"),
        ("..%2F..%2Fx.mp4", b"only words", "../../x.mp4: is not a plain file name"),
    ],
)
def test_what_is_no_video_is_refused_in_a_line(app: RunningApp, name: str, content: bytes, told: str) -> None:
    before = app.videos()
    status, error = refusal(app, name, content)
    assert status == 400
    assert told in error
    assert str(app.work) not in error
    assert app.videos() == before


def test_three_gigabytes_are_refused_before_they_are_sent(app: RunningApp) -> None:
    before = app.videos()
    with socket.create_connection(("127.0.0.1", app.port), timeout=60) as connection:
        head = f"POST /upload?name=x.mp4 HTTP/1.1\r\nHost: 127.0.0.1:{app.port}\r\nContent-Length: 3000000000\r\n\r\n"
        connection.sendall(head.encode())
        answer = connection.recv(65536).decode()
    assert answer.startswith("HTTP/1.1 413 ")
    assert app.videos() == before


def test_a_body_without_a_declared_length_is_cut_off_at_the_limit(app: RunningApp) -> None:
    before = app.videos()
    status, error = refusal(app, "x.mp4", (bytes(1000) for _ in range(LIMIT // 1000 + 1)))
    assert status == 413
    assert "larger than" in error
    assert app.videos() == before


def test_another_site_s_page_may_not_send(app: RunningApp, video: Path) -> None:
    before = app.videos()
    content = video.read_bytes()
    assert asked(app, "POST", "/upload?name=x.mp4", content, Origin="https://evil.example")[0] == 403
    assert asked(app, "GET", "/", Host="evil.example")[0] == 421
    assert app.videos() == before


@pytest.mark.parametrize(
    "path",
    [
        "/jobs/x/report.html",
        "/jobs/../../etc/passwd",
        "/jobs/x/..%2f..%2fetc%2fpasswd",
        "/gradio_api/upload",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/proxy=http://127.0.0.1/",
    ],
)
def test_nothing_is_found_that_is_not_a_job_s(app: RunningApp, path: str) -> None:
    assert asked(app, "GET", path)[0] == 404


def test_a_taken_port_is_told_in_a_line(app: RunningApp, refused: Refused) -> None:
    assert "is taken" in refused("app", "--headless", f"--port={app.port}")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--max_upload_mb=0"], "--max_upload_mb 0"),
        (["--max_upload_mb=inf"], "--max_upload_mb inf"),
        (["--max_upload_mb=.inf"], "--max_upload_mb inf: must be positive"),
        (["--max_upload_mb=1e400"], "--max_upload_mb inf: must be positive"),
        (["--max_upload_mb=1e305"], "--max_upload_mb 1e+305: must be positive"),
        (["--max_frames=2"], "--max_frames 2"),
        (["--port=70000"], "--port 70000"),
        (["--host=no.such.host.invalid"], "no.such.host.invalid"),
        ([f"--host={'x' * 70}"], "is no address of this machine"),
    ],
)
def test_settings_that_cannot_be_are_told_in_a_line(refused: Refused, words: list[str], told: str) -> None:
    assert told in refused("app", "--headless", *words)


def test_without_the_library_the_way_to_it_is_told(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert f"{sys.executable} -m pip install -e '.[app]'" in refused("app", "--headless")


def test_the_app_takes_with_it_what_nobody_asked_to_keep(tmp_path: Path, video: Path) -> None:
    with running_app(tmp_path, keep=False) as app:
        assert asked(app, "POST", "/upload?name=slide.mp4", video.read_bytes())[0] == 200
        assert len(app.videos()) == 1
    assert app.process.returncode == 130
    assert list(app.work.rglob("*")) == []
