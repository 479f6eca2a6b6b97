"""The sections of the intake after registration: answers of three values, earlier tapers, PDMP."""

from collections.abc import Callable
from datetime import date
from typing import Any, Final, Protocol

from django import forms
from django.utils import timezone

from apps.accounts.models import User
from apps.patients.forms import MedicineForm, PersonForm
from apps.patients.intake_actions import SectionValues
from apps.patients.intake_words import flag_label
from apps.patients.models import (
    HEALTH_FLAGS,
    HISTORY_FLAGS,
    SUBSTANCE_FLAGS,
    Patient,
    PriorTaper,
    RiskProfile,
    Section,
    StaffMember,
    StopDecision,
)
from apps.patients.refusals import OneOf

ANSWERS: Final = {"": None, "yes": True, "no": False}
SPARE_TAPERS: Final = 2
MAX_TAPERS: Final = 6


class AnswerField(forms.TypedChoiceField):
    """Yes, no, or not asked; nothing chosen is not asked, never no."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            choices=[("yes", "Yes"), ("no", "No"), ("", "Not asked")], required=False,
            widget=forms.RadioSelect, coerce=ANSWERS.__getitem__, empty_value=None, **kwargs,
        )  # fmt: skip

    def prepare_value(self, value: Any) -> Any:
        """Return the value of the radio button that stands for an answer."""
        return {True: "yes", False: "no", None: ""}.get(value, value)


class SectionForm(Protocol):
    """What a page needs of any section's form."""

    data: Any
    is_bound: bool
    cleaned_data: dict[str, Any]

    def is_valid(self) -> bool:
        """Answer whether what was typed can be saved."""

    @property
    def values(self) -> SectionValues:
        """What to save, by the table it goes to."""


class IntakeForm(forms.Form):
    """A section's form knows the last entry it was opened on."""

    based_on = forms.IntegerField(widget=forms.HiddenInput, min_value=0)

    def __init__(self, *args: Any, patient: Patient, member: StaffMember, **kwargs: Any) -> None:
        self.patient, self.member = patient, member
        super().__init__(*args, **kwargs)
        self.fields["based_on"].initial = patient.intake_version


class PersonSection(IntakeForm, PersonForm):
    """Who the patient is."""

    def __init__(self, *args: Any, patient: Patient, member: StaffMember, **kwargs: Any) -> None:
        kwargs |= {"instance": patient, "clinic_zone": member.clinic.time_zone}
        super().__init__(*args, patient=patient, member=member, **kwargs)

    @property
    def values(self) -> SectionValues:
        """Return the fields of the patient."""
        return SectionValues(person=self.person)

    def _post_clean(self) -> None:
        # The form never writes into the patient at hand: pages show what is stored.
        self.instance = Patient(time_zone=self.patient.time_zone)
        super()._post_clean()  # type: ignore[misc]


class MedicineSection(IntakeForm, MedicineForm):
    """What the patient takes."""

    def __init__(self, *args: Any, patient: Patient, member: StaffMember, **kwargs: Any) -> None:
        kwargs["initial"] = self.initial_of(patient)
        super().__init__(*args, patient=patient, member=member, **kwargs)

    @property
    def values(self) -> SectionValues:
        """Return the medicines."""
        return SectionValues(medication=self.medication, further=self.further)


class FlagSection(IntakeForm):
    """Risk questions, each yes, no or not asked."""

    flags: tuple[str, ...] = ()

    def __init__(self, *args: Any, patient: Patient, member: StaffMember, **kwargs: Any) -> None:
        super().__init__(*args, patient=patient, member=member, **kwargs)
        for flag in self.flags:
            column = RiskProfile._meta.get_field(flag)
            self.fields[flag] = AnswerField(
                label=flag_label(flag), help_text=str(column.help_text),  # type: ignore[union-attr]
                initial=getattr(patient.risk, flag),
            )  # fmt: skip

    @property
    def answers(self) -> dict[str, bool | None]:
        """Return the answers."""
        return {flag: self.cleaned_data[flag] for flag in self.flags}

    @property
    def questions(self) -> list[forms.BoundField]:
        """Return the questions, for the template."""
        return [self[flag] for flag in self.flags]

    @property
    def values(self) -> SectionValues:
        """Return the answers."""
        return SectionValues(risk=self.answers)


