"""Asking for a new password tells nobody who has an account, whatever the mail server does."""

import socket

import pytest
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db

NOBODY = "who@clinic.example"


def ask(email: str) -> tuple[int, str]:
    client = Client(raise_request_exception=False)
    answer = client.post(reverse("account_reset_password"), {"email": email})
    return answer.status_code, answer.headers.get("Location", "")


def test_without_a_mail_server_an_account_and_none_get_the_same_answer(
    nurse, settings, caplog
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_TIMEOUT = "127.0.0.1", 0.2
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        settings.EMAIL_PORT = silent.getsockname()[1]
        refused = [ask(nurse.user.email), ask(NOBODY)]  # nobody listens
        silent.listen(5)
        unanswered = [ask(nurse.user.email), ask(NOBODY)]
    assert {*refused, *unanswered} == {(302, reverse("account_reset_password_done"))}
    failures = [row for row in caplog.records if row.name == "apps.accounts.adapter"]
    assert [row.levelname for row in failures] == ["ERROR", "ERROR"]
    assert nurse.user.email not in caplog.text
