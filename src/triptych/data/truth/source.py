"""What every source of truth offers, whatever it reads."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar, final

from triptych.errors import InputError
from triptych.types import DepthTruth, FlowTruth

Truth = TypeVar("Truth", bound=DepthTruth | FlowTruth)


@final
@dataclass(frozen=True)
class TruthSource(Generic[Truth]):
    """Truth of several images, by position or by name; each is read when it is asked for.

    Nothing is kept once it is returned, so that going through all needs the memory of one.

    Attributes:
        names: of the images, each once.
        read: gives the truth of the image at a position of `names`.
        place: what is read, for messages.

    Raises:
        InputError: there is no image, or a name comes twice.
    """

    names: tuple[str, ...]
    read: Callable[[int], Truth]
    place: Path

    def __post_init__(self) -> None:
        if not self.names:
            raise InputError(f"{self.place}: holds no truth; name the folder that the data set was unpacked into")
        seen: set[str] = set()
        for name in self.names:
            if name in seen:
                raise InputError(f"{self.place}: {name} comes twice; each image must have a name of its own")
            seen.add(name)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.names)

    def __iter__(self) -> Iterator[Truth]:
        """The truths in order, one at a time."""
        return (self.read(index) for index in range(len(self.names)))

    def load(self, index: int) -> Truth:
        """The truth of the image at a position; negative ones count from the end.

        Raises:
            IndexError: there is no such position.
            InputError: its file cannot be read.
        """
        return self.read(range(len(self.names))[index])

    def position(self, name: str) -> int:
        """Where a name stands.

        Raises:
            InputError: the source has no such image.
        """
        try:
            return self.names.index(name)
        except ValueError:
            raise InputError(f"{self.place}: has no {name}; it has {len(self)}, from {self.names[0]} on") from None


DepthSource = TruthSource[DepthTruth]
FlowSource = TruthSource[FlowTruth]


def chosen_names(held: Collection[str], *, names: Collection[str] | None, place: Path) -> tuple[str, ...]:
    """The names to go through: those asked for, in their order, or all that are held, sorted.

    Args:
        held: names that the place has.
        names: those asked for, if not all.
        place: where they were looked for, for messages.

    Raises:
        InputError: one that is asked for is not held.
    """
    if names is None:
        return tuple(sorted(held))
    missing = [name for name in names if name not in held]
    if missing:
        raise InputError(
            f"{place}: lacks {len(missing)} of {len(names)} images asked for, the first is {missing[0]}; "
            "complete the folder or shorten the list"
        )
    return tuple(names)


def check_complete(files: Collection[Path], *, what: str) -> None:
    """Raise InputError where files are missing, with their number and the first of them."""
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(files)} {what} are missing, the first is {missing[0]}; "
            "complete the folder or choose fewer images"
        )
