"""Fields of the intake, and the form that registers a patient: who they are, what they take."""

import re
import zoneinfo
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.utils import timezone

from apps.clinical.dose_check import dose_questions
from apps.clinical.doses import parse_dose_mg, parse_number, plain
from apps.clinical.drugs import all_drugs, get_drug
from apps.clinical.errors import ClinicalError
from apps.clinical.typed_values import check_percent
from apps.patients.models import DAYS_OF, SLOTS, Medication, Patient, Pattern, usual_days

PERSON_FIELDS: Final = (
    "given_name", "family_name", "birth_date", "sex", "email", "phone", "address",
    "emergency_contact", "language", "time_zone",
)  # fmt: skip
COMMON_ZONES: Final = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Phoenix",
    "America/Los_Angeles", "America/Anchorage", "Pacific/Honolulu", "America/Puerto_Rico",
    "Europe/London", "Europe/Berlin", "Australia/Sydney", "UTC",
)  # fmt: skip
FURTHER_DRUGS: Final = (2, 3)

WHOLE_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,5}", re.ASCII)
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
        if not text:
            return None
        try:
            return self.read(text)
        except ClinicalError as error:
            raise forms.ValidationError(said_of(error)) from error

    def read(self, text: str) -> Decimal:
        """Return the number written; raises `ClinicalError`."""
        return parse_dose_mg(text, allow_zero=True)


class PercentField(DoseField):
    """A percentage, read as exactly as a dose and named as what it is."""

    def read(self, text: str) -> Decimal:
        """Return a percentage above 0 and up to 100; raises `ClinicalError`."""
        percent = parse_number(text, field="percent", what="a percentage")
        check_percent(percent)
        return percent


