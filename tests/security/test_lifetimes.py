"""How long each code and link that leaves the app by mail may live."""

from datetime import timedelta

import pytest
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.alerts.contact_actions import ContactError, add_contact, confirm_contact
from apps.alerts.emails import contact_code
from apps.dashboard.staff_delivery import deliver_due
from apps.portal.models.entry import CODE_LIFETIME as PATIENTS_CODE
from apps.portal.sign_in_actions import CODE_LIFETIME as USED

pytestmark = pytest.mark.django_db
TEN = timedelta(minutes=10)  # ASVS 5.0, 6.5.5


def test_a_mailed_code_is_refused_after_ten_minutes(nurse) -> None:
    now = timezone.now()
    contact = add_contact(
        member=nurse, address="n@home.example", gateway=None, by=nurse.user, now=now
    )
    code = contact_code(contact)
    with pytest.raises(ContactError):
        confirm_contact(contact=contact, code=code, by=nurse.user, now=now + TEN)
    confirm_contact(contact=contact, code=code, by=nurse.user, now=now + TEN - timedelta(seconds=1))
    assert PATIENTS_CODE is USED
    assert PATIENTS_CODE <= TEN, "tests/portal/test_entry.py asks whether it is kept"


@pytest.mark.parametrize(("minutes", "works"), [(59, True), (61, False)])
def test_the_link_to_a_new_password_works_for_an_hour(nurse, monkeypatch, minutes, works) -> None:
    Client().post(reverse("account_reset_password"), {"email": nurse.user.email})
    deliver_due(timezone.now)
    (letter,) = mail.outbox
    link = next(word for word in letter.body.split() if "/password/reset/key/" in word)
    # As Django counts: without a zone, by the machine's own clock.
    later = timezone.make_naive(timezone.now()) + timedelta(minutes=minutes)
    monkeypatch.setattr(PasswordResetTokenGenerator, "_now", lambda self: later)
    page = Client().get(link[link.index("/accounts/") :], follow=True)
    assert ('name="password1"' in page.text) is works
