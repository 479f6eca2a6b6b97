"""From a check-in to an accepted mail, on real parts that fail."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.alerts.models import Alert, Delivery
from apps.alerts.tasks import doorbell
from apps.checkins.link_actions import create_link
from apps.checkins.models import CheckIn
from apps.tapers.models import PlanHold
from tests.factories import SEIZURE
from tests.flows.conftest import leaks
from tests.harness.smtp import Answer
from tests.harness.waiting import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.flow,
    pytest.mark.slow,
]


REQUEST_ID = "0af7651916cd43dd8448eb211c80319c"


def path_for(patient) -> str:
    return reverse(
        "checkins:create", args=[create_link(patient=patient, by=None, now=timezone.now())]
    )


def posted(**extra: str) -> dict:
    values = {key: list(v) if isinstance(v, tuple) else v for key, v in SEIZURE.items()}
    return values | {"submission_id": str(uuid4())} | extra


def submit(patient) -> str:
    """Send a red flag as the patient's phone does; return the page they read."""
    page = Client().post(path_for(patient), posted(), headers={"X-Request-ID": REQUEST_ID})
    assert page.status_code == 200
    assert "Call 911 now" in page.text
    return page.text


def delivery_of(member) -> Delivery:
    return Delivery.objects.get(recipient=member)


def is_sent(member) -> Callable[[], bool]:
    return lambda: Delivery.objects.filter(recipient=member, status="sent").exists()


def test_celery_mails_the_person_on_call(parts, smtp, people, marked_patient) -> None:
    parts.worker()
    page = submit(marked_patient)
    assert "We are telling the person on call now" in page
    (mail,) = smtp.wait_for(1, to=people["on_call"].user.email)
    alert = Alert.objects.get()
    assert mail.message["Subject"].startswith(f"EMERGENCY alert {alert.reference}")
    assert f"{parts.url.split('://')[0]}://" in mail.text
    assert str(alert.pk) in mail.text
    assert PlanHold.objects.get().source_id == CheckIn.objects.get().pk
    wait_until(is_sent(people["on_call"]))
    assert len(smtp.messages) == 1
    sent = f"{REQUEST_ID} delivery {delivery_of(people['on_call']).pk} sent"
    wait_until(lambda: sent in parts.logs())


def test_the_dispatcher_mails_it_when_no_worker_runs(parts, smtp, people, marked_patient) -> None:
    parts.dispatcher()
    submit(marked_patient)
    smtp.wait_for(1, to=people["on_call"].user.email, timeout=5)
    sent = f"{REQUEST_ID} delivery {delivery_of(people['on_call']).pk} sent"
    wait_until(lambda: sent in parts.logs())


def test_worker_and_dispatcher_together_send_one_mail(parts, smtp, people, marked_patient) -> None:
    parts.worker()
    parts.dispatcher()
    submit(marked_patient)
    smtp.wait_for(1)
    wait_until(is_sent(people["on_call"]))
    time.sleep(1.5)
    assert len(smtp.messages) == 1


def test_with_the_broker_down_the_patient_is_advised_and_the_sweep_mails(
    parts, smtp, people, marked_patient, live_broker
) -> None:
    live_broker.kill()
    submit(marked_patient)
    assert Alert.objects.get().status == "open"
    assert smtp.messages == []
    sweep_alerts(parts)
    (mail,) = smtp.wait_for(1, to=people["on_call"].user.email)
    assert "EMERGENCY" in mail.message["Subject"]


def test_with_the_broker_hanging_the_request_does_not_wait(
    parts, smtp, people, marked_patient, live_broker
) -> None:
    parts.dispatcher()
    live_broker.freeze()
    try:
        submit(marked_patient)
        # The page is there while its task message still waits for the broker.
        assert doorbell.waiting == 1
        smtp.wait_for(1, to=people["on_call"].user.email, timeout=5)
    finally:
        live_broker.thaw()