class CountField(forms.IntegerField):
    """A whole number of days, weeks or steps: plain digits, as a dose is read, and no other."""

    def __init__(self, *, what: str = "days", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.what = what

    def to_python(self, value: Any) -> Any:
        """Return the number; another script's digits, a sign or a comma are refused."""
        text = "" if value is None else str(value).strip()
        if text and not WHOLE_NUMBER.fullmatch(text):
            raise forms.ValidationError(
                f"Takes a whole number of {self.what} in plain digits, such as 14."
            )
        return super().to_python(text)


def said_of(error: ClinicalError) -> str:
    """Return a sentence of the engine for the field it stands beside: without its name."""
    text = str(error).partition(": ")[2] or str(error)
    return text[0].upper() + text[1:]


class PersonForm(forms.ModelForm):  # type: ignore[type-arg]
    """Who the patient is and how to reach them."""

    class Meta:
        model = Patient
        fields = PERSON_FIELDS
        widgets: Any = {
            "birth_date": forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        }
        labels: Any = {"birth_date": "Date of birth", "email": "E-mail"}
        help_texts: Any = {
            "emergency_contact": "Name and phone of someone to call.",
            "sex": "As in the health record.",
        }

    def __init__(self, *args: Any, clinic_zone: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        now_zone = self.instance.time_zone or clinic_zone
        zones = dict.fromkeys((now_zone, clinic_zone, *COMMON_ZONES))
        self.fields["time_zone"] = forms.ChoiceField(
            label="Time zone", choices=[(zone, zone.replace("_", " ")) for zone in zones],
            initial=now_zone,
        )  # fmt: skip
        self.fields["sex"].choices = [("", "Not asked"), *Patient.Sex.choices]  # type: ignore[attr-defined]

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
        """Ask for one way to reach the patient."""
        data = super().clean() or {}
        if not data.get("phone") and not data.get("email") and "phone" not in self.errors:
            self.add_error("phone", "Enter a phone number or an e-mail, so that we can reach them.")
        return data

    @property
    def person(self) -> dict[str, Any]:
        """Fields of the patient."""
        return {name: self.cleaned_data[name] for name in PERSON_FIELDS}


class MedicineForm(forms.Form):
    """What the patient takes: the drug to be tapered, up to two more, and why it began."""

    reason = forms.ChoiceField(
        label="First prescribed for", choices=[("", "Not asked"), *Medication.Reason.choices],
        required=False,
    )  # fmt: skip
    reason_other = forms.CharField(label="Other reason, in words", required=False, max_length=120)
    # Asked only after an unusual dose was shown back: nobody ticks it beforehand by habit.
    dose_confirmed = forms.BooleanField(
        label="The doses above are right; I have checked them", required=False,
        widget=forms.HiddenInput,
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.questions: list[str] = []
        self.add_medicine("", "Benzodiazepine taken now", is_needed=True)
        for number in FURTHER_DRUGS:
            self.add_medicine(f"d{number}_", f"Drug {number}", is_needed=False)

    def add_medicine(self, prefix: str, label: str, *, is_needed: bool) -> None:
        """Add the fields of one drug."""
        drugs = [(drug.id, drug_label(drug.id)) for drug in all_drugs()]
        empty = "Choose …" if is_needed else "None"
        self.fields[f"{prefix}drug_id"] = forms.ChoiceField(
            label=label, choices=[("", empty), *drugs], required=is_needed
        )
        self.fields[f"{prefix}pattern"] = forms.ChoiceField(
            label="How regularly", choices=Pattern.choices, initial=Pattern.DAILY,
            required=is_needed,
        )  # fmt: skip
        self.fields[f"{prefix}days_per_week"] = CountField(
            label="Days a week", min_value=0, max_value=7, required=False,
            help_text="When taken as needed; 0 is less than once a week.",
        )  # fmt: skip
        self.fields[f"{prefix}taken_months"] = CountField(
            what="months", label="Taken for how many months", min_value=0, max_value=900,
            required=is_needed, help_text="0 when it is less than one month.",
        )  # fmt: skip
        for slot in SLOTS:
            self.fields[f"{prefix}{slot}_mg"] = DoseField(
                label=f"{slot.capitalize()} (mg)", required=False
            )

    def clean(self) -> dict[str, Any]:
        """Check each drug, and show an unusual dose back before it may be stored."""
        data = super().clean() or {}
        self.clean_medicine(data, "", "the benzodiazepine")
        for number in FURTHER_DRUGS:
            if data.get(f"d{number}_drug_id"):
                self.clean_medicine(data, f"d{number}_", f"drug {number}")
            elif any(data.get(f"d{number}_{slot}_mg") for slot in SLOTS):
                self.add_error(f"d{number}_drug_id", "Say which drug this dose is of.")
        if self.questions:
            self.fields["dose_confirmed"].widget = forms.CheckboxInput()
        if self.questions and not data.get("dose_confirmed"):
            self.add_error(
                "dose_confirmed",
                " ".join(self.questions) + " Correct the dose, or tick this box if it is right.",
            )
        is_other = data.get("reason") == Medication.Reason.OTHER
        if is_other and not data.get("reason_other"):
            self.add_error("reason_other", "Say what it was prescribed for.")
        elif data.get("reason_other") and not is_other:
            self.add_error("reason", "Choose Other, or leave the words out.")
        return data

    def clean_medicine(self, data: dict[str, Any], prefix: str, what: str) -> None:
        """Ask for a dose, for days that fit the pattern, and collect what looks unusual."""
        slots = {slot: data.get(f"{prefix}{slot}_mg") or Decimal(0) for slot in SLOTS}
        broken = any(f"{prefix}{slot}_mg" in self.errors for slot in SLOTS)
        if not broken and not any(slots.values()):
            self.add_error(f"{prefix}morning_mg", "Enter the dose of at least one time of day.")
        elif not broken and data.get(f"{prefix}drug_id"):
            self.questions += dose_questions(data[f"{prefix}drug_id"], slots)
        if prefix and data.get(f"{prefix}taken_months") is None:
            self.add_error(f"{prefix}taken_months", f"Say for how many months {what} was taken.")
        self.clean_days(data, prefix)

    def clean_days(self, data: dict[str, Any], prefix: str) -> None:
        """Refuse days a week that say something else than the pattern."""
        name = f"{prefix}days_per_week"
        pattern = data.get(f"{prefix}pattern") or Pattern.DAILY
        low, high, _ = DAYS_OF[Pattern(pattern)]
        days = data.get(name)
        if days is not None and not low <= days <= high:
            shown = f"{low}" if low == high else f"{low} to {high}"
            self.add_error(name, f"“{Pattern(pattern).label}” means {shown} days a week.")
        elif days is None and pattern == Pattern.MOST_DAYS and name not in self.errors:
            self.add_error(name, "Count the days of an ordinary week: 4, 5 or 6.")

    def medicine(self, prefix: str) -> dict[str, Any]:
        """Return the fields of one drug."""
        data = self.cleaned_data
        pattern = data[f"{prefix}pattern"] or Pattern.DAILY
        days = data[f"{prefix}days_per_week"]
        return {
            "drug_id": data[f"{prefix}drug_id"],
            "pattern": pattern,
            "days_per_week": usual_days(pattern) if days is None else days,
            "taken_months": data[f"{prefix}taken_months"],
            "dose_confirmed": data["dose_confirmed"],
            **{f"{slot}_mg": data[f"{prefix}{slot}_mg"] or Decimal(0) for slot in SLOTS},
        }

    @property
    def drug_groups(self) -> list[dict[str, Any]]:
        """Return the fields of each drug, for the template; a drug in use stands open."""
        return [self.drug_group("", True)] + [
            self.drug_group(f"d{number}_", False) for number in FURTHER_DRUGS
        ]

    def drug_group(self, prefix: str, is_main: bool) -> dict[str, Any]:
        """Return the fields of one drug in the order of the page."""
        names = ("drug_id", "pattern", "days_per_week", "taken_months")
        fields = [self[f"{prefix}{name}"] for name in names]
        slots = [self[f"{prefix}{slot}_mg"] for slot in SLOTS]
        in_use = any(field.value() for field in (fields[0], *slots))
        has_errors = any(field.errors for field in (*fields, *slots))
        return {
            "fields": fields, "slots": slots, "is_main": is_main,
            "label": fields[0].label, "is_open": in_use or has_errors,
        }  # fmt: skip

    @property
    def medication(self) -> dict[str, Any]:
        """Fields of the medication to be tapered."""
        words = {name: self.cleaned_data[name] for name in ("reason", "reason_other")}
        return self.medicine("") | words

    @property
    def further(self) -> list[dict[str, Any]]:
        """Fields of each further drug."""
        return [
            self.medicine(f"d{number}_")
            for number in FURTHER_DRUGS
            if self.cleaned_data[f"d{number}_drug_id"]
        ]

    @staticmethod
    def initial_of(patient: Patient) -> dict[str, Any]:
        """Return what the register says now, as the form's first values."""
        medication = patient.medication
        values: dict[str, Any] = {
            "reason": medication.reason,
            "reason_other": medication.reason_other,
        }
        taken = {"": medication}
        further = patient.further_medicines.all()
        taken |= {f"d{n}_": row for n, row in zip(FURTHER_DRUGS, further, strict=False)}  # type: ignore[misc]
        for prefix, row in taken.items():
            for name in ("drug_id", "pattern", "days_per_week", "taken_months"):
                values[f"{prefix}{name}"] = getattr(row, name)
            values |= {f"{prefix}{slot}_mg": plain(mg) for slot, mg in row.slots.items()}
        return values


class PatientForm(MedicineForm, PersonForm):
    """Register a patient; `register_patient` saves."""


def drug_label(drug_id: str) -> str:
    """Return a drug's name with a brand people know: clonazepam (Klonopin)."""
    drug = get_drug(drug_id)
    kind = {"xr": ", extended release"}.get(drug_id.rsplit("_", 1)[-1], "")
    brand = f" ({drug.brands[0]})" if drug.brands else ""
    return f"{drug.name}{kind}{brand}"
