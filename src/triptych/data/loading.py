"""What a DataLoader gives, watched: damaged files counted in this process, its errors told in a line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from triptych.data.read_snippets import DamagedFrames, ReadSnippet
from triptych.errors import InputError
from triptych.types import Snippet

WORKER_ERROR = "Caught "  # how torch begins the text of an error that a loading process had
WORKER_END = re.compile(r"DataLoader worker \(pid(?:\(s\))? (?P<pids>[\d, ]+)\)")  # and of one that ended


def watched(batches: Iterable[Snippet], damaged: DamagedFrames) -> Iterator[Snippet]:
    """The batches of a DataLoader, with the damaged files they met counted in this process.

    An InputError of a loading process, which torch wraps in its traceback, is one line again;
    so is that a loading process was ended from outside.

    Args:
        batches: of `ReadSnippets.collate`; others pass.
        damaged: the count, that of the data set in this process.

    Raises:
        InputError: more files are damaged than are allowed, what a loading process raised,
            or one was killed.
    """
    source = iter(batches)
    try:
        for batch in source:
            if isinstance(batch, ReadSnippet):
                damaged.add(batch.damaged)
            yield batch
    except BaseException as error:
        # Left to the garbage collector, processes after an error are waited for ten seconds.
        getattr(source, "_shutdown_workers", lambda: None)()
        told = loading_error(error)
        if told is None:
            raise
        raise told from None


def loading_error(error: BaseException) -> InputError | None:
    """One line for what torch says of a process that loads; None for any other error.

    That one was killed, torch may also raise outside of the loading, by a signal.

    Args:
        error: what was caught.
    """
    text = str(error)
    if isinstance(error, InputError) and text.startswith(WORKER_ERROR):
        return InputError(text.rstrip().splitlines()[-1].partition(": ")[2])
    ended = WORKER_END.match(text) if isinstance(error, RuntimeError) else None
    if ended is None:
        return None
    reason = "ran out of shared memory" if "shared memory" in text else "was killed, mostly as memory ran out"
    return InputError(f"a process that loads data (pid {ended['pids']}) {reason}; use fewer workers, or free memory")