def test_a_worker_killed_between_claim_and_send_is_made_good_after_the_lease(
    parts, smtp, people, marked_patient
) -> None:
    smtp.behave(Answer.HANG_BEFORE_DATA, times=1)
    worker = parts.worker(ALERT_ATTEMPT_SECONDS="3", EMAIL_TIMEOUT="30")
    submit(marked_patient)
    wait_until(lambda: len(smtp.attempts) == 1, 15)
    worker.kill()
    assert delivery_of(people["on_call"]).status == "sending"
    parts.dispatcher()
    smtp.wait_for(1, to=people["on_call"].user.email, timeout=15)
    wait_until(is_sent(people["on_call"]))
    results = [attempt.result for attempt in delivery_of(people["on_call"]).tries.all()]
    assert results == ["unknown", "sent"]


def test_4xx_then_5xx_then_hanging_is_retried_shown_and_handed_on(
    parts, smtp, people, marked_patient
) -> None:
    on_call, backup, lead = (people[rung] for rung in ("on_call", "backup", "lead"))
    smtp.behave(Answer.TEMPORARY_AFTER_DATA, to=on_call.user.email, times=1)
    parts.dispatcher(EMAIL_TIMEOUT="1")
    submit(marked_patient)
    wait_until(lambda: delivery_of(on_call).attempts == 1)
    smtp.behave(Answer.PERMANENT_AT_RCPT, to=on_call.user.email)
    smtp.behave(Answer.HANG_BEFORE_DATA, to=backup.user.email)
    wait_until(lambda: delivery_of(on_call).status == "failed", 10)
    assert delivery_of(on_call).last_error.startswith("550")
    smtp.wait_for(1, to=lead.user.email, timeout=40)
    assert delivery_of(backup).status == "failed"
    page = staff_page(lead)
    assert "550" in page
    assert "failed" in page.lower()


def test_a_storm_of_taps_makes_one_check_in_one_alert_one_mail(
    parts, smtp, people, marked_patient
) -> None:
    parts.dispatcher()
    web = parts.web()
    url, data = parts.url + path_for(marked_patient), posted()
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: tap(url, data), range(5)))
    assert web.alive()
    assert [status for status, _ in answers] == [200] * 5
    assert all("Call 911 now" in text for _, text in answers)
    smtp.wait_for(1)
    wait_until(is_sent(people["on_call"]))
    counts = (CheckIn.objects.count(), Alert.objects.count(), Delivery.objects.count())
    assert counts == (1, 1, 1)
    assert len(smtp.messages) == 1


def test_a_storm_of_other_answers_under_a_used_id_makes_one_more_and_one_alert(
    parts, people, marked_patient
) -> None:
    parts.web()
    url, seizure = parts.url + path_for(marked_patient), posted()
    assert tap(url, seizure | {"seizure": "no"})[0] == 200
    assert (CheckIn.objects.count(), Alert.objects.count()) == (1, 0)
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: tap(url, seizure), range(5)))
    assert [status for status, _ in answers] == [200] * 5
    assert all("Call 911 now" in text for _, text in answers)
    assert (CheckIn.objects.count(), Alert.objects.count()) == (2, 1)
    assert Delivery.objects.count() == 1


def tap(url: str, data: dict) -> tuple[int, str]:
    """Post the form as a browser does; the link alone is the authority."""
    try:
        with urlopen(url, urlencode(data, doseq=True).encode()) as response:
            return response.status, response.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def sweep_alerts(parts) -> str:
    """Run the cron command in a process of its own."""
    process = parts.manage("sweep_alerts")
    assert process.returncode == 0, process.stderr
    return process.stdout


def staff_page(member) -> str:
    client = Client()
    client.force_login(member.user)
    return client.get(reverse("dashboard:alert", args=[Alert.objects.get().pk])).text


def test_a_word_of_the_patients_life_would_be_found() -> None:
    assert leaks("Dear Dr, ZEPHYRINE had a Seizure on clonazepam") == [
        "Zephyrine", "clonazepam", "seizure",
    ]  # fmt: skip
    assert leaks("EMERGENCY alert A-7K3PX2, raised just now") == []
