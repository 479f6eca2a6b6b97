"""How the rota, the clinic's hours, its ladder and one's own addresses are typed in."""

from datetime import datetime, time
from typing import Any

from django import forms

from apps.alerts.forms import ActionForm, PersonChoice
from apps.alerts.ladder import SLOWEST, Level
from apps.alerts.models import (
    ALERT_ROLES,
    ROTA_RUNGS,
    WEEKDAYS,
    CoverPromise,
    RotaChange,
    Shift,
)
from apps.patients.models import Clinic, StaffMember

TIME = {"type": "time", "class": "form-control"}
RUNG_NAMES = ("remind", "backup", "lead", "everyone")
LOCAL = "%Y-%m-%dT%H:%M"


def callable_staff(clinic: Clinic) -> Any:
    """Return who can be put on the rota: active people who may handle alerts."""
    staff = StaffMember.objects.active().filter(clinic=clinic, role__in=ALERT_ROLES)
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
        empty_label="Nobody (leaves a gap)",
    )
    starts_at = forms.DateTimeField(
        label="From", widget=forms.DateTimeInput({"type": "datetime-local"}, format=LOCAL)
    )
    ends_at = forms.DateTimeField(
        label="Until", widget=forms.DateTimeInput({"type": "datetime-local"}, format=LOCAL)
    )
    reason = forms.ChoiceField(label="Why", choices=RotaChange.Reason.choices)

    def __init__(self, *args: Any, shift: Shift, now: datetime, **kwargs: Any) -> None:
        initial = {"starts_at": max(shift.starts_at, now), "ends_at": shift.ends_at}
        super().__init__(*args, initial=initial, **kwargs)
        people = callable_staff(shift.clinic).exclude(pk=shift.member_id)
        self.fields["member"].queryset = people  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Refuse a change that ends before it begins, beside its field."""
        values = super().clean() or {}
        starts_at, ends_at = values.get("starts_at"), values.get("ends_at")
        if starts_at and ends_at and ends_at <= starts_at:
            self.add_error("ends_at", "This is before the change begins.")
        return values


class HoursForm(ActionForm):
    """The clinic's week: each day open from when to when, or closed."""

    cover = forms.ChoiceField(
        label="Somebody is on call",
        choices=CoverPromise.Cover.choices,
        help_text="What you have promised your patients. Gaps in it are shown in red.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for day, name in WEEKDAYS:
            for edge, words in (("opens", "opens"), ("closes", "closes")):
                self.fields[f"{edge}_{day}"] = forms.TimeField(
                    label=f"{name} {words}",
                    required=False,
                    widget=forms.TimeInput(TIME, format="%H:%M"),
                )

    def clean(self) -> dict[str, Any]:
        """Refuse half a day and a day that closes before it opens, beside the field."""
        values = super().clean() or {}
        for day, _ in WEEKDAYS:
            opens, closes = values.get(f"opens_{day}"), values.get(f"closes_{day}")
            if bool(opens) != bool(closes):
                missing = f"closes_{day}" if opens else f"opens_{day}"
                self.add_error(missing, "Give both times, or none for a day that is closed.")
            elif opens and closes and closes <= opens:
                self.add_error(f"closes_{day}", "This is before it opens.")
        return values

    @property
    def hours(self) -> dict[int, tuple[time, time]]:
        """The days that are open, as `set_hours` takes them."""
        values = self.cleaned_data
        return {
            day: (values[f"opens_{day}"], values[f"closes_{day}"])
            for day, _ in WEEKDAYS
            if values[f"opens_{day}"]
        }


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
