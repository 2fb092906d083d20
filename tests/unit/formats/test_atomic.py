"""Nothing half-written ever stands under the final name."""

import errno
import os
from pathlib import Path

import pytest
import torch

from triptych.errors import InputError
from triptych.formats.atomic import atomic_folder, atomic_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write_file(path: Path, *, error: BaseException | None = None) -> None:
    """Writes a file, or half of it up to an error."""
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        if error is not None:
            raise error


def write_folder(path: Path, *, overwrite: bool = False, error: BaseException | None = None) -> None:
    """Writes a folder of one file, or fails after it."""
    with atomic_folder(path, overwrite=overwrite) as temporary:
        (temporary / "new").write_text("")
        if error is not None:
            raise error


def test_the_temporary_file_has_the_suffix_and_folder_of_its_target(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "clip.tar.gz") as temporary:
        assert temporary.suffixes[-2:] == [".tar", ".gz"]
        assert temporary.parent == tmp_path
        assert temporary.name != "clip.tar.gz"
        temporary.write_text("whole")
    assert (tmp_path / "clip.tar.gz").read_text() == "whole"
    assert names(tmp_path) == ["clip.tar.gz"]


def test_missing_parent_folders_are_made(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a" / "b" / "c.txt") as temporary:
        temporary.write_text("whole")
    assert (tmp_path / "a" / "b" / "c.txt").exists()


def test_the_target_keeps_its_content_until_the_block_ends(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with atomic_path(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(error):
        write_file(target, error=error())
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_the_file_is_flushed_before_it_takes_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.txt"
    seen = []
    monkeypatch.setattr(os, "fsync", lambda _: seen.append(target.exists()))
    with atomic_path(target) as temporary:
        temporary.write_text("whole")
    assert seen == [False]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EACCES, "permission denied"),
        (errno.EROFS, "read-only"),
    ],
)
def test_what_the_user_can_mend_is_one_line_with_the_path(tmp_path: Path, number: int, words: str) -> None:
    target = tmp_path / "a.txt"
    with pytest.raises(InputError, match=words) as caught:
        write_file(target, error=OSError(number, os.strerror(number)))
    assert str(target) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_device_that_is_really_full_is_told_as_a_full_disk(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match="disk is full"),
        atomic_path(tmp_path / "a.txt"),
        Path("/dev/full").open("w", encoding="ascii") as stream,
    ):
        stream.write("x" * 100_000)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_the_error_of_torch_save_is_told_too(tmp_path: Path) -> None:
    def save() -> None:
        with atomic_path(tmp_path / "a.pt"), Path("/dev/full").open("wb", buffering=0) as stream:
            torch.save({"weight": torch.zeros(100_000)}, stream)

    with pytest.raises(InputError, match="disk is full"):
        save()


def test_a_failure_of_the_program_itself_passes_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="a bug") as caught:
        write_file(tmp_path / "a.txt", error=RuntimeError("a bug"))
    assert not isinstance(caught.value, InputError)


def test_an_error_about_another_file_is_not_blamed_on_the_target(tmp_path: Path) -> None:
    with pytest.raises(PermissionError):
        write_file(tmp_path / "a.txt", error=PermissionError(errno.EACCES, "no", str(tmp_path / "input.txt")))


def test_an_error_that_nobody_can_mend_passes_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="bad luck") as caught:
        write_file(tmp_path / "a.txt", error=OSError(errno.EIO, "bad luck"))
    assert not isinstance(caught.value, InputError)


def test_a_folder_or_a_file_on_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file, not a folder"):
        write_file(tmp_path / "file" / "a.txt")
    with pytest.raises(InputError, match="is a folder"):
        write_file(tmp_path)


def test_a_folder_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "run"
    with atomic_folder(target) as temporary:
        (temporary / "a.txt").write_text("a")
        assert not target.exists()
    assert (target / "a.txt").read_text() == "a"
    assert names(target.parent) == ["run"]


def test_an_empty_folder_is_taken_without_asking(tmp_path: Path) -> None:
    target = tmp_path / "run"
    target.mkdir()
    with atomic_folder(target) as temporary:
        (temporary / "a.txt").write_text("a")
    assert names(tmp_path) == ["run"]
    assert names(target) == ["a.txt"]


def test_a_folder_that_holds_something_is_refused_before_any_work(tmp_path: Path) -> None:
    target = tmp_path / "run"
    target.mkdir()
    (target / "precious").write_text("")
    entered = []
    with (
        pytest.raises(InputError, match=r"is not empty: choose another folder or pass --overwrite"),
        atomic_folder(target),
    ):
        entered.append(True)
    assert not entered
    assert names(target) == ["precious"]


def test_overwriting_replaces_the_whole_folder_but_only_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "run"
    target.mkdir()
    (target / "old").write_text("")
    with atomic_folder(target, overwrite=True) as temporary:
        (temporary / "new").write_text("")
        assert names(target) == ["old"]
    assert names(target) == ["new"]
    assert names(tmp_path) == ["run"]


def test_a_failed_overwrite_keeps_the_old_folder(tmp_path: Path) -> None:
    target = tmp_path / "run"
    target.mkdir()
    (target / "old").write_text("")
    with pytest.raises(RuntimeError):
        write_folder(target, overwrite=True, error=RuntimeError())
    assert names(target) == ["old"]
    assert names(tmp_path) == ["run"]


def test_the_old_folder_comes_back_when_the_last_rename_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "run"
    target.mkdir()
    (target / "old").write_text("")
    rename = Path.rename

    def failing(self: Path, to: Path) -> Path:
        if (self / "new").exists():
            raise OSError(errno.EIO, "bad luck")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="bad luck"):
        write_folder(target, overwrite=True)
    assert names(target) == ["old"]
    assert names(tmp_path) == ["run"]


def test_a_folder_filled_meanwhile_is_not_lost(tmp_path: Path) -> None:
    target = tmp_path / "run"

    def write() -> None:
        with atomic_folder(target):
            target.mkdir()
            (target / "other").write_text("")

    with pytest.raises(InputError, match="not empty"):
        write()
    assert names(target) == ["other"]


def test_the_current_folder_and_the_home_are_never_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home" / "me").mkdir(parents=True)
    (tmp_path / "here" / "below").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home" / "me"))
    monkeypatch.chdir(tmp_path / "here" / "below")
    for name in ("here/below", "here", "home/me", "home"):
        with pytest.raises(InputError, match="name a new folder inside it"):
            write_folder(tmp_path / name, overwrite=True)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(InputError, match="is a file"):
        write_folder(tmp_path / "run", overwrite=True)


def test_an_error_inside_the_folder_names_the_place_the_user_asked_for(tmp_path: Path) -> None:
    def write() -> None:
        with atomic_folder(tmp_path / "run") as folder, atomic_path(folder / "a.txt"):
            raise OSError(errno.ENOSPC, "full")

    with pytest.raises(InputError) as caught:
        write()
    message = f"cannot write {tmp_path}/run/a.txt: the disk is full; free some space or choose another place"
    assert str(caught.value) == message
    assert names(tmp_path) == []


def test_a_path_without_a_name_is_refused() -> None:
    with pytest.raises(InputError, match="names no file"), atomic_path(""):
        pass


def test_a_mount_point_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    monkeypatch.setattr(Path, "is_mount", lambda path: path == disk)
    with pytest.raises(InputError, match="disk cannot be replaced as a whole: name a new folder inside it"):
        write_folder(disk, overwrite=True)
    assert names(tmp_path) == ["disk"]
    write_folder(disk / "inside", overwrite=True)
    assert names(disk / "inside") == ["new"]
