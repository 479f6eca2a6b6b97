"""A clinic whose every word would betray its patient, and a look at everything that left."""

import re
from collections.abc import Iterator

import pytest
from django.utils import timezone

from apps.alerts.tasks import doorbell
from apps.patients.models import Patient, Role, StaffMember
from tests.factories import (
    make_active_plan,
    make_clinic,
    make_member,
    make_patient,
    put_on_call,
    today,
)

# Words of the patient's life that no mail and no log line may hold.
SECRET_WORDS = (
    "Zephyrine", "Quillfeather", "zephyrine@", "555-7391", "clonazepam", "klonopin", "benzo",
    "diazepam", "taper", "dose", " mg", "seizure", "suicid", "symptom", "withdrawal", "E01_",
    "hallucinat", "plan_or_intent", "rf_",
)  # fmt: skip


@pytest.fixture
def people(transactional_db: None) -> dict[str, StaffMember]:
    """One person on each rung, on duty now."""
    clinic, now = make_clinic("Larkspur Clinic"), timezone.now()
    cast = {
        "on_call": make_member(clinic, Role.NURSE, "Nell Oncall"),
        "backup": make_member(clinic, Role.NURSE, "Bram Backup"),
        "lead": make_member(clinic, Role.CLINICAL_LEAD, "Lea Leader"),
    }
    for rung, member in cast.items():
        put_on_call(member, rung, now=now)
    return cast


@pytest.fixture
def marked_patient(people: dict[str, StaffMember]) -> Patient:
    """A patient on an active plan, whose name and drug would be found anywhere."""
    lead = people["lead"]
    patient = make_patient(
        lead.clinic, now=timezone.now(), given_name="Zephyrine", family_name="Quillfeather",
        email="zephyrine@home.example", phone="555-7391",
    )  # fmt: skip
    start = today().isoformat()
    make_active_plan(patient, lead.user, now=timezone.now(), start_on=start)
    return patient


@pytest.fixture(autouse=True)
def doorbell_rings() -> None:
    """Begin without the pause that another test's dead broker left in this process."""
    doorbell.quiet_until = 0.0


# The random part of a link: now and then its letters happen to spell a short word.
TOKEN = re.compile(r"(?<![\w-])[\w-]{43}(?![\w-])")


def leaks(text: str) -> list[str]:
    """Return the secret words that a text holds."""
    words = TOKEN.sub("", text).lower()
    return [word for word in SECRET_WORDS if word.lower() in words]


@pytest.fixture(autouse=True)
def nothing_leaks(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    """After every flow: no mail and no log line holds a word of the patient's life."""
    asked = set(request.fixturenames)
    if not asked & {"site", "parts"}:
        rows = asked & {"db", "transactional_db"}
        assert not rows, "a flow runs processes: ask for site or parts"
        yield
        return
    kept = "site" in asked
    parts = request.getfixturevalue("site" if kept else "parts")
    smtp = parts.mail_server if kept else request.getfixturevalue("smtp")
    yield
    mails = "\n".join(mail.message.as_string() for mail in smtp.messages)
    logs = parts.logs() + "\n" + caplog.text
    for place, text in (("mail", mails), ("log", logs)):
        assert not leaks(text), f"{place} holds {leaks(text)}"
