"""The registration form: who the patient is, what they take, what is known of their risk."""

import re
import zoneinfo
from decimal import Decimal
from typing import Any, Final

from crispy_forms.helper import FormHelper
from crispy_forms.layout import HTML, Column, Fieldset, Layout, Row, Submit
from django import forms
from django.utils import timezone

from apps.clinical.doses import looks_like_tenfold_slip, parse_dose_mg
from apps.clinical.drugs import all_drugs, get_drug
from apps.clinical.errors import ClinicalError
from apps.patients.actions import RISK_FLAGS
from apps.patients.models import SLOTS, Medication, Patient, RiskProfile

PERSON_FIELDS: Final = (
    "given_name", "family_name", "birth_date", "email", "phone", "emergency_contact",
    "language", "time_zone",
)  # fmt: skip
COMMON_ZONES: Final = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Phoenix",
    "America/Los_Angeles", "America/Anchorage", "Pacific/Honolulu", "America/Puerto_Rico",
    "Europe/London", "Europe/Berlin", "Australia/Sydney", "UTC",
)  # fmt: skip

PHONE: Final = re.compile(r"\+?[\d\s().\-]{3,29}(?:\s*(?:x|ext\.?)\s*\d{1,6})?")


class DoseField(forms.CharField):
    """A dose in milligrams, read exactly: no float, no comma, no guess."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}), **kwargs
        )

    def to_python(self, value: Any) -> Any:
        """Return a Decimal of milligrams; blank is None."""
        text = super().to_python(value)
        if text in self.empty_values:
            return None
        try:
            return parse_dose_mg(text, field=str(self.label or "dose"), allow_zero=True)
        except ClinicalError as error:
            raise forms.ValidationError(str(error)) from error


class PatientForm(forms.ModelForm):
    """Register a patient; `register_patient` saves."""

    drug_id = forms.ChoiceField(label="Benzodiazepine taken now")
    pattern = forms.ChoiceField(
        label="How regularly", choices=Medication.Pattern, initial=Medication.Pattern.DAILY
    )
    taken_months = forms.IntegerField(
        label="Taken for how many months", min_value=0, max_value=900,
        help_text="0 when it is less than one month.",
    )  # fmt: skip
    dose_confirmed = forms.BooleanField(
        label="The dose above is right; I have checked it", required=False
    )

    class Meta:
        model = Patient
        fields = PERSON_FIELDS
        widgets: Any = {"birth_date": forms.DateInput(attrs={"type": "date"})}
        labels: Any = {"birth_date": "Date of birth", "email": "E-mail"}
        help_texts: Any = {"emergency_contact": "Name and phone of someone to call."}

    def __init__(self, *args: Any, clinic_zone: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zones = dict.fromkeys((clinic_zone, *COMMON_ZONES))
        self.fields["time_zone"] = forms.ChoiceField(
            label="Time zone", choices=[(zone, zone.replace("_", " ")) for zone in zones],
            initial=clinic_zone,
        )  # fmt: skip
        self.fields["drug_id"].choices = [("", "Choose …")] + [  # type: ignore[attr-defined]
            (drug.id, drug_label(drug.id)) for drug in all_drugs()
        ]
        for slot in SLOTS:
            self.fields[f"{slot}_mg"] = DoseField(label=f"{slot.capitalize()} (mg)", required=False)
        for flag in RISK_FLAGS:
            self.fields[flag] = forms.BooleanField(
                label=str(RiskProfile._meta.get_field(flag).verbose_name).capitalize(),
                required=False,
            )
        self.helper = self.layout()

    def layout(self) -> FormHelper:
        """Return the crispy layout."""
        helper = FormHelper()
        helper.form_tag = False
        helper.layout = Layout(
            Fieldset(
                "Who",
                Row(Column("given_name"), Column("family_name"), Column("birth_date")),
                Row(Column("email"), Column("phone"), Column("emergency_contact")),
                Row(Column("language"), Column("time_zone")),
            ),
            Fieldset(
                "What they take now",
                Row(Column("drug_id"), Column("pattern"), Column("taken_months")),
                HTML(
                    "<p class='form-text'>Milligrams at each time of day; "
                    "leave out what is not taken.</p>"
                ),
                Row(*(Column(f"{slot}_mg") for slot in SLOTS)),
                "dose_confirmed",
            ),
            Fieldset("What raises the risk", *RISK_FLAGS, css_class="risk-flags"),
        )
        helper.add_input(Submit("save", "Register patient"))
        return helper

    def clean_birth_date(self) -> Any:
        """Refuse a date of birth that no living patient has."""
        born = self.cleaned_data["birth_date"]
        today = timezone.localdate()
        if born >= today:
            raise forms.ValidationError("The date of birth must be in the past.")
        if today.year - born.year > 120:
            raise forms.ValidationError("The date of birth is more than 120 years ago.")
        return born

    def clean_phone(self) -> str:
        """Refuse what nobody can dial: the number becomes a link that calls."""
        phone: str = self.cleaned_data["phone"].strip()
        if phone and not PHONE.fullmatch(phone):
            raise forms.ValidationError("Enter a phone number: digits, spaces, ( ) - . and a +.")
        return phone

    def clean_time_zone(self) -> str:
        """Refuse a zone this machine does not know."""
        zone: str = self.cleaned_data["time_zone"]
        if zone not in zoneinfo.available_timezones():
            raise forms.ValidationError("Choose a time zone from the list.")
        return zone

    def clean(self) -> dict[str, Any]:
        """Check that there is a dose, and ask again when it looks ten times too high."""
        data = super().clean() or {}
        if not data.get("phone") and not data.get("email") and "phone" not in self.errors:
            self.add_error("phone", "Enter a phone number or an e-mail, so that we can reach them.")
        doses = [data.get(f"{slot}_mg") or Decimal(0) for slot in SLOTS]
        broken = any(f"{slot}_mg" in self.errors for slot in SLOTS)
        if not broken and not any(doses):
            self.add_error("morning_mg", "Enter the dose of at least one time of day.")
        if data.get("drug_id") and not broken and not data.get("dose_confirmed"):
            drug, daily = get_drug(data["drug_id"]), sum(doses, Decimal(0))
            if looks_like_tenfold_slip(drug, daily):
                self.add_error(
                    "dose_confirmed",
                    f"{daily.normalize():f} mg a day is far above what is usual for {drug.name}. "
                    "Correct the dose, or tick this box if it is right.",
                )
        return data

    @property
    def person(self) -> dict[str, Any]:
        """Fields of the patient."""
        return {name: self.cleaned_data[name] for name in PERSON_FIELDS}

    @property
    def medication(self) -> dict[str, Any]:
        """Fields of the medication."""
        doses = {f"{slot}_mg": self.cleaned_data[f"{slot}_mg"] or Decimal(0) for slot in SLOTS}
        return {
            name: self.cleaned_data[name] for name in ("drug_id", "pattern", "taken_months")
        } | doses

    @property
    def risk(self) -> dict[str, bool]:
        """Flags of the risk profile."""
        return {flag: self.cleaned_data[flag] for flag in RISK_FLAGS}


def drug_label(drug_id: str) -> str:
    """Return a drug's name with a brand people know: clonazepam (Klonopin)."""
    drug = get_drug(drug_id)
    kind = {"xr": ", extended release"}.get(drug_id.rsplit("_", 1)[-1], "")
    brand = f" ({drug.brands[0]})" if drug.brands else ""
    return f"{drug.name}{kind}{brand}"
