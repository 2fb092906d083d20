"""The app's own addresses."""

from __future__ import annotations

UPLOAD = "/upload"
ARCHIVE = "all.zip"
PICTURE = "picture"


def address(token: str, name: str) -> str:
    """Where a file of a job is found."""
    return f"/jobs/{token}/{name}"
