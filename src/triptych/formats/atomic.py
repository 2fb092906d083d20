"""Files and folders that appear whole or not at all.

What is written first bears a temporary name beside the target and takes the target's
name only when it is complete, so that a crash or a full disk never leaves half a
file under a name that a reader trusts.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from triptych.errors import InputError

StrPath = str | os.PathLike[str]

_REASONS = {
    errno.ENOSPC: "the disk is full; free some space or choose another place",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another place",
    errno.EFBIG: "the file grew larger than this file system allows; choose another place",
    errno.EACCES: "permission denied; choose a place you may write to",
    errno.EPERM: "permission denied; choose a place you may write to",
    errno.EROFS: "the file system is read-only; choose another place",
    errno.EEXIST: "a part of its path is a file, not a folder",
    errno.ENOTDIR: "a part of its path is a file, not a folder",
    errno.EISDIR: "it is a folder; name a file",
    errno.ENOENT: "the place does not exist and cannot be made",
    errno.ENAMETOOLONG: "its name is too long",
}
"""What a user can mend; any other error is passed on as it is."""


@contextmanager
def atomic_path(path: StrPath) -> Iterator[Path]:
    """A temporary path beside `path` that takes its name when the block ends.

    The temporary name ends like the target's, so writers that go by the suffix work.
    Missing parent folders are made. On any exception the temporary file is removed
    and an older file at `path` stays as it was.

    Args:
        path: where the finished file belongs; replaced if it exists.

    Yields:
        The path to write to; the block must create a file there.

    Raises:
        InputError: the path names no file, the disk is full, or the place cannot be written to.
    """
    target = Path(path)
    if not target.name:
        raise InputError(f"{str(path)!r}: names no file")
    temporary = target.with_name(_temporary_name(target.name))
    try:
        with _errors_told(target, temporary):
            if target.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
            target.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            _flush_to_disk(temporary)
            temporary.replace(target)
    finally:
        with suppress(OSError):  # there is nothing to remove, or the first error says more
            temporary.unlink()


@contextmanager
def atomic_folder(path: StrPath, *, overwrite: bool = False) -> Iterator[Path]:
    """A temporary folder beside `path` that takes its name when the block ends.

    On any exception the temporary folder is removed and an older folder at `path`
    stays as it was; with `overwrite` it is replaced only once the new one is complete.

    Args:
        path: where the finished folder belongs.
        overwrite: replace a folder that holds something.

    Yields:
        An existing, empty folder to write into.

    Raises:
        InputError: `path` is a file or a folder that is not empty (without
            `overwrite`), cannot be replaced (the current folder, a mount point), or
            the place cannot be written to.
    """
    target = Path(path).resolve()
    temporary = target.with_name(_temporary_name(target.name))
    _check_folder(target, named=Path(path), overwrite=overwrite)
    try:
        with _errors_told(Path(path), temporary):
            temporary.mkdir(parents=True)
            yield temporary
            _check_folder(target, named=Path(path), overwrite=overwrite)
            _replace_folder(target, temporary)
    except InputError as error:
        if str(temporary) not in str(error):
            raise
        raise InputError(str(error).replace(str(temporary), str(path))) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _temporary_name(name: str) -> str:
    return f".partial-{secrets.token_hex(4)}-{name}"


def _check_folder(target: Path, *, named: Path, overwrite: bool) -> None:
    """Refuses a target that is not there to be replaced."""
    if not os.path.lexists(target):
        return
    if not target.is_dir():
        raise InputError(f"{named} is a file: choose another folder")
    here = (Path.cwd(), *Path.cwd().parents, Path.home(), *Path.home().parents)
    if target in here or target.is_mount():
        # Renamed away, these would pull the ground from under the user's feet.
        raise InputError(f"{named} cannot be replaced as a whole: name a new folder inside it")
    with _errors_told(named, target):
        empty = next(target.iterdir(), None) is None
    if not empty and not overwrite:
        raise InputError(f"{named} is not empty: choose another folder or pass --overwrite")


def _replace_folder(target: Path, temporary: Path) -> None:
    """Puts `temporary` in the place of `target`; the old one is removed last."""
    if not target.exists():
        temporary.rename(target)
        return
    old = target.with_name(_temporary_name(target.name))
    target.rename(old)
    try:
        temporary.rename(target)
    except BaseException:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _flush_to_disk(path: Path) -> None:
    """Waits until the file's content is on the disk, so that the rename never overtakes it."""
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


@contextmanager
def _errors_told(target: Path, temporary: Path) -> Iterator[None]:
    """Turns what a user can mend into one line about `target`.

    An error that names another file (an input read inside the block) is not ours.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        # torch.save into a stream hides the system's error behind a RuntimeError.
        cause = error if isinstance(error, OSError) else error.__context__
        if not isinstance(cause, OSError):
            raise
        reason = _REASONS.get(cause.errno or 0)
        named = None if cause.filename is None else Path(os.fsdecode(cause.filename))
        ours = (
            named is None
            or named in (target, *target.absolute().parents, *target.parents)
            or temporary in (named, *named.parents)
        )
        if reason is None or not ours:
            raise
        raise InputError(f"cannot write {target}: {reason}") from error
