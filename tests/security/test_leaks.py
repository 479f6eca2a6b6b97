"""No word of a patient's life leaves by mail, log, URL, metric, error page, message or result.

Every URL and every job by construction: a new one that is not walked here fails the test.
"""

import base64
import inspect
import json
import logging
import re
from collections.abc import Iterator
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
import redis
from django.core import mail
from django.core.management import call_command, get_commands
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone

from apps.alerts import tasks as alert_tasks
from apps.alerts.models import ContactMethod, Delivery
from apps.audit.models import AuditEvent
from apps.checkins.link_actions import create_link
from apps.dashboard import caseload_views
from config.celery import app
from tests.conftest import go_on, signed_in
from tests.factories import (
    SEIZURE,
    make_active_plan,
    make_invitation,
    make_patient,
    put_on_call,
    today,
)
from tests.harness.waiting import wait_until
from tests.security.test_url_table import routes
from tests.security.walk import Stop, every_stop
from tests.test_access_matrix import LIBRARY

pytestmark = pytest.mark.django_db(transaction=True)

NOTE = "Marzipanfall"  # what the patient writes; no word of ours holds it
MARKERS = ("Zephyrine", "Quillfeather", "zephyrine@", "555-7391", "clonazepam", "klonopin", NOTE)
# Words that would say what the installation is for; a log line may hold module names of ours.
HEALTH = (*MARKERS, "benzo", "taper", " mg", "seizure", "suicid", "withdrawal", "symptom")
# Run elsewhere: they need other processes (tests/flows), make clinics of their own (tests/demo),
# read a file (tests/exchange/test_import.py) or a password (tests/security/test_clinic_wall.py).
OTHER_COMMANDS = {
    "run_dispatcher", "run_drill", "load_demo", "create_clinic", "import_record",
    "create_run_login",
}  # fmt: skip

# What a form takes besides notes, so that what it hands out is really made.
FITTING = {"exchange:record_export": {"why": "transfer"}}
HANDED_OUT = {
    "exchange:record_export", "portal:export_file", "api:check_in", "api:plan_preview",
}  # fmt: skip
# Opened by name in no walk, each with its reason.
NOT_WALKED = {
    **dict.fromkeys(LIBRARY, "the library's own words: tests/security/test_hardening.py"),
}


def found(words: tuple[str, ...], text: str) -> list[str]:
    return [word for word in words if word.lower() in text.lower()]


@pytest.fixture
def zephyrine(clinic, prescriber, nurse) -> Any:
    alert_tasks.doorbell.quiet_until = 0.0
    now = timezone.now()
    put_on_call(nurse, now=now)
    patient = make_patient(
        clinic, now=now, given_name="Zephyrine", family_name="Quillfeather",
        email="zephyrine@home.example", phone="555-7391",
    )  # fmt: skip
    make_active_plan(patient, prescriber.user, now=now, start_on=today().isoformat())
    token = create_link(patient=patient, by=None, now=now)
    answers = {key: list(v) if isinstance(v, tuple) else v for key, v in SEIZURE.items()}
    answers |= {"submission_id": str(uuid4()), "free_text": f"{NOTE} is here", "note": NOTE}
    page = Client().post(reverse("checkins:create", args=[token]), answers)
    assert page.status_code == 200
    return patient


def sent(stop: Stop, fields: list[str]) -> Any:
    """Return the answer to what somebody types, or a program sends: notes wherever one fits."""
    if stop.body is not None:
        return stop.client.post(stop.path, stop.body, content_type="application/json")
    typed = dict.fromkeys(fields, NOTE)
    answer = stop.client.post(stop.path, typed | FITTING.get(stop.name, {}))
    where = answer.headers.get("Location", "")
    if stop.name in FITTING and where.startswith(reverse("account_reauthenticate")):
        return go_on(stop.client, answer)
    return answer


def walk(stop: Stop) -> Iterator[str]:
    """Yield every address that the stop shows or sends to: where a word would be in a URL."""
    fields = stop.fields()
    for method in sorted(stop.methods):
        if method == "GET":
            answer = stop.client.get(stop.path)
        else:
            answer = sent(stop, fields)
            if stop.name in HANDED_OUT:
                assert answer.status_code in (200, 201), (stop.name, answer.content[:300])
        assert answer.status_code < 500 or stop.name == "dashboard:healthz", stop.name
        yield answer.headers.get("Location", "")
        yield from re.findall(
            r'(?:href|action|src|formaction)="([^"]*)"', answer.content.decode(errors="replace")
        )


def job_arguments(patient: Any, member: Any) -> dict[str, Any]:
    now = timezone.now()
    contact = ContactMethod.objects.create(
        member=member, channel="email", address="n@clinic.example", created_at=now,
        code_made_at=now,
    )  # fmt: skip
    invited = make_invitation(member, "later@clinic.example", "clinic_admin", now=now)
    return {
        "name": "chores",
        "delivery_id": str(Delivery.objects.filter(alert__patient=patient).first().pk),
        "contact_id": str(contact.pk),
        "reminder_id": str(uuid4()),
        "mail_id": str(invited.mails.get().pk),
        "gateway_id": str(uuid4()),
        "access_id": str(uuid4()),
    }


