"""How an alert is closed."""

from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Submit
from django import forms

from apps.alerts.models import Alert


class ResolveForm(forms.Form):
    """An alert ends only with what was done and a note."""

    outcome = forms.ChoiceField(
        label="What was done", choices=[("", "Choose …"), *Alert.Outcome.choices]
    )
    note = forms.CharField(
        label="Note",
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="What you heard, what you advised, what happens next.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.add_input(Submit("resolve", "Close alert"))
