"""The commands: parse, build, run; the only place that prints.

Each command is a file that knows its arguments and its run; torch is imported only
when a command runs, so that help comes at once.
"""

from triptych.cli.main import main

__all__ = ["main"]
