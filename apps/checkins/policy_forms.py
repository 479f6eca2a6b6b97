"""What a clinical lead decides about check-ins, as a form."""

from typing import Final

from django import forms

from apps.checkins.models.task import CARE_LEVEL_DAYS_AT_MOST, HOSPITAL_DAYS_AT_MOST
from apps.patients.forms import CountField

FIELDS: Final = ("hold_on_request", "usual_time", "second_mail_hours", "requests_until",
                "hospital_days", "care_level_days")  # fmt: skip


class PolicyForm(forms.Form):
    """What a clinic decides about check-ins."""

    hold_on_request = forms.BooleanField(
        required=False,
        label="Hold the next reduction as soon as a patient asks to stay",
        help_text="Today's dose stays as it is. Without this the wish is a task, and a person "
        "decides.",
    )
    usual_time = forms.TimeField(
        label="Ask patients at",
        help_text="On the patient's own clock, until they choose another time. Patients who are "
        "asked already keep their time.",
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"invalid": "Write a time, like 09:00.", "required": "Write a time."},
    )
    second_mail_hours = CountField(
        what="hours",
        min_value=1, max_value=12,
        label="Second mail after (hours)",
        help_text="From 1 to 12 hours after the first mail of a day. A weekly one is repeated "
        "after 8 hours.",
    )  # fmt: skip
    requests_until = forms.TimeField(
        label="Meet requests by",
        help_text="On the clinic's clock. What is asked for later is due two hours after it came.",
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"invalid": "Write a time, like 17:00.", "required": "Write a time."},
    )
    hospital_days = CountField(
        what="days", min_value=1, max_value=HOSPITAL_DAYS_AT_MOST,
        label="Ask about patients in hospital after (days)",
        help_text="In hospital nobody is reminded and no silence alerts. After so many days a task "
        "asks whether the patient is still there, and again so long after each answer.",
    )  # fmt: skip
    care_level_days = CountField(
        what="days", min_value=1, max_value=CARE_LEVEL_DAYS_AT_MOST,
        label="Answers on the level of care let a plan start for (days)",
        help_text="Older ones are asked anew before a plan starts. A severe sign asks anew at "
        "once, whatever stands here.",
    )  # fmt: skip
    version = forms.IntegerField(widget=forms.HiddenInput)
