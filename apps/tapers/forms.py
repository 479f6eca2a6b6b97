"""The builder: what the engine is asked. Defaults are the guideline's (ASAM-08)."""

from datetime import date, timedelta
from typing import Any, Final

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Column, Layout, Row
from django import forms
from django.utils import timezone

from apps.patients.forms import CountField, DoseField
from apps.patients.models import Patient
from apps.tapers.forms_approvals import date_input
from apps.tapers.forms_method import PRESET, MethodForm
from apps.tapers.formulary_actions import engine_products

# The longest interval is 28 days: a plan that began before that has a cut due today.
OLDEST_START: Final = timedelta(days=28)
LATEST_START: Final = timedelta(days=366)


class PlanForm(MethodForm):
    """Start, method, interval and goal of a plan; the present dose comes from the register."""

    start_on = forms.DateField(
        label="Present dose from", widget=date_input(),
        help_text="The first cut comes one interval later.",
    )  # fmt: skip
    interval_days = CountField(
        label="Days between cuts", required=False, initial=14, min_value=7, max_value=28,
        help_text="7 to 28; usually 14 to 28. Blank: what a published method says.",
    )  # fmt: skip
    goal_mg = DoseField(
        label="Goal (mg a day)",
        required=False,
        initial="0",
        help_text="0 is a full stop. Of a switch: milligrams of the new drug.",
    )

    reason = forms.CharField(
        label="Why this plan", required=False, max_length=300,
        help_text="In a sentence, before it is saved. It stays on the plan.",
    )  # fmt: skip
    based_on = CountField(
        what="versions", required=False, widget=forms.HiddenInput
    )  # the version of a draft made again

    def __init__(self, *args: Any, patient: Patient, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.patient = patient
        self.stock: dict[str | None, list[dict[str, Any]]] = {}
        self.fields["start_on"].initial = timezone.localdate(timezone=patient.tz)
        self.fields["percent"].initial = "10"
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.layout = Layout(
            Row(Column("start_on"), Column("interval_days"), Column("goal_mg")),
            *self.method_layout(),
            "reason",
            "based_on",
        )

    def clean_start_on(self) -> date:
        """Refuse a day whose first cut is long due, and one too far ahead to be meant."""
        day: date = self.cleaned_data["start_on"]
        today = timezone.localdate(timezone=self.patient.tz)
        if day < today - OLDEST_START:
            raise forms.ValidationError("The first cut of this plan would be due already.")
        if day > today + LATEST_START:
            raise forms.ValidationError("This day is more than a year ahead.")
        return day

    def check_reason(self) -> bool:
        """Return whether the form may be saved: a preview needs no reason, a plan does."""
        if not self.cleaned_data["reason"].strip():
            self.add_error("reason", "Say why, in a sentence. It stays on the plan.")
        return self.is_valid()

    def engine_request(self, products: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        """Return the request as apps.clinical takes it: strings, not floats.

        `products` is what may be handed out; left out, it is the clinic's formulary, and
        where that says nothing the engine takes what is on sale.
        """
        medication, data = self.patient.medication, self.cleaned_data
        request: dict[str, Any] = {
            "drug": medication.drug_id,
            "slots": {slot: f"{mg.normalize():f}" for slot, mg in medication.slots.items()},
            "method": self.method_json(),
            "start_on": data["start_on"].isoformat(),
            # An unusual dose was shown back at intake, and somebody said it is right.
            "confirmed": medication.dose_confirmed,
        }
        if data["interval_days"]:
            request["interval_days"] = data["interval_days"]
        elif not any(PRESET in data[name] for name in ("method", "then")):
            request["interval_days"] = 14
        # A typed list ends where it ends.
        if data["goal_mg"] is not None and data["method"] != "custom":
            request["goal_mg"] = f"{data['goal_mg']:f}"
        if products is None:
            products = self.formulary(request["method"].get("to_drug"))
        if products:
            request["products"] = products
        return request

    def formulary(self, to_drug: str | None) -> list[dict[str, Any]]:
        """Return what the clinic stocks of the drugs of this plan, read once per drug."""
        if to_drug not in self.stock:
            drugs = [self.patient.medication.drug_id, *([to_drug] if to_drug else [])]
            self.stock[to_drug] = engine_products(self.patient.clinic_id, drugs)
        return self.stock[to_drug]

    @property
    def stock_words(self) -> str:
        """Which products the plan may use, in a sentence for the page."""
        if self.formulary(None):
            return "Only products this clinic stocks are used."
        return "The clinic has not said what it stocks of this drug: every product on sale is used."
