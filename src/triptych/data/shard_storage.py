"""A place that shards are kept in: a folder, or a URL of fsspec such as s3://bucket/kitti."""

from __future__ import annotations

import importlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final
from urllib.parse import unquote, urlsplit

from triptych.errors import InputError, installing
from triptych.formats.atomic import StrPath, atomic_path
from triptych.formats.content import file_content

PARTIAL = ".partial-"
"""How names of what is being written begin, as `formats.atomic` has it."""

OF_THIS_PROCESS = ("memory://",)
"""What these hold no other process sees."""


def optional_module(name: str) -> Any:
    """A module of the extra `cloud`.

    Raises:
        InputError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(f"shards need {name.partition('.')[0]} ({error}): {installing('cloud')}") from None


@final
class ShardStorage:
    """Files without folders in one place; each appears whole or not at all.

    It holds only the name of the place, so that other processes can be given it.

    Args:
        location: a folder, or a URL that fsspec knows.

    Attributes:
        location: as given.
        folder: where it is a folder of this machine; else None.
    """

    def __init__(self, location: StrPath) -> None:
        self.location = str(location).rstrip("/") or "/"
        self.folder: Path | None = None
        if self.location.startswith("file://"):
            self.folder = Path(unquote(urlsplit(self.location).path))
        elif "://" not in self.location:
            self.folder = Path(self.location)

    @property
    def shared(self) -> bool:
        """Whether other processes find here what this one writes."""
        return not self.location.startswith(OF_THIS_PROCESS)

    def where(self, name: str) -> str:
        """How a person is told of a file."""
        return f"{self.location}/{name}"

    def names(self) -> list[str]:
        """The files that are there, in order; none where there is no such place yet.

        Raises:
            InputError: the place cannot be looked at, or is a file.
        """
        if self.folder is not None:
            if not self.folder.exists():
                return []
            if not self.folder.is_dir():
                raise InputError(f"{self.location} is a file: name a folder")
            return sorted(file.name for file in self.folder.iterdir())
        with _told(self.location, "looked at"):
            system, place = self._remote()
            system.invalidate_cache()
            entries = system.ls(place, detail=False) if system.isdir(place) else []
            paths = [str(entry).rstrip("/") for entry in entries]
            # An object store may list the place itself among what is in it.
            return sorted(path.rpartition("/")[2] for path in paths if not place.endswith(path))

    def size(self, name: str) -> int | None:
        """Bytes of a file; None where there is none."""
        if self.folder is not None:
            file = self.folder / name
            return file.stat().st_size if file.is_file() else None
        with _told(self.where(name), "looked at"):
            system, place = self._remote()
            try:
                return int(system.size(f"{place}/{name}"))
            except FileNotFoundError:
                return None

    def read(self, name: str) -> bytes:
        """All of a file.

        Raises:
            InputError: it cannot be read.
        """
        if self.folder is not None:
            return file_content(self.folder / name)
        with _told(self.where(name), "read"):
            system, place = self._remote()
            content: bytes = system.cat_file(f"{place}/{name}")
            return content

    def spans(self, name: str, begins: Sequence[int], length: int) -> list[bytes]:
        """Pieces of a file of equal length, asked for at once.

        Args:
            name: of the file.
            begins: where each begins (bytes).
            length: of each (bytes).

        Raises:
            InputError: they cannot be read.
        """
        if self.folder is not None:
            with (self.folder / name).open("rb") as stream:
                return [_piece(stream, begin, length) for begin in begins]
        with _told(self.where(name), "read"):
            system, place = self._remote()
            paths = [f"{place}/{name}"] * len(begins)
            pieces: list[bytes] = system.cat_ranges(
                paths, list(begins), [begin + length for begin in begins], on_error="raise"
            )
            return pieces

    def write(self, name: str, content: bytes) -> None:
        """A file with this content, in the place of an older one.

        Raises:
            InputError: it cannot be written.
        """
        if self.folder is not None:
            with atomic_path(self.folder / name) as path:
                path.write_bytes(content)
            return
        with _told(self.where(name), "written"):
            system, place = self._remote()
            system.makedirs(place, exist_ok=True)
            system.pipe_file(f"{place}/{name}", content)

    @contextmanager
    def workshop(self, name: str) -> Iterator[Path]:
        """An empty folder to make a file in; it disappears at the end. The file is then `store`d.

        Args:
            name: of the file, for errors.

        Raises:
            InputError: there is no room, or it may not be written to.
        """
        if self.folder is None:
            with tempfile.TemporaryDirectory(prefix="triptych-") as folder:
                yield Path(folder)
            return
        # `atomic_path` tells what can be mended; the file it waits for is put there by `store`.
        with atomic_path(self.folder / name) as path:
            shop = path.with_name(f"{path.name}.d")
            shop.mkdir()
            try:
                yield shop
            finally:
                shutil.rmtree(shop, ignore_errors=True)

    def store(self, file: Path, name: str) -> None:
        """Bring in a finished file from a workshop.

        Raises:
            InputError: it cannot be written.
        """
        if self.folder is not None:
            file.replace(file.parent.with_name(file.parent.name.removesuffix(".d")))
            return
        with _told(self.where(name), "written"):
            system, place = self._remote()
            system.makedirs(place, exist_ok=True)
            system.put_file(str(file), f"{place}/{name}")

    def fetch(self, name: str, file: Path) -> None:
        """Copy a file to this machine.

        Raises:
            InputError: it cannot be read, or the copy not be written.
        """
        with atomic_path(file) as path, _told(self.where(name), "read"):
            system, place = self._remote()
            system.get_file(f"{place}/{name}", str(path))

    def remove(self, names: Sequence[str]) -> None:
        """Files taken away, where they are there."""
        for name in names:
            if self.folder is not None:
                target = self.folder / name
                if target.is_dir():
                    shutil.rmtree(target, ignore_errors=True)
                else:
                    target.unlink(missing_ok=True)
            elif self.size(name) is not None:
                with _told(self.where(name), "removed"):
                    system, place = self._remote()
                    system.rm_file(f"{place}/{name}")

    def _remote(self) -> tuple[Any, str]:
        """The file system and the path in it; fsspec keeps one per process, so that forks are safe."""
        try:
            system, path = optional_module("fsspec.core").url_to_fs(self.location)
        except ImportError as error:
            lacking = getattr(error.__cause__ or error, "name", None) or "the package that fsspec names"
            raise InputError(f"{self.location}: its kind of storage needs {lacking}; pip install {lacking}") from error
        return system, str(path).rstrip("/")


def _piece(stream: Any, begin: int, length: int) -> bytes:
    stream.seek(begin)
    content: bytes = stream.read(length)
    return content


@contextmanager
def _told(where: str, done: str) -> Iterator[None]:
    """One line for whatever a file system of fsspec raises; each has errors of its own."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        text = " ".join(str(error).split()) or "no reason told"
        raise InputError(f"{where}: cannot be {done} ({type(error).__name__}: {text})") from error
