"""A note about a patient, and which earlier one it corrects."""

from typing import Any

from django import forms

from apps.dashboard.models import PatientNote
from apps.patients.models import Patient
from apps.patients.refusals import OneOf


class NoteForm(forms.Form):
    """What the staff want to remember; it is kept for good."""

    text = forms.CharField(
        label="New note",
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Write the note first."},
    )
    corrects = OneOf(queryset=PatientNote.objects.none(), required=False)

    def __init__(self, *args: Any, patient: Patient | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if patient is not None:
            notes = PatientNote.objects.filter(patient=patient)
            self.fields["corrects"].queryset = notes  # type: ignore[attr-defined]
