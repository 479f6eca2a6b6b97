"""The one error of this package: a sentence for the person who typed `make run`."""


class StartError(Exception):
    """Something a person must put right; the text says what happened and what to do."""
