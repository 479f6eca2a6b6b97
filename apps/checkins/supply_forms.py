"""Recording what was handed out, and correcting such a record."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django import forms
from django.utils import timezone

from apps.clinical.doses import parse_dose_mg, plain
from apps.clinical.errors import ClinicalError
from apps.clinical.products import marketed_products
from apps.patients.forms import CountField
from apps.patients.models import Patient
from apps.tapers.formulary_actions import stocked_products
from apps.tapers.models import Dispensing, SlotPiece, TaperPlan
from apps.tapers.supply_actions import uses_of
from apps.tapers.today import plan_today

MOST_DAYS = 120  # [proposal] nobody is handed out more of a controlled drug at once
TENFOLD = 10  # a decimal point in the wrong place
DATE = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


class DispensingForm(forms.Form):
    """Product, quantity, day, how long it lasts, when the next pick-up is."""

    submission_id = forms.UUIDField(widget=forms.HiddenInput)
    product = forms.ChoiceField()
    quantity = forms.CharField(
        label="Quantity", help_text="Tablets or other pieces; millilitres of a liquid.",
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )  # fmt: skip
    dispensed_on = forms.DateField(label="Handed out on", widget=DATE)
    days = CountField(label="Meant to last (days)", min_value=1, max_value=MOST_DAYS, initial=14)
    next_pickup_on = forms.DateField(
        label="Next pick-up", required=False, widget=DATE,
        help_text="Blank: when the days above are over.",
    )  # fmt: skip
    note = forms.CharField(label="Remark", required=False, max_length=300)
    is_right = forms.BooleanField(
        label="The quantity is right; I have counted it", required=False,
        widget=forms.HiddenInput,
    )  # fmt: skip

    def __init__(
        self, *args: Any, patient: Patient, corrects: Dispensing | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.patient, self.corrects = patient, corrects
        self.fields["submission_id"].initial = uuid4()
        names = product_names(patient)
        if corrects is not None:
            names = list(dict.fromkeys([corrects.product, *names]))
            self.fields["quantity"].help_text = "0 when it was not handed out at all."
            self.fields["note"].required = True
            self.fields["note"].label = "What was wrong"
        choices = [(name, name[0].upper() + name[1:]) for name in names]
        self.fields["product"].choices = [("", "Choose …"), *choices]  # type: ignore[attr-defined]

    def clean_quantity(self) -> Decimal:
        """Read the number exactly; halves and quarters of a tablet are written as decimals."""
        try:
            return parse_dose_mg(
                self.cleaned_data["quantity"].strip(), field="Quantity", what="a number",
                allow_zero=self.corrects is not None,
            )  # fmt: skip
        except ClinicalError as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        """Refuse a pick-up further away than anything handed out lasts."""
        data = super().clean() or {}
        given, pickup = data.get("dispensed_on"), data.get("next_pickup_on")
        if given and pickup and pickup > given + timedelta(days=MOST_DAYS):
            self.add_error("next_pickup_on", f"That is more than {MOST_DAYS} days away.")
        question = self.tenfold(data)
        if question:
            self.fields["is_right"].widget = forms.CheckboxInput()
            if not data.get("is_right"):
                self.add_error("quantity", question)
        data.pop("is_right", None)
        return data

    def tenfold(self, data: dict[str, Any]) -> str:
        """Return the quantity shown back when it is ten times off what the plan uses, or nothing.

        Of a product the plan does not use there is nothing to compare it with.
        """
        quantity, days, first = (data.get(key) for key in ("quantity", "days", "dispensed_on"))
        if not (quantity and days and first):
            return ""
        last = first + timedelta(days=days - 1)
        needed = planned_use(self.patient, data.get("product", ""), first, last)
        if not needed or needed / TENFOLD < quantity < needed * TENFOLD:
            return ""
        much = "at least ten times as much" if quantity > needed else "a tenth of it or less"
        return (
            f"The plan uses {plain(needed)} in these {days} days, and {plain(quantity)} is {much}. "
            "Correct the quantity, or tick the box below if it is right."
        )

    @staticmethod
    def initial_of(row: Dispensing) -> dict[str, Any]:
        """Return what a record says, to be corrected."""
        names = ("product", "dispensed_on", "days", "next_pickup_on", "note")
        return {name: getattr(row, name) for name in names} | {"quantity": plain(row.quantity)}


def planned_use(patient: Patient, product: str, first: date, last: date) -> Decimal:
    """Return how much of a product the plan in force uses from `first` to `last`, both in."""
    state = plan_today(patient, timezone.now(), pieces=True)
    if state is None:
        return Decimal(0)
    return sum(
        (
            use.per_day * days
            for use in uses_of(state).get(product, [])
            if (days := (min(use.end_on or last, last) - max(use.start_on, first)).days + 1) > 0
        ),
        Decimal(0),
    )


def product_names(patient: Patient) -> list[str]:
    """Return what may be handed out: what the plan uses, then the clinic's stock or market."""
    plan = TaperPlan.objects.active().filter(patient=patient).first()
    pieces = (
        SlotPiece.objects.filter(step__version__plan=plan) if plan else SlotPiece.objects.none()
    )
    planned = pieces.order_by("product").values_list("product", flat=True).distinct()
    drug_id = patient.medication.drug_id
    stock = stocked_products(patient.clinic_id, drug_id) or marketed_products(drug_id)
    return list(dict.fromkeys([*planned, *(product.name for product in stock)]))
