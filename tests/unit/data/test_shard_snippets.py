"""Snippets out of shards: the bits of the files they were made of, and nothing else of them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import fsspec
import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from triptych.data.augment import Augmentation
from triptych.data.folder_snippets import folder_snippets
from triptych.data.lazy_snippets import LazySnippetDataset
from triptych.data.read_snippets import ReadSnippet, loading_error, watched
from triptych.data.sampler import ResumableSampler
from triptych.data.shard_check import shard_faults
from triptych.data.shard_preparing import prepared_shards
from triptych.data.shard_snippets import ShardSnippetDataset
from triptych.data.snippets import SnippetSample
from triptych.errors import InputError
from triptych.types import Snippet

STRONG = Augmentation(crop=1.3, flip=0.5, jitter=1.0)
SIZE = {"height": 32, "width": 48}
CHUNK_BYTES = 5 * 3 * 32 * 48  # of five frames, so that snippets lie across the ends of chunks
LENGTHS = {"walk": 12, "zoo": 9}
# Forked workers under a process that has threads are what DataLoader does on Linux.
forks = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture(scope="module")
def drives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two drives of noise of different sizes, one of them with a K."""
    root = tmp_path_factory.mktemp("drives")
    random = np.random.default_rng(0)
    for (name, length), size in zip(LENGTHS.items(), ((60, 100, 3), (44, 90, 3)), strict=True):
        (root / name).mkdir()
        for number in range(length):
            Image.fromarray(random.integers(0, 256, size, dtype=np.uint8)).save(root / name / f"{number:03d}.png")
    (root / "walk" / "K.txt").write_text("80 0 51 0 82 28 0 0 1")
    return root


