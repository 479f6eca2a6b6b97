"""A patient's own words, and how staff read a check-in: as it was given, with what followed."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse

from apps.alerts.models import Alert
from apps.audit.models import AuditEvent
from apps.checkins.actions import submit_check_in
from apps.checkins.models import CareTask, CheckIn
from apps.clinical.questionnaires import LATEST, get_questionnaire
from apps.patients.models import Patient
from tests.conftest import signed_in
from tests.factories import CALM, NOW, SEIZURE, check_in, put_on_call

pytestmark = pytest.mark.django_db


def wrote(patient: Patient, text: str, **more: object) -> CheckIn:
    """Return a weekly check-in with a note."""
    return submit_check_in(
        patient=patient,
        questionnaire=get_questionnaire("weekly", 1),
        answers={"phq9_1": 0, "note": text},
        submission_id=uuid4(),
        language=patient.language,
        reported_at=NOW,
        now=NOW,
        **more,
    )


def page_of(member, row: CheckIn) -> str:
    return signed_in(member).get(reverse("checkins:detail", args=[row.pk])).text


@pytest.mark.parametrize(
    "text", ["I had a seizure on Monday", "Tuve una convulsión ayer", "i want to end my life"]
)
def test_words_that_sound_like_danger_are_read_by_somebody_today(patient, nurse, text) -> None:
    put_on_call(nurse)
    row = wrote(patient, text)
    task = CareTask.objects.get()
    assert (task.kind, task.owner, task.check_in) == ("read_today", nurse.user, row)
    assert task.due_at.astimezone(patient.clinic.tz).date() == NOW.date()
    # ... and never set a level by themselves.
    assert row.triage.level == "none"
    assert not Alert.objects.exists()


@pytest.mark.parametrize("text", ["No seizures this week", "All fine, thanks", "Sin convulsiones"])
def test_denied_and_harmless_words_call_nobody(patient, text) -> None:
    wrote(patient, text)
    assert not CareTask.objects.exists()


def test_the_task_shows_the_words_as_they_were_written(patient, nurse) -> None:
    wrote(patient, "Had a seizure <b>today</b> 😵 مرحبا")
    task = CareTask.objects.get()
    page = signed_in(nurse).get(reverse("checkins:task", args=[task.pk])).text
    assert "Had a seizure &lt;b&gt;today&lt;/b&gt; 😵 مرحبا" in page
    assert 'dir="auto"' in page
    assert "Stands out:" in page
    done = signed_in(nurse).post(
        reverse("checkins:task", args=[task.pk]), {"outcome": "read", "note": ""}
    )
    assert done.status_code == 302


def test_a_check_in_is_shown_as_given_and_the_look_is_written_down(patient, nurse) -> None:
    row = check_in(patient, SEIZURE | {"supply_days": 3})
    page = page_of(nurse, row)
    for words in (
        "Did you have a seizure",
        "Daily check-in",
        f"questions version {LATEST['daily']}",
        "Rules that",
    ):
        assert words in page
    assert Alert.objects.get().reference in page
    assert AuditEvent.objects.get(event="check_in.viewed").object_id == row.pk


def test_felt_and_reached_us_are_both_shown_when_they_differ(patient, nurse) -> None:
    row = submit_check_in(
        patient=patient, questionnaire=get_questionnaire("daily", 1), answers=CALM,
        submission_id=uuid4(), language="en", reported_at=NOW - timedelta(hours=8, minutes=30),
        now=NOW,
    )  # fmt: skip
    for page in (
        page_of(nurse, row),
        signed_in(nurse).get(reverse("dashboard:patient", args=[patient.pk])).text,
    ):
        text = " ".join(page.split())
        assert "felt <time" in text
        assert "01:30</time>, reached us" in text
        assert "10:00</time>" in text


def test_a_correction_and_what_it_corrects_lead_to_each_other(patient, nurse) -> None:
    first = check_in(patient, SEIZURE)
    second = submit_check_in(
        patient=patient, questionnaire=get_questionnaire("daily", 1), answers=CALM,
        submission_id=uuid4(), language="en", reported_at=NOW, now=NOW + timedelta(minutes=3),
        corrects=first,
    )  # fmt: skip
    assert reverse("checkins:detail", args=[second.pk]) in page_of(nurse, first)
    assert reverse("checkins:detail", args=[first.pk]) in page_of(nurse, second)
    assert "stays as it was given" in page_of(nurse, second)


def test_what_was_not_answered_is_named(patient, nurse) -> None:
    row = check_in(patient, {"seizure": "yes"})
    page = page_of(nurse, row)
    assert "Not complete." in page
    assert "Did you take your medicine as planned" in page


def test_the_page_asks_as_many_questions_for_a_long_check_in(
    patient, nurse, django_assert_max_num_queries
) -> None:
    row = check_in(patient, SEIZURE)
    client = signed_in(nurse)
    client.get(reverse("checkins:detail", args=[row.pk]))
    with django_assert_max_num_queries(16):
        client.get(reverse("checkins:detail", args=[row.pk]))
