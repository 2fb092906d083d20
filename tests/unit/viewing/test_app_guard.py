"""The guard lets the page ask, and nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from triptych.viewing.app.guard import guarded, refused

HERE = frozenset({"box"})


def scope(method: str = "GET", path: str = "/", host: str = "127.0.0.1:7860", **headers: str) -> dict[str, Any]:
    named = {"host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
    encoded = [(name.encode(), value.encode()) for name, value in named.items()]
    return {"type": "http", "method": method, "path": path, "headers": encoded}


def status(**request: str) -> int | None:
    refusal = refused(scope(**request), names=HERE)
    return None if refusal is None else refusal[0]


@pytest.mark.parametrize(
    "host", ["127.0.0.1:7860", "localhost:7860", "[::1]:7860", "192.168.1.5:7860", "box:7860", "BOX"]
)
def test_this_machine_may_be_asked_by_its_own_names(host: str) -> None:
    assert status(host=host) is None


@pytest.mark.parametrize("host", ["evil.example:7860", "127.0.0.1.evil.example", "", "box.evil.example", "[::1"])
def test_a_name_that_another_site_points_here_is_refused(host: str) -> None:
    assert status(host=host) == 421


def test_only_the_app_s_own_page_may_change_something() -> None:
    post = {"method": "POST", "path": "/upload", "content_length": "5"}
    assert status(**post) is None
    assert status(**post, origin="http://127.0.0.1:7860") is None
    assert status(**post, origin="http://127.0.0.1:9999") == 403
    assert status(**post, origin="https://evil.example") == 403
    assert status(**post, origin="null") == 403
    assert status(**post, sec_fetch_site="cross-site") == 403


@pytest.mark.parametrize(
    "rest",
    ["upload", "file=/etc/passwd", "proxy=http://x/", "file/x", "upload_progress", "vibe-code", "queue/join", ""],
)
def test_the_library_s_own_uploads_files_and_proxy_are_not_there(rest: str) -> None:
    assert status(path=f"/gradio_api/{rest}") == 404


def test_the_library_s_events_are_there_for_short_words() -> None:
    run = {"method": "POST", "path": "/gradio_api/run/predict"}
    assert status(**run, content_length="500") is None
    assert status(**run, content_length="5000000") == 413
    assert status(**run) == 413


def test_every_answer_says_what_a_browser_may_load_but_one_with_a_policy_of_its_own_keeps_it() -> None:
    async def plain(scope: Any, receive: Any, send: Any) -> None:
        own = [(b"Content-Security-Policy", b"sandbox")] if scope["path"] == "/own" else []
        await send({"type": "http.response.start", "status": 200, "headers": own})

    def policies(path: str) -> list[bytes]:
        sent: list[MutableMapping[str, Any]] = []

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        asyncio.run(guarded(plain, names=HERE)(scope(path=path), None, send))  # type: ignore[arg-type]
        return [value for name, value in sent[0]["headers"] if name.lower() == b"content-security-policy"]

    assert policies("/own") == [b"sandbox"]
    assert len(policies("/")) == 1
    assert b"default-src 'self'" in policies("/")[0]
