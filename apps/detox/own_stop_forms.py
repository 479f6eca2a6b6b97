"""Forms of a stop that the patient made alone: shape and cleaning, no saving."""

from typing import Any

from django import forms
from django.http import HttpRequest

from apps.detox.forms import DATE, words_field
from apps.detox.models import OwnStop
from apps.tapers.forms_signing import SigningForm


class OwnStopForm(SigningForm):
    """Since when none is taken, by whose word, how it went, and a signature."""

    last_dose_on = forms.DateField(
        label="The last day on which some was taken", widget=DATE,
        help_text="At least one whole day without any is over.",
    )  # fmt: skip
    known_by = forms.ChoiceField(
        label="How it is known", choices=OwnStop.Known.choices, widget=forms.RadioSelect,
        error_messages={"required": "Choose how it is known."},
    )  # fmt: skip
    said_on = forms.DateField(label="The day it was said or seen", widget=DATE)
    told = words_field(
        "What was said, and how it went since",
        help_text="Whose words, how the last doses were taken, and every sign since: sleep, "
        "shaking, seizure or passing out, mood.",
    )  # fmt: skip
    none_at_all = forms.BooleanField(
        label="None at all is taken: no benzodiazepine and no Z-drug, from anywhere",
        error_messages={"required": "If some is taken, make a plan to taper it instead."},
    )

    told_of = ("last_dose_on", "known_by", "said_on", "told")

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, request=request, **kwargs)
        self.order_fields([*self.told_of, "none_at_all", *self.proof_fields])

    def values(self) -> dict[str, Any]:
        """Return what was said."""
        return {name: self.cleaned_data[name] for name in self.told_of}