@pytest.fixture(scope="module")
def shards(drives: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards") / "small"
    prepared_shards(folder_snippets(drives), folder, bottom_crop=0.2, chunk_bytes=CHUNK_BYTES, **SIZE)
    return folder


@pytest.fixture
def own_shards(shards: Path, tmp_path: Path) -> Path:
    """A copy to do harm to."""
    folder = tmp_path / "own"
    folder.mkdir()
    for file in shards.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def lazy(drives: Path, *, augmentation: Augmentation | None = STRONG) -> LazySnippetDataset:
    return LazySnippetDataset(
        folder_snippets(drives), bottom_crop=0.2, augmentation=augmentation, seed=3, skip_limit=20, **SIZE
    )


def assert_same(first: SnippetSample, second: SnippetSample) -> None:
    assert torch.equal(first.frames, second.frames)
    assert torch.equal(first.jittered, second.jittered)
    assert torch.equal(first.intrinsics, second.intrinsics)
    assert first.index == second.index


def frame_place(folder: Path, number: int) -> tuple[Path, int]:
    """The chunk of a frame of the first drive, and where its last pixel stands in it."""
    file = folder / f"chunk-{number // 5:06d}.bin"
    item = (file.stat().st_size - 4 * 7) // 5
    return file, 4 * 7 + (number % 5 + 1) * item - 1


def changed(file: Path, place: int) -> None:
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("augmentation", [None, STRONG], ids=["plain", "augmented"])
def test_a_sample_has_the_bits_of_that_read_from_files(
    drives: Path, shards: Path, augmentation: Augmentation | None
) -> None:
    files = lazy(drives, augmentation=augmentation)
    dataset = ShardSnippetDataset(shards, augmentation=augmentation, seed=3)
    assert len(dataset) == len(files) == 17
    assert dataset.size == files.size == (32, 48)
    for index in range(len(dataset)):
        assert_same(dataset[index], files[index])
        assert_same(dataset[4, index], files[4, index])
    for index in (-1, 17):
        with pytest.raises(IndexError):
            dataset[index]


def test_names_drives_and_remarks_are_those_of_the_files(drives: Path, shards: Path) -> None:
    files, dataset = lazy(drives), ShardSnippetDataset(shards)
    assert dataset.snippet_names == files.snippet_names
    assert dataset.name_of(0) == "walk/001"
    assert dataset.name_of(16) == "zoo/007"
    assert dataset.drive_numbers.tolist() == files.drive_numbers.tolist() == [0] * 10 + [1] * 7
    assert dataset.remarks == files.remarks
    assert dataset.name == files.name
    assert torch.equal(dataset.intrinsics(dataset.drive_of(3)), files.intrinsics(files.index.drives[0]))
    with pytest.raises(IndexError):
        dataset.name_of(17)


def test_each_frame_is_stored_once(drives: Path, shards: Path) -> None:
    manifest = ShardSnippetDataset(shards).manifest
    assert manifest.frames == sum(LENGTHS.values())
    assert sum(chunk.bytes for chunk in manifest.chunks) < 1.01 * 21 * 3 * 32 * 48
    assert [drive.assumed_intrinsics for drive in manifest.drives] == [False, True]
    assert manifest.drives[1].full_size == (44, 90)


@pytest.mark.filterwarnings("ignore:The given buffer is not writable:UserWarning")
def test_litdata_itself_reads_the_frames(drives: Path, shards: Path) -> None:
    litdata = pytest.importorskip("litdata.streaming.dataset")
    frames = litdata.StreamingDataset(str(shards))
    assert len(frames) == 21
    sample = ShardSnippetDataset(shards)[3]
    for place, number in enumerate((3, 4, 5)):
        assert torch.equal(frames[number], (sample.frames[place] * 255).round().byte())


@forks
@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_batches_do_not_depend_on_the_processes_that_load(shards: Path, context: str) -> None:
    dataset = ShardSnippetDataset(shards, augmentation=STRONG, seed=3)
    alone, many = (
        list(
            DataLoader(
                dataset,
                batch_size=3,
                sampler=ResumableSampler(len(dataset), batch_size=3, seed=1, epoch=2),
                num_workers=workers,
                collate_fn=dataset.collate,
                multiprocessing_context=context if workers else None,
            )
        )
        for workers in (0, 2)
    )
    assert len(alone) == 6
    for one, other in zip(alone, many, strict=True):
        assert torch.equal(one.jittered, other.jittered)
        assert torch.equal(one.intrinsics, other.intrinsics)
        assert torch.equal(one.index, other.index)


@forks
@pytest.mark.parametrize("offset", [0, 2])
def test_two_ranks_with_two_workers_each_see_every_sample_once(shards: Path, offset: int) -> None:
    def seen(rank: int, start: int) -> list[list[int]]:
        dataset = ShardSnippetDataset(shards)
        sampler = ResumableSampler(len(dataset), batch_size=2, seed=5, rank=rank, world_size=2, epoch=1, offset=start)
        loader: DataLoader[SnippetSample] = DataLoader(
            dataset, batch_size=2, sampler=sampler, num_workers=2, collate_fn=dataset.collate
        )
        return [batch.index.tolist() for batch in watched(loader, dataset.damaged)]  # type: ignore[attr-defined]

    whole = [seen(rank, 0) for rank in (0, 1)]
    every = [index for part in whole for batch in part for index in batch]
    assert len(set(every)) == len(every) == 16  # of 17, as both ranks get as many
    if offset:
        assert [seen(rank, offset) for rank in (0, 1)] == [part[offset:] for part in whole]


@forks
def test_memory_stays_flat_over_ten_thousand_samples(shards: Path) -> None:
    dataset = ShardSnippetDataset(shards, augmentation=Augmentation(crop=1.0, flip=0.1, jitter=0.1))
    keys = [(epoch, index) for epoch in range(589) for index in range(17)][:10_000]
    loader: DataLoader[SnippetSample] = DataLoader(
        dataset,
        batch_size=8,
        sampler=keys,  # type: ignore[arg-type]
        num_workers=1,
        collate_fn=dataset.collate,
    )
    batches = iter(loader)
    (worker,) = batches._workers  # type: ignore[attr-defined]
    resident = {}
    for number, _ in enumerate(batches, start=1):
        if number in (125, 1240):
            resident[number] = resident_kilobytes(worker.pid)
    assert number == 1250
    assert resident[1240] - resident[125] < 4_000, resident


def resident_kilobytes(pid: int) -> int:
    """Memory of a process that is its own (kB)."""
    text = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("RssAnon"))


