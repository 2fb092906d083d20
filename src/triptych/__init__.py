"""Triptych: depth, camera motion and optical flow from plain video, learned without labels."""

from triptych.errors import InputError as InputError

__version__ = "0.1.0"

_OF_LIBRARY = ("ClipPrediction", "Model", "PairFlow", "load")
"""Imported from `triptych.library` when they are asked for: torch takes seconds. Types are in `__init__.pyi`."""


def __getattr__(name: str) -> object:
    """A name of `triptych.library`."""
    if name not in _OF_LIBRARY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module("triptych.library"), name)


def __dir__() -> list[str]:
    """The names of the package."""
    return sorted({*globals(), *_OF_LIBRARY})
