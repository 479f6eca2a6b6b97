"""What is told afterwards has its own time, is bounded, and is marked as late for every reader."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.clinical.detox import is_late_entry
from apps.detox.discharge_actions import discharge_patient
from apps.detox.models import DoseRecord, Round
from apps.detox.referral_actions import ReferralError, move_referral
from apps.detox.stay_actions import StayError, begin_stay
from tests.conftest import signed_in
from tests.detox.test_discharge import go_home
from tests.detox.test_stay import make_round
from tests.factories import (
    NOW,
    make_active_plan,
    make_dose,
    make_facility,
    make_referral,
    make_stay,
    proof_of,
)

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FRIDAY = NOW - 3 * DAY


@pytest.fixture
def sent(patient, prescriber):
    make_active_plan(patient, prescriber.user, now=NOW - 5 * DAY)
    unit = make_facility(patient.clinic, prescriber.user, is_own=False)
    return make_referral(patient, prescriber.user, facility=unit, now=NOW - 4 * DAY)


def admit(referral, member, admitted_at, now=NOW):
    return move_referral(
        referral=referral, to="admitted", note="", by=member.user, now=now, admitted_at=admitted_at
    )


def typed(moment, clinic) -> str:
    return f"{timezone.localtime(moment, clinic.tz):%Y-%m-%dT%H:%M}"


@pytest.mark.parametrize(("minutes", "late"), [(0, False), (60, False), (61, True)])
def test_an_hour_is_not_late_yet(minutes, late) -> None:
    assert is_late_entry(NOW, NOW + timedelta(minutes=minutes)) is late


def test_on_monday_it_is_told_that_the_patient_came_on_friday(sent, patient, prescriber) -> None:
    admit(sent, prescriber, FRIDAY)
    step = sent.steps.get(status="admitted")
    assert (step.since, step.at) == (FRIDAY, NOW)
    event = AuditEvent.objects.get(event="referral.admitted")
    assert event.details["happened_at"] == FRIDAY.isoformat()
    page = signed_in(prescriber).get(reverse("detox:referral", args=[sent.pk])).text
    assert "told afterwards" in page
    row = discharge_patient(
        referral=sent, discharged_at=FRIDAY + DAY, left="some", taken="diazepam 2 mg",
        last_dose_on=None, summary="Calm.", by=prescriber.user, now=NOW,
    )  # fmt: skip
    assert row.discharged_at < NOW


@pytest.mark.parametrize(
    ("moment", "said"), [(NOW + HOUR, "not come yet"), (NOW - 31 * DAY, "more than 30 days")]
)
def test_a_moment_that_cannot_be_is_refused(sent, prescriber, moment, said) -> None:
    with pytest.raises(ReferralError, match=said) as caught:
        admit(sent, prescriber, moment)
    assert caught.value.field == "admitted_at"


def test_no_admission_before_the_last_discharge(patient, prescriber) -> None:
    make_active_plan(patient, prescriber.user)
    home = go_home(make_stay(patient, prescriber.user), prescriber)
    unit = make_facility(patient.clinic, prescriber.user, is_own=False)
    again = make_referral(patient, prescriber.user, facility=unit, now=home.recorded_at)
    with pytest.raises(ReferralError, match="last discharge"):
        admit(again, prescriber, home.discharged_at - HOUR, home.recorded_at)


def test_an_admission_told_late_is_no_way_around_the_second_name(sent, patient, prescriber) -> None:
    admit(sent, prescriber, NOW - 10 * DAY)
    row = discharge_patient(
        referral=sent, discharged_at=NOW, left="none", taken="", last_dose_on=NOW.date(),
        summary="Calm.", short_because="Ten days there.", by=prescriber.user, now=NOW,
    )  # fmt: skip
    assert row.awaits_second


def test_postgresql_takes_no_admission_to_come(sent, prescriber) -> None:
    with pytest.raises(IntegrityError, match="told_after"), transaction.atomic():
        sent.steps.create(
            clinic=sent.clinic, at=NOW, by=prescriber.user, status="admitted",
            happened_at=NOW + HOUR,
        )  # fmt: skip


def test_rounds_and_doses_of_before_the_telling_are_entered_as_late(
    patient, prescriber, nurse
) -> None:
    referral = make_referral(patient, prescriber.user)
    stay = begin_stay(
        referral=referral, bed="2", round_hours=4, by=prescriber.user, now=NOW, began_at=FRIDAY
    )
    assert (stay.began_at, stay.next_round_at) == (FRIDAY, NOW + HOUR)
    late = make_round(stay, nurse, at=FRIDAY + HOUR)
    fresh = make_round(stay, nurse)
    older = make_round(stay, nurse, at=FRIDAY + 2 * HOUR)
    stay.refresh_from_db()
    assert [late.is_late, fresh.is_late, older.is_late] == [True, False, True]
    assert stay.next_round_at == NOW + 4 * HOUR, "the newest round sets the clock"
    assert make_dose(stay, nurse.user, at=FRIDAY + HOUR).is_late
    assert not make_dose(stay, nurse.user).is_late
    for moment in (NOW + HOUR, FRIDAY - HOUR):
        with pytest.raises(StayError):
            make_round(stay, nurse, at=moment)
    with pytest.raises(IntegrityError, match="round_recorded_after"), transaction.atomic():
        Round.objects.create(
            clinic_id=stay.clinic_id, stay=stay, submission_id=uuid4(), at=NOW, by=nurse.user,
            recorded_at=NOW - HOUR, sedation=0,
        )  # fmt: skip
    page = signed_in(nurse).get(reverse("detox:stay", args=[stay.pk])).text
    assert page.count("late entry") == 3


def test_a_dose_of_before_the_discharge_is_signed_after_it_and_marked(
    patient, prescriber, nurse
) -> None:
    now = timezone.now()
    make_active_plan(patient, prescriber.user, now=now - 6 * DAY)
    stay = make_stay(patient, prescriber.user, now=now - 5 * DAY)
    home = go_home(stay, prescriber, now=now - DAY).discharged_at
    row = make_dose(stay, nurse.user, now=home + timedelta(minutes=5), at=home)
    assert row.is_late
    event = AuditEvent.objects.filter(event="stay.dose_signed").latest("pk")
    assert event.details["late"] is True
    with pytest.raises(StayError, match="home by then"):
        make_dose(stay, nurse.user, now=home + HOUR, at=home + timedelta(minutes=1))
    client = signed_in(nurse)
    shown = client.get(reverse("detox:stay", args=[stay.pk])).text
    assert "Sign a dose of before the discharge" in shown
    path = reverse("detox:dose_create", args=[stay.pk])
    assert "The stay is over" in client.get(path).text
    values = {
        "submission_id": str(uuid4()), "kind": "given", "medicine": "phenobarbital",
        "amount": "as ordered", "ordered_by": "Dr. Unit", "sedation": "1", "breaths": "15",
        "at": typed(home - HOUR, patient.clinic), **proof_of(nurse),
    }  # fmt: skip
    done = client.post(path, values)
    assert done.status_code == 302, done.context["form"].errors
    assert DoseRecord.objects.filter(stay=stay, is_late=True).count() == 2


def test_into_a_withdrawn_stay_nothing_is_written(patient, prescriber, nurse) -> None:
    make_active_plan(patient, prescriber.user)
    stay = make_stay(patient, prescriber.user)
    move_referral(
        referral=stay.referral, to="withdrawn", note="Never came.", by=nurse.user, now=NOW
    )
    with pytest.raises(StayError, match="never in this bed"):
        make_dose(stay, nurse.user)


def test_the_pages_take_the_moment_and_say_what_is_wrong_with_it(
    sent, patient, prescriber, nurse
) -> None:
    path = reverse("detox:referral_move", args=[sent.pk])
    client, now = signed_in(nurse), timezone.now()
    bad = client.post(path, {"to": "admitted", "admitted_at": typed(now + DAY, patient.clinic)})
    assert "has not come yet" in bad.text
    good = client.post(path, {"to": "admitted", "admitted_at": typed(now - DAY, patient.clinic)})
    assert good.status_code == 302
    assert sent.steps.get(status="admitted").happened_at is not None
    elsewhere = make_facility(patient.clinic, prescriber.user)
    move_referral(referral=sent, to="withdrawn", note="Mixed up.", by=nurse.user, now=now)
    own = make_referral(patient, prescriber.user, facility=elsewhere, now=now)
    bed = reverse("detox:stay_begin", args=[own.pk])
    form = {"bed": "1", "round_hours": "4"}
    wrong = signed_in(prescriber).post(bed, form | {"began_at": typed(now + DAY, patient.clinic)})
    assert "has not come yet" in wrong.text
    done = signed_in(prescriber).post(bed, form | {"began_at": typed(now - DAY, patient.clinic)})
    assert done.status_code == 302
    rounds = reverse("detox:round_create", args=[own.stay.pk])
    late = client.post(
        rounds,
        {"submission_id": str(uuid4()), "sedation": "0", "at": typed(now + DAY, patient.clinic)},
    )
    assert "not before" in late.text
