"""The one error that a user can cause and mend."""

import sys


class InputError(ValueError):
    """Something given from outside cannot be used.

    The message is one line: what was wrong, where, and what to do. The command
    line prints it without a traceback and exits with code 2.
    """


def installing(extra: str) -> str:
    """How an extra is installed for this Python, in words for an error."""
    return f"in the checkout, {sys.executable} -m pip install -e '.[{extra}]'"
