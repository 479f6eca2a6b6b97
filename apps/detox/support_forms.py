"""Forms of therapy, adjunct medicines, coping plan and restarts: shape and cleaning, no saving."""

from typing import Any

from django import forms
from django.core.validators import MaxLengthValidator

from apps.clinical.adjuncts import NAMES_KNOWN
from apps.detox.forms import DATE, YesNoField, words_field
from apps.detox.models import CopingPlan, Restart, Therapy
from apps.patients.forms import CountField


class TherapyForm(forms.Form):
    """What, with whom, what for."""

    kind = forms.ChoiceField(
        label="What", choices=Therapy.Kind.choices, widget=forms.RadioSelect,
        error_messages={"required": "Choose what it is."},
    )  # fmt: skip
    with_whom = forms.CharField(
        label="With whom", max_length=200, help_text="Therapist, group or programme, with a phone."
    )
    aim = words_field("What it is to help with", required=False)


class VisitForm(forms.Form):
    """An appointment: did the patient come?"""

    held_on = forms.DateField(label="Day", widget=DATE)
    came = YesNoField(label="Did the patient come?")
    note = words_field("Note", required=False, rows=2)


class EndForm(forms.Form):
    """How a therapy ended."""

    how = forms.ChoiceField(choices=Therapy.Ended.choices)


class AdjunctForm(forms.Form):
    """A medicine given beside the taper."""

    name = forms.CharField(label="Medicine, as prescribed", max_length=120, help_text=NAMES_KNOWN)
    for_what = forms.CharField(label="Against what", max_length=200)
    started_on = forms.DateField(label="Given since", widget=DATE)
    has_read = forms.BooleanField(
        label="I have read what the guideline warns of for this medicine", required=False
    )


class CopingForm(forms.Form):
    """What helps, in the patient's own words: this is what they read at 3 a.m."""

    signs = words_field(
        "How I notice that a hard hour begins", required=False, rows=2,
        help_text="Write with the patient, in their words and their language.",
    )  # fmt: skip
    helps = words_field(
        "What helps me then", rows=5, help_text="One thing on a line. What helped before, first."
    )
    people = words_field(
        "Whom I can call", required=False, rows=2, help_text="Names and numbers, with their leave."
    )
    remember = words_field("What I want to remember", required=False, rows=2)
    based_on = forms.CharField(widget=forms.HiddenInput, required=False, max_length=36)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        for name in ("signs", "people", "remember"):
            self.fields[name].max_length = 1000  # type: ignore[attr-defined]
            self.fields[name].validators.append(MaxLengthValidator(1000))


def on_top_of(form: forms.Form, newest: CopingPlan) -> None:
    """Have a sent form's next save replace this plan, with every typed word kept."""
    form.data = {**form.data.dict(), "based_on": str(newest.pk)}  # type: ignore[attr-defined]


class RestartForm(forms.Form):
    """What is taken again, and what was agreed about it."""

    seen_how = forms.ChoiceField(label="How we know", choices=Restart.Seen.choices)
    taken = forms.CharField(
        label="What is taken", max_length=300, help_text="In the patient's own words."
    )
    days_per_week = CountField(
        label="On how many days a week", what="days", min_value=1, max_value=7,
        help_text="At four or more it is not stopped at once (ASAM-04).",
    )  # fmt: skip
    agreed = forms.ChoiceField(
        label="What we agreed", choices=Restart.Next.choices, widget=forms.RadioSelect,
        error_messages={"required": "Choose what was agreed."},
    )  # fmt: skip
    last_dose_on = forms.DateField(
        label="Last day of use", required=False, widget=DATE,
        help_text="Only when none is taken from now on.",
    )  # fmt: skip
    plan = words_field(
        "The plan", help_text="What helps, who calls when, what happens if it is hard again."
    )

    def clean(self) -> dict[str, Any]:
        """Ask for the last day where use has ended, and drop it where it goes on."""
        values = super().clean() or {}
        if values.get("agreed") != Restart.Next.STOP_AGAIN:
            values["last_dose_on"] = None
        elif values.get("last_dose_on") is None and "last_dose_on" not in self.errors:
            self.add_error("last_dose_on", "Say on which day the last dose was taken.")
        return values