@pytest.mark.parametrize("scheme", ["memory", "file"])
@pytest.mark.parametrize("limit", [0, 60_000, 10**9], ids=["no cache", "half", "all"])
def test_a_place_of_fsspec_gives_the_same_within_its_cache(
    drives: Path, tmp_path: Path, scheme: str, limit: int
) -> None:
    place = f"memory://bucket-{limit}/shards" if scheme == "memory" else f"file://{tmp_path}/far"
    prepared_shards(folder_snippets(drives), place, bottom_crop=0.2, workers=2, chunk_bytes=CHUNK_BYTES, **SIZE)
    cache = tmp_path / "cache"
    dataset = ShardSnippetDataset(place, augmentation=STRONG, seed=3, cache=cache, cache_limit=limit)
    files = lazy(drives)
    for _ in range(2):
        for index in range(len(dataset)):
            assert_same(dataset[1, index], files[1, index])
    kept = [file.stat().st_size for file in cache.rglob("*.bin")]
    assert sum(kept) <= limit
    # Of five chunks of 23 kB.
    assert len(kept) == ({0: 0, 60_000: 2, 10**9: 5}[limit] if scheme == "memory" else 0)
    assert shard_faults(place) == []


def test_the_cache_follows_when_shards_are_made_anew(drives: Path, tmp_path: Path) -> None:
    place, cache = "memory://again/shards", tmp_path / "cache"
    index = folder_snippets(drives)
    for crop in (0.2, 0.0):
        prepared_shards(index, place, bottom_crop=crop, overwrite=True, chunk_bytes=CHUNK_BYTES, **SIZE)
        dataset = ShardSnippetDataset(place, cache=cache)
        files = LazySnippetDataset(index, bottom_crop=crop, **SIZE)
        assert_same(dataset[5], files[5])
    assert len(list(cache.rglob("chunk-000001.bin"))) == 1


def test_a_chunk_that_arrives_changed_is_named(drives: Path, tmp_path: Path) -> None:
    place = "memory://changed/shards"
    prepared_shards(folder_snippets(drives), place, chunk_bytes=CHUNK_BYTES, **SIZE)
    store = fsspec.filesystem("memory")
    content = store.cat_file("/changed/shards/chunk-000001.bin")
    store.pipe_file("/changed/shards/chunk-000001.bin", content[:-1] + bytes([content[-1] ^ 1]))
    dataset = ShardSnippetDataset(place, cache=tmp_path)
    with pytest.raises(InputError, match=r"chunk-000001\.bin: is not what was written \(checksum\)"):
        dataset[4]
    assert [file.name for file in tmp_path.rglob("*.bin")] == ["chunk-000000.bin"]
    alone = ShardSnippetDataset(place, cache=tmp_path, cache_limit=0)
    # The last of that chunk is frame 9: the next snippet without it stands in.
    assert alone[8].index == 10
    (fault,) = shard_faults(place)
    assert fault == f"{place}/chunk-000001.bin: is not what was written (checksum)"


def test_a_changed_frame_is_named_and_the_next_sound_snippet_stands_in(own_shards: Path) -> None:
    sound = ShardSnippetDataset(own_shards)
    kept = sound[6]
    file, place = frame_place(own_shards, 5)
    changed(file, place)
    dataset = ShardSnippetDataset(own_shards)
    assert [dataset[index].index for index in range(8)] == [0, 1, 2, 6, 6, 6, 6, 7]
    assert_same(dataset[6], kept)
    assert dataset.damaged.lines == (f"{file}: frame 0 is not what was written (checksum)",)
    strict = ShardSnippetDataset(own_shards, skip_limit=0)
    with pytest.raises(InputError, match=r"1 files of frames are damaged, 0 are allowed: .*chunk-000001\.bin"):
        strict[4]


def test_a_chunk_that_is_cut_off_or_missing_is_named(own_shards: Path) -> None:
    file = own_shards / "chunk-000002.bin"
    dataset = ShardSnippetDataset(own_shards)
    length = file.stat().st_size
    os.truncate(file, length - 100)
    with pytest.raises(InputError, match=rf"{file}: has {length - 100} bytes, {length} were written"):
        ShardSnippetDataset(own_shards)
    # It happens while a training runs, too.
    with pytest.raises(InputError, match=rf"{file}: is cut off"):
        [dataset[index] for index in range(17)]
    file.unlink()
    with pytest.raises(InputError, match=rf"{file}: is missing"):
        ShardSnippetDataset(own_shards)
    with pytest.raises(InputError, match=rf"{file}: cannot be read"):
        [dataset[index] for index in range(17)]
    assert shard_faults(own_shards) == [f"{file}: is missing"]


