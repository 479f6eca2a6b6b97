"""Asking for a new password tells nobody who has an account, whatever the mail server does."""

import re
import socket
from datetime import timedelta

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import StaffMail
from apps.audit.models import AuditEvent
from apps.dashboard.staff_delivery import deliver_due, send_waiting, sweep_mails
from apps.dashboard.staff_outbox import ask_for_reset
from tests.factories import make_invitation
from tests.harness.waiting import wait_until

pytestmark = pytest.mark.django_db

NOBODY = "who@clinic.example"
PASSWORD = "four other words in a row"


def ask(email: str) -> tuple[int, str]:
    client = Client(raise_request_exception=False)
    answer = client.post(reverse("account_reset_password"), {"email": email})
    return answer.status_code, answer.headers.get("Location", "")


def link_in(text: str) -> str:
    found = re.search(r"http\S+/password/reset/key/\S+", text)
    assert found is not None, text
    return found[0].removeprefix(settings.SITE_URL)


def test_no_answer_waits_for_the_mail_server_with_an_account_or_without(nurse, settings) -> None:
    """A server that accepts and says nothing is never even called while somebody waits."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.EMAIL_PORT = silent.getsockname()[1]
        answers = {ask(nurse.user.email), ask(NOBODY)}
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):
            silent.accept()
    assert answers == {(302, reverse("account_reset_password_done"))}


def test_an_account_and_none_cost_the_same_queries_and_the_same_row(
    nurse, django_assert_num_queries
) -> None:
    for address in (nurse.user.email, NOBODY):
        with django_assert_num_queries(4):  # look, store, and the transaction around both
            ask_for_reset(address=address, now=timezone.now())
    known, stranger = StaffMail.objects.order_by("created_at")
    assert (known.kind, known.user, known.state) == ("reset", nurse.user, "pending")
    assert (stranger.kind, stranger.user, stranger.state) == ("reset", None, "nobody")


def test_the_mail_leads_to_a_new_password_once(nurse) -> None:
    ask(f" {nurse.user.email.upper()} ")
    ask(NOBODY)
    assert deliver_due(timezone.now) == 1
    assert deliver_due(timezone.now) == 0
    (letter,) = mail.outbox
    assert letter.to == [nurse.user.email]
    client, path = Client(), link_in(letter.body)
    form = client.get(path).headers["Location"]
    client.post(form, {"password1": PASSWORD, "password2": PASSWORD})
    nurse.user.refresh_from_db()
    assert nurse.user.check_password(PASSWORD)
    assert Client().get(path).status_code == 200  # "this link does not work", and no form
    assert 'name="password1"' not in Client().get(path).text
    assert AuditEvent.objects.filter(event="staff_mail.sent").count() == 1


def test_neither_the_row_nor_what_the_broker_sees_holds_the_link(nurse) -> None:
    row = ask_for_reset(address=nurse.user.email, now=timezone.now())
    deliver_due(timezone.now)
    token = link_in(mail.outbox[0].body).rstrip("/").rsplit("/", 1)[1]
    stored = str(StaffMail.objects.values().get(pk=row.pk))
    for secret in (token, token.split("-", 1)[1]):
        assert secret not in stored
        assert secret not in str(row.pk)


def test_nobody_gets_a_link_that_they_asked_for_an_hour_ago_or_after_they_left(nurse) -> None:
    now = timezone.now()
    ask_for_reset(address=nurse.user.email, now=now - timedelta(hours=1))
    recent = ask_for_reset(address=nurse.user.email, now=now)
    nurse.user.is_active = False
    nurse.user.save(update_fields=["is_active"])
    deliver_due(timezone.now)
    assert set(StaffMail.objects.values_list("state", flat=True)) == {"cancelled"}
    assert not mail.outbox
    assert ask_for_reset(address=nurse.user.email, now=now).state == "nobody"
    assert StaffMail.objects.get(pk=recent.pk).ended_at is not None


def test_what_a_dead_sender_had_in_hand_is_sent_and_old_rows_go(nurse) -> None:
    now = timezone.now()
    ask_for_reset(address=NOBODY, now=now - timedelta(days=8))
    held = ask_for_reset(address=nurse.user.email, now=now)
    StaffMail.objects.filter(pk=held.pk).update(
        state="sending", attempts=1, next_attempt_at=None, lease_token=held.pk, lease_until=now
    )
    assert sweep_mails(now) == 1
    assert sweep_mails(now) == 0
    assert StaffMail.objects.get().pk == held.pk
    deliver_due(lambda: now + timedelta(minutes=1))
    send_waiting()
    assert len(mail.outbox) == 1


def test_a_mail_server_that_is_not_there_costs_a_try_and_no_mail(nurse, settings, caplog) -> None:
    ask(nurse.user.email)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_TIMEOUT = "127.0.0.1", 0.2
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        settings.EMAIL_PORT = nobody_listens.getsockname()[1]
        deliver_due(timezone.now)
    row = StaffMail.objects.get()
    assert (row.state, row.attempts) == ("pending", 1)
    assert nurse.user.email not in row.last_error + caplog.text


@pytest.mark.flow
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_links_and_invitations_leave_with_the_broker_dead(
    parts, smtp, nurse, clinic_admin, live_broker
) -> None:
    live_broker.kill()
    parts.dispatcher()
    assert ask(nurse.user.email)[0] == 302
    make_invitation(clinic_admin, "new@clinic.example", now=timezone.now())
    smtp.wait_for(1, to=nurse.user.email, timeout=15)
    smtp.wait_for(1, to="new@clinic.example", timeout=15)
    smtp.wait_for(2, to=nurse.user.email, timeout=15)  # no lead is there: who sees patients hears
    wait_until(lambda: StaffMail.objects.filter(state="sent").count() == 3)
