"""Signing: proof of who signs, and what must be on record before a plan starts."""

from datetime import date
from typing import Any, Final

from allauth.account.authentication import get_authentication_records
from allauth.core import ratelimit
from crispy_forms.helper import FormHelper
from crispy_forms.layout import HTML, Column, Fieldset, Layout, Row, Submit
from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from apps.patients.models import RiskProfile
from apps.tapers.actions_signing import Approvals, Signing, SpecialistWord, specialist_reasons
from apps.tapers.models import Agreement, Signature, TaperPlan

# A confirmation with a passkey serves one signature, and for so long.
CONFIRMED_FOR_SECONDS: Final = 300
SIGNED_WITH: Final = "signed_with_confirmation_at"


def date_input() -> forms.DateInput:
    """Return a date picker that shows ISO dates, as browsers want them."""
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class SigningForm(forms.Form):
    """The signer types the password again; in the demonstration a tick stands for it."""

    def __init__(self, *args: Any, request: HttpRequest, breach: bool = False, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.request = request
        if breach:
            self.fields["breach_reason"] = forms.CharField(
                label="Why this fall is right for this patient", required=False, max_length=2000,
                widget=forms.Textarea(attrs={"rows": 3}),
                help_text="It stays on the plan for good. A second prescriber must agree and sign.",
            )  # fmt: skip
        if settings.DEMO_MODE:
            self.fields["confirm"] = forms.BooleanField(
                label="I sign this (demonstration: no password is asked)",
                error_messages={"required": "Tick this box to sign."},
            )
        elif not request.user.has_usable_password():
            self.fields["passkey"] = forms.BooleanField(
                label="I have confirmed with my passkey, and I sign this", required=False,
                help_text=format_html(
                    '<a href="{}" target="_blank" rel="noopener">Confirm with your passkey</a> '
                    "(new tab), then tick.", reverse("account_reauthenticate"),
                ),
            )  # fmt: skip
        else:
            self.fields["password"] = forms.CharField(
                label="Your password, to sign", strip=False, max_length=200,
                widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
                error_messages={"required": "Type your password to sign."},
            )  # fmt: skip
        self.helper = FormHelper()
        self.helper.form_tag = False

    @property
    def proof_fields(self) -> list[str]:
        """Names of the fields that make the signature."""
        names = ("breach_reason", "confirm", "passkey", "password")
        return [name for name in names if name in self.fields]

    def clean_password(self) -> str:
        """Refuse a wrong password, and guessing. A preview asks for none."""
        if self.fields["password"].disabled:
            return ""
        user = self.request.user
        if not ratelimit.consume(self.request, action="reauthenticate", user=user):
            raise forms.ValidationError("Too many tries. Wait a minute, then sign again.")
        password: str = self.cleaned_data["password"]
        if not user.check_password(password):
            raise forms.ValidationError("This is not your password. Nothing was signed.")
        return password

    def clean_passkey(self) -> bool:
        """Ask for a confirmation made for this signature, not for the sign-in or an earlier one."""
        if self.fields["passkey"].disabled:
            return False
        if not self.cleaned_data["passkey"]:
            raise forms.ValidationError("Tick this box to sign.")
        used, now = self.request.session.get(SIGNED_WITH, 0), timezone.now().timestamp()
        if not max(used, now - CONFIRMED_FOR_SECONDS) < self.confirmed_at() <= now:
            raise forms.ValidationError(
                "Confirm with your passkey first: the link below opens a new tab, and nothing "
                "typed here is lost. Nothing was signed."
            )
        return True

    def confirmed_at(self) -> float:
        """Return when the signer last confirmed who they are while signed in; 0 for never."""
        records = get_authentication_records(self.request, self.request.user)
        return max((record["at"] for record in records if record.get("reauthenticated")), default=0)

    def signing(self) -> Signing:
        """Return how the signer proved who they are, with the reason for a breach."""
        method = Signature.Method.PASSWORD
        if "passkey" in self.fields:
            method = Signature.Method.PASSKEY
        elif "confirm" in self.fields:
            method = Signature.Method.DEMO
        return Signing(method, self.cleaned_data.get("breach_reason", "").strip())

    def was_used(self) -> None:
        """Let the confirmation serve no second signature; called once one is stored."""
        if "passkey" in self.fields:
            self.request.session[SIGNED_WITH] = self.confirmed_at()


class SecondSignatureForm(SigningForm):
    """The second prescriber's name under a plan that falls too fast."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper.layout = Layout(*self.proof_fields)
        self.helper.add_input(Submit("sign", "Sign as second prescriber"))


class SignPlanForm(SigningForm):
    """Everything the first signature of a plan needs."""

    agreed_on = forms.DateField(
        label="The patient agreed on", required=False, widget=date_input(),
        help_text="The day you talked the plan through together.",
    )  # fmt: skip
    agreed_how = forms.ChoiceField(
        label="How", required=False, choices=[("", "Choose …"), *Agreement.How.choices]
    )
    care_level_note = forms.CharField(
        label="Why outpatient care is right", required=False, max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}), help_text="Needed when the seizure risk is high.",
    )  # fmt: skip
    specialist_name = forms.CharField(label="Specialist", required=False, max_length=120)
    specialist_role = forms.CharField(label="Role", required=False, max_length=120)
    specialist_on = forms.DateField(label="On", required=False, widget=date_input())
    specialist_text = forms.CharField(
        label="What the specialist wrote", required=False, max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )  # fmt: skip

    def __init__(self, *args: Any, plan: TaperPlan, **kwargs: Any) -> None:
        super().__init__(*args, breach=plan.latest.needs_second, **kwargs)
        self.today: date = timezone.localdate(timezone=plan.patient.tz)
        self.born_on: date = plan.patient.birth_date
        self.because = specialist_reasons(plan, self.today)
        if plan.patient.risk.tier != RiskProfile.Tier.HIGH:
            self.fields["care_level_note"].widget.attrs["rows"] = 2
        if not self.because:
            for name in [name for name in self.fields if name.startswith("specialist_")]:
                del self.fields[name]
        self.helper.layout = self.layout()
        self.helper.add_input(Submit("activate", "Sign and activate"))

    def layout(self) -> Layout:
        """Return the crispy layout: agreement, level of care, sign-off, signature."""
        parts: list[Any] = [Row(Column("agreed_on"), Column("agreed_how")), "care_level_note"]
        if self.because:
            why = "; ".join(self.because)
            parts.append(
                Fieldset(
                    "Specialist's sign-off",
                    HTML(f"<p class='form-text'>Needed because {why}.</p>"),
                    Row(
                        Column("specialist_name"),
                        Column("specialist_role"),
                        Column("specialist_on"),
                    ),
                    "specialist_text",
                )
            )
        return Layout(*parts, *self.proof_fields)

    def clean(self) -> dict[str, Any]:
        """Refuse dates of the future, and a specialist's word with a part missing."""
        data = super().clean() or {}
        for name in ("agreed_on", "specialist_on"):
            if data.get(name) and data[name] > self.today:
                self.add_error(name, "This day has not come yet.")
            elif data.get(name) and data[name] < self.born_on:
                self.add_error(name, "This day is before the patient was born.")
        names = [name for name in self.fields if name.startswith("specialist_")]
        if any(data.get(name) for name in names):
            for name in names:
                if not data.get(name) and name not in self.errors:
                    self.add_error(name, "Needed for the specialist's sign-off.")
        return data

    def approvals(self) -> Approvals:
        """Return what is to be on record before the plan starts."""
        data = self.cleaned_data
        word = None
        if data.get("specialist_name"):
            word = SpecialistWord(
                data["specialist_name"], data["specialist_role"], data["specialist_on"],
                data["specialist_text"],
            )  # fmt: skip
        return Approvals(data["agreed_on"], data["agreed_how"], data["care_level_note"], word)
