"""What is asked before a record leaves the clinic."""

from django import forms

WHY = [
    ("transfer", "The patient goes on with another clinic"),
    ("shared_care", "Another clinician treats the patient too"),
    ("patient_asked", "The patient asked for it"),
    ("required", "A law or a court asks for it"),
    ("other", "Something else"),
]


class RecordExportForm(forms.Form):
    """What the file is for. A choice, not words: it is kept in the audit record."""

    why = forms.ChoiceField(
        label="What it is for", choices=WHY, widget=forms.RadioSelect,
        error_messages={"required": "Choose what the file is for: it is kept on record."},
    )  # fmt: skip
