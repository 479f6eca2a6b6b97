"""What the actions of every app refuse with a sentence that stands beside a field."""


class FieldError(ValueError):
    """Why this cannot be; the text is for the reader, beside `field` of the form where it has one.

    A field of None stands for the whole form.
    """

    def __init__(self, text: str, field: str | None = None) -> None:
        """Say what is wrong and which field would help."""
        super().__init__(text)
        self.field = field
