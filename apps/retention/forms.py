"""What a clinical lead types about records: years, a legal hold, a signed removal."""

from typing import Any, Final
from uuid import UUID

from crispy_forms.helper import FormHelper
from django import forms

from apps.accounts.proof_form import ProofFields
from apps.patients.forms import CountField
from apps.patients.refusals import ManyOf
from apps.retention.due import OldRecord
from apps.retention.rules import LONGEST_YEARS, SHORTEST_YEARS, USUAL_YEARS, Kind

LABELS: Final = {
    Kind.ADULT: "Adults: years after the last entry",
    Kind.MINOR: "Under 18 at the last entry: years after the 18th birthday",
    Kind.DECEASED: "Deceased: years after the last entry",
}
SHORTEST_TEXT: Final = 10


class RulesForm(forms.Form):
    """Years per kind of record."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for kind, label in LABELS.items():
            shortest = SHORTEST_YEARS[kind]
            more = " Never shorter than an adult's." if kind is Kind.MINOR else ""
            self.fields[f"{kind}_years"] = CountField(
                what="years", label=label, initial=USUAL_YEARS[kind],
                min_value=shortest, max_value=LONGEST_YEARS,
                help_text=f"At least {shortest}.{more}",
            )  # fmt: skip

    def years(self) -> dict[Kind, int]:
        """Return what was typed."""
        return {kind: self.cleaned_data[f"{kind}_years"] for kind in Kind}


class HoldForm(forms.Form):
    """Why a record is held, or why it is no longer."""

    reason = forms.CharField(
        label="Why", min_length=SHORTEST_TEXT, max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={
            "required": "Write why: somebody must understand it in years.",
            "min_length": "Write a sentence: somebody must understand it in years.",
        },
    )  # fmt: skip

    def __init__(self, *args: Any, ends: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].label = "Why it ends" if ends else "Why this record must stay"


class EraseForm(ProofFields):
    """Which records go, why, and who signs."""

    patients = ManyOf(
        error_messages={
            "required": "Choose at least one record.",
            "invalid_choice": "The list has changed since you opened this page. Look at it again.",
        }
    )
    note = forms.CharField(
        label="What you checked before you sign", min_length=SHORTEST_TEXT, max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="For instance: no complaint or lawsuit is known; nobody asked for a copy.",
        error_messages={
            "required": "Write what you checked: it stays with the decision.",
            "min_length": "Write a sentence: it stays with the decision.",
        },
    )  # fmt: skip

    def __init__(self, *args: Any, may_go: list[OldRecord], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        may_be = [(str(old.patient.pk), "") for old in may_go]
        self.fields["patients"].choices = may_be  # type: ignore[attr-defined]
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.render_unmentioned_fields = False

    @property
    def signed(self) -> list[Any]:
        """Return the fields below the list."""
        return [self[name] for name in ("note", *self.proof_fields)]

    def chosen(self) -> list[UUID]:
        """Return the patients that were ticked."""
        return [UUID(key) for key in self.cleaned_data["patients"]]

    def is_ticked(self, old: OldRecord) -> bool:
        """Answer whether a record's box is ticked when the page is drawn."""
        return not self.is_bound or str(old.patient.pk) in self.data.getlist("patients")  # type: ignore[attr-defined]
