"""A day and a time as typed: on the reader's clock, in the hour that comes twice too."""

from datetime import UTC, datetime
from typing import Any, Final

from django import forms
from django.utils import timezone

FORMAT: Final = "%Y-%m-%dT%H:%M"
AMBIGUOUS: Final = "ambiguous_timezone"  # Django's code: the hour comes twice, or not at all
NO_SUCH_HOUR: Final = (
    "This time does not exist on that day: the clocks were put forward. Take the time after it, "
    "or the one before."
)


class MomentField(forms.DateTimeField):
    """A moment on the clock of the time zone in force.

    When clocks are put back, an hour comes twice. It is never refused: somebody signs a dose in
    it. It is the second time round once that is not to come, and the first time round before;
    so what a form fills in as now is taken as now. When clocks are put forward, an hour is left
    out; that is said in plain words.
    """

    def __init__(self, **kwargs: Any) -> None:
        invalid = "Takes a day and a time, such as 2026-11-23 14:30."
        kwargs["error_messages"] = {"invalid": invalid} | kwargs.get("error_messages", {})
        kwargs.setdefault("widget", moment_input())
        super().__init__(input_formats=[FORMAT, "%Y-%m-%d %H:%M"], **kwargs)

    def to_python(self, value: Any) -> datetime | None:
        """Return the moment. Raises `ValidationError` for what is no time or is left out."""
        try:
            return super().to_python(value)
        except forms.ValidationError as error:
            if error.code != AMBIGUOUS:
                raise
        with timezone.override(UTC):  # a clock on which every time is there once
            typed = super().to_python(value)
        return None if typed is None else settled(typed.replace(tzinfo=None), timezone.now())


def settled(typed: datetime, now: datetime) -> datetime:
    """Return which moment a clock's time is that comes twice: the last one that is not to come.

    Where both are to come it is the first. Raises `ValidationError` for a time that is left out.
    """
    zone = timezone.get_current_timezone()
    first, second = (typed.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != typed:
        raise forms.ValidationError(NO_SUCH_HOUR, code="left_out")
    return second if second.astimezone(UTC) <= now else first


def moment_input(**attrs: Any) -> forms.DateTimeInput:
    """Return the browser's own box for a day and a time."""
    return forms.DateTimeInput(format=FORMAT, attrs={"type": "datetime-local", **attrs})
