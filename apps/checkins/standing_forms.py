"""What a prescriber types for a standing order."""

from typing import Any
from uuid import UUID

from django import forms

from apps.checkins.models import StandingOrder
from apps.checkins.models.standing import DAYS_AT_MOST, LATEST_DAY
from apps.patients.models import StaffMember
from apps.patients.permissions import RIGHTS, Right
from apps.patients.refusals import OneOf


class OrderForm(forms.Form):
    """A template: its name, what is done, on which days after each step."""

    name = forms.CharField(
        label="Name of the order", max_length=80,
        help_text="For example: another team member follows up the taper.",
        error_messages={"required": "Give the order a name."},
    )  # fmt: skip
    title = forms.CharField(
        label="What is to be done", max_length=120,
        help_text="It stands on the board in these words, such as: call and ask how it goes.",
        error_messages={"required": "Say what is to be done."},
    )  # fmt: skip
    days = forms.CharField(
        label="How many days after a step begins", max_length=60,
        help_text="One number or several with commas; 0 is the day the step begins.",
        error_messages={"required": "Write one number of days, or several."},
    )  # fmt: skip

    def clean_days(self) -> list[int]:
        """Return the days in order, each once."""
        parts = self.cleaned_data["days"].replace(",", " ").split()
        if not parts or not all(part.isascii() and part.isdigit() for part in parts):
            raise forms.ValidationError("Write whole numbers with commas, such as: 3, 10.")
        days = sorted({int(part) for part in parts})
        if days[-1] > LATEST_DAY or len(days) > DAYS_AT_MOST:
            raise forms.ValidationError(
                f"At most {DAYS_AT_MOST} numbers, each from 0 to {LATEST_DAY}."
            )
        return days


class DutyForm(forms.Form):
    """Which order is in force for a patient, and who does it."""

    order = OneOf(
        label="Standing order", queryset=StandingOrder.objects.none(), empty_label="Choose …",
        error_messages={"required": "Choose an order."},
    )  # fmt: skip
    owner = OneOf(
        label="Who does it", queryset=StaffMember.objects.none(), required=False,
        empty_label="The team: whoever is free",
    )  # fmt: skip

    def __init__(self, *args: Any, clinic_id: UUID, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        orders = StandingOrder.objects.filter(clinic_id=clinic_id, ended_at__isnull=True)
        self.fields["order"].queryset = orders  # type: ignore[attr-defined]
        able = [role for role, rights in RIGHTS.items() if Right.HANDLE_ALERTS in rights]
        people = StaffMember.objects.active().filter(clinic_id=clinic_id, role__in=able)
        self.fields["owner"].queryset = people.select_related("user")  # type: ignore[attr-defined]
