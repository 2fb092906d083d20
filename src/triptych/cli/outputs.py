"""What a command writes: never over what it reads, and in the place of nothing that is something else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from triptych.errors import InputError


def check_result_folder(
    folder: Path, *, overwrite: bool, sources: Sequence[str | Path | None], marks: Sequence[str] = ("result.json",)
) -> None:
    """Refuse a folder for results that holds something, unless it holds results that are to be replaced.

    Args:
        folder: to write.
        overwrite: whether the results that are there may be taken away.
        sources: what is read; None and addresses do not count.
        marks: patterns of files, one of which every folder of such results has.

    Raises:
        InputError: something would be lost that is no such result.
    """
    if overwrite:
        refuse_sources_within(folder, sources)
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if not overwrite:
        raise InputError(f"{folder}: is not empty; choose another folder or pass --overwrite")
    if not any(next(folder.glob(mark), None) for mark in marks):
        raise InputError(
            f"{folder}: is not empty and holds no result that --overwrite could replace; name another folder"
        )


def refuse_sources_within(folder: Path, sources: Sequence[str | Path | None], *, option: str = "--output") -> None:
    """Refuse to replace a folder that something lies in which is read.

    Args:
        folder: to write.
        sources: what is read; None and addresses do not count.
        option: that names the folder.

    Raises:
        InputError: naming it.
    """
    own = folder.resolve()
    for source, place in _places(sources):
        if own == place or own in place.parents:
            raise InputError(f"{option} {folder}: {source}, which is read, lies there; name another folder")


def refuse_one_in_the_other(folder: Path, sources: Sequence[str | Path | None]) -> None:
    """Refuse a folder to write that lies in one that is searched for frames, or that one in it.

    Raises:
        InputError: naming it.
    """
    own = folder.resolve()
    for source, place in _places(sources):
        if own == place or own in place.parents or place in own.parents:
            raise InputError(
                f"--output {folder}: and what is read, {source}, lie one in the other; name another folder"
            )


def _places(sources: Sequence[str | Path | None]) -> Iterator[tuple[str | Path, Path]]:
    for source in sources:
        if source is not None and "://" not in str(source) and Path(source).exists():
            yield source, Path(source).resolve()