class HistorySection(FlagSection):
    """Earlier tapers and what happened in them."""

    flags = HISTORY_FLAGS

    def __init__(self, *args: Any, patient: Patient, member: StaffMember, **kwargs: Any) -> None:
        super().__init__(*args, patient=patient, member=member, **kwargs)
        stored = list(patient.prior_tapers.all())
        self.rows = range(1, min(len(stored) + SPARE_TAPERS, MAX_TAPERS) + 1)
        for row in self.rows:
            taper = stored[row - 1] if row <= len(stored) else PriorTaper()
            self.fields[f"t{row}_when"] = forms.CharField(
                label=f"Earlier taper {row}: when", max_length=40, required=False,
                initial=taper.when,
            )  # fmt: skip
            self.fields[f"t{row}_ended"] = forms.ChoiceField(
                label=f"Earlier taper {row}: how it ended", required=False, initial=taper.ended,
                choices=[("", "Choose …"), *PriorTaper.Ended.choices],
            )  # fmt: skip
            self.fields[f"t{row}_note"] = forms.CharField(
                label=f"Earlier taper {row}: note", max_length=200, required=False,
                initial=taper.note,
            )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """Ask for both when and how, where a row was begun."""
        data = super().clean() or {}
        for row in self.rows:
            when, ended = data.get(f"t{row}_when"), data.get(f"t{row}_ended")
            if not when and (ended or data.get(f"t{row}_note")):
                self.add_error(f"t{row}_when", "Say when, as the patient remembers it: 2019.")
            elif when and not ended:
                self.add_error(f"t{row}_ended", "Choose how it ended.")
        return data

    @property
    def taper_rows(self) -> list[list[forms.BoundField]]:
        """Return the fields of each row, for the template."""
        return [[self[f"t{row}_{name}"] for name in ("when", "ended", "note")] for row in self.rows]

    @property
    def values(self) -> SectionValues:
        """Return the answers and the earlier tapers."""
        tapers = [
            {name: self.cleaned_data[f"t{row}_{name}"] for name in ("when", "ended", "note")}
            for row in self.rows
            if self.cleaned_data[f"t{row}_when"]
        ]
        return SectionValues(risk=self.answers, tapers=tapers)


class HealthSection(FlagSection):
    """Other illnesses."""

    flags = HEALTH_FLAGS


class SubstanceSection(FlagSection):
    """Alcohol, opioids and other substances."""

    flags = SUBSTANCE_FLAGS


class StaffChoice(OneOf):
    """A colleague by name."""

    def label_from_instance(self, obj: Any) -> str:
        """Return the name."""
        return str(obj.full_name)


class CheckSection(IntakeForm):
    """Other medicines, matched against the threshold list, and the PDMP."""

    other_medicines_asked = forms.BooleanField(
        label="I asked which other medicines the patient takes", required=False
    )
    other_medicines = forms.CharField(
        label="Other medicines", required=False, max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="One on a line, prescribed or not. Blank and asked means none.",
    )  # fmt: skip
    pdmp_on = forms.DateField(
        label="PDMP checked on", required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text="Prescription drug monitoring program. Blank: not checked.",
    )  # fmt: skip
    pdmp_by = StaffChoice(
        label="Checked by", queryset=User.objects.none(), required=False, empty_label="Choose …"
    )

    def __init__(self, *args: Any, patient: Patient, member: StaffMember, **kwargs: Any) -> None:
        super().__init__(*args, patient=patient, member=member, **kwargs)
        colleagues = User.objects.filter(memberships__clinic=member.clinic).order_by("full_name")
        self.fields["pdmp_by"].queryset = colleagues  # type: ignore[attr-defined]
        check = patient.pdmp_checks.first()
        self.initial = {
            "other_medicines": patient.risk.other_medicines,
            "other_medicines_asked": patient.risk.other_medicines_asked,
            "pdmp_on": check.checked_on if check else None,
            "pdmp_by": check.checked_by_id if check else member.user_id,
            "based_on": patient.intake_version,
        }

    def clean_pdmp_on(self) -> date | None:
        """Refuse a check that has not taken place."""
        day: date | None = self.cleaned_data["pdmp_on"]
        if day is not None and day > timezone.localdate():
            raise forms.ValidationError("The PDMP cannot have been checked in the future.")
        if day is not None and day < self.patient.birth_date:
            raise forms.ValidationError("This day is before the patient was born.")
        return day

    def clean(self) -> dict[str, Any]:
        """Ask who checked, and that medicines which are named were asked for."""
        data = super().clean() or {}
        if data.get("other_medicines", "").strip() and not data.get("other_medicines_asked"):
            data["other_medicines_asked"] = True
        if data.get("pdmp_on") and not data.get("pdmp_by"):
            self.add_error("pdmp_by", "Say who checked.")
        return data

    @property
    def values(self) -> SectionValues:
        """Return the medicines and the check."""
        data = self.cleaned_data
        names = ("other_medicines", "other_medicines_asked")
        return SectionValues(
            risk={name: data[name] for name in names},
            pdmp_on=data["pdmp_on"], pdmp_by=data["pdmp_by"],
        )  # fmt: skip


SECTION_FORMS: Final[dict[str, Callable[..., SectionForm]]] = {
    Section.PERSON: PersonSection,
    Section.MEDICINE: MedicineSection,
    Section.HISTORY: HistorySection,
    Section.HEALTH: HealthSection,
    Section.SUBSTANCES: SubstanceSection,
    Section.CHECKS: CheckSection,
}


class StopForm(forms.Form):
    """The documented path of ASAM-05."""

    kind = forms.ChoiceField(
        label="What is decided", choices=StopDecision.Kind.choices, widget=forms.RadioSelect
    )
    reason = forms.CharField(
        label="Why risks outweigh benefits", max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )  # fmt: skip
    told_to_report = forms.BooleanField(
        label="The patient was told to report rebound or withdrawal symptoms"
    )
    told_may_restart = forms.BooleanField(
        label="The patient was told: with significant symptoms it may be restarted and tapered"
    )
