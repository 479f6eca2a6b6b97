"""The part of a form by which somebody signs: a fresh proof of who they are, for this act alone.

Being signed in is no signature. Outside the demonstration a signature takes two factors, as the
sign-in does: the password and a code, or a passkey that was confirmed for it.
"""

from typing import Any, Final

from allauth.core import ratelimit
from allauth.mfa.base.forms import ReauthenticateForm
from allauth.mfa.models import Authenticator
from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from apps.accounts.proofs import last_confirmation

# A proof serves one signature, and for so long.
PROVED_FOR_SECONDS: Final = 300
SIGNED_WITH: Final = "signed_with_confirmation_at"
CODE_GIVEN: Final = "signing_code_given_at"
PROOF_NAMES: Final = ("confirm", "password", "code", "passkey")

# How somebody proved who they are, as it is stored with what they signed.
BY_PASSWORD_AND_CODE, BY_PASSKEY, IN_DEMO = "two_factors", "passkey", "demo"


class ProofFields(forms.Form):
    """Password and code, or a passkey; in the demonstration a tick stands for them.

    `proof_method` says after `is_valid()` how it was proved. Call `was_used()` once something is
    stored with it: until then a code that was right is not asked for again.
    """

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        kinds = set(Authenticator.objects.filter(user=request.user).values_list("type", flat=True))
        if settings.DEMO_MODE:
            self.fields["confirm"] = forms.BooleanField(
                label="I sign this (demonstration: no password is asked)",
                error_messages={"required": "Tick this box to sign."},
            )
            return
        has_passkey = Authenticator.Type.WEBAUTHN in kinds
        has_password = request.user.is_authenticated and request.user.has_usable_password()
        if has_password and not kinds <= {Authenticator.Type.WEBAUTHN}:
            self.ask_for_password_and_code(required=not has_passkey)
        if has_passkey or "password" not in self.fields:
            self.ask_for_passkey(alone="password" not in self.fields)

    def ask_for_password_and_code(self, *, required: bool) -> None:
        """Add the two fields."""
        self.fields["password"] = forms.CharField(
            label="Your password, to sign", strip=False, max_length=200, required=required,
            widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
            error_messages={"required": "Type your password to sign."},
        )  # fmt: skip
        self.fields["code"] = forms.CharField(
            label="Code of your authenticator app", max_length=20, required=False,
            widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "size": 12}),
            help_text="Or one of your recovery codes.",
        )  # fmt: skip
        if self.code_was_given():
            self.fields["code"].help_text = "Your code was right: you need not type another."

    def ask_for_passkey(self, *, alone: bool) -> None:
        """Add the tick that goes with a confirmation in another tab."""
        self.fields["passkey"] = forms.BooleanField(
            label="I have confirmed with my passkey, and I sign this"
            if alone
            else "Or: I have confirmed with my passkey, and I sign this",
            required=False,
            help_text=format_html(
                '<a href="{}" target="_blank" rel="noopener">Confirm with your passkey</a> '
                "(new tab), then tick.", reverse("mfa_reauthenticate_webauthn"),
            ),
        )  # fmt: skip

    @property
    def proof_fields(self) -> list[str]:
        """Names of the fields that prove who signs."""
        return [name for name in PROOF_NAMES if name in self.fields]

    def ask_no_proof(self) -> None:
        """Let a preview pass without any; what was typed for it is not looked at."""
        for name in self.proof_fields:
            self.fields[name].required = False
            self.fields[name].disabled = name != "confirm"

    def clean(self) -> dict[str, Any] | None:
        """Judge the proof last: a code works once, so nothing else may be wrong."""
        cleaned = super().clean()
        if set(self.fields) & {"password", "passkey"} and not self.is_preview():
            self.judge()
        return cleaned

    def is_preview(self) -> bool:
        """Answer whether this form was told to ask for nothing."""
        return all(self.fields[name].disabled for name in self.proof_fields)

    def judge(self) -> None:
        """Add an error beside the field that is missing or wrong."""
        by_passkey = "passkey" in self.fields and (
            self.cleaned_data.get("passkey") or "password" not in self.fields
        )
        if by_passkey:
            self.judge_passkey()
        elif "password" not in self.errors:
            self.judge_password()

    def judge_password(self) -> None:
        """Refuse a wrong password or code, and guessing."""
        user, password = self.request.user, self.cleaned_data.get("password", "")
        if not password:
            self.add_error("password", "Type your password to sign, or confirm with your passkey.")
        elif not ratelimit.consume(self.request, action="reauthenticate", user=user):
            self.add_error("password", "Too many tries. Wait a minute, then sign again.")
        elif not user.check_password(password):
            self.add_error("password", "This is not your password. Nothing was signed.")
        elif not self.code_was_given() and not self.errors:
            self.judge_code(self.cleaned_data.get("code", ""))

    def judge_code(self, code: str) -> None:
        """Refuse a code that is missing, wrong or was used already."""
        if not code:
            self.add_error("code", "Type the code that your authenticator app shows.")
            return
        by_code = ReauthenticateForm({"code": code}, user=self.request.user)
        if not by_code.is_valid():
            self.add_error("code", f"{by_code.errors['code'][0]} Nothing was signed.")
            return
        self.request.session[CODE_GIVEN] = timezone.now().timestamp()
        self.fields["code"].help_text = "Your code was right: you need not type another."

    def code_was_given(self) -> bool:
        """Answer whether a right code was typed a moment ago and has signed nothing yet."""
        age = timezone.now().timestamp() - self.request.session.get(CODE_GIVEN, 0)
        return bool(0 <= age < PROVED_FOR_SECONDS)

    def judge_passkey(self) -> None:
        """Ask for a confirmation made for this signature, not for the sign-in or an earlier one."""
        used, now = self.request.session.get(SIGNED_WITH, 0), timezone.now().timestamp()
        if not self.cleaned_data.get("passkey"):
            self.add_error("passkey", "Tick this box to sign.")
        elif not max(used, now - PROVED_FOR_SECONDS) < last_confirmation(self.request) <= now:
            self.add_error(
                "passkey",
                "Confirm with your passkey first: the link below opens a new tab, and nothing "
                "typed here is lost. Nothing was signed.",
            )

    @property
    def proof_method(self) -> str:
        """How the signer proved who they are."""
        if "confirm" in self.fields:
            return IN_DEMO
        return BY_PASSKEY if self.cleaned_data.get("passkey") else BY_PASSWORD_AND_CODE

    def was_used(self) -> None:
        """Let the proof serve no second signature; called once one is stored."""
        self.request.session.pop(CODE_GIVEN, None)
        if self.cleaned_data.get("passkey"):
            self.request.session[SIGNED_WITH] = last_confirmation(self.request)
