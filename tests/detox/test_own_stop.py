"""A stop that the patient made alone is written down as the past fact it is, and stops nothing."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from apps.alerts.models import Alert
from apps.audit.models import AuditEvent
from apps.checkins.models import CareTask
from apps.checkins.task_ends import ALONE_UNSIGNED, NO_PLAN, SILENT
from apps.checkins.windows import standing_of
from apps.clinical.detox import daily_days_after_own_stop
from apps.detox.clocks import sweep_detox
from apps.detox.models import OwnStop, OwnStopSignature
from apps.detox.own_stop_actions import record_own_stop, sign_own_stop
from apps.detox.own_stops import OwnStopError
from apps.detox.restart_actions import record_restart
from apps.patients.models import RISK_FLAGS, Patient, RiskProfile, Role
from apps.tapers.leaving_actions import leave_plans
from apps.tapers.taken import taken_now
from tests.conftest import signed_in
from tests.detox.test_beside import ZOLPIDEM, tell
from tests.detox.test_discharge import refuse
from tests.detox.test_given_on import agree, leave, stays, take_again
from tests.factories import (
    CALM,
    NOW,
    check_in,
    make_active_plan,
    make_care_level,
    make_member,
    make_patient,
    make_stay,
    proof_of,
    today,
)

__all__ = ["stays"]  # the fixture
from tests.tapers.test_stopping import RARELY

pytestmark = pytest.mark.django_db
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SAID = {"known_by": "patient", "told": "Took the last ones over a week. Sleeps badly, no seizure."}
LATE = NOW + 60 * DAY


@pytest.fixture
def other(clinic):
    return make_member(clinic, Role.PRESCRIBER, "Sam Second")


def tell_of_stop(patient, by, now=LATE, days: int = 40, **changes: Any) -> OwnStop:
    """Record that the last dose was so many days ago."""
    last, said = day_of(now - days * DAY, patient), day_of(now, patient)
    values = SAID | {"last_dose_on": last, "said_on": said, "signed_with": "two_factors"} | changes
    return record_own_stop(patient=patient, by=by.user, now=now, **values)


def day_of(at, patient) -> date:
    return at.astimezone(patient.tz).date()


def second(row, by, now=LATE, reason="I spoke with the patient, too.") -> OwnStopSignature:
    return sign_own_stop(
        own_stop=row, reason=reason, signed_with="two_factors", by=by.user, now=now
    )


def asked_now(now) -> list[str]:
    """Sweep twice and return the words of every open task."""
    for _ in range(2):
        sweep_detox(now)
    return sorted(task.what for task in CareTask.objects.open())


def test_it_ends_the_asking_and_begins_the_year_after_on_that_day(
    stays, prescriber, other, nurse
) -> None:
    assert asked_now(LATE) == [NO_PLAN]
    assert "left the patient on" in leave(stays, nurse, LATE)
    row = tell_of_stop(stays, prescriber)
    assert row.needs_second, "a plan gave it every day"
    assert any("(ASAM-03)" in words for words in row.because)
    stays.refresh_from_db()
    assert stays.last_dose_on is None, "by one name nothing is settled"
    assert "left the patient on" in leave(stays, nurse, LATE)
    assert ALONE_UNSIGNED in asked_now(LATE)
    second(row, other)
    stays.refresh_from_db()
    assert (stays.last_dose_on, taken_now(stays, LATE).words) == (row.last_dose_on, "none")
    assert standing_of(stays, LATE)[1].days_since_stop == 40
    assert asked_now(LATE) == []
    assert asked_now(LATE + 40 * DAY) == [], "it is not asked again, week by week"
    assert leave(stays, nurse, LATE) == ""


def test_it_is_written_once_and_audited(stays, prescriber, other) -> None:
    row = tell_of_stop(stays, prescriber)
    assert tell_of_stop(stays, prescriber, signed_with="passkey") == row
    signature = second(row, other)
    assert second(row, other) == signature
    assert tell_of_stop(stays, prescriber) == row, "after the second name, too"
    events = AuditEvent.objects.filter(event__startswith="own_stop.").order_by("id")
    assert [(each.event, each.actor_id, each.object_id) for each in events] == [
        ("own_stop.recorded", prescriber.user.pk, row.pk),
        ("own_stop.signed", other.user.pk, row.pk),
    ]


@pytest.mark.parametrize("signing", [False, True])
def test_nothing_is_kept_when_the_audit_row_cannot_be(
    stays, prescriber, other, monkeypatch, signing
) -> None:
    row = tell_of_stop(stays, prescriber) if signing else None
    tasks = CareTask.objects.filter(done_at__isnull=True).count()
    monkeypatch.setattr("apps.detox.own_stop_actions.record", refuse)
    with pytest.raises(IntegrityError, match="audit row refused"), transaction.atomic():
        second(row, other) if row else tell_of_stop(stays, prescriber)
    stays.refresh_from_db()
    assert (stays.last_dose_on, stays.daily_until) == (None, None)
    assert (OwnStop.objects.exists(), OwnStopSignature.objects.exists()) == (signing, False)
    assert CareTask.objects.filter(done_at__isnull=True).count() == tasks


@pytest.mark.parametrize("days", [-1, 0, 1])
@pytest.mark.parametrize("plan", [True, False])
def test_a_day_that_is_not_over_is_refused(patient, prescriber, days, plan) -> None:
    make_active_plan(patient, prescriber.user)
    if not plan:
        leave_plans(patient=patient, is_over=True, reason="Stays.", by=prescriber.user, now=NOW)
    with pytest.raises(OwnStopError, match="Nothing is stopped at once here") as caught:
        tell_of_stop(patient, prescriber, days=days)
    assert caught.value.field == "last_dose_on"
    assert not OwnStop.objects.exists()


def test_one_prescriber_alone_ends_no_plan(patient, prescriber, other) -> None:
    plan = make_active_plan(patient, prescriber.user)
    row = tell_of_stop(patient, prescriber, days=2)
    assert "A plan of this clinic gives a dose." in row.because
    with pytest.raises(OwnStopError, match="must be another prescriber's"):
        second(row, prescriber)
    for at in (LATE + HOUR, LATE + 5 * HOUR):
        assert ALONE_UNSIGNED in asked_now(at), "the plan in force does not end the call"
    plan.refresh_from_db()
    patient.refresh_from_db()
    assert (plan.status, patient.last_dose_on) == ("active", None)
    assert ["D12_SECOND_UNSIGNED"] in [alert.rules for alert in Alert.objects.all()]
    second(row, other, LATE + 6 * HOUR)
    plan.refresh_from_db()
    patient.refresh_from_db()
    assert (plan.status, patient.last_dose_on) == ("ended", row.last_dose_on)


def test_use_on_few_days_a_week_long_ago_takes_one_name(clinic, prescriber) -> None:
    wren = make_patient(clinic, medication=RARELY)
    RiskProfile.objects.filter(patient=wren).update(
        **dict.fromkeys(RISK_FLAGS, False), other_medicines_asked=True
    )
    row = tell_of_stop(wren, prescriber)
    wren.refresh_from_db()
    assert (row.needs_second, row.because, wren.last_dose_on) == (False, [], row.last_dose_on)


@pytest.mark.parametrize(("days", "daily"), [(28, True), (29, False)])
def test_after_a_recent_stop_the_patient_is_asked_every_day_at_once(
    stays, prescriber, days, daily
) -> None:
    row = tell_of_stop(stays, prescriber, days=days)
    stays.refresh_from_db()
    assert (stays.daily_until, row.daily_until) == (
        (row.last_dose_on + 28 * DAY,) * 2 if daily else (None, None)
    )
    recent = [words for words in row.because if "seizures of a stop at once" in words]
    assert bool(recent) is daily


def test_a_missed_day_of_these_alerts(stays, prescriber, other) -> None:
    second(tell_of_stop(stays, prescriber, days=3), other)
    for hours in (0, 24, 48, 72, 73, 74):
        sweep_detox(LATE + hours * HOUR)
    assert CareTask.objects.filter(kind="day_missed").exists()
    assert ["D05_NO_DAILY_CHECK_IN"] in [alert.rules for alert in Alert.objects.all()]


def test_days_of_watching_go_by_the_longest_half_life() -> None:
    assert daily_days_after_own_stop(["short"]) == 14
    assert daily_days_after_own_stop(["short", "intermediate"]) == 21
    assert daily_days_after_own_stop(["long", "short"]) == 28
    assert daily_days_after_own_stop([]) == daily_days_after_own_stop(["unknown"]) == 28


def test_what_the_record_has_later_is_refused_or_takes_two_names(
    patient, prescriber, nurse
) -> None:
    take_again(patient, prescriber, "stay", now=LATE - 10 * DAY)
    with pytest.raises(OwnStopError, match="use that began again"):
        tell_of_stop(patient, prescriber, days=40)
    tell(patient, nurse, ZOLPIDEM, now=LATE - 5 * DAY)
    check_in(patient, CALM | {"dose_taken": "yes_all"}, now=LATE - 3 * DAY)
    row = tell_of_stop(patient, prescriber, days=9)
    assert any("A check-in of" in words for words in row.because)


def test_a_second_drug_is_over_with_it_until_it_is_told_again(
    patient, prescriber, other, nurse
) -> None:
    tell(patient, nurse, ZOLPIDEM)
    make_active_plan(patient, prescriber.user)
    leave_plans(patient=patient, is_over=True, reason="Stays.", by=prescriber.user, now=NOW)
    second(tell_of_stop(patient, prescriber), other)
    assert leave(patient, nurse, LATE) == ""
    Patient.objects.update(status="active")
    tell(patient, nurse, ZOLPIDEM | {"night_mg": Decimal(5)}, now=LATE + DAY)
    assert leave(patient, nurse, LATE + DAY) != ""


def test_whatever_is_newer_ends_the_call_for_a_second_name(stays, prescriber, other) -> None:
    row = tell_of_stop(stays, prescriber)
    start = LATE + DAY
    make_care_level(stays, prescriber.user, now=start)
    make_active_plan(stays, prescriber.user, now=start, start_on=start.date().isoformat())
    with pytest.raises(OwnStopError, match="Something newer"):
        second(row, other, start + HOUR)
    assert ALONE_UNSIGNED not in asked_now(start + HOUR)


def test_a_new_record_takes_the_place_of_one_unsigned(stays, prescriber, other) -> None:
    old = tell_of_stop(stays, prescriber)
    new = tell_of_stop(stays, other, LATE + HOUR, days=30)
    with pytest.raises(OwnStopError, match="Something newer"):
        second(old, other, LATE + 2 * HOUR)
    second(new, prescriber, LATE + 2 * HOUR)
    stays.refresh_from_db()
    assert stays.last_dose_on == new.last_dose_on


@pytest.mark.parametrize("status", ["in_hospital", "paused", "ended", "deceased"])
def test_whom_a_unit_has_or_nobody_follows_it_is_not_said_of(stays, prescriber, status) -> None:
    Patient.objects.update(status=status)
    with pytest.raises(OwnStopError, match=r"A unit has|to active first"):
        tell_of_stop(stays, prescriber)


def test_a_unit_that_has_the_patient_is_asked_first(patient, prescriber) -> None:
    make_active_plan(patient, prescriber.user)
    make_stay(patient, prescriber.user)
    with pytest.raises(OwnStopError, match="A unit has this patient"):
        tell_of_stop(patient, prescriber)


@pytest.mark.parametrize("days", [-1, 40])
def test_it_is_said_after_the_last_dose_and_not_to_come(stays, prescriber, days) -> None:
    with pytest.raises(OwnStopError) as caught:
        tell_of_stop(stays, prescriber, said_on=day_of(LATE - days * DAY, stays))
    assert caught.value.field == "said_on"


def test_use_that_begins_again_is_met_as_after_any_last_dose(stays, prescriber, other) -> None:
    second(tell_of_stop(stays, prescriber), other)
    stays.refresh_from_db()
    record_restart(
        patient=stays, seen_how="told", taken="One a night", days_per_week=7, agreed="new_taper",
        plan="Call.", last_dose_on=None, by=prescriber.user, now=LATE + DAY,
    )  # fmt: skip
    stays.refresh_from_db()
    assert (stays.last_dose_on, taken_now(stays, LATE + DAY).words) == (None, "One a night")


def test_silence_is_not_ended_by_it(stays, prescriber, other) -> None:
    row = tell_of_stop(stays, prescriber)
    CareTask.objects.create(
        clinic_id=stays.clinic_id, patient=stays, kind="aftercare", title=SILENT, due_at=LATE,
        created_at=NOW, source_id=row.pk,
    )  # fmt: skip
    second(row, other)
    assert CareTask.objects.open().get().title == SILENT


def test_another_doctors_yes_ends_with_it(stays, prescriber, other) -> None:
    agree(stays, prescriber, LATE - DAY)
    second(tell_of_stop(stays, prescriber), other)
    assert asked_now(LATE + 40 * DAY) == []


def test_postgresql_keeps_it_whole_past_and_as_it_was_signed(stays, prescriber, other) -> None:
    row = tell_of_stop(stays, prescriber)
    values = {f.attname: getattr(row, f.attname) for f in OwnStop._meta.concrete_fields}
    for wrong, name in (
        ({"told": ""}, "whole"), ({"signed_with": ""}, "whole"), ({"because": []}, "why_two"),
        ({"said_on": row.last_dose_on}, "past"),
    ):  # fmt: skip
        with pytest.raises(IntegrityError, match=f"own_stop_.*{name}"), transaction.atomic():
            OwnStop(**values | {"id": None} | wrong).save(force_insert=True)
    with pytest.raises(DatabaseError, match="another prescriber signs"), transaction.atomic():
        OwnStopSignature.objects.create(
            clinic_id=row.clinic_id, own_stop=row, reason="Me too.", signed_by=prescriber.user,
            signed_with="two_factors", signed_at=LATE,
        )  # fmt: skip
    second(row, other)
    for change in ("UPDATE detox_ownstop SET told = 'x'", "DELETE FROM detox_ownstopsignature"):
        with (
            pytest.raises(DatabaseError, match=r"immutable|update or delete"),
            transaction.atomic(),
        ):
            connection.cursor().execute(change)


def test_two_prescribers_sign_it_on_its_pages_and_read_it_under_care(
    patient, prescriber, other
) -> None:
    now = timezone.now()
    start = now - 40 * DAY
    Patient.objects.update(registered_at=now - 90 * DAY)
    make_active_plan(
        patient, prescriber.user, now=start, start_on=day_of(start, patient).isoformat()
    )
    leave_plans(patient=patient, is_over=True, reason="Stays.", by=prescriber.user, now=start)
    path = reverse("detox:own_stop", args=[patient.pk])
    care, sign_path = (
        reverse(f"detox:{name}", args=[patient.pk]) for name in ("care", "own_stop_sign")
    )
    seat, others = signed_in(prescriber), signed_in(other)
    assert path in seat.get(care).text
    assert "The plan that ended left the patient on" in seat.get(path).text
    typed = SAID | {"last_dose_on": (today() - 5 * DAY).isoformat(), "said_on": today().isoformat()}
    some = seat.post(path, typed | proof_of(prescriber))
    assert "If some is taken, make a plan to taper it instead." in some.text
    unsigned = seat.post(path, typed | {"none_at_all": "on"})
    assert (some.status_code, unsigned.status_code, OwnStop.objects.count()) == (422, 422, 0)
    done = seat.post(path, typed | {"none_at_all": "on"} | proof_of(prescriber), follow=True)
    assert "It counts when a second prescriber has signed it, too." in done.text
    assert "must be another prescriber" in seat.get(sign_path).text
    page = others.get(sign_path).text
    assert SAID["told"] in page
    assert "Why it takes two names" in page
    assert others.post(sign_path, {"reason": "", **proof_of(other)}).status_code == 422
    assert (
        others.post(sign_path, {"reason": "So he told me.", **proof_of(other)}).status_code == 302
    )
    shown = others.get(care).text
    assert "Sam Second" in shown
    assert "So he told me." in shown
    assert "This does not count any more" not in shown
    assert "The last dose is on record already" in seat.get(path).text
    assert others.get(sign_path).status_code == 302
    history = seat.get(reverse("dashboard:patient", args=[patient.pk])).text
    assert "The patient stopped alone, last dose" in history


def test_care_offers_it_only_where_it_can_be_said(patient, prescriber) -> None:
    care = reverse("detox:care", args=[patient.pk])
    path = reverse("detox:own_stop", args=[patient.pk])
    assert path in signed_in(prescriber).get(care).text
    assert path not in signed_in(make_member(patient.clinic, Role.NURSE)).get(care).text
    Patient.objects.update(status="in_hospital")
    assert path not in signed_in(prescriber).get(care).text


def test_who_signs_while_a_plan_runs_reads_that_it_goes_on_unless_they_sign(
    patient, prescriber, other
) -> None:
    now = timezone.now()
    start = now - 40 * DAY
    Patient.objects.update(registered_at=now - 90 * DAY)
    make_active_plan(
        patient, prescriber.user, now=start, start_on=day_of(start, patient).isoformat()
    )
    tell_of_stop(patient, prescriber, now, days=5)
    page = signed_in(other).get(reverse("detox:own_stop_sign", args=[patient.pk])).text
    assert "the plan in force goes on" in page
