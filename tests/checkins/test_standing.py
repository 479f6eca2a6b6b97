"""Standing orders: kept, put in force, and the tasks that come of them by themselves."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.checkins.clock_sweep import sweep_clocks
from apps.checkins.models import CareTask, StandingDuty, StandingOrder
from apps.checkins.standing_actions import (
    StandingOrderError,
    add_order,
    end_duty,
    end_order,
    look_at_duty,
    start_duty,
)
from apps.patients.actions import change_status
from tests.conftest import signed_in
from tests.factories import NOW, make_active_plan, make_duty

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def titles() -> list[tuple[str, object]]:
    return list(CareTask.objects.order_by("created_at").values_list("title", "owner"))


def test_a_colleague_follows_up_each_step_without_being_asked(patient, prescriber, nurse) -> None:
    make_active_plan(patient, prescriber.user, now=NOW, start_on=str(NOW.date()))
    duty = make_duty(patient, prescriber.user, owner=nurse, now=NOW)
    for day in range(13):
        sweep_clocks(NOW + day * DAY)
        sweep_clocks(NOW + day * DAY)  # twice is once
    assert titles() == [("Call: how does it go?", nurse.user.pk)] * 2  # on the third and tenth day
    task = CareTask.objects.earliest("created_at")
    assert task.created_at == NOW + 3 * DAY
    assert task.due_at > task.created_at
    assert task.due_at - task.created_at < DAY
    assert not look_at_duty(duty.pk, NOW + 12 * DAY)


def test_days_that_nothing_ran_are_made_up_for(patient, prescriber) -> None:
    make_active_plan(patient, prescriber.user, now=NOW, start_on=str(NOW.date()))
    make_duty(patient, prescriber.user, now=NOW)
    assert sweep_clocks(NOW + 11 * DAY).duties == 1
    assert titles() == [("Call: how does it go?", None)] * 2


def test_nobody_is_asked_about_days_before_the_order_or_patients_left_in_peace(
    patient, prescriber
) -> None:
    make_duty(patient, prescriber.user, now=NOW)
    sweep_clocks(NOW)  # no plan
    make_active_plan(patient, prescriber.user, now=NOW, start_on=str((NOW - 5 * DAY).date()))
    sweep_clocks(NOW + DAY)  # the third day was before the order
    assert titles() == []
    change_status(patient=patient, status="paused", by=prescriber.user, now=NOW)
    sweep_clocks(NOW + 6 * DAY)
    assert titles() == []


def test_who_has_left_leaves_the_task_to_the_team(patient, prescriber, nurse) -> None:
    make_active_plan(patient, prescriber.user, now=NOW, start_on=str(NOW.date()))
    make_duty(patient, prescriber.user, owner=nurse, now=NOW)
    nurse.is_active = False
    nurse.save()
    sweep_clocks(NOW + 3 * DAY)
    assert titles() == [("Call: how does it go?", None)]


def test_an_order_is_written_given_and_ended_on_its_pages(prescriber, nurse, patient) -> None:
    client, url = signed_in(prescriber), reverse("checkins:standing_orders")
    assert "No standing order yet" in client.get(url).text
    wrong = client.post(url, {"name": "Follow-up", "title": "Call", "days": "soon"})
    assert wrong.status_code == 422
    assert "Write whole numbers with commas" in wrong.text
    assert 'value="Follow-up"' in wrong.text
    for days in ("91", "1,2,3,4,5,6,7,8,9,10,11", "٣"):
        assert client.post(url, {"name": "F", "title": "C", "days": days}).status_code == 422
    client.post(url, {"name": "Follow-up", "title": "Call", "days": "10, 3 3"})
    order = StandingOrder.objects.get()
    assert order.days == [3, 10]
    again = client.post(url, {"name": "Follow-up", "title": "Other", "days": "3"})
    assert "There is an order of this name" in again.text
    mine = reverse("checkins:duties", args=[patient.pk])
    assert client.post(mine, {"order": ""}).status_code == 422
    page = client.post(mine, {"order": order.pk, "owner": nurse.pk}, follow=True)
    assert f"{nurse.user.full_name} does it" in page.text
    duty = StandingDuty.objects.get()
    client.post(reverse("checkins:duty_end", args=[duty.pk]))
    assert not StandingDuty.objects.in_force().exists()
    client.post(mine, {"order": order.pk, "owner": ""})
    for _ in range(2):
        client.post(reverse("checkins:standing_order_end", args=[order.pk]))
    assert not StandingDuty.objects.in_force().exists()
    assert AuditEvent.objects.filter(event="standing_order.ended").count() == 1


def test_giving_and_ending_twice_is_once_and_an_ended_order_is_not_given(
    prescriber, nurse, patient
) -> None:
    by = prescriber.user
    duty = make_duty(patient, by)
    assert make_duty(patient, by) == duty
    moved = start_duty(order=duty.order, patient=patient, owner=nurse, by=by, now=NOW)
    assert (moved.pk, moved.owner) == (duty.pk, nurse)
    for _ in range(2):
        end_duty(duty=duty, by=by, now=NOW)
    assert AuditEvent.objects.filter(event="standing_duty.ended").count() == 1
    assert not look_at_duty(duty.pk, NOW)
    end_order(order=duty.order, by=by, now=NOW)
    with pytest.raises(StandingOrderError):
        start_duty(order=duty.order, patient=patient, owner=None, by=by, now=NOW)
    values = {"clinic": patient.clinic, "by": by, "now": NOW}
    with pytest.raises(IntegrityError, match="says_what"), transaction.atomic():
        add_order(name="Empty", title="Call", days=[], **values)


def test_nothing_is_kept_that_cannot_be_written_down(patient, prescriber, monkeypatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no audit")

    duty = make_duty(patient, prescriber.user)
    monkeypatch.setattr("apps.checkins.standing_actions.record", fail)
    values = {"by": prescriber.user, "now": timezone.now()}
    for act in (
        lambda: add_order(clinic=patient.clinic, name="N", title="T", days=[1], **values),
        lambda: end_order(order=duty.order, **values),
        lambda: end_duty(duty=duty, **values),
    ):
        with pytest.raises(RuntimeError):
            act()
    assert StandingOrder.objects.get().ended_at is None
    assert StandingDuty.objects.in_force().count() == 1
