"""What a clinical lead decides about check-ins: stored once, audited, never lost to a colleague."""

from datetime import time

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from apps.audit.models import AuditEvent
from apps.checkins.models import CareTask, CheckInPolicy, CheckInSchedule, policy_of
from apps.checkins.policy_actions import PolicyChangedError, set_policy
from apps.checkins.reminder_actions import plan_window
from tests.conftest import signed_in
from tests.factories import NOW, make_active_plan, make_task

pytestmark = pytest.mark.django_db
DECIDED = {
    "hold_on_request": True, "usual_time": time(8, 30), "second_mail_hours": 5, "hospital_days": 10,
    "care_level_days": 20,
    "requests_until": time(16),
}  # fmt: skip
TYPED = {
    "hold_on_request": "on", "usual_time": "08:30", "second_mail_hours": "5", "hospital_days": "10",
    "care_level_days": "20",
    "requests_until": "16:00", "version": "1",
}  # fmt: skip
URL = "/requests/policy/"


def decide(clinic, lead, version: int = 1, **changes) -> CheckInPolicy:
    return set_policy(
        clinic=clinic, values=DECIDED | changes, version=version, by=lead.user, now=NOW
    )


def test_a_decision_is_stored_and_written_down_once(clinic, lead) -> None:
    for _ in range(2):
        decide(clinic, lead)
    assert policy_of(clinic.pk).version == 2
    (row,) = AuditEvent.objects.filter(event="check_in_policy.changed")
    assert (row.actor_id, row.details["before"]["hold_on_request"]) == (lead.user.pk, "False")


def test_who_saw_older_decisions_is_told_and_changes_nothing(clinic, lead) -> None:
    decide(clinic, lead)
    with pytest.raises(PolicyChangedError):
        decide(clinic, lead, version=1, second_mail_hours=2)
    assert policy_of(clinic.pk).second_mail_hours == 5


def test_decision_and_audit_row_are_stored_together(clinic, lead, monkeypatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise IntegrityError

    monkeypatch.setattr("apps.checkins.policy_actions.record", refuse)
    with pytest.raises(IntegrityError):
        decide(clinic, lead)
    assert not CheckInPolicy.objects.exists()


@pytest.mark.parametrize("hours", [0, 13])
def test_postgres_refuses_a_second_mail_that_is_not_the_same_day(clinic, hours) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        CheckInPolicy.objects.create(clinic=clinic, second_mail_hours=hours)


def test_the_page_saves_and_shows_what_is_in_force(lead) -> None:
    client = signed_in(lead)
    assert client.get(URL).status_code == 200
    assert client.post(URL, TYPED).status_code == 302
    page = client.get(URL).text
    assert 'value="08:30"' in page
    assert 'value="2"' in page  # the version that the next save must know
    assert URL in client.get(reverse("checkins:task_list")).text


def test_a_slip_is_told_beside_its_field_and_nothing_typed_is_lost(lead) -> None:
    page = signed_in(lead).post(URL, TYPED | {"second_mail_hours": "99", "usual_time": "soon"})
    assert page.status_code == 422
    assert "less than or equal to 12" in page.text
    assert "Write a time, like 09:00." in page.text
    assert 'value="99"' in page.text
    assert not CheckInPolicy.objects.exists()


def test_two_leads_at_once_the_second_sees_what_the_first_saved(clinic, lead) -> None:
    client = signed_in(lead)
    decide(clinic, lead)
    page = client.post(URL, TYPED | {"second_mail_hours": "2"})
    assert page.status_code == 422
    assert "Somebody else changed these decisions" in page.text
    assert "In force now: 5." in page.text
    assert 'value="2"' in page.text
    again = client.post(URL, TYPED | {"second_mail_hours": "2", "version": "2"})
    assert again.status_code == 302
    assert policy_of(clinic.pk).second_mail_hours == 2


def test_what_is_decided_holds(clinic, lead, patient, prescriber) -> None:
    decide(clinic, lead)
    make_active_plan(patient, prescriber.user)
    task = make_task(patient, "stay")
    assert task.due_at.astimezone(clinic.tz).time() == time(16)
    assert patient.plans.get().holds.get().source_id == task.pk
    plan_window(patient.pk, NOW)
    assert CheckInSchedule.objects.get(patient=patient).remind_at == time(8, 30)


def test_without_a_rota_a_clinical_lead_owns_what_is_asked(lead, patient) -> None:
    assert make_task(patient).owner == lead.user
    assert CareTask.objects.count() == 1