def test_other_files_that_are_changed_are_named(own_shards: Path) -> None:
    for name in ("snippets.npy", "frame_checksums.npy", "frame_names.npy"):
        file = own_shards / name
        content = file.read_bytes()
        changed(file, len(content) - 1)
        with pytest.raises(InputError, match=rf"{file}: is not what was written \(checksum\)"):
            ShardSnippetDataset(own_shards)
        assert shard_faults(own_shards) == [f"{file}: is not what was written (checksum)"]
        file.write_bytes(content)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no manifest of shards"),
        ("[]", "is no manifest of shards"),
        ('{"format_version": 2}', "shards of format 2, this triptych reads 1"),
        ('{"format_version": 1}', "is no manifest of shards"),
    ],
)
def test_a_manifest_that_is_none_is_refused(own_shards: Path, text: str, message: str) -> None:
    (own_shards / "manifest.json").write_text(text)
    with pytest.raises(InputError, match=message):
        ShardSnippetDataset(own_shards)


def test_a_manifest_cannot_lead_out_of_its_place(own_shards: Path) -> None:
    file = own_shards / "manifest.json"
    file.write_text(file.read_text().replace("chunk-000000.bin", "../chunk-000000.bin"))
    with pytest.raises(InputError, match=r"a file named '\.\./chunk-000000\.bin'"):
        ShardSnippetDataset(own_shards)


def test_a_place_without_finished_shards_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no shards are there"):
        ShardSnippetDataset(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no shards are there"):
        ShardSnippetDataset("memory://nowhere/at/all")
    with pytest.raises(InputError, match=r"ne://x: cannot be looked at"):
        ShardSnippetDataset("ne://x")
    (tmp_path / "preparing.json").write_text("{}")
    with pytest.raises(InputError, match="not finished; run their `triptych prepare` again"):
        ShardSnippetDataset(tmp_path)
    with pytest.raises(InputError, match="cache limit -1"):
        ShardSnippetDataset(tmp_path, cache_limit=-1)


class _Slow(torch.utils.data.Dataset[int]):
    """Samples that take long enough to be killed at."""

    def __len__(self) -> int:
        return 100

    def __getitem__(self, index: int) -> int:
        time.sleep(0.2)
        return index


@forks
def test_a_killed_worker_is_one_line_and_no_waiting(shards: Path) -> None:
    damaged = ShardSnippetDataset(shards).damaged
    loader: DataLoader[int] = DataLoader(_Slow(), num_workers=2)
    batches = iter(loader)
    begin = time.monotonic()
    watching = watched(batches, damaged)
    next(watching)
    os.kill(batches._workers[0].pid, signal.SIGKILL)  # type: ignore[attr-defined]
    with pytest.raises(InputError) as caught:
        list(watching)
    told = str(caught.value)
    assert told.startswith("a process that loads data (pid ")
    assert "was killed, mostly as memory ran out; use fewer workers" in told
    assert "\n" not in told
    assert time.monotonic() - begin < 20


def test_other_errors_are_not_explained() -> None:
    assert loading_error(RuntimeError("CUDA out of memory")) is None
    assert loading_error(InputError("no such folder")) is None
    shared = "DataLoader worker (pid 7) is killed by signal: Bus error. Its workers are out of shared memory."
    assert "(pid 7) ran out of shared memory" in str(loading_error(RuntimeError(shared)))
    both = loading_error(RuntimeError("DataLoader worker (pid(s) 7, 8) exited unexpectedly"))
    assert "(pid 7, 8) was killed" in str(both)


def test_a_batch_tells_what_was_damaged(own_shards: Path) -> None:
    file, place = frame_place(own_shards, 2)
    changed(file, place)
    dataset = ShardSnippetDataset(own_shards)
    batch: Snippet = dataset.collate([dataset[1], dataset[8]])
    assert isinstance(batch, ReadSnippet)
    assert batch.damaged == (f"{file}: frame 2 is not what was written (checksum)",)
