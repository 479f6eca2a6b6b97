"""Fields that forms of signing share: what was seen, the agreement, a specialist's word."""

from datetime import date
from typing import Any, Final

from crispy_forms.layout import HTML, Column, Fieldset, Row
from django import forms
from django.utils import timezone
from django.utils.html import format_html

from apps.tapers.approvals import Approvals, SpecialistWord, not_signed_off
from apps.tapers.models import Agreement, PlanVersion, TaperPlan
from apps.tapers.signable import Seen

REOPEN: Final = "Open the page again: it does not say which version you were shown."


def date_input() -> forms.DateInput:
    """Return a date picker that shows ISO dates, as browsers want them."""
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class SeenFields(forms.Form):
    """Which version the page showed, so that nothing else is signed."""

    seen_version = forms.IntegerField(
        widget=forms.HiddenInput, min_value=1,
        error_messages={"required": REOPEN, "invalid": REOPEN, "min_value": REOPEN},
    )  # fmt: skip
    seen_hash = forms.CharField(
        widget=forms.HiddenInput, max_length=64,
        error_messages={"required": REOPEN, "max_length": REOPEN},
    )  # fmt: skip
    seen_fields = ("seen_version", "seen_hash")

    def show_version(self, version: PlanVersion) -> None:
        """Write down which version the page shows, unless it was posted."""
        self.initial.update(seen_version=version.number, seen_hash=version.content_hash)

    def seen(self) -> Seen:
        """Return what the signer was shown."""
        return Seen(self.cleaned_data["seen_version"], self.cleaned_data["seen_hash"])


class SpecialistFields(forms.Form):
    """A named specialist's word, asked for only while the intake calls for one."""

    specialist_name = forms.CharField(label="Specialist", required=False, max_length=120)
    specialist_role = forms.CharField(label="Role", required=False, max_length=120)
    specialist_on = forms.DateField(label="On", required=False, widget=date_input())
    specialist_text = forms.CharField(
        label="What the specialist wrote", required=False, max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )  # fmt: skip
    specialist_fields = ("specialist_name", "specialist_role", "specialist_on", "specialist_text")
    because: list[str]

    def ask_specialist(self, plan: TaperPlan, today: date) -> None:
        """Keep the fields while there is a reason nobody has signed off, else drop them."""
        self.because = not_signed_off(plan, today)
        if not self.because:
            for name in self.specialist_fields:
                del self.fields[name]

    def specialist_layout(self) -> tuple[Any, ...]:
        """Return the fields with the reason they are asked for, nothing without one."""
        if not self.because:
            return ()
        why = format_html("<p class='form-text'>Needed because {}.</p>", "; ".join(self.because))
        names = self.specialist_fields
        return (
            Fieldset(
                "Specialist's sign-off", HTML(why), Row(*map(Column, names[:3])), names[3]
            ),
        )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """Refuse a specialist's word with a part missing."""
        data = super().clean() or {}
        names = [name for name in self.specialist_fields if name in self.fields]
        if any(data.get(name) for name in names):
            for name in names:
                if not data.get(name) and name not in self.errors:
                    self.add_error(name, "Needed for the specialist's sign-off.")
        return data

    def specialist_word(self) -> SpecialistWord | None:
        """Return what the specialist said, None when nothing was written down."""
        data = self.cleaned_data
        if not data.get("specialist_name"):
            return None
        return SpecialistWord(*(data[name] for name in self.specialist_fields))


class ApprovalFields(SpecialistFields):
    """The patient's agreement and a specialist's word."""

    agreed_on = forms.DateField(label="The patient agreed on", required=False, widget=date_input())
    agreed_how = forms.ChoiceField(
        label="How", required=False, choices=[("", "Not asked yet"), *Agreement.How.choices]
    )
    agreement_fields = ("agreed_on", "agreed_how")

    def ask_approvals(self, plan: TaperPlan) -> None:
        """Fit the fields to the plan, as it stands today."""
        self.today: date = timezone.localdate(timezone=plan.patient.tz)
        self.ask_specialist(plan, self.today)

    def approvals_layout(self) -> tuple[Any, ...]:
        """Return agreement and sign-off."""
        return (Row(*map(Column, self.agreement_fields)), *self.specialist_layout())

    def approvals(self) -> Approvals:
        """Return what is to be on record."""
        data = self.cleaned_data
        return Approvals(
            agreed_on=data.get("agreed_on"),
            agreed_how=data.get("agreed_how", ""),
            care_level_note=data.get("care_level_note", ""),
            specialist=self.specialist_word(),
        )
