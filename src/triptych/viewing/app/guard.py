"""Who may ask the app for what: no foreign page, and nothing of the page's library that the page does not need."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from triptych.viewing.app.addresses import UPLOAD

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

LIBRARY = "/gradio_api/"
NEEDED = ("run/", "heartbeat/", "startup-events")
"""What the page needs of the library's own addresses; its uploads, files and proxy are not among it."""
LARGEST_WORDS_BYTES = 1_000_000  # of a request that is no upload
_SAFE = ("GET", "HEAD", "OPTIONS")

POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; base-uri 'self'; object-src 'none'; "
    "frame-ancestors 'self'; form-action 'self'"
)
"""What a browser may do for the page: nothing beyond this server. The library makes functions of texts."""


def guarded(application: Application, *, names: frozenset[str]) -> Application:
    """The application behind its guard.

    A page of another site can lead a browser here, under a name of its own that it points at this
    machine, or by a form: the name asked for must be one of this machine, and whatever changes
    something must come from a page of the app.

    Args:
        application: what is guarded.
        names: of this machine, beside `localhost` and all addresses in numbers.
    """

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await application(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        refusal = refused(scope, names=names)
        if refusal is not None:
            await _answer(send, *refusal)
            return

        async def with_policy(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                if not any(name.lower() == b"content-security-policy" for name, _ in headers):
                    headers.append((b"content-security-policy", POLICY.encode()))
                headers += [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
                message["headers"] = headers
            await send(message)

        await application(scope, receive, with_policy)

    return guard


def refused(scope: Scope, *, names: frozenset[str]) -> tuple[int, str] | None:
    """Status and reason with which a request is refused; None where it may pass.

    Args:
        scope: of the request, as ASGI has it.
        names: see `guarded`.
    """
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    host, path, method = headers.get("host", ""), scope["path"], scope["method"]
    if not _is_here(host, names):
        return 421, "open the app by its address in numbers, or as localhost"
    if path.startswith(LIBRARY) and not path.removeprefix(LIBRARY).startswith(NEEDED):
        return 404, "there is nothing here"
    if method in _SAFE:
        return None
    origin = headers.get("origin")
    if (origin is not None and urlsplit(origin).netloc != host) or headers.get("sec-fetch-site") == "cross-site":
        return 403, "this did not come from a page of the app"
    length = headers.get("content-length", "")
    if path != UPLOAD and not (length.isdecimal() and int(length) <= LARGEST_WORDS_BYTES):
        return 413, "this is too long"
    return None


def _is_here(host: str, names: frozenset[str]) -> bool:
    """Whether a Host header names this machine."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost" or name in names:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


async def _answer(send: Send, status: int, reason: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{reason}\n".encode()})
