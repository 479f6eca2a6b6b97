"""None taken after a short stay is a stop at once until a second prescriber has signed it."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from apps.alerts.models import Alert
from apps.checkins.models import CareTask
from apps.clinical.detox import is_short_stay
from apps.detox.clocks import sweep_detox
from apps.detox.discharge_actions import DischargeError, discharge_patient, sign_discharge
from apps.detox.models import DischargeSignature
from apps.patients.actions import StatusError, change_status
from apps.patients.models import Patient, Role
from apps.portal.actions import give_consent
from apps.tapers.taken import taken_without_plan
from tests.conftest import signed_in
from tests.factories import (
    NOW,
    make_active_plan,
    make_care_level,
    make_member,
    make_plan,
    make_stay,
    proof_of,
    sign,
    today,
)
from tests.portal.conftest import signed_in_as

pytestmark = pytest.mark.django_db
HOME = NOW + timedelta(hours=71)
WHY = "Took two tablets a month and was watched for three days."


@pytest.fixture
def other(clinic):
    return make_member(clinic, Role.PRESCRIBER, "Sam Second")


@pytest.fixture
def home(patient, prescriber):
    """A patient home from a short stay, of whom one prescriber says that none is taken."""
    make_active_plan(patient, prescriber.user)
    return go_home(make_stay(patient, prescriber.user), prescriber)


def go_home(stay, by, now=HOME, **changes):
    today = now.astimezone(stay.referral.patient.tz).date()
    values = {
        "discharged_at": now, "left": "none", "taken": "", "last_dose_on": today,
        "summary": "Calm.", "short_because": WHY,
    } | changes  # fmt: skip
    return discharge_patient(referral=stay.referral, by=by.user, now=now, **values)


def agree(home, by, now=HOME, reason="I read the chart."):
    return sign_discharge(
        discharge=home, reason=reason, signed_with="two_factors", by=by.user, now=now
    )


@pytest.mark.parametrize(("hours", "short"), [(0, True), (71.99, True), (72, False)])
def test_a_stay_is_short_below_72_hours(hours, short) -> None:
    assert is_short_stay(NOW, NOW + timedelta(hours=hours)) is short


def test_none_after_a_short_stay_needs_a_reason_and_a_long_one_no_second(
    patient, prescriber
) -> None:
    make_active_plan(patient, prescriber.user)
    stay = make_stay(patient, prescriber.user)
    with pytest.raises(DischargeError, match="stop at once") as caught:
        go_home(stay, prescriber, short_because=" ")
    assert caught.value.field == "short_because"
    row = go_home(stay, prescriber, now=NOW + timedelta(hours=72))
    assert (row.needs_second, row.short_because, row.awaits_second) == (False, "", False)
    assert patient.plans.get().status == "ended"


def test_until_the_second_name_nothing_ends_and_the_patient_is_followed(
    patient, prescriber, home
) -> None:
    patient.refresh_from_db()
    plan = patient.plans.get()
    assert (patient.status, patient.last_dose_on, plan.status) == ("active", None, "inpatient")
    assert patient.daily_until is not None
    kinds = {task.kind for task in CareTask.objects.open()}
    assert kinds == {"contact", "second"}
    assert "a second prescriber has not signed" in taken_without_plan(patient).words
    with pytest.raises(StatusError, match="second prescriber"):
        change_status(patient=patient, status="ended", by=prescriber.user, now=HOME)
    sweep_detox(HOME + timedelta(hours=4, minutes=1))
    assert [alert.rules for alert in Alert.objects.all()] == [["D12_SECOND_UNSIGNED"]]


def test_the_second_name_ends_plan_and_task_once(patient, prescriber, other, home) -> None:
    with pytest.raises(DischargeError, match="another prescriber"):
        agree(home, prescriber)
    with pytest.raises(DischargeError, match="Write why") as caught:
        agree(home, other, reason=" ")
    assert caught.value.field == "reason"
    assert agree(home, other) == agree(home, other)
    patient.refresh_from_db()
    assert (patient.last_dose_on, patient.plans.get().status) == (HOME.date(), "ended")
    assert CareTask.objects.get(kind="second").outcome == "overtaken"
    with pytest.raises(DischargeError, match="does not wait"):
        agree(home, prescriber)


def test_a_plan_for_the_rest_is_the_other_answer(patient, prescriber, other, home) -> None:
    make_care_level(patient, prescriber.user, now=HOME)
    patient.refresh_from_db()
    rest = make_plan(patient, prescriber.user, now=HOME, start_on=HOME.date().isoformat())
    sign(rest, prescriber.user, now=HOME + timedelta(hours=1))
    sweep_detox(HOME + timedelta(hours=2))
    assert CareTask.objects.get(kind="second").outcome == "overtaken"
    with pytest.raises(DischargeError, match="newer"):
        agree(home, other, now=HOME + timedelta(hours=2))


def test_the_signature_is_saved_with_its_audit_row_or_not_at_all(
    patient, other, home, monkeypatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise IntegrityError("audit row refused")

    monkeypatch.setattr("apps.detox.discharge_actions.record", refuse)
    with pytest.raises(IntegrityError), transaction.atomic():
        agree(home, other)
    patient.refresh_from_db()
    assert (patient.last_dose_on, DischargeSignature.objects.count()) == (None, 0)
    assert patient.plans.get().status == "inpatient"


def test_postgresql_takes_no_second_name_of_the_same_person_and_no_change(
    prescriber, other, home
) -> None:
    with pytest.raises(Exception, match="second_person"), transaction.atomic():
        DischargeSignature.objects.create(
            clinic_id=home.clinic_id, discharge=home, reason="Me too.", signed_by=prescriber.user,
            signed_with="two_factors", signed_at=HOME,
        )  # fmt: skip
    agree(home, other)
    for change in ("UPDATE detox_dischargesignature SET reason = 'x'",
                   "DELETE FROM detox_dischargesignature"):  # fmt: skip
        with pytest.raises(Exception, match="signature_immutable"), transaction.atomic():
            connection.cursor().execute(change)


def test_pages_say_what_waits_and_take_the_signature(patient, prescriber, other) -> None:
    now = timezone.now()
    make_active_plan(patient, prescriber.user, now=now, start_on=today().isoformat())
    stay = make_stay(patient, prescriber.user, now=now - timedelta(hours=1))
    go_home(stay, prescriber, now=now)
    give_consent(patient=patient, language="en", now=now)
    care = reverse("detox:care", args=[patient.pk])
    path = reverse("detox:discharge_sign", args=[stay.referral_id])
    assert path in signed_in(other).get(care).text
    assert "must be another prescriber" in signed_in(prescriber).get(path).text
    assert WHY in signed_in(other).get(path).text
    Patient.objects.filter(pk=patient.pk).update(registered_at=now - timedelta(days=9))
    own = signed_in_as(patient).get(reverse("portal:home")).text
    assert "<b>none</b>" in own
    assert "second prescriber" not in own
    unsaid = signed_in(other).post(path, {"reason": "", **proof_of(other)})
    assert unsaid.status_code == 422
    done = signed_in(other).post(path, {"reason": "I read the chart.", **proof_of(other)})
    assert done.status_code == 302
    assert "Signed as second prescriber by Sam Second" in signed_in(other).get(care).text
    assert signed_in(other).get(path).status_code == 302
