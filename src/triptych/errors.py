"""The one error that a user can cause and mend."""


class InputError(ValueError):
    """Something given from outside cannot be used.

    The message is one line: what was wrong, where, and what to do. The command
    line prints it without a traceback and exits with code 2.
    """
