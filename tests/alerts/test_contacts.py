"""Ways to be reached: proved by a code that came back, and used for alerts from then on."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from apps.alerts.contact_actions import (
    ContactError,
    add_contact,
    confirm_contact,
    remove_contact,
    renew_code,
)
from apps.alerts.emails import alert_mail, contact_code, contact_mail
from apps.alerts.models import ContactMethod
from apps.audit.models import AuditEvent
from tests.conftest import signed_in
from tests.factories import NOW, make_alert, put_on_call

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def contact(nurse) -> ContactMethod:
    return add_contact(member=nurse, address="Nell@Phone.example ", by=nurse.user, now=NOW)


def confirm(contact, code, at=NOW) -> ContactMethod:
    return confirm_contact(contact=contact, code=code, by=contact.member.user, now=at)


def test_an_address_is_stored_once_in_lower_case_and_proves_nothing_yet(contact, nurse) -> None:
    again = add_contact(member=nurse, address="nell@phone.example", by=nurse.user, now=NOW)
    assert again == contact
    assert (contact.address, contact.verified_at) == ("nell@phone.example", None)
    assert AuditEvent.objects.filter(event="contact.added").count() == 1


def test_the_mail_holds_the_code_and_no_word_of_a_patient(contact) -> None:
    mail = contact_mail(contact)
    assert mail.to == ["nell@phone.example"]
    assert contact_code(contact) in mail.body
    assert "taper" not in mail.body.lower()


def test_the_code_proves_the_address_and_alerts_go_there(contact, nurse, patient) -> None:
    put_on_call(nurse)
    assert alert_mail(make_alert(patient).deliveries.get(), NOW).to == [nurse.user.email]
    confirm(contact, f" {contact_code(contact)} ")
    confirm(contact, "anything, it is confirmed already")
    assert alert_mail(make_alert(patient).deliveries.get(), NOW).to == ["nell@phone.example"]
    assert AuditEvent.objects.filter(event="contact.verified").count() == 1


def test_the_first_of_two_proved_addresses_is_used(contact, nurse, patient) -> None:
    second = add_contact(member=nurse, address="nell@home.example", by=nurse.user, now=NOW)
    confirm(second, contact_code(second))
    confirm(contact, contact_code(contact))
    put_on_call(nurse)
    assert make_alert(patient).deliveries.get().goes_to == "nell@phone.example"
    for _ in range(2):
        remove_contact(contact=contact, by=nurse.user, now=NOW)
    assert make_alert(patient).deliveries.get().goes_to == "nell@home.example"
    assert AuditEvent.objects.filter(event="contact.removed").count() == 1


def test_after_five_wrong_tries_the_code_is_spent(contact) -> None:
    right = contact_code(contact)
    wrong = "000000" if right != "000000" else "000001"
    for left in (4, 3, 2, 1, 0):
        with pytest.raises(ContactError, match=f"{left} tries left"):
            confirm(contact, wrong)
    with pytest.raises(ContactError, match="spent"):
        confirm(contact, right)


def test_an_old_code_is_refused_and_a_new_one_works(contact, nurse) -> None:
    old = contact_code(contact)
    later = NOW + 31 * MINUTE
    with pytest.raises(ContactError, match="too old"):
        confirm(contact, old, later)
    renewed = renew_code(contact=contact, by=nurse.user, now=later)
    assert contact_code(renewed) != old
    confirm(contact, contact_code(renewed), later)
    with pytest.raises(ContactError, match="less than a minute"):
        renew_code(contact=contact, by=nurse.user, now=later + MINUTE / 2)


def test_confirming_is_all_or_nothing(contact, monkeypatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise IntegrityError("audit row refused")

    monkeypatch.setattr("apps.alerts.contact_actions.record", refuse)
    with pytest.raises(IntegrityError):
        confirm(contact, contact_code(contact))
    contact.refresh_from_db()
    assert contact.verified_at is None


@pytest.mark.parametrize("change", [{"code_tries": 6}, {"address": "A@b.example"}])
def test_postgresql_refuses_a_contact_method(change, contact) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ContactMethod.objects.filter(pk=contact.pk).update(**change)


def test_a_person_adds_confirms_and_removes_on_their_own_page(nurse) -> None:
    client, path = signed_in(nurse), reverse("alerts:contacts")
    bad = client.post(path, {"address": "nell at home"})
    assert bad.status_code == 422
    assert "nell at home" in bad.text
    client.post(path, {"address": "nell@home.example"})
    contact = ContactMethod.objects.get()
    confirm_path = reverse("alerts:contact_confirm", args=[contact.pk])
    wrong = client.post(confirm_path, {"code": "12"})
    assert wrong.status_code == 422
    assert "4 tries left" in wrong.text
    page = client.post(confirm_path, {"code": contact_code(contact)}, follow=True)
    assert "reaches you" in page.text
    client.post(reverse("alerts:contact_remove", args=[contact.pk]))
    assert not ContactMethod.objects.exists()


@pytest.mark.parametrize("name", ["contact_confirm", "contact_resend", "contact_remove"])
def test_nobody_touches_anybody_elses_address(name, contact, backup, lead, clinic_admin) -> None:
    path = reverse(f"alerts:{name}", args=[contact.pk])
    for person in (backup, lead, clinic_admin):
        client = signed_in(person)
        assert client.post(path, {"code": contact_code(contact)}).status_code == 404
        assert client.get(path).status_code == 405
    contact.refresh_from_db()
    assert contact.verified_at is None


def test_the_rota_is_red_for_somebody_without_a_proved_address(nurse, clinic_admin) -> None:
    now = timezone.now()
    put_on_call(nurse, now=now)
    path, client = reverse("alerts:rota"), signed_in(clinic_admin)
    assert (
        f"{nurse.user.full_name} is on the rota and has no confirmed way" in client.get(path).text
    )
    contact = add_contact(member=nurse, address="nell@home.example", by=nurse.user, now=now)
    confirm(contact, contact_code(contact), now)
    assert "no confirmed way" not in client.get(path).text
