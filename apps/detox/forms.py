"""Forms of level of care, directory, referral and discharge: shape and cleaning, no saving."""

from datetime import date, datetime
from typing import Any, Final

from django import forms
from django.utils import timezone

from apps.clinical.level_of_care import level_of_care_prompts
from apps.clinical.risk import RiskResult
from apps.detox.models import CareAssessment, Discharge, Facility, Referral
from apps.detox.models.referral import HOURS_AT_MOST
from apps.patients.forms import CountField
from apps.patients.moments import MomentField
from apps.patients.refusals import OneOf

YES_NO: Final = [("yes", "Yes"), ("no", "No")]
DATE: Final = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


class YesNoField(forms.TypedChoiceField):
    """A question that is answered by a tap: no answer is never a no."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            choices=YES_NO, coerce=lambda value: value == "yes", widget=forms.RadioSelect,
            error_messages={"required": "Answer yes or no."}, **kwargs,
        )  # fmt: skip


def words_field(label: str, *, required: bool = True, rows: int = 3, help_text: str = "",
                initial: str = "") -> forms.CharField:  # fmt: skip
    """Return a field for a person's own words."""
    return forms.CharField(
        label=label, required=required, max_length=2000, help_text=help_text, initial=initial,
        widget=forms.Textarea(attrs={"rows": rows}),
    )  # fmt: skip


class CareLevelForm(forms.Form):
    """The three questions of ASAM-07, what is decided, and why if it differs."""

    harm = YesNoField()
    unmanageable = YesNoField()
    severe_withdrawal = YesNoField()
    decided = forms.ChoiceField(
        label="You decide", choices=CareAssessment.Level.choices, widget=forms.RadioSelect,
        error_messages={"required": "Choose the level of care."},
    )  # fmt: skip
    sign_off = words_field(
        "Why you decide otherwise", required=False,
        help_text="Needed when you decide something else than the answers suggest. Kept with your "
        "name.",
    )  # fmt: skip

    def __init__(self, *args: Any, risk: RiskResult, factor_words: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = ("harm", "unmanageable", "severe_withdrawal")
        for name, prompt in zip(names, level_of_care_prompts(risk), strict=True):
            field = self.fields[name]
            field.label = prompt.question
            hint = f"Suggests yes: {factor_words(prompt.because)}. " if prompt.because else ""
            field.help_text = f"{hint}{prompt.source}"


class ReferForm(forms.Form):
    """Where to and why; everything is filled in, so that two taps are enough."""

    facility = OneOf(
        label="Detox unit", queryset=Facility.objects.none(), empty_label=None,
        error_messages={"required": "Choose a unit.", "invalid_choice": "Choose a unit."},
    )  # fmt: skip
    reason = words_field("Why")
    how = forms.ChoiceField(label="How it reaches them", choices=Referral.How.choices)
    last_dose_at = MomentField(
        label="Last dose taken", required=False,
        help_text="If you know it. Blank: as the check-ins say.",
    )  # fmt: skip

    def __init__(self, *args: Any, clinic_id: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["facility"].queryset = Facility.objects.open_to(clinic_id)  # type: ignore[attr-defined]

    def clean_last_dose_at(self) -> datetime | None:
        """Refuse a moment that has not come: a unit doses by this."""
        taken: datetime | None = self.cleaned_data["last_dose_at"]
        if taken is not None and taken > timezone.now():
            raise forms.ValidationError("This moment has not come yet.")
        return taken


class MoveForm(forms.Form):
    """What the unit or the patient said."""

    to = forms.ChoiceField(choices=Referral.Status.choices, widget=forms.HiddenInput)
    admitted_at = MomentField(label="Admitted at", required=False)
    note = words_field("Note", required=False, rows=2)


class FacilityForm(forms.Form):
    """A unit of the directory."""

    name = forms.CharField(label="Name", max_length=120)
    phone = forms.CharField(label="Phone for referrals", max_length=40)
    address = forms.CharField(label="Address", max_length=240, required=False)
    takes = forms.CharField(
        label="Whom it takes", max_length=300, required=False,
        help_text="Such as: adults, pregnancy yes, no walk-ins, phone before 16:00.",
    )  # fmt: skip
    answer_hours = CountField(
        label="Hours until it answers", what="hours", min_value=1, max_value=HOURS_AT_MOST,
        initial=4, help_text="Then a task and an alert ask somebody to call.",
    )  # fmt: skip
    arrive_hours = CountField(
        label="Hours from acceptance to arrival", what="hours", min_value=1,
        max_value=HOURS_AT_MOST, initial=24,
    )  # fmt: skip
    is_own = forms.BooleanField(
        label="These are beds of our own: rounds and doses are recorded here", required=False
    )
    is_preferred = forms.BooleanField(label="Offer this unit first", required=False)
    is_active = forms.BooleanField(label="We refer to it", required=False, initial=True)


class DischargeForm(forms.Form):
    """When the patient came home and what is still taken."""

    discharged_at = MomentField(label="Discharged at")
    left = forms.ChoiceField(
        label="What is left", choices=Discharge.Left.choices, widget=forms.RadioSelect,
        error_messages={"required": "Choose what is left to taper."},
    )  # fmt: skip
    taken = forms.CharField(
        label="What is taken now", max_length=300, required=False,
        help_text="As the unit's letter says it: medicine, milligrams at each time of day.",
    )  # fmt: skip
    last_dose_on = forms.DateField(
        label="Day of the last dose", required=False, widget=DATE,
        help_text="Only when none is taken any more.",
    )  # fmt: skip
    short_because = words_field(
        "Why none after a short stay", required=False,
        help_text="Only when none is taken any more after less than 72 hours in the unit: a second "
        "prescriber reads this and has to sign, too.",
    )  # fmt: skip
    summary = forms.CharField(
        label="What happened in the unit", max_length=4000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="Course, what was given, complications, what the unit asks of you.",
    )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """Ask for what belongs to the answer, and drop what does not."""
        values = super().clean() or {}
        left = values.get("left")
        if left == Discharge.Left.SOME:
            values["last_dose_on"] = None
            if not values.get("taken", "").strip():
                self.add_error("taken", "Write what is still taken: the rest is tapered from it.")
        elif left == Discharge.Left.NONE:
            values["taken"] = ""
            is_missing = not isinstance(values.get("last_dose_on"), date)
            if is_missing and "last_dose_on" not in self.errors:
                self.add_error("last_dose_on", "Say on which day the last dose was taken.")
        return values
