"""Snippets read when asked for: the same as those of a loaded sequence, and damage put up with."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from triptych.data.augment import Augmentation
from triptych.data.calibration import calibration_from_text
from triptych.data.folder_snippets import folder_snippets
from triptych.data.kitti_snippets import kitti_odometry_snippets, kitti_raw_snippets
from triptych.data.lazy_snippets import DamagedFrames, LazySnippetDataset, ReadSnippet, watched
from triptych.data.sampler import ResumableSampler
from triptych.data.sequence import load_sequence
from triptych.data.snippets import SnippetDataset, SnippetSample
from triptych.data.sources import open_source
from triptych.data.synthetic import synthetic_clip, write_kitti_raw
from triptych.errors import InputError
from triptych.types import Snippet

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
real = [pytest.mark.real, pytest.mark.skipif(not SHARED.exists(), reason="no real data beside the checkout")]

STRONG = Augmentation(crop=1.3, flip=0.5, jitter=1.0)
FRAMES = 8
# Forked workers under a process that has threads are what DataLoader does on Linux.
forks = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture
def walk(tmp_path: Path) -> Path:
    """A folder of eight noisy frames, 0.png to 7.png, of 60x24, with a K."""
    folder = tmp_path / "walk"
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(FRAMES):
        Image.fromarray(random.integers(0, 256, (24, 60, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    (folder / "K.txt").write_text("50 0 31 0 52 13 0 0 1")
    return folder


def lazy(folder: Path, *, skip_limit: int = 5, seed: int = 3) -> LazySnippetDataset:
    return LazySnippetDataset(
        folder_snippets(folder), height=16, width=32, augmentation=STRONG, seed=seed, skip_limit=skip_limit
    )


def same(first: SnippetSample, second: SnippetSample) -> bool:
    return (
        torch.equal(first.frames, second.frames)
        and torch.equal(first.jittered, second.jittered)
        and torch.equal(first.intrinsics, second.intrinsics)
        and first.index == second.index
    )


def loader(dataset: LazySnippetDataset, *, workers: int, epoch: int = 0) -> DataLoader[SnippetSample]:
    sampler = ResumableSampler(len(dataset), batch_size=2, seed=1, epoch=epoch)
    return DataLoader(dataset, batch_size=2, sampler=sampler, num_workers=workers, collate_fn=dataset.collate)


def batches(dataset: LazySnippetDataset, *, workers: int, epoch: int = 0) -> list[Snippet]:
    return list(watched(loader(dataset, workers=workers, epoch=epoch), dataset.damaged))


def test_a_sample_equals_that_of_the_loaded_sequence_bit_by_bit(tmp_path: Path) -> None:
    clip = synthetic_clip("street", seed=2, frames=5, height=40, width=120, start_time=1.0)
    drive = write_kitti_raw(clip, tmp_path, drive=7)
    sequence = load_sequence(open_source(drive), height=16, width=64, bottom_crop=0.25)
    loaded = SnippetDataset(sequence, augmentation=STRONG, seed=4)
    dataset = LazySnippetDataset(
        kitti_raw_snippets(drive), height=16, width=64, bottom_crop=0.25, augmentation=STRONG, seed=4
    )
    assert len(dataset) == len(loaded) == 3
    for key in ((0, 0), (0, 2), (5, 1)):
        assert same(dataset[key], loaded[key])


def test_k_follows_the_cut_at_the_bottom_and_the_resize(walk: Path) -> None:
    dataset = LazySnippetDataset(folder_snippets(walk), height=9, width=30, bottom_crop=0.25)
    # 18 of 24 rows are left: both scales are a half, of c' = (c + 0.5) / 2 - 0.5
    assert dataset[0].intrinsics.tolist() == [[25.0, 0.0, 15.25], [0.0, 26.0, 6.25], [0.0, 0.0, 1.0]]
    unequal = LazySnippetDataset(folder_snippets(walk), height=24, width=30)
    assert unequal[0].intrinsics.tolist() == [[25.0, 0.0, 15.25], [0.0, 52.0, 13.0], [0.0, 0.0, 1.0]]


def test_the_bottom_rows_are_not_in_the_sample(walk: Path) -> None:
    pixels = np.zeros((24, 60, 3), dtype=np.uint8)
    pixels[18:] = 255
    for number in range(3):
        Image.fromarray(pixels).save(walk / f"{number}.png")
    assert float(LazySnippetDataset(folder_snippets(walk), height=18, width=60, bottom_crop=0.25)[0].frames.max()) == 0
    assert float(LazySnippetDataset(folder_snippets(walk), height=24, width=60)[0].frames.max()) == 1


def test_each_drive_has_its_own_size_and_k(walk: Path) -> None:
    other = walk.parent / "zoo"
    other.mkdir()
    for number in range(3):
        Image.new("RGB", (30, 20), (number, 0, 0)).save(other / f"{number}.png")
    (other / "K.txt").write_text("20 0 14 0 20 9 0 0 1")
    dataset = LazySnippetDataset(folder_snippets(walk.parent), height=12, width=30)
    assert len(dataset) == FRAMES - 2 + 1
    batch = dataset.collate([dataset[0], dataset[FRAMES - 2]])
    assert batch.frames.shape == (2, 3, 3, 12, 30)
    assert batch.intrinsics[:, 0, 0].tolist() == [25.0, 20.0]


def test_a_sample_depends_on_seed_epoch_and_index_alone(walk: Path) -> None:
    first, again = lazy(walk), lazy(walk)
    for _ in range(3):
        again[0, 1]
    assert same(first[2, 4], again[2, 4])
    assert same(first[4], again[0, 4])
    assert not torch.equal(first[2, 4].frames, first[3, 4].frames)
    assert not torch.equal(first[2, 4].frames, lazy(walk, seed=4)[2, 4].frames)
    for index in (-1, FRAMES - 2):
        with pytest.raises(IndexError):
            first[index]


@forks
@pytest.mark.parametrize("damaged", [(), ("3.png",)], ids=["sound", "damaged"])
def test_batches_do_not_depend_on_the_number_of_workers(walk: Path, damaged: tuple[str, ...]) -> None:
    for name in damaged:
        (walk / name).write_bytes(b"")
    alone, many = lazy(walk), lazy(walk)
    for epoch in range(2):
        first, second = batches(alone, workers=0, epoch=epoch), batches(many, workers=2, epoch=epoch)
        assert len(first) == 3
        for one, other in zip(first, second, strict=True):
            assert isinstance(one, ReadSnippet)
            assert isinstance(other, ReadSnippet)
            assert torch.equal(one.jittered, other.jittered)
            assert torch.equal(one.index, other.index)
            assert one.damaged == other.damaged
    assert len(alone.damaged) == len(damaged)
    assert sorted(alone.damaged.lines) == sorted(many.damaged.lines)


def test_the_next_readable_snippet_stands_in_and_the_damaged_file_is_named(walk: Path) -> None:
    sound = lazy(walk)
    kept = [sound[1, index] for index in range(FRAMES - 2)]
    content = (walk / "3.png").read_bytes()
    (walk / "3.png").write_bytes(content[: len(content) // 2])
    dataset = lazy(walk)
    # Frame 3 is in the snippets of the targets 2, 3 and 4, which are 1, 2 and 3 by index.
    assert [dataset[1, index].index for index in range(FRAMES - 2)] == [0, 4, 4, 4, 4, 5]
    assert same(dataset[1, 0], kept[0])
    assert same(dataset[1, 4], kept[4])
    # The changes are those of the snippet that was asked for.
    assert not torch.equal(dataset[1, 2].frames, kept[4].frames)
    assert dataset[1, 4].damaged == ()
    (line,) = dataset[1, 2].damaged
    assert line.startswith(f"{walk / '3.png'}: cannot be read (")
    assert dataset.damaged.lines == (line,)


def test_behind_the_last_snippet_comes_the_first(walk: Path) -> None:
    dataset = lazy(walk)
    (walk / "7.png").unlink()
    assert dataset[0, FRAMES - 3].index == 0


def test_a_frame_of_another_size_counts_as_damaged(walk: Path) -> None:
    Image.new("RGB", (61, 24)).save(walk / "5.png")
    (line,) = lazy(walk)[0, 3].damaged
    assert line == f"{walk / '5.png'}: is 61x24, its drive's frames are 60x24"


def test_more_damaged_files_than_allowed_end_the_reading_and_are_listed(walk: Path) -> None:
    dataset = lazy(walk, skip_limit=1)
    for name in ("2.png", "5.png"):
        (walk / name).write_bytes(b"")
    with pytest.raises(InputError) as caught:
        dataset[0, 0]
    assert str(caught.value) == (
        f"2 files of frames are damaged, 1 is allowed: {walk / '2.png'}: cannot be read (no image); "
        f"{walk / '5.png'}: cannot be read (no image); replace them, or raise --skip_limit "
        "(of a training --data.skip_limit)"
    )


def test_a_data_set_of_which_nothing_can_be_read_is_an_error(walk: Path) -> None:
    dataset = lazy(walk, skip_limit=100)
    for file in walk.glob("*.png"):
        file.write_bytes(b"")
    with pytest.raises(InputError, match=r"not one of its 6 snippets can be read: .*/2\.png"):
        dataset[0, 2]


@forks
def test_an_error_in_a_worker_is_one_line_in_the_training_process(walk: Path) -> None:
    dataset = lazy(walk, skip_limit=0)
    for name in ("1.png", "4.png"):
        (walk / name).write_bytes(b"")
    with pytest.raises(InputError) as caught:
        batches(dataset, workers=2)
    assert str(caught.value).startswith("1 file of frames is damaged, 0 are allowed: ")
    assert "\n" not in str(caught.value)


@forks
def test_files_that_different_workers_met_are_counted_together(walk: Path) -> None:
    dataset = lazy(walk, skip_limit=1)
    (walk / "0.png").write_bytes(b"")
    (walk / "7.png").write_bytes(b"")
    # Snippet 0 has the one, snippet 5 the other: a batch each, and so a worker each.
    keys = [[(0, 0)], [(0, 5)]]
    separate: DataLoader[SnippetSample] = DataLoader(
        dataset, batch_sampler=keys, num_workers=2, collate_fn=dataset.collate
    )
    with pytest.raises(InputError, match="2 files of frames are damaged, 1 is allowed"):
        list(watched(separate, dataset.damaged))


def test_a_damaged_file_counts_once_however_often_it_is_met() -> None:
    damaged = DamagedFrames(2)
    for _ in range(5):
        damaged.add(["a", "b"])
    assert (len(damaged), damaged.lines) == (2, ("a", "b"))
    with pytest.raises(InputError, match=r"4 files .* 2 are allowed: a; b; c; \.\.\.; replace them"):
        damaged.add(["c", "d"])


def test_settings_without_meaning_are_refused(walk: Path) -> None:
    index = folder_snippets(walk, calibration=calibration_from_text("50,50,30,12"))
    for options, message in (
        ({"height": 0, "width": 8}, "processing size 8x0"),
        ({"height": 8, "width": 8, "bottom_crop": 1.0}, "bottom crop 1"),
        ({"height": 8, "width": 8, "skip_limit": -1}, "skip limit -1"),
    ):
        with pytest.raises(InputError, match=message):
            LazySnippetDataset(index, **options)


class TestRealDrives:
    pytestmark = real

    @pytest.mark.parametrize("kind", ["raw", "odometry"])
    def test_real_frames_are_read_to_the_same_bits_as_a_sequence(self, kind: str) -> None:
        if kind == "raw":
            place = SHARED / "kitti_raw" / "2011_09_26" / "2011_09_26_drive_0095_sync"
            index = kitti_raw_snippets(place)
        else:
            place = SHARED / "kitti_odom" / "sequences" / "00"
            index = kitti_odometry_snippets(place)
        sequence = load_sequence(open_source(place), height=96, width=320, limit=12)
        loaded = SnippetDataset(sequence, augmentation=STRONG, seed=2)
        dataset = LazySnippetDataset(index, height=96, width=320, augmentation=STRONG, seed=2)
        for position in (0, 4, 9):
            assert same(dataset[1, position], loaded[1, position])
        assert len(dataset.damaged) == 0
