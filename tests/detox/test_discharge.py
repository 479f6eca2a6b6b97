"""Home again: what is left, who calls by when, a check-in each day, and no stop at once."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from apps.alerts.models import Alert
from apps.audit.models import AuditEvent
from apps.checkins.models import CareTask, Reminder
from apps.checkins.reminder_sweep import sweep_reminders
from apps.checkins.task_actions import close_task
from apps.clinical.errors import ClinicalError
from apps.detox.clocks import sweep_detox
from apps.detox.discharge_actions import DischargeError, discharge_patient
from apps.detox.models import Discharge
from apps.patients.actions import StatusError, change_status
from apps.patients.models import Patient
from tests.accounts.test_sign_in import sign_in
from tests.accounts.test_staff import proven
from tests.conftest import go_on
from tests.factories import (
    CALM,
    NOW,
    check_in,
    make_active_plan,
    make_care_level,
    make_dose,
    make_plan,
    make_stay,
    sign,
    weekly,
)
from tests.tapers.test_changes import decide

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
HOME = NOW + 5 * DAY


def refuse(*args: object, **kwargs: object) -> None:
    raise IntegrityError("audit row refused")


def go_home(stay, member, now=HOME, **changes):
    values = {
        "discharged_at": now, "left": "some", "taken": "clonazepam 0.5 mg at night",
        "last_dose_on": None, "summary": "Calm course, no seizure.",
    } | changes  # fmt: skip
    return discharge_patient(referral=stay.referral, by=member.user, now=now, **values)


NONE = {"left": "none", "taken": "", "last_dose_on": HOME.date()}


@pytest.fixture
def stay(patient, prescriber):
    make_active_plan(patient, prescriber.user)
    return make_stay(patient, prescriber.user)


def test_home_means_followed_called_and_asked_every_day(stay, patient, prescriber) -> None:
    first, again = (go_home(stay, prescriber) for _ in range(2))
    assert first == again
    patient.refresh_from_db()
    stay.refresh_from_db()
    assert (patient.status, stay.status) == ("active", "discharged")
    assert patient.daily_until == HOME.date() + 14 * DAY
    tasks = {task.kind: task.due_at for task in CareTask.objects.open()}
    assert tasks == dict.fromkeys(("contact", "new_plan"), HOME + timedelta(hours=72))
    for day in range(3):
        sweep_reminders(HOME + day * DAY)
    assert {row.interval_days for row in Reminder.objects.live()} == {1}
    sweep_reminders(HOME + 16 * DAY)
    sweep_reminders(HOME + 16 * DAY + timedelta(minutes=1))


def test_told_late_it_shortens_no_daily_contact_decided_since(stay, patient, prescriber) -> None:
    told = NOW + 15 * DAY
    make_care_level(patient, prescriber.user, now=told - DAY, decided="daily_contact", sign_off="W")
    patient.refresh_from_db()
    decided = patient.daily_until
    go_home(stay, prescriber, now=told, discharged_at=HOME)
    patient.refresh_from_db()
    assert patient.daily_until == decided == told.date() + 13 * DAY
    assert sweep_detox(told + DAY).days == 0, "the day on which it was told does not count"
    assert [sweep_detox(told + 2 * DAY).days for _ in range(2)] == [1, 0]
    check_in(patient, CALM, now=told + 2 * DAY + timedelta(hours=1))
    sweep_detox(told + 2 * DAY + timedelta(hours=2))
    last = patient.daily_until - told.date() + timedelta(days=1)
    assert [sweep_detox(told + last + n * DAY).days for n in range(2)] == [1, 0]


def test_no_contact_in_72_hours_alerts_and_a_call_ends_it(stay, nurse, prescriber) -> None:
    go_home(stay, prescriber)
    late = HOME + timedelta(hours=72, minutes=1)
    assert [sweep_detox(late).overdue for _ in range(2)] == [2, 0]
    said = {rule for alert in Alert.objects.all() for rule in alert.rules}
    assert said >= {"D04_NO_CONTACT_72H", "D07_NO_PLAN_AFTER"}
    task = CareTask.objects.get(kind="contact")
    close_task(task=task, by=nurse.user, outcome="spoke", note="Well.", now=late)
    assert sweep_detox(late + DAY).overdue <= 1


def test_a_day_without_a_check_in_is_a_task_and_then_an_alert(stay, patient, prescriber) -> None:
    go_home(stay, prescriber)
    assert sweep_detox(HOME + DAY).days == 0, "the day of discharge itself does not count"
    assert [sweep_detox(HOME + 2 * DAY).days for _ in range(2)] == [1, 0]
    task = CareTask.objects.get(kind="day_missed")
    sweep_detox(HOME + 2 * DAY + timedelta(hours=3))
    assert ["D05_NO_DAILY_CHECK_IN"] in [alert.rules for alert in Alert.objects.all()]
    check_in(patient, CALM, now=HOME + 2 * DAY + timedelta(hours=4))
    sweep_detox(HOME + 2 * DAY + timedelta(hours=5))
    task.refresh_from_db()
    assert task.outcome == "overtaken"
    assert sweep_detox(HOME + 20 * DAY).days == 0


@pytest.mark.parametrize("what", ["half", "weekly"])
def test_less_than_the_daily_questions_is_no_check_in_of_that_day(
    stay, patient, prescriber, what
) -> None:
    """triage.md section 3: a missing mandatory answer keeps the clock running."""
    go_home(stay, prescriber)
    at = HOME + DAY + timedelta(hours=1)
    if what == "half":
        assert not check_in(patient, {"dose_taken": "stopped"}, now=at).is_complete
    else:
        weekly(patient, at, 0)
    assert sweep_detox(HOME + 2 * DAY).days == 1
    task = CareTask.objects.get(kind="day_missed")
    check_in(patient, {"dose_taken": "stopped"}, now=HOME + 2 * DAY + timedelta(hours=1))
    sweep_detox(HOME + 2 * DAY + timedelta(hours=2))
    task.refresh_from_db()
    assert task.done_at is None, "half an answer ends no task"
    check_in(patient, CALM, now=HOME + 2 * DAY + timedelta(hours=3))
    sweep_detox(HOME + 2 * DAY + timedelta(hours=4))
    task.refresh_from_db()
    assert task.outcome == "overtaken"


def test_what_is_left_becomes_a_plan_and_ends_its_task(stay, patient, prescriber) -> None:
    go_home(stay, prescriber)
    assert sweep_detox(HOME + timedelta(minutes=5)).plans == 0
    make_care_level(patient, prescriber.user, now=HOME)
    patient.refresh_from_db()
    rest = make_plan(patient, prescriber.user, now=HOME, start_on=HOME.date().isoformat())
    sign(rest, prescriber.user, now=HOME + timedelta(hours=1))
    assert sweep_detox(HOME + timedelta(hours=2)).plans == 1
    assert CareTask.objects.get(kind="new_plan").outcome == "overtaken"


def test_a_plan_left_for_a_hospital_ends_only_with_a_discharge_that_says_none(
    patient, prescriber
) -> None:
    plan = make_active_plan(patient, prescriber.user)
    stay = make_stay(patient, prescriber.user)
    decide(plan, prescriber, "inpatient", NOW + timedelta(minutes=5), based_on=1)
    with pytest.raises(ClinicalError, match="no discharge since"):
        decide(plan, prescriber, "end", NOW + DAY, based_on=2)
    with pytest.raises(StatusError, match="record the discharge"):
        change_status(patient=patient, status="ended", by=prescriber.user, now=NOW + DAY)
    go_home(stay, prescriber)
    with pytest.raises(ClinicalError, match="At discharge the patient still took"):
        decide(plan, prescriber, "end", HOME + DAY, based_on=2)
    patient.refresh_from_db()
    rest = make_plan(patient, prescriber.user, now=HOME, start_on=HOME.date().isoformat())
    sign(rest, prescriber.user, now=HOME)
    decide(plan, prescriber, "end", HOME + DAY, based_on=2)
    plan.refresh_from_db()
    assert plan.status == "ended"


def test_none_left_sets_the_last_dose_and_ends_the_plan(patient, prescriber) -> None:
    plan = make_active_plan(patient, prescriber.user)
    stay = make_stay(patient, prescriber.user)
    decide(plan, prescriber, "inpatient", NOW + timedelta(minutes=5), based_on=1)
    go_home(stay, prescriber, **NONE)
    patient.refresh_from_db()
    assert patient.last_dose_on == HOME.date()
    assert not CareTask.objects.filter(kind="new_plan").exists()
    plan.refresh_from_db()
    assert plan.status == "ended"
    # Protracted symptoms are found without a plan, too (W17).
    month4 = HOME + 120 * DAY
    row = check_in(patient, CALM | {"s_anx": 2, "s_sleep": 2}, now=month4)
    assert "W17_PROTRACTED" in [each["rule_id"] for each in row.triage.fired]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"discharged_at": HOME + DAY}, "discharged_at"),
        ({"discharged_at": NOW - DAY}, "discharged_at"),
        (NONE | {"last_dose_on": (HOME + DAY).date()}, "last_dose_on"),
    ],
)
def test_a_moment_that_cannot_be_is_told_at_its_field(stay, prescriber, changes, field) -> None:
    now = HOME
    with pytest.raises(DischargeError) as caught:
        go_home(stay, prescriber, **{"now": now} | changes)
    assert caught.value.field == field


def test_a_last_dose_is_not_of_a_year_ago_unless_the_record_knew_it(
    stay, patient, prescriber
) -> None:
    """A slip in the year would shift the whole of aftercare (PRO-05)."""
    long_ago = NOW.date() - timedelta(days=31)
    with pytest.raises(DischargeError, match="more than 30 days before the admission") as caught:
        go_home(stay, prescriber, **NONE | {"last_dose_on": long_ago})
    assert caught.value.field == "last_dose_on"
    Patient.objects.filter(pk=patient.pk).update(last_dose_on=long_ago)
    assert go_home(stay, prescriber, **NONE | {"last_dose_on": long_ago}).last_dose_on == long_ago


def test_thirty_days_before_the_admission_can_be(stay, prescriber) -> None:
    day = NOW.date() - timedelta(days=30)
    assert go_home(stay, prescriber, **NONE | {"last_dose_on": day}).last_dose_on == day


def test_a_last_dose_is_not_before_one_that_was_signed_in_the_stay(
    stay, patient, prescriber
) -> None:
    given = NOW + 2 * DAY
    day = given.astimezone(patient.tz).date()
    make_dose(stay, prescriber.user, now=given, medicine="Valium", amount="5 mg")
    make_dose(stay, prescriber.user, now=given + DAY)  # phenobarbital goes on after it
    with pytest.raises(DischargeError, match="Valium given on 25 Nov 2026") as caught:
        go_home(stay, prescriber, **NONE | {"last_dose_on": day - DAY})
    assert caught.value.field == "last_dose_on"
    assert go_home(stay, prescriber, **NONE | {"last_dose_on": day}).last_dose_on == day


def test_a_discharge_is_saved_with_its_audit_row_or_not_at_all(
    stay, patient, prescriber, monkeypatch
) -> None:
    monkeypatch.setattr("apps.detox.discharge_actions.record", refuse)
    with pytest.raises(IntegrityError), transaction.atomic():
        go_home(stay, prescriber)
    patient.refresh_from_db()
    assert (patient.status, Discharge.objects.count()) == ("in_hospital", 0)
    assert not CareTask.objects.filter(kind__in=("contact", "new_plan")).exists()


def test_postgresql_refuses_a_discharge_that_does_not_say_what_is_left(stay, prescriber) -> None:
    row = go_home(stay, prescriber)
    for change in ("UPDATE detox_discharge SET taken = 'none'", "DELETE FROM detox_discharge"):
        with pytest.raises(Exception, match="discharge_immutable"), transaction.atomic():
            connection.cursor().execute(change)
    row.pk, row.left = None, "none"
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_a_discharge_takes_a_fresh_proof_and_keeps_what_was_typed(stay, prescriber) -> None:
    client, path = sign_in(prescriber), reverse("detox:discharge", args=[stay.referral_id])
    home = timezone.localtime(timezone=stay.patient.clinic.tz)
    typed = {"discharged_at": f"{home:%Y-%m-%dT%H:%M}", "left": "some",
             "taken": "diazepam 5 mg", "summary": "Calm, and slept."}  # fmt: skip
    asked = client.post(path, typed)
    assert asked.headers["Location"].startswith(reverse("account_reauthenticate"))
    assert not Discharge.objects.exists()
    go_on(client, asked)
    assert Discharge.objects.get().summary == "Calm, and slept."


def test_what_is_wrong_is_told_after_the_proof_on_the_forms_own_page(stay, prescriber) -> None:
    client, path = sign_in(prescriber), reverse("detox:discharge", args=[stay.referral_id])
    typed = {"discharged_at": "2020-01-01T10:00", "left": "some", "taken": "diazepam 5 mg",
             "summary": "Calm, and slept."}  # fmt: skip
    asked = client.post(path, typed)
    again = go_on(client, asked)
    assert again.status_code == 422
    assert f'action="{path}"' in again.text
    assert "Calm, and slept." in again.text
    looks = AuditEvent.objects.filter(event="page.viewed", patient_id=stay.patient_id)
    assert looks.latest("pk").details == {"page": "detox:discharge"}
    assert not Discharge.objects.exists()


def test_the_page_asks_for_what_belongs_to_the_answer(stay, patient, prescriber) -> None:
    client = proven(prescriber)
    path = reverse("detox:discharge", args=[stay.referral_id])
    some = client.post(path, {"discharged_at": "2026-11-24T10:00", "left": "some", "summary": "Ok"})
    assert "Write what is still taken" in some.text
    none = client.post(path, {"discharged_at": "soon", "left": "none", "summary": "Kept words"})
    assert "Say on which day the last dose was taken." in none.text
    assert "Takes a day and a time" in none.text
    assert "Kept words" in none.text
