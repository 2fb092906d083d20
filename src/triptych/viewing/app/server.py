"""The app as a server on this machine."""

from __future__ import annotations

import errno
import importlib.util
import logging
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from triptych.errors import InputError, installing
from triptych.viewing.app.guard import Application, guarded
from triptych.viewing.app.jobs import Jobs
from triptych.viewing.app.uploads import Uploads
from triptych.viewing.app.work_folder import work_folder

_STAYS_OPEN_S = 2  # a page that listens, when the app ends


@dataclass(frozen=True)
class AppSettings:
    """How the app is served.

    Attributes:
        host: address that it listens at.
        port: of it; 0 takes a free one.
        work: folder that keeps the results; None takes one of its own that goes with the app.
        largest_upload_bytes: of a video.
        frames_at_most: of a video that are used.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    work: Path | None = None
    largest_upload_bytes: int = 500_000_000
    frames_at_most: int = 300


def serve(settings: AppSettings, *, ready: Callable[[str], None]) -> None:
    """Serve the app until it is interrupted.

    Args:
        settings: how.
        ready: told the address as soon as it can be opened.

    Raises:
        InputError: the library of the page is missing, the address cannot be had, or the folder not be written.
    """
    _check_libraries()
    listening = _bound_socket(settings.host, settings.port)
    with listening, work_folder(settings.work) as folder:
        os.environ["GRADIO_TEMP_DIR"] = str(folder.passing)
        uploads = Uploads(folder.passing, largest_bytes=settings.largest_upload_bytes)
        jobs = Jobs(folder.jobs)
        try:
            _run(_application(settings, jobs, uploads), listening, lambda: ready(_address(settings.host, listening)))
        finally:
            jobs.close()


def _application(settings: AppSettings, jobs: Jobs, uploads: Uploads) -> Application:
    """The page, its own addresses and their guard."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before it is imported
    import fastapi  # noqa: PLC0415 - comes with an extra
    import gradio  # noqa: PLC0415 - an extra

    from triptych.viewing.app.page import page  # noqa: PLC0415 - needs the extra
    from triptych.viewing.app.page_layout import look  # noqa: PLC0415 - needs the extra
    from triptych.viewing.app.routes import routes  # noqa: PLC0415 - needs the extra

    application = fastapi.FastAPI(routes=routes(jobs, uploads), docs_url=None, redoc_url=None, openapi_url=None)
    built = page(jobs, uploads, frames_at_most=settings.frames_at_most)
    application = gradio.mount_gradio_app(
        application, built, path="/", ssr_mode=False, footer_links=[], run_history=False, pwa=False, **look()
    )
    return guarded(application, names=frozenset({settings.host.lower(), socket.gethostname().lower()}))


def _run(application: Application, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Answer requests until the process is interrupted."""
    import uvicorn  # noqa: PLC0415 - comes with an extra

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            # An open page listens to the end; that it is cut off then is no error.
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
            await super().shutdown(sockets)

    configuration = uvicorn.Config(
        application,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_STAYS_OPEN_S,
    )
    Server(configuration).run(sockets=[listening])


def _check_libraries() -> None:
    if importlib.util.find_spec("gradio") is None:  # imported, it would make its folders before it is told where
        raise InputError(f"the app needs gradio: {installing('app')}")


def _bound_socket(host: str, port: int) -> socket.socket:
    """A socket at the address, before anything slow is done."""
    if not 0 <= port <= 65535:
        raise InputError(f"--port {port}: choose from 0 to 65535")
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError) as error:  # the latter of a name that is none
        raise InputError(f"--host {host}: is no address of this machine; leave it out for 127.0.0.1") from error
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
        listening.listen()
    except OSError as error:
        listening.close()
        reason = "is taken by another program" if error.errno == errno.EADDRINUSE else error.strerror or str(error)
        raise InputError(f"{host} port {port}: {reason}; choose another --port, or 0 for any") from error
    return listening


def _address(host: str, listening: socket.socket) -> str:
    port = listening.getsockname()[1]
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{name}:{port}/"