def messages_in(url: str) -> str:
    """Return what waits in the broker, laid open."""
    server = redis.Redis.from_url(url.replace("redis+socket://", "unix://").split("?")[0])
    texts = []
    for key in server.keys("*"):
        if server.type(key) != b"list":
            continue
        for row in server.lrange(key, 0, -1):
            message = json.loads(row)
            texts += [row.decode(), base64.b64decode(message["body"]).decode()]
    return "\n".join(texts)


def test_no_word_leaves(live_broker, zephyrine, prescriber, logs, settings, monkeypatch) -> None:
    settings.METRICS_TOKEN = "a-token-for-this-test"
    addresses: list[str] = []
    walked = set()
    for stop in every_stop(zephyrine, prescriber, NOTE):
        addresses += [stop.path, *walk(stop)]
        walked.add(stop.name)
    assert walked | set(NOT_WALKED) == {name for name, _ in routes(get_resolver().url_patterns)}
    assert not walked & set(NOT_WALKED)
    results = run_every_job(zephyrine, prescriber)
    printed = run_every_command()
    wait_until(lambda: alert_tasks.doorbell.waiting == 0, 15)
    metrics = Client().get(
        reverse("dashboard:metrics"), headers={"authorization": "Bearer a-token-for-this-test"}
    )
    assert metrics.status_code == 200
    broker = messages_in(live_broker.url)
    assert "apps.alerts.tasks.deliver" in broker, "the instrument hears the broker"
    mails = "\n".join(without_recipient(letter) for letter in mail.outbox)
    assert mail.outbox, "the instrument hears the mails"
    places = {
        "address": "\n".join(addresses),
        "mail": mails,
        "metrics": metrics.content.decode(),
        "health": Client().get(reverse("dashboard:healthz")).content.decode(),
        "broker": broker,
        "result": results,
        "command": printed,
        "error page": error_pages(zephyrine, prescriber, monkeypatch),
        "log": logs.getvalue(),
        "audit": str(list(AuditEvent.objects.values_list("event", "details"))),
    }
    leaks = {place: found(MARKERS, text) for place, text in places.items()}
    assert leaks == {place: [] for place in places}
    for place in ("mail", "metrics", "health"):
        assert found(HEALTH, places[place]) == [], place


def without_recipient(letter: Any) -> str:
    """Return a mail as it travels, but for the address of whoever gets it: it must arrive."""
    message = letter.message()
    del message["To"]
    return str(message.as_string())


def run_every_job(patient: Any, member: Any) -> str:
    """Run every task that is registered; return what they returned."""
    given, results = job_arguments(patient, member), []
    for name in sorted(name for name in app.tasks if not name.startswith("celery.")):
        task = app.tasks[name]
        needs = [given[key] for key in inspect.signature(task.run).parameters]
        result = task.apply(args=needs)
        results.append(f"{name} {result.result!r}")
        assert task.ignore_result or app.conf.task_ignore_result
    assert len(results) >= 9
    return "\n".join(results)


def run_every_command() -> str:
    """Run every command of ours that needs no argument; return what they printed."""
    ours = {name for name, where in get_commands().items() if str(where).startswith("apps.")}
    text = StringIO()
    for name in sorted(ours - OTHER_COMMANDS - {"backup", "restore", "restore_drill"}):
        call_command(name, stdout=text, stderr=text)
    return text.getvalue()


def error_pages(patient: Any, member: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return every kind of error page, each asked for with the patient's words in hand."""
    words = {"q": f"{patient.full_name} clonazepam", "note": NOTE}
    client = signed_in(member)
    client.raise_request_exception = False

    def breaks(*args: Any, **kwargs: Any) -> None:
        raise ValueError(f"Failing row contains ({patient.full_name}, clonazepam, {NOTE})")

    with monkeypatch.context() as patch:
        patch.setattr(caseload_views, "render", breaks)
        broken = client.get(reverse("dashboard:caseload"))
    assert broken.status_code == 500
    strict = Client(enforce_csrf_checks=True)
    pages = [
        broken,
        client.post("/nowhere/", words),
        client.post(reverse("dashboard:audit"), words),
        client.get(f"/patients/{uuid4()}/"),
        strict.post(reverse("account_login"), words),
        client.get("/", headers={"host": "quillfeather.example"}),
    ]
    assert {page.status_code for page in pages} >= {400, 403, 404, 500}
    return "\n".join(page.content.decode() for page in pages)


def test_the_instrument_would_hear_a_word_in_a_log(logs) -> None:
    logging.getLogger("apps.alerts").warning("for Zephyrine")
    assert found(MARKERS, logs.getvalue()) == ["Zephyrine"]
