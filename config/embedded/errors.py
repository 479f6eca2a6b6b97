"""What stops a start: a sentence for the person who typed `make run`."""

UNFIT = 3  # exit code of a child that has already said its sentence


class StartError(Exception):
    """Something a person must put right; the text says what happened and what to do."""
