"""Closing a task: an outcome and, where it does not say all, a note."""

from typing import Any

from django import forms

from apps.checkins.models import CareTask


class TaskForm(forms.Form):
    """What came of a patient's request."""

    outcome = forms.ChoiceField(
        choices=[("", "Choose…"), *CareTask.Outcome.choices],
        error_messages={"required": "Choose what came of it."},
    )
    note = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="What was said and agreed. Only the care team reads it.",
    )

    def clean(self) -> dict[str, Any]:
        """Ask for a note where the outcome says nothing."""
        values = super().clean() or {}
        if values.get("outcome") == CareTask.Outcome.OTHER and not values.get("note", "").strip():
            self.add_error("note", "Write what came of it.")
        return values
