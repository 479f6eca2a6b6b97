"""A patient with pages of their own, and ways to come in as they do."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.patients.models import Patient
from apps.portal.access import SESSION_KEY
from apps.portal.actions import give_consent, invite_patient
from apps.portal.delivery import deliver_due
from apps.portal.models import PortalMail, TrustedPerson
from apps.portal.sign_in_actions import open_session
from apps.portal.tokens import code_digits, link_token
from apps.portal.trusted_actions import DOOR, invite_trusted
from tests.factories import make_active_plan, make_patient, today
from tests.harness.smtp import Mail, SmtpServer


@pytest.fixture
def wren(clinic: Any, prescriber: Any) -> Patient:
    """A patient on an active plan who has agreed."""
    now = timezone.now()
    patient = make_patient(clinic, now=now, email="wren@home.example")
    start = today().isoformat()
    make_active_plan(patient, prescriber.user, now=now, start_on=start)
    give_consent(patient=patient, language="en", now=now)
    return patient


@pytest.fixture
def robin(wren: Patient) -> TrustedPerson:
    """The person Wren trusts; sees the dose."""
    return invite_trusted(
        patient=wren, name="Robin", email="robin@home.example", language="en", sees_dose=True,
        now=timezone.now(),
    )  # fmt: skip


@pytest.fixture
def own(wren: Patient) -> Client:
    """A browser in which Wren is signed in."""
    return signed_in_as(wren)


def signed_in_as(patient: Patient) -> Client:
    """Return a browser in which this patient is signed in."""
    client = Client()
    session = client.session
    session[SESSION_KEY] = str(open_session(patient=patient, now=timezone.now()).pk)
    session.save()
    return client


def invited_link(patient: Patient, by: Any = None) -> str:
    """Return the path of a new invitation."""
    address = patient.email or "wren@home.example"
    row = invite_patient(patient=patient, address=address, by=by, now=timezone.now())
    return reverse("portal:invited", args=[link_token("portal:invited", row.pk)])


def trusted_link(person: TrustedPerson, name: str = "trusted_door") -> str:
    """Return the path of a trusted person's link."""
    return reverse(f"portal:{name}", args=[link_token(DOOR, person.pk)])


def newest_code() -> str:
    """Return the digits of the code asked for last."""
    return code_digits(PortalMail.objects.filter(kind="code").latest("created_at").code_id)


def sign_in_by_mail(client: Client, address: str) -> Any:
    """Ask for a code, type it in and return the first own page."""
    client.post(reverse("portal:sign_in"), {"email": address})
    return client.post(reverse("portal:code"), {"code": newest_code()}, follow=True)


@pytest.fixture
def mail(smtp: SmtpServer, settings: Any) -> Callable[[], list[Mail]]:
    """Send what is due through a real server; return everything that arrived."""
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", smtp.port
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"

    def send() -> list[Mail]:
        deliver_due(timezone.now)
        return list(smtp.messages)

    return send


def link_in(mail: Mail, start: str) -> str:
    """Return the path of the link in a mail."""
    found = re.search(rf"https?://[^/\s]+({start}\S+)", mail.text)
    assert found, mail.text
    return found[1]
