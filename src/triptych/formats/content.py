"""Whole files read into memory, with errors that a person can mend."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from pathlib import Path

from triptych.errors import InputError
from triptych.formats.atomic import StrPath

ARRAY_DAMAGE = (
    *(ValueError, TypeError, KeyError, EOFError, OSError, SyntaxError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, tokenize.TokenError),
)
"""What NumPy and zipfile raise over damaged .npy and .npz files."""


def file_content(path: StrPath) -> bytes:
    """All bytes of a file.

    Raises:
        InputError: no such file, a folder, or one that may not be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
