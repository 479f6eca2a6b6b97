"""Forms of the own pages. A wrong field gets one clear sentence, and keeps what was typed."""

import zoneinfo
from typing import Any
from uuid import UUID, uuid4

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Submit
from django import forms
from django.utils.translation import gettext_lazy as _

from apps.patients.forms import COMMON_ZONES
from apps.patients.models import Patient
from apps.portal.trusted_actions import RED_FLAGS, SEIZURE


class OwnForm(forms.Form):
    """A form whose fields look and read as on the check-in."""

    required = _("Please fill this in.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "i-%s")
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.error_messages.setdefault("required", self.required)
            field.error_messages["required"] = self.required
            if not isinstance(field.widget, forms.CheckboxInput | forms.CheckboxSelectMultiple):
                field.widget.attrs.setdefault("class", "input")


class AddressForm(OwnForm):
    """Where a code is sent."""

    email = forms.EmailField(
        label=_("Your mail address"),
        max_length=254,
        error_messages={
            "invalid": _("This is not a mail address. It looks like name@example.com.")
        },
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
    )


class CodeForm(OwnForm):
    """The digits of the mail."""

    code = forms.CharField(
        label=_("The code in the mail"),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )


class ConsentForm(OwnForm):
    """A tick that nobody made beforehand."""

    agree = forms.BooleanField(
        label=_("I have read this and I agree."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["agree"].error_messages["required"] = _(
            "Please tick the box if you agree. If not, you can close this page."
        )


class ResearchForm(OwnForm):
    """A yes to research: a tick that nobody made beforehand."""

    agree = forms.BooleanField(label=_("I have read this, and I say yes."))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["agree"].error_messages["required"] = _(
            "Please tick the box if you say yes. If not, you need to do nothing."
        )


class PreferencesForm(OwnForm):
    """Language, time and mails."""

    language = forms.ChoiceField(label=_("Language"), choices=Patient.Language.choices)
    time_zone = forms.ChoiceField(
        label=_("Time zone"), help_text=_("A new step starts at midnight where you are.")
    )
    wants_mail = forms.BooleanField(
        label=_("Send me a mail when a check-in is due"), required=False
    )
    remind_at = forms.TimeField(
        label=_("At what time?"),
        error_messages={"invalid": _("Please write a time like 09:00.")},
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
    )
    calendar_names_drug = forms.BooleanField(
        label=_("My calendar may show the name of my medicine"),
        required=False,
        help_text=_(
            "Others may see your calendar. Without this tick it shows how many, and no name."
        ),
    )

    def __init__(self, *args: Any, patient: Patient, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zones = dict.fromkeys((patient.time_zone, patient.clinic.time_zone, *COMMON_ZONES))
        self.fields["time_zone"].choices = [  # type: ignore[attr-defined]
            (zone, zone.replace("_", " ")) for zone in zones if zone in ZONES
        ]


ZONES = zoneinfo.available_timezones()


class TrustedForm(OwnForm):
    """Whom the patient trusts, and with what."""

    name = forms.CharField(label=_("Their name"), max_length=80)
    email = forms.EmailField(
        label=_("Their mail address"),
        max_length=254,
        error_messages={
            "invalid": _("This is not a mail address. It looks like name@example.com.")
        },
        widget=forms.EmailInput(attrs={"inputmode": "email", "autocomplete": "off"}),
    )
    language = forms.ChoiceField(label=_("Their language"), choices=Patient.Language.choices)
    sees_dose = forms.BooleanField(label=_("They may see my dose for today"), required=False)


SIGNS = {
    SEIZURE: _("I think they had a seizure, or passed out and shook"),
    "rf_confused": _("They are very mixed up: not sure where they are or what day it is"),
    "rf_breath": _("It is hard for them to breathe, or they breathe very slowly"),
    "rf_unrousable": _("They are so sleepy that I cannot wake them"),
}
assert set(SIGNS) == {SEIZURE, *RED_FLAGS}  # noqa: S101 - one list, two languages


class ReportForm(OwnForm):
    """What a trusted person saw."""

    signs = forms.MultipleChoiceField(
        label=_("What did you see? Tap all that fit."),
        choices=SIGNS.items(),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": _("Please tap what you saw.")},
    )
    submission_id = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["signs"].error_messages["required"] = _("Please tap what you saw.")

    def clean_submission_id(self) -> UUID:
        """Return the id the page was made with; a broken one gets a new id, never an error."""
        try:
            return UUID(self.cleaned_data["submission_id"])
        except ValueError:
            return uuid4()


def own_words(label: Any, hint: Any, *, rows: int, most: int, required: bool = False) -> Any:
    """Return a field for the patient's own words."""
    return forms.CharField(
        label=label, help_text=hint, required=required, max_length=most,
        widget=forms.Textarea(attrs={"rows": rows}),
        error_messages={"max_length": _("This is too long to keep. Please make it shorter.")},
    )  # fmt: skip


class OwnCopingForm(OwnForm):
    """What helps me in a hard hour. It asks; what to write is the patient's alone."""

    required = _("Please write one thing that helps you.")
    helps = own_words(
        _("What helps me"), _("What has helped you before? One thing on each line."),
        rows=5, most=2000, required=True,
    )  # fmt: skip
    people = own_words(
        _("Whom I can call"), _("Who may you call at night? Write the name and the number."),
        rows=3, most=1000,
    )  # fmt: skip
    remember = own_words(
        _("What I want to keep in mind"), _("What would you like to read in a hard hour?"),
        rows=3, most=1000,
    )  # fmt: skip
    signs = own_words(
        _("How a hard hour begins for me"), _("What do you notice first?"), rows=3, most=1000
    )
    based_on = forms.CharField(widget=forms.HiddenInput, required=False, max_length=36)


class ResearchPaperForm(forms.Form):
    """A paper on which a patient said yes to research."""

    signed_on = forms.DateField(
        label="Day on the paper",
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={
            "required": "Type the day on which the patient signed.",
            "invalid": "This is not a day. It looks like 2026-11-23.",
        },
    )
    seen = forms.BooleanField(
        label="I have the signed paper before me, with the words of this page on it.",
        error_messages={"required": "Without the signed paper there is no yes."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.add_input(Submit("go", "Enter the paper", css_class="btn-primary"))


class InviteForm(forms.Form):
    """Where staff send the invitation."""

    email = forms.EmailField(
        label="Mail address",
        max_length=254,
        help_text="Ask for an address that only the patient reads.",
        error_messages={
            "required": "Type the patient's own mail address.",
            "invalid": "This is not a mail address. It looks like name@example.com.",
        },
    )

    def __init__(self, *args: Any, button: str = "Send the invitation", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.add_input(Submit("go", button, css_class="btn-primary"))
