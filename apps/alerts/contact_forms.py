"""How one's own ways to be reached, quiet hours and a clinic's gateways are typed in."""

import re
import zoneinfo
from datetime import time
from typing import Any, Final

from crispy_forms.layout import Column, Layout, Row
from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from apps.alerts.forms import ActionForm
from apps.alerts.gateways import SCHEMES, GatewayError, check_url
from apps.alerts.models import Channel, ContactMethod, Gateway
from apps.patients.models import StaffMember

NUMBER: Final = re.compile(r"\+[1-9]\d{7,14}")
NAME: Final = re.compile(r"[A-Za-z0-9@#._:-]{2,100}")
TIME: Final = {"type": "time", "class": "form-control"}
BY_MAIL: Final = "email"


def gateways_of(member: StaffMember) -> Any:
    """Return the gateways that a member's own ways may use."""
    return Gateway.objects.filter(clinic_id=member.clinic_id, is_active=True)


class ContactForm(ActionForm):
    """An address of one's own: mail, or a number or name at one of the clinic's gateways."""

    button = "Add and send a code"
    style = "btn-secondary"
    kind = forms.ChoiceField(label="Kind", required=False)
    address = forms.CharField(label="Address", max_length=100)

    def __init__(self, *args: Any, member: StaffMember, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.gateways = {str(gateway.pk): gateway for gateway in gateways_of(member)}
        self.fields["kind"].choices = [  # type: ignore[attr-defined]
            (BY_MAIL, "E-mail"),
            *((key, str(gateway)) for key, gateway in self.gateways.items()),
        ]
        if self.gateways:
            self.fields["address"].help_text = (
                "A mail address, a number with its country code (+1 555 555 0100), or your name "
                "at the service."
            )
        else:
            self.fields["kind"].widget = forms.HiddenInput()
            self.fields["address"].label = "E-mail address"

    def clean(self) -> dict[str, Any]:
        """Refuse what the kind does not take, beside the field."""
        values = super().clean() or {}
        gateway = self.gateways.get(values.get("kind") or BY_MAIL)
        values["gateway"] = gateway
        if "address" in values:
            try:
                values["address"] = clean_address(values["address"], gateway)
            except ValidationError as error:
                self.add_error("address", error)
        return values


def clean_address(address: str, gateway: Gateway | None) -> str:
    """Return the address as it is stored. Raises `ValidationError` with one sentence."""
    if gateway is None:
        validate_email(address)
        return address
    if gateway.channel == Channel.SMS:
        number = re.sub(r"[ ().-]", "", address)
        if not NUMBER.fullmatch(number):
            raise ValidationError(
                "Write the number with its country code, such as +1 555 555 0100."
            )
        return number
    if not NAME.fullmatch(address):
        raise ValidationError("Use letters, digits and @ # . _ : - only, as the service shows it.")
    return address


class CodeForm(ActionForm):
    """The code that came back."""

    button = "Confirm"
    code = forms.CharField(
        label="Code from the message",
        max_length=12,
        widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )

    def __init__(self, *args: Any, contact: ContactMethod, **kwargs: Any) -> None:
        super().__init__(*args, auto_id=f"id_{contact.pk}_%s", **kwargs)
        self.contact = contact


class QuietHoursForm(ActionForm):
    """When nothing below an emergency is to come."""

    button = "Save quiet hours"
    style = "btn-secondary"
    begins = forms.TimeField(label="From", widget=forms.TimeInput(TIME, format="%H:%M"))
    ends = forms.TimeField(label="Until", widget=forms.TimeInput(TIME, format="%H:%M"))
    time_zone = forms.ChoiceField(label="Your time zone")

    def __init__(self, *args: Any, member: StaffMember, **kwargs: Any) -> None:
        own = getattr(member, "quiet_hours", None)
        kwargs["initial"] = {
            "begins": own.begins if own else time(22),
            "ends": own.ends if own else time(7),
            "time_zone": own.time_zone if own else member.clinic.time_zone,
        }
        super().__init__(*args, **kwargs)
        zones = sorted(zoneinfo.available_timezones())
        self.fields["time_zone"].choices = [  # type: ignore[attr-defined]
            (zone, zone.replace("_", " ")) for zone in zones
        ]
        self.helper.layout = Layout(Row(Column("begins"), Column("ends")), "time_zone")

    def clean(self) -> dict[str, Any]:
        """Refuse quiet hours without an end, beside the field."""
        values = super().clean() or {}
        if values.get("begins") and values.get("begins") == values.get("ends"):
            self.add_error("ends", "This is when they begin: they would never end.")
        return values


class GatewayForm(ActionForm):
    """A clinic's account with a service. What is secret is typed in and never shown again."""

    button = "Save this gateway"
    channel = forms.ChoiceField(label="It sends", choices=[])
    name = forms.CharField(
        label="Name", max_length=60, help_text="As your colleagues know it, such as: clinic phone."
    )
    url = forms.CharField(
        label="Address of the service",
        max_length=1000,
        widget=forms.PasswordInput({"autocomplete": "off"}),
        help_text="With {to} where the person's number or name belongs. If the service reports "
        "whether a message arrived, hand it our {ref}.",
    )
    secret = forms.CharField(
        label="Signing secret of its reports",
        required=False,
        max_length=200,
        widget=forms.PasswordInput({"autocomplete": "off"}),
        help_text="Needed with {ref}. Reports that are not signed with it are refused.",
    )

    def __init__(self, *args: Any, gateway: Gateway | None = None, **kwargs: Any) -> None:
        if gateway is not None:
            kwargs["initial"] = {"channel": gateway.channel, "name": gateway.name}
        super().__init__(*args, **kwargs)
        self.gateway = gateway
        self.fields["channel"].choices = [  # type: ignore[attr-defined]
            choice for choice in Channel.choices if choice[0] in SCHEMES
        ]
        if gateway is not None:
            self.fields["channel"].disabled = True
            self.fields["url"].required = False
            self.fields["url"].help_text = f"Stored: {gateway.masked_url} Empty keeps it."
            if gateway.sealed_secret:
                self.fields["secret"].help_text = "Stored. Empty keeps it."

    def clean(self) -> dict[str, Any]:
        """Refuse an address that the library or this installation does not take."""
        values = super().clean() or {}
        url, channel = values.get("url", "").strip(), values.get("channel", "")
        if url and channel:
            try:
                check_url(channel, url)
            except GatewayError as error:
                self.add_error("url", str(error))
        if self.errors and (url or values.get("secret")):
            self.fields["url"].help_text = "Type it again: a page never shows a secret back."
        signed = values.get("secret") or (self.gateway and self.gateway.sealed_secret)
        if "{ref}" in url and not signed:
            self.add_error("secret", "Give the secret its reports are signed with.")
        return values
