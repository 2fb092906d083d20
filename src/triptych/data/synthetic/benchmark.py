"""The benchmark `streets`: a fixed set of clips of worlds that nothing is learned from.

`streets` itself are the test worlds, which decide nothing; `streets_validation`, made alike of
the validation worlds, is for the choice of settings.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Literal

from triptych.data.synthetic.families import FAMILIES
from triptych.data.synthetic.random_world import Recipe, filmed_clip, random_recipe, rendered_sequence
from triptych.errors import InputError
from triptych.formats.atomic import atomic_path
from triptych.formats.clips import save_clip
from triptych.types import FrameSequence, SyntheticClip

BenchmarkPart = Literal["validation", "test"]

MANIFEST = "benchmark.json"
NAMES: dict[BenchmarkPart, str] = {"test": "streets", "validation": "streets_validation"}
VERSION = 1
"""Raised whenever a clip changes: figures of two versions are not comparable."""

CLIPS = 12
"""Of a benchmark, its families by turns."""
FRAMES = 16
SIZE = (128, 384)
"""Height and width of the benchmark proper (px); at another size it is another benchmark, and named so."""


@dataclass(frozen=True)
class Benchmark:
    """Clips on the disk.

    Attributes:
        name: with the version.
        clips: a folder for each.
    """

    name: str
    clips: tuple[Path, ...]


def benchmark_clip(part: BenchmarkPart, number: int, *, size: tuple[int, int] = SIZE) -> SyntheticClip:
    """A clip of a benchmark.

    Args:
        part: `test` for `streets`, `validation` for its counterpart.
        number: from 0.
        size: height and width (px).
    """
    return filmed_clip(_recipe(part, number), frames=FRAMES, height=size[0], width=size[1])


def write_benchmark(
    folder: Path,
    part: BenchmarkPart,
    *,
    size: tuple[int, int] = SIZE,
    progress: Callable[[int, int], None] | None = None,
) -> Benchmark:
    """Render the clips into an empty folder, and a manifest with the hash of their worlds.

    Args:
        folder: where.
        part: whose worlds.
        size: height and width (px).
        progress: told (done, to do) clips.

    Raises:
        InputError: the place cannot be written to.
    """
    names = []
    for number in range(CLIPS):
        clip = benchmark_clip(part, number, size=size)
        save_clip(folder / clip.name, clip)
        names.append(clip.name)
        if progress is not None:
            progress(number + 1, CLIPS)
    name = NAMES[part] if size == SIZE else f"{NAMES[part]} at {size[0]}x{size[1]}"
    content = {"name": name, "version": VERSION, "worlds": worlds_hash(part), "clips": names}
    with atomic_path(folder / MANIFEST) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return load_benchmark(folder)


def load_benchmark(folder: Path) -> Benchmark:
    """The benchmark in a folder.

    Raises:
        InputError: there is none, it is of another version, or a clip is missing.
    """
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        name, version, names = content["name"], content["version"], list(content["clips"])
        worlds = content["worlds"]
        if not all(isinstance(clip, str) for clip in names):
            raise TypeError("clips: are names of folders")
    except FileNotFoundError:
        raise InputError(
            f"{folder}: holds no {MANIFEST}; make it by `triptych prepare synthetic --benchmark`"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: is damaged; prepare the benchmark anew") from error
    if version != VERSION:
        raise InputError(
            f"{path}: is version {version} of the benchmark, and this triptych makes {VERSION}; prepare anew"
        )
    missing = [clip for clip in names if not (folder / clip).is_dir()]
    if missing or not names:
        raise InputError(f"{folder}: {missing[0] if missing else 'every clip'} is missing; prepare the benchmark anew")
    return Benchmark(f"{name}, version {version}, worlds {worlds}", tuple(folder / clip for clip in names))


def worlds_hash(part: BenchmarkPart) -> str:
    """SHA-256 of what the worlds of a benchmark are made from, the first 16 digits; the same on any machine."""
    text = "\n".join(repr(astuple(_recipe(part, number))) for number in range(CLIPS))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _recipe(part: BenchmarkPart, number: int) -> Recipe:
    families = list(FAMILIES[part])
    return random_recipe(part, number, family=families[number % len(families)])


def clip_sequence(clip: SyntheticClip) -> FrameSequence:
    """The frames of a clip as if read from a file with a calibration."""
    return rendered_sequence(clip.images, clip.intrinsics, frame_rate=clip.frame_rate, name=clip.name)
