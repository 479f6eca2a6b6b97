"""How the rota, the clinic's hours, its ladder and one's own addresses are typed in."""

import re
from datetime import datetime, time
from itertools import pairwise
from typing import Any, Final

from django import forms

from apps.alerts.forms import ActionForm, PersonChoice
from apps.alerts.ladder import SLOWEST, Level
from apps.alerts.models import (
    ROTA_RUNGS,
    WEEKDAYS,
    CoverPromise,
    RotaChange,
    Shift,
    may_act,
)
from apps.alerts.models.hours import MIDNIGHT
from apps.patients.models import Clinic, StaffMember
from apps.patients.moments import MomentField

TIME = {"type": "time", "class": "form-control"}
RUNG_NAMES = ("remind", "backup", "lead", "everyone")
# 8:00 to 12:00, 08:00-12:00, 8-12
STRETCH: Final = re.compile(r"(\d{1,2})(?:[:.](\d\d))?\s*(?:to|-|–)\s*(\d{1,2})(?:[:.](\d\d))?")


def callable_staff(clinic: Clinic) -> Any:
    """Return who can be put on the rota: active people who may handle alerts."""
    staff = StaffMember.objects.filter(may_act(), clinic=clinic)
    return staff.select_related("user", "clinic")


class TurnForm(ActionForm):
    """The same hours on several weekdays for one person."""

    button = "Add to the week"
    member = PersonChoice(label="Who", queryset=StaffMember.objects.none(), empty_label="Choose …")
    rung = forms.ChoiceField(label="As", choices=ROTA_RUNGS)
    weekdays = forms.TypedMultipleChoiceField(
        label="On", choices=WEEKDAYS, coerce=int, widget=forms.CheckboxSelectMultiple
    )
    starts = forms.TimeField(label="From", widget=forms.TimeInput(TIME, format="%H:%M"))
    ends = forms.TimeField(
        label="Until",
        widget=forms.TimeInput(TIME, format="%H:%M"),
        help_text="At or before “from” means the next day.",
    )

    def __init__(self, *args: Any, clinic: Clinic, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["member"].queryset = callable_staff(clinic)  # type: ignore[attr-defined]


class ShiftChangeForm(ActionForm):
    """Who takes a shift, or part of it, instead."""

    button = "Change the rota"
    member = PersonChoice(
        label="Who takes it",
        queryset=StaffMember.objects.none(),
        required=False,
        empty_label="Choose …",
    )
    leave_gap = forms.BooleanField(label="Nobody: leave a gap", required=False)
    starts_at = MomentField(label="From")
    ends_at = MomentField(label="Until")
    reason = forms.ChoiceField(label="Why", choices=RotaChange.Reason.choices)

    def __init__(self, *args: Any, shift: Shift, now: datetime, **kwargs: Any) -> None:
        initial = {"starts_at": max(shift.starts_at, now), "ends_at": shift.ends_at}
        super().__init__(*args, initial=initial, **kwargs)
        people = callable_staff(shift.clinic).exclude(pk=shift.member_id)
        self.fields["member"].queryset = people  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Refuse a change that ends before it begins, and a gap that nobody asked for."""
        values = super().clean() or {}
        leave_gap = values.pop("leave_gap", False)
        if leave_gap == bool(values.get("member")) and "member" not in self.errors:
            self.add_error("member", "Choose who takes it, or tick that nobody does.")
        starts_at, ends_at = values.get("starts_at"), values.get("ends_at")
        if starts_at and ends_at and ends_at <= starts_at:
            self.add_error("ends_at", "This is before the change begins.")
        return values


class StretchesField(forms.CharField):
    """The stretches of one day as a person writes them: 8:00 to 12:00, 13:00 to 17:00.

    Gives a list of (opens, closes) by time; a day that closes at midnight closes at 00:00.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            required=False,
            max_length=120,
            widget=forms.TextInput({"class": "form-control"}),
            **kwargs,
        )

    def prepare_value(self, value: Any) -> Any:
        """Show stored stretches as they may be typed; what was typed stays as it is."""
        if not isinstance(value, list):
            return value
        ends = [(f"{a:%H:%M}", "24:00" if b == MIDNIGHT else f"{b:%H:%M}") for a, b in value]
        return ", ".join(f"{opens} to {closes}" for opens, closes in ends)

    def to_python(self, value: Any) -> list[tuple[time, time]]:  # type: ignore[override]
        """Read the stretches; refuse what is no time, and two that overlap."""
        typed = [part for part in (value or "").replace(";", ",").split(",") if part.strip()]
        found = sorted(read_stretch(part) for part in typed)
        for (_, closes), (opens, _) in pairwise(found):
            if closes == MIDNIGHT or opens < closes:
                raise forms.ValidationError("Two of these times overlap.")
        return found


