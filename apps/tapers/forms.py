"""The simple plan form: percent of the current dose, rounded to what tablets give."""

from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Column, Layout, Row, Submit
from django import forms
from django.utils import timezone

from apps.patients.models import Patient


class PlanForm(forms.Form):
    """What the engine is asked; defaults are the guideline's (ASAM-08: 10 % every 14 days)."""

    start_on = forms.DateField(
        label="Present dose from", widget=forms.DateInput(attrs={"type": "date"}),
        help_text="The first cut comes one interval later.",
    )  # fmt: skip
    percent = forms.CharField(
        label="Cut, percent of the current dose", initial="10", max_length=5,
        widget=forms.TextInput(attrs={"inputmode": "decimal"}), help_text="Usually 5 to 10.",
    )  # fmt: skip
    interval_days = forms.IntegerField(
        label="Days between cuts", initial=14, min_value=7, max_value=28,
        help_text="7 to 28; usually 14 to 28.",
    )  # fmt: skip
    goal_mg = forms.CharField(
        label="Goal (mg a day)", initial="0", max_length=8,
        widget=forms.TextInput(attrs={"inputmode": "decimal"}), help_text="0 is a full stop.",
    )  # fmt: skip

    def __init__(self, *args: Any, patient: Patient, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.patient = patient
        self.fields["start_on"].initial = timezone.localdate(timezone=patient.tz)
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.layout = Layout(
            Row(Column("start_on"), Column("percent"), Column("interval_days"), Column("goal_mg"))
        )
        self.helper.add_input(Submit("preview", "Preview", css_class="btn-outline-primary"))
        self.helper.add_input(Submit("save", "Save draft"))

    def engine_request(self) -> dict[str, Any]:
        """Return the request as apps.clinical takes it: strings, not floats."""
        medication = self.patient.medication
        return {
            "drug": medication.drug_id,
            "slots": {slot: f"{mg.normalize():f}" for slot, mg in medication.slots.items()},
            "method": {
                "kind": "percent_of_current",
                "percent": self.cleaned_data["percent"].strip(),
            },
            "interval_days": self.cleaned_data["interval_days"],
            "start_on": self.cleaned_data["start_on"].isoformat(),
            "goal_mg": self.cleaned_data["goal_mg"].strip(),
            # The dose was confirmed when the patient was registered.
            "confirmed": True,
        }
