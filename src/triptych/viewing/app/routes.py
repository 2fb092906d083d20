"""The app's own addresses: a video comes in, results go out, each by a token that only its browser knows."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from triptych.errors import InputError
from triptych.viewing.app.addresses import ARCHIVE, PICTURE, UPLOAD
from triptych.viewing.app.archive import zip_chunks
from triptych.viewing.app.jobs import Jobs
from triptych.viewing.app.steps import REPORT, SCENE
from triptych.viewing.app.uploads import TooLargeError, Uploads

_PRIVATE = {"Cache-Control": "private, no-store"}
_OWN_SCRIPTS = "'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' data: blob:"
RESULT_POLICY = (
    f"sandbox allow-scripts allow-downloads; default-src 'none'; script-src {_OWN_SCRIPTS}; worker-src blob: data:; "
    "style-src 'unsafe-inline' data:; img-src data: blob:; font-src data:; media-src data: blob:; "
    "connect-src data: blob:; frame-ancestors 'self'"
)
"""What a browser may do for a report or a scene: run what is in the file, and reach nothing, this app neither."""


def routes(jobs: Jobs, uploads: Uploads) -> list[BaseRoute]:
    """The addresses.

    Args:
        jobs: the queue.
        uploads: the videos that wait.
    """

    async def upload(request: Request) -> Response:
        name = request.query_params.get("name", "")
        length = request.headers.get("content-length", "")
        try:
            declared = int(length) if length.isdecimal() else None
            path = await uploads.receive(name, request.stream(), declared=declared)
            token, kept = await run_in_threadpool(
                uploads.keep, path, name, instead=request.query_params.get("instead", "")
            )
        except TooLargeError as error:
            return _refusal(413, error)
        except InputError as error:
            return _refusal(400, error)
        except ClientDisconnect:
            return Response(status_code=400)
        height, width = kept.size
        return JSONResponse({"token": token, "name": name, "frames": kept.frames, "size": f"{width}x{height}"})

    def result(request: Request) -> Response:
        job = jobs.find(request.path_params["token"])
        name = request.path_params["name"]
        if job is None:
            return PlainTextResponse("there is no such result (any more)\n", status_code=404)
        if name == PICTURE:
            picture = job.picture()
            if picture is not None:
                return Response(picture.content, media_type=picture.kind, headers=_PRIVATE)
        if name == ARCHIVE:
            headers = {**_PRIVATE, "Content-Disposition": 'attachment; filename="triptych.zip"'}
            return StreamingResponse(zip_chunks(job.archived()), media_type="application/zip", headers=headers)
        path = job.file(name)
        if path is None:
            return PlainTextResponse("there is nothing of this name (yet)\n", status_code=404)
        policy = {"Content-Security-Policy": RESULT_POLICY} if name in (REPORT, SCENE) else {}
        return FileResponse(path, headers={**_PRIVATE, **policy})

    return [
        Route(UPLOAD, upload, methods=["POST"]),
        Route("/jobs/{token}/{name}", result, methods=["GET"]),
    ]


def _refusal(status: int, error: InputError) -> Response:
    # The rest of a body that nobody wants is not waited for.
    return JSONResponse({"error": str(error)}, status_code=status, headers={"Connection": "close"})
