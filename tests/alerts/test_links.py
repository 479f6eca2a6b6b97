"""The link in the alert mail: whom it lets take an alert, and whom it does not."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pgtrigger
import pytest
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.tokens import hash_token
from apps.alerts.actions import LinkError, acknowledge_alert, resolve_alert, take_by_link
from apps.alerts.emails import alert_mail
from apps.alerts.links import LIFETIME, token_for
from apps.alerts.models import Alert, Delivery
from apps.audit.models import AuditEvent
from tests.conftest import signed_in
from tests.factories import make_alert, put_on_call

pytestmark = pytest.mark.django_db


@pytest.fixture
def delivery(patient, nurse) -> Delivery:
    put_on_call(nurse, now=timezone.now())
    return make_alert(patient, now=timezone.now()).deliveries.get()


def path_of(delivery: Delivery) -> str:
    return reverse("alerts:take", args=[token_for(delivery.pk)])


def state_of(delivery: Delivery) -> tuple[str, object]:
    alert = Alert.objects.get(pk=delivery.alert_id)
    return alert.status, alert.owner


def test_the_mail_holds_the_link_and_the_table_only_its_hash(delivery) -> None:
    mail = alert_mail(delivery, timezone.now())
    html = mail.alternatives[0][0]
    token = re.search(r"/take/([\w-]+)/", mail.body)[1]
    assert token in html
    assert delivery.link_hash == hash_token(token)
    assert token not in str(Delivery.objects.filter(pk=delivery.pk).values())
    assert "taper" not in (mail.body + html).lower()


def test_a_repeat_of_a_mail_holds_the_same_link(delivery) -> None:
    first = alert_mail(delivery, timezone.now()).body
    delivery.attempts = 3
    assert re.search(r"/take/\S+", first)[0] in alert_mail(delivery, timezone.now()).body


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_mail_scanner_that_opens_the_link_takes_nothing(method, delivery, patient) -> None:
    for _ in range(3):
        page = Client().generic(method, path_of(delivery))
        assert page.status_code == 200
    assert state_of(delivery) == ("open", None)
    assert not AuditEvent.objects.filter(event="alert.acknowledged").exists()


def test_the_page_holds_the_reference_and_no_word_of_the_patient(delivery, patient) -> None:
    page = Client().get(path_of(delivery)).text
    assert f"Take alert {delivery.alert.reference}" in page
    for word in (patient.family_name, patient.given_name, patient.phone, "seizure", "Seizure"):
        assert word not in page


def test_pressing_the_button_takes_the_alert_in_the_recipients_name(delivery, nurse) -> None:
    page = Client().post(path_of(delivery), follow=True)
    assert page.status_code == 200
    assert "is yours" in page.text
    assert "Sign in and read" in page.text
    assert state_of(delivery) == ("acknowledged", nurse.user)
    event = AuditEvent.objects.get(event="alert.acknowledged")
    assert event.actor_id == nurse.user.pk
    delivery.refresh_from_db()
    assert delivery.link_used_at is not None


def test_a_link_needs_the_form_of_its_own_page(delivery) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(path_of(delivery)).status_code == 403
    assert state_of(delivery) == ("open", None)
    page = strict.get(path_of(delivery))
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[1]
    assert strict.post(path_of(delivery), {"csrfmiddlewaretoken": token}).status_code == 302
    assert state_of(delivery)[0] == "acknowledged"


def test_a_used_link_takes_nothing_again(delivery, nurse) -> None:
    Client().post(path_of(delivery))
    Alert.objects.filter(pk=delivery.alert_id).update(
        status="open", owner=None, ack_due_at=None, next_rung_at=timezone.now()
    )
    page = Client().post(path_of(delivery))
    assert page.status_code == 410
    assert "This link was used already. Sign in to see the alert." in page.text
    assert state_of(delivery) == ("open", None)


def test_an_old_link_says_so_and_takes_nothing(delivery) -> None:
    with pgtrigger.ignore("alerts.Delivery:delivery_stays_itself"):
        Delivery.objects.filter(pk=delivery.pk).update(
            created_at=timezone.now() - 2 * LIFETIME, link_expires_at=timezone.now() - LIFETIME
        )
    for page in (Client().get(path_of(delivery)), Client().post(path_of(delivery))):
        assert page.status_code == 410
        assert "This link is too old." in page.text
    assert state_of(delivery) == ("open", None)


def test_a_colleagues_link_takes_nothing_in_my_session(delivery, backup) -> None:
    client = signed_in(backup)
    for page in (client.get(path_of(delivery)), client.post(path_of(delivery))):
        assert page.status_code == 410
        assert "This link was sent to somebody else." in page.text
    assert state_of(delivery) == ("open", None)


def test_the_link_of_somebody_who_has_left_takes_nothing(delivery, nurse) -> None:
    nurse.is_active = False
    nurse.save(update_fields=["is_active"])
    assert "no longer handles alerts" in Client().post(path_of(delivery)).text
    assert state_of(delivery) == ("open", None)


def test_the_link_of_a_taken_alert_says_who_has_it(delivery, backup) -> None:
    acknowledge_alert(alert=delivery.alert, by=backup.user, now=timezone.now())
    for page in (Client().get(path_of(delivery)), Client().post(path_of(delivery))):
        assert page.status_code == 410
        assert f"{backup.user.full_name} has already taken this alert." in page.text


def test_the_link_of_a_closed_alert_says_so(delivery, backup) -> None:
    resolve_alert(
        alert=delivery.alert, by=backup.user, outcome="spoke", note="Called.", now=timezone.now()
    )
    assert "closed" in Client().get(path_of(delivery)).text


def test_a_forged_link_is_one_clear_sentence_and_guessing_is_throttled(db) -> None:
    cache.clear()
    guess = Client()
    first = guess.get(reverse("alerts:take", args=[token_for(uuid4())]))
    assert first.status_code == 404
    assert "This link does not work." in first.text
    statuses = [guess.post(f"/take/{n}/").status_code for n in range(21)]
    assert statuses[:19] == [404] * 19
    assert statuses[-1] == 429


def test_a_real_link_works_from_an_address_that_was_throttled(delivery) -> None:
    cache.clear()
    for n in range(25):
        Client().get(f"/take/{n}/")
    assert Client().post(path_of(delivery)).status_code == 302


def test_taking_by_link_is_all_or_nothing(delivery, monkeypatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise IntegrityError("audit row refused")

    monkeypatch.setattr("apps.alerts.actions.record", refuse)
    with pytest.raises(IntegrityError), transaction.atomic():
        take_by_link(delivery=delivery, reader=None, now=timezone.now())
    delivery.refresh_from_db()
    assert delivery.link_used_at is None
    assert state_of(delivery) == ("open", None)


def test_postgresql_refuses_a_link_that_never_expires(delivery) -> None:
    with pytest.raises(IntegrityError, match="delivery_link_expires"), transaction.atomic():
        Delivery.objects.filter(pk=delivery.pk).update(
            link_expires_at=delivery.created_at - timedelta(seconds=1)
        )


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_many_people_press_at_once_and_one_becomes_the_owner(patient, clinic) -> None:
    from tests.factories import make_member

    for _ in range(8):
        make_member(clinic)
    alert = make_alert(patient, now=timezone.now())
    keys = list(alert.deliveries.values_list("pk", flat=True))

    def press(key: object) -> int:
        try:
            return Client().post(reverse("alerts:take", args=[token_for(key)])).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(press, keys))
    assert statuses == [302] + [410] * 7
    assert AuditEvent.objects.filter(event="alert.acknowledged").count() == 1


def test_nobody_takes_by_link_what_is_not_sent_to_them(delivery, outsider) -> None:
    with pytest.raises(LinkError):
        take_by_link(delivery=delivery, reader=outsider.user, now=timezone.now())