def read_stretch(typed: str) -> tuple[time, time]:
    """Return what one stretch says, such as 8:00 to 12:00 or 13-17."""
    match = STRETCH.fullmatch(typed.strip())
    if match is None:
        raise forms.ValidationError(f"Write “{typed.strip()}” like this: 8:00 to 12:00.")
    hours, minutes = [int(match[1]), int(match[3])], [int(match[2] or 0), int(match[4] or 0)]
    if hours[1] == 24 and minutes[1] == 0:
        hours[1] = 0
    if max(hours) > 23 or max(minutes) > 59:
        raise forms.ValidationError(f"“{typed.strip()}” is no time of a day.")
    opens, closes = time(hours[0], minutes[0]), time(hours[1], minutes[1])
    if closes <= opens and closes != MIDNIGHT:
        raise forms.ValidationError(
            f"“{typed.strip()}” closes before it opens. Write a night as two days: 20:00 to 24:00, "
            "and 0:00 to 6:00 on the next."
        )
    return opens, closes


class HoursForm(ActionForm):
    """The clinic's week: the stretches in which it is open on each day, or closed."""

    cover = forms.ChoiceField(
        label="Somebody is on call",
        choices=CoverPromise.Cover.choices,
        help_text="What you have promised your patients. Gaps in it are shown in red.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for day, name in WEEKDAYS:
            self.fields[f"open_{day}"] = StretchesField(label=f"{name}, open")

    @property
    def hours(self) -> dict[int, list[tuple[time, time]]]:
        """The days that are open, as `set_hours` takes them."""
        days = {day: self.cleaned_data[f"open_{day}"] for day, _ in WEEKDAYS}
        return {day: stretches for day, stretches in days.items() if stretches}


class ClosedDayForm(ActionForm):
    """A holiday."""

    button = "Add this day"
    style = "btn-secondary"
    day = forms.DateField(label="Day", widget=forms.DateInput({"type": "date"}))
    name = forms.CharField(label="What it is", max_length=60)


class LadderForm(ActionForm):
    """When the rungs of one level are climbed; never slower than the reviewed defaults."""

    button = "Save this ladder"
    style = "btn-secondary"
    remind = forms.IntegerField(label="Remind the person on call", min_value=1)
    backup = forms.IntegerField(label="Backup", min_value=1)
    lead = forms.IntegerField(label="Lead", min_value=1)
    everyone = forms.IntegerField(label="Everyone", min_value=1)

    def __init__(self, *args: Any, level: str, **kwargs: Any) -> None:
        super().__init__(*args, prefix=level, **kwargs)
        self.level = level
        unit = "minutes" if level == Level.EMERGENCY else "per cent"
        for field in self.fields.values():
            field.label = f"{field.label}, {unit}"
        if level == Level.EMERGENCY:
            del self.fields["remind"]

    def clean(self) -> dict[str, Any]:
        """Refuse a rung that comes before the one below it or waits longer than the default."""
        values = super().clean() or {}
        slowest = dict(zip(RUNG_NAMES, SLOWEST[self.level], strict=True))
        unit = "minutes" if self.level == Level.EMERGENCY else "per cent"
        before, default_before = 0, 0
        for name in self.fields:
            value, default = values.get(name), slowest[name] or 0
            if value is None:
                return values
            longest = default - default_before
            if value < before or (value == before and name == "backup"):
                self.add_error(name, f"This is before the rung below it ({before} {unit}).")
            elif value - before > longest:
                self.add_error(
                    name, f"At most {before + longest} {unit}: {longest} after the rung below it."
                )
            before, default_before = value, default
        return values
