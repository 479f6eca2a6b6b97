"""Signing: proof of who signs, and what must be on record before a plan starts."""

from typing import Any, Final

from allauth.account.authentication import get_authentication_records
from allauth.core import ratelimit
from crispy_forms.helper import FormHelper
from crispy_forms.layout import Layout, Submit
from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from apps.patients.models import RiskProfile
from apps.tapers.forms_approvals import ApprovalFields, SeenFields, SpecialistFields
from apps.tapers.models import PlanVersion, Signature, TaperPlan
from apps.tapers.signable import Signing

# A confirmation with a passkey serves one signature, and for so long.
CONFIRMED_FOR_SECONDS: Final = 300
SIGNED_WITH: Final = "signed_with_confirmation_at"


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


class SecondSignatureForm(SeenFields, SpecialistFields, SigningForm):
    """The second prescriber's name under the version that the page shows."""

    def __init__(self, *args: Any, version: PlanVersion, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        plan = version.plan
        self.show_version(version)
        self.ask_specialist(plan, timezone.localdate(timezone=plan.patient.tz))
        self.helper.layout = Layout(
            *self.specialist_layout(), *self.proof_fields, *self.seen_fields
        )
        self.helper.add_input(Submit("sign", "Sign as second prescriber"))


class SignPlanForm(SeenFields, ApprovalFields, SigningForm):
    """Everything the first signature of a plan needs."""

    care_level_note = forms.CharField(
        label="Why outpatient care is right", required=False, max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}), help_text="Needed when the seizure risk is high.",
    )  # fmt: skip

    def __init__(self, *args: Any, plan: TaperPlan, **kwargs: Any) -> None:
        latest = plan.latest
        super().__init__(*args, breach=latest.needs_second, **kwargs)
        self.show_version(latest)
        self.ask_approvals(plan)
        self.fields["agreed_on"].help_text = "The day you talked the plan through together."
        if plan.patient.risk.tier != RiskProfile.Tier.HIGH:
            self.fields["care_level_note"].widget.attrs["rows"] = 2
        agreement, *specialist = self.approvals_layout()
        self.helper.layout = Layout(
            agreement, "care_level_note", *specialist, *self.proof_fields, *self.seen_fields
        )
        self.helper.add_input(Submit("activate", "Sign and activate"))
