"""The form behind "Forgot your password?": it asks nobody whether the address is known."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import ResetPasswordForm
from django.http import HttpRequest
from django.utils import timezone

from apps.dashboard.staff_outbox import ask_for_reset


class ResetForm(ResetPasswordForm):  # type: ignore[misc]  # allauth has no types
    """The library's form, whose mail would be sent while the reader waits for the page."""

    def clean_email(self) -> str:
        """Return the address, whoever has it."""
        return str(get_adapter().clean_email(self.cleaned_data["email"].lower()))

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        """Put a mail on its way, or a row that is as big, and return the address."""
        address: str = self.cleaned_data["email"]
        ask_for_reset(address=address, now=timezone.now())
        return address
