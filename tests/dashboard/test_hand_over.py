"""The end of a shift: everything goes over together, and the page says what changed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.alerts.actions import acknowledge_alert
from apps.alerts.models import Alert
from apps.audit.models import AuditEvent
from apps.checkins.models import CareTask
from apps.checkins.task_actions import close_task, take_task
from apps.dashboard.hand_over import shift_began
from apps.dashboard.hand_over_actions import hand_over_everything
from apps.dashboard.view_actions import write_note
from tests.conftest import signed_in
from tests.factories import (
    NOW,
    make_active_plan,
    make_alert,
    make_patient,
    make_task,
    put_on_call,
)

pytestmark = pytest.mark.django_db
URL = "/hand-over/"


def busy(clinic, nurse) -> None:
    """Give the nurse two alerts and a task."""
    now = timezone.now()
    for _ in range(2):
        alert = make_alert(make_patient(clinic), now=now - timedelta(minutes=1))
        acknowledge_alert(alert=alert, by=nurse.user, now=now)
    take_task(task=make_task(make_patient(clinic), now=now), by=nurse.user, now=now)


def test_alerts_and_tasks_go_to_the_next_shift(clinic, nurse, backup) -> None:
    client = signed_in(nurse)
    assert "There is nothing to hand over" in client.get(URL).text
    busy(clinic, nurse)
    assert client.post(URL, {"to": "", "note": "Night"}).status_code == 422
    page = client.post(URL, {"to": str(backup.pk), "note": "Night"}, follow=True)
    assert f"{backup.user.full_name} has your 2 alerts and 1 task now." in page.text
    assert Alert.objects.filter(owner=backup.user).count() == 2
    task = CareTask.objects.get()
    assert (task.owner, task.comments.get().text) == (backup.user, "Night")
    values = {"leaving": nurse, "to": backup, "note": "Night", "now": timezone.now()}
    assert hand_over_everything(**values) == (0, 0)  # twice moves nothing
    assert AuditEvent.objects.filter(event="shift.handed_over").count() == 1


def test_a_hand_over_is_all_or_nothing(clinic, nurse, backup, monkeypatch) -> None:
    busy(clinic, nurse)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no audit")

    monkeypatch.setattr("apps.dashboard.hand_over_actions.record", fail)
    with pytest.raises(RuntimeError):
        hand_over_everything(leaving=nurse, to=backup, note="Night", now=timezone.now())
    assert Alert.objects.filter(owner=nurse.user).count() == 2
    assert CareTask.objects.get().owner == nurse.user


def test_the_page_says_what_changed_and_costs_as_much_for_a_busy_shift(
    clinic, nurse, backup, prescriber, other_patient, django_assert_max_num_queries
) -> None:
    now = timezone.now()
    busy(clinic, nurse)
    for n in range(5):
        patient = make_patient(clinic, family_name=f"Heron{n}")
        task = make_task(patient, now=now)
        close_task(task=task, by=backup.user, outcome="spoke", note="", now=now)
        write_note(patient=patient, text=f"Moves house {n}", by=backup.user, now=now)
        make_active_plan(patient, prescriber.user, now=now)
    write_note(patient=other_patient, text="Elsewhere", by=backup.user, now=now)
    client = signed_in(nurse)
    client.get(URL)
    with django_assert_max_num_queries(16):  # eight of them are lists
        page = client.get(URL)
    for words in ("the last twelve hours", "Moves house 4", "spoke with the patient", "Heron4"):
        assert words in page.text
    assert "Elsewhere" not in page.text
    assert AuditEvent.objects.filter(event="hand_over.viewed").count() == 2


def test_shifts_without_a_gap_are_one(nurse, backup) -> None:
    assert shift_began(nurse, NOW) is None
    shift = put_on_call(nurse, now=NOW)  # from a day before
    shift.starts_at, shift.ends_at = NOW - timedelta(hours=4), NOW + timedelta(hours=4)
    shift.save()
    put_on_call(backup, now=NOW)
    assert shift_began(nurse, NOW) == NOW - timedelta(hours=4)
    earlier = put_on_call(nurse, "backup", now=NOW)
    earlier.starts_at, earlier.ends_at = NOW - timedelta(hours=12), NOW - timedelta(hours=4)
    earlier.save()
    assert shift_began(nurse, NOW) == NOW - timedelta(hours=12)
