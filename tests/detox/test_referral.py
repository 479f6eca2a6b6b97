"""Referral: the directory, the document, the states with their clocks, and two taps."""

import json
from datetime import UTC, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from apps.alerts.models import Alert
from apps.alerts.states import TransitionError
from apps.audit.models import AuditEvent
from apps.checkins.models import CareTask
from apps.database.scope import as_owner
from apps.detox.care_page import reason_of
from apps.detox.clocks import sweep_detox
from apps.detox.hand_over import last_dose_lines
from apps.detox.models import Facility, Referral
from apps.detox.referral_actions import ReferralError, move_referral, save_facility
from apps.detox.states import DIAGRAMS, LIVE, REFERRAL_TRANSITIONS, diagrams
from apps.detox.support_actions import end_adjunct
from apps.exchange.referral_papers import referral_bundle, referral_data
from apps.patients.models import Patient
from tests.conftest import signed_in
from tests.detox.test_discharge import go_home
from tests.exchange.r4.validate import problems
from tests.exchange.reading import text_of
from tests.factories import (
    CALM,
    NOW,
    check_in,
    make_active_plan,
    make_adjunct,
    make_alert,
    make_dose,
    make_facility,
    make_patient,
    make_referral,
    make_stay,
)

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def refuse(*args: object, **kwargs: object) -> None:
    raise IntegrityError("audit row refused")


def move(referral, member, to, now=NOW, note="No bed."):
    return move_referral(referral=referral, to=to, note=note, by=member.user, now=now)


def test_who_is_referred_already_is_led_there_and_offered_no_second_form(patient, nurse) -> None:
    row = make_referral(patient, nurse.user, now=timezone.now())
    path, client = reverse("detox:refer", args=[patient.pk]), signed_in(nurse)
    page = client.get(path)
    assert f"to {row.facility} by {nurse.user.full_name} on" in page.text
    assert reverse("detox:referral", args=[row.pk]) in page.text
    assert "Refer now" not in page.text
    again = {"facility": str(row.facility_id), "reason": "Again.", "how": "phone"}
    assert client.post(path, again).url == reverse("detox:referral", args=[row.pk])
    other = make_facility(patient.clinic, nurse.user)
    refused = client.post(path, again | {"facility": str(other.pk)})
    assert (refused.status_code, "Withdraw it first" in refused.text) == (422, True)
    assert Referral.objects.get() == row


def test_the_page_of_states_is_the_table() -> None:
    assert DIAGRAMS.read_text("utf-8") == diagrams()


def test_from_an_alert_it_is_two_taps(clinic, prescriber, nurse) -> None:
    patient = make_patient(clinic)
    plan = make_active_plan(patient, prescriber.user)
    make_facility(clinic, prescriber.user, name="Zelkova", is_preferred=True)
    make_facility(clinic, prescriber.user, name="Aspen")
    alert = make_alert(patient)
    client = signed_in(nurse)
    first = reverse("detox:refer", args=[patient.pk]) + f"?alert={alert.pk}"
    assert first in client.get(reverse("dashboard:alert", args=[alert.pk])).text  # tap one
    form = client.get(first).context["form"]
    filled = {name: form[name].value() or "" for name in form.fields}
    filled["facility"] = str(form.fields["facility"].queryset[0].pk)
    done = client.post(first, filled, follow=True)  # tap two
    referral = Referral.objects.get()
    assert (referral.facility.name, referral.alert) == ("Zelkova", alert)
    assert "seizure" in referral.reason.lower()
    assert "What was handed over" in done.text
    hold = plan.holds.open().get()
    assert (hold.source_type, hold.note) == ("referral", "Referred to a detox unit.")
    alert.refresh_from_db()
    assert (alert.owner, alert.acts.last().kind) == (nurse.user, "referred")
    client.post(first, filled)
    assert Referral.objects.count() == 1


def test_the_document_says_all_and_stays_as_it_was_sent(clinic, prescriber, nurse) -> None:
    patient = make_patient(
        clinic, risk={"prior_wd_seizure": True}, emergency_contact="Robin, 555-0133"
    )
    make_active_plan(patient, prescriber.user)
    hours = {"dose_taken": "missed_some", "hours_since_last_dose": 14}
    check_in(patient, CALM | hours | {"s_shaky": 4}, now=NOW)
    referral = make_referral(patient, nurse.user, last_dose_at=NOW - timedelta(hours=14))
    client = signed_in(nurse)
    path = reverse("exchange:referral_pdf", args=[referral.pk])
    said = " ".join(text_of(client.get(path).content).split())
    taken = (NOW - timedelta(hours=14)).astimezone(clinic.tz)
    for words in (
        f"{taken:%Y-%m-%d %H:%M %Z}", "clonazepam 0.5 mg tablet", "Shaky hands",
        "Robin, 555-0133", "Seizure in an earlier withdrawal: yes",
        "14 hours since the last dose", "Steps so far", "Other medicines",
    ):  # fmt: skip
        assert words in said
    bundle = json.loads(client.get(reverse("exchange:referral_bundle", args=[referral.pk])).content)
    assert problems(bundle) == []
    kinds = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
    assert kinds[:2] == ["Composition", "Patient"]
    assert {"ServiceRequest", "MedicationStatement", "Organization"} <= set(kinds)
    urls = {entry["fullUrl"] for entry in bundle["entry"]}
    assert bundle["entry"][0]["resource"]["subject"]["reference"] in urls
    events = AuditEvent.objects.filter(event="referral.document_taken")
    assert [row.details["form"] for row in events] == ["pdf", "fhir"]
    patient.phone = "555-9999"
    patient.save(update_fields=["phone"])
    assert "555-9999" not in text_of(client.get(path).content)


def test_what_is_given_beside_the_taper_is_handed_over_and_what_ended_is_not(
    patient, prescriber, nurse
) -> None:
    """A unit that does not know of gabapentin may give phenobarbital beside it."""
    make_active_plan(patient, prescriber.user)
    make_adjunct(patient, prescriber.user, "gabapentin 300 mg")
    over = make_adjunct(patient, prescriber.user, "clonidine 0.1 mg")
    end_adjunct(medicine=over, by=prescriber.user, now=NOW)
    referral = make_referral(patient, nurse.user)
    client = signed_in(nurse)
    pdf = client.get(reverse("exchange:referral_pdf", args=[referral.pk])).content
    said = " ".join(text_of(pdf).split())
    line = f"gabapentin 300 mg, beside the taper since {NOW.date()}, for: Shaking."
    assert line in said
    assert "clonidine" not in said
    bundle = json.loads(client.get(reverse("exchange:referral_bundle", args=[referral.pk])).content)
    assert problems(bundle) == []
    resources = [entry["resource"] for entry in bundle["entry"]]
    parts = {part["title"]: part["text"]["div"] for part in resources[0]["section"]}
    assert line in parts["Other medicines"]
    beside = [each for each in resources if "effectivePeriod" in each]
    assert [
        (each["resourceType"], each["medicationCodeableConcept"]["text"],
         each["effectivePeriod"]["start"], each["reasonCode"][0]["text"])
        for each in beside
    ] == [("MedicationStatement", "gabapentin 300 mg", str(NOW.date()), "Shaking.")]  # fmt: skip
    assert line in client.get(reverse("detox:referral", args=[referral.pk])).text


def test_a_hand_over_of_before_adjuncts_were_told_still_makes_its_bundle(
    patient, prescriber
) -> None:
    referral = make_referral(patient, prescriber.user)
    del referral.document["adjuncts"]
    assert problems(json.loads(referral_bundle(referral))) == []


def test_the_hand_over_has_one_clock_and_names_it(clinic, nurse) -> None:
    patient = make_patient(clinic)
    Patient.objects.filter(pk=patient.pk).update(time_zone="America/Los_Angeles")
    patient = Patient.objects.get(pk=patient.pk)
    check_in(patient, CALM | {"dose_taken": "missed_some", "hours_since_last_dose": 1}, now=NOW)
    row = make_referral(patient, nurse.user, last_dose_at=NOW - HOUR)
    now, before = (f"{at.astimezone(clinic.tz):%Y-%m-%d %H:%M %Z}" for at in (NOW, NOW - HOUR))
    paper = referral_data(Referral.objects.get(pk=row.pk))
    assert ["Sent", now] in paper["facts"]
    parts = {part["title"]: part["lines"] for part in paper["sections"]}
    assert parts["Last dose taken"][0] == before
    assert parts["Last dose taken"][1].endswith(f"(check-in of {now}, 1 hour since the last dose)")
    assert parts["Symptoms"][0].startswith(now)
    page = signed_in(nurse).get(reverse("detox:referral", args=[row.pk])).text
    assert before in page
    assert f"(check-in of {now}, 1 hour since the last dose)" in page
    away = NOW.astimezone(patient.tz)
    assert f"{away:%H:%M}" not in " ".join(parts["Last dose taken"])


def test_a_hand_over_of_before_says_what_it_said() -> None:
    said = "As planned (check-in of 23 Nov 2026, 09:00, 14 hours since the last dose)"
    assert last_dose_lines({"at": "", "said": said}, UTC) == [said]
    assert last_dose_lines({"at": "", "said": ""}, UTC) == []


def test_every_state_and_no_other(clinic, prescriber) -> None:
    unit = make_facility(clinic, prescriber.user, is_own=False)  # an own bed begins with its stay
    for old, targets in REFERRAL_TRANSITIONS.items():
        for new in REFERRAL_TRANSITIONS:
            patient = make_patient(clinic)
            referral = make_referral(patient, prescriber.user, facility=unit)
            force(referral, old)
            with transaction.atomic():
                check_move(referral, prescriber, old, new, targets)


def force(referral, status) -> None:
    """Put a referral where it is, past the table."""
    connection.check_constraints()
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE detox_referral DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE detox_referral SET status=%s, due_at=CASE WHEN %s IN ('sent', 'accepted') "
            "THEN now() END WHERE id=%s", [status, status, referral.pk],
        )  # fmt: skip
        connection.check_constraints()
        cursor.execute("ALTER TABLE detox_referral ENABLE TRIGGER USER")
    referral.refresh_from_db()


def check_move(referral, member, old, new, targets) -> None:
    if new == old:
        return
    if new in targets and new != "discharged":
        assert move(referral, member, new).status == new
        return
    with pytest.raises((TransitionError, ReferralError)):
        move(referral, member, new)
    if new not in targets:
        due = "now()" if new in ("sent", "accepted") else "NULL"
        with pytest.raises(DatabaseError), transaction.atomic():
            connection.cursor().execute(
                f"UPDATE detox_referral SET status='{new}', due_at={due} WHERE id='{referral.pk}'"
            )


def test_a_unit_that_does_not_answer_becomes_a_task_and_then_an_alert(
    patient, prescriber, nurse
) -> None:
    unit = make_facility(patient.clinic, prescriber.user, is_own=False)
    referral = make_referral(patient, nurse.user, facility=unit)
    task = CareTask.objects.get(kind="referral")
    assert task.due_at == NOW + timedelta(hours=4)
    assert sweep_detox(NOW + timedelta(hours=3)).overdue == 0
    late = NOW + timedelta(hours=4, minutes=1)
    assert [sweep_detox(late).overdue for _ in range(2)] == [1, 0]
    assert Alert.objects.get().rules == ["D01_REFERRAL_UNANSWERED"]
    move(referral, nurse, "accepted", late)
    task.refresh_from_db()
    arrival = CareTask.objects.get(kind="arrival")
    assert (task.outcome, arrival.due_at) == ("overtaken", late + timedelta(hours=24))
    move(referral, nurse, "admitted", late)
    patient.refresh_from_db()
    assert patient.status == "in_hospital"
    assert not CareTask.objects.open().exists()


def test_a_refusal_needs_a_reason_and_leaves_a_task_until_the_next_referral(patient, nurse) -> None:
    referral = make_referral(patient, nurse.user)
    with pytest.raises(ReferralError, match="Withdraw it"):
        make_referral(patient, nurse.user)
    with pytest.raises(ReferralError, match="Write down why"):
        move(referral, nurse, "declined", note=" ")
    move(referral, nurse, "declined")
    task = CareTask.objects.open().get(kind="no_unit")
    late = task.due_at + timedelta(minutes=1)
    assert [sweep_detox(late).overdue for _ in range(2)] == [1, 0]
    assert Alert.objects.get().rules == ["D11_NO_UNIT"]
    assert make_referral(patient, nurse.user).status == "sent"
    task.refresh_from_db()
    assert task.outcome == "overtaken"
    with pytest.raises(IntegrityError, match="referral_refusal_has_a_reason"), transaction.atomic():
        referral.steps.create(clinic=referral.clinic, at=NOW, by=nurse.user, status="declined")


@pytest.mark.parametrize("act", ["refer", "move"])
def test_a_referral_is_saved_with_its_audit_row_or_not_at_all(
    patient, prescriber, monkeypatch, act
) -> None:
    plan = make_active_plan(patient, prescriber.user)
    facility = make_facility(patient.clinic, prescriber.user, is_own=False)
    referral = make_referral(patient, prescriber.user, facility=facility) if act == "move" else None
    monkeypatch.setattr("apps.detox.referral_actions.record", refuse)
    work = {
        "refer": lambda: make_referral(patient, prescriber.user, facility=facility),
        "move": lambda: move(referral, prescriber, "admitted"),
    }
    with pytest.raises(IntegrityError), transaction.atomic():
        work[act]()
    patient.refresh_from_db()
    assert patient.status == "active"
    assert Referral.objects.filter(status="sent").count() == (1 if referral else 0)
    assert plan.holds.open().count() == (1 if referral else 0)


def test_a_referral_goes_only_to_the_clinics_own_directory(
    patient, other_clinic, nurse, outsider
) -> None:
    foreign = make_facility(other_clinic, outsider.user)
    with pytest.raises(ReferralError, match="directory"):
        make_referral(patient, nurse.user, facility=foreign)
    referral = make_referral(patient, nurse.user)
    page = signed_in(nurse).post(
        reverse("detox:refer", args=[patient.pk]),
        {"facility": str(foreign.pk), "reason": "x", "how": "phone"},
    )
    assert page.status_code == 422
    with pytest.raises(DatabaseError), transaction.atomic():
        connection.cursor().execute(
            "INSERT INTO detox_referral (id, reason, how, document, status, sent_at, due_at, "
            "clinic_id, facility_id, patient_id, sent_by_id) SELECT gen_random_uuid(), reason, "
            f"how, document, status, sent_at, due_at, clinic_id, '{foreign.pk}', "
            f"'{make_patient(patient.clinic).pk}', sent_by_id "
            f"FROM detox_referral WHERE id = '{referral.pk}'"
        )


def test_the_directory_keeps_one_preferred_unit_and_no_name_twice(clinic, lead) -> None:
    make_facility(clinic, lead.user, name="Aspen", is_preferred=True)
    make_facility(clinic, lead.user, name="Birch", is_preferred=True)
    assert Facility.objects.get(is_preferred=True).name == "Birch"
    client, path = signed_in(lead), reverse("detox:facilities")
    values = {"name": "Aspen", "phone": "5", "answer_hours": "999", "arrive_hours": "24"}
    wrong = client.post(path, values)
    assert wrong.status_code == 422
    assert "less than or equal to 336" in wrong.text
    twice = client.post(path, values | {"answer_hours": "4"})
    assert "There is a unit of this name already." in twice.text
    with pytest.raises(ReferralError):
        save_facility(clinic=clinic, facility=Facility.objects.get(name="Birch"),
                      values={"name": "Aspen"}, by=lead.user, now=NOW)  # fmt: skip
    assert set(LIVE) == {"sent", "accepted", "admitted"}


def test_a_last_dose_that_has_not_come_is_refused_beside_its_field(clinic, patient, nurse) -> None:
    make_facility(clinic, nurse.user)
    path = reverse("detox:refer", args=[patient.pk])
    values = {"reason": "Severe withdrawal.", "how": "phone", "facility": Facility.objects.get().pk}
    tomorrow = timezone.localtime(timezone.now() + timedelta(days=1), clinic.tz)
    page = signed_in(nurse).post(path, values | {"last_dose_at": f"{tomorrow:%Y-%m-%dT%H:%M}"})
    assert page.status_code == 422
    assert "This moment has not come yet." in page.text
    assert not Referral.objects.exists()


def test_a_second_hand_over_says_what_was_given_in_the_stay_before(
    clinic, prescriber, nurse
) -> None:
    """Phenobarbital acts for days (INP-07): the next unit has to know of each dose and its time."""
    patient = make_patient(clinic)
    stay = make_stay(patient, prescriber.user)
    make_dose(stay, nurse.user, now=NOW + HOUR)
    make_dose(
        stay, nurse.user, now=NOW + 2 * HOUR, kind="held", amount="", sedation=3,
        held_because="sedation",
    )  # fmt: skip
    go_home(stay, prescriber, now=NOW + 30 * HOUR, taken="diazepam 5 mg")
    again = make_referral(patient, prescriber.user, now=NOW + 50 * HOUR)
    (told,) = again.document["stays"]
    assert [dose["kind"] for dose in told["doses"]] == ["held", "given"]
    client = signed_in(nurse)
    paper = " ".join(
        text_of(client.get(reverse("exchange:referral_pdf", args=[again.pk])).content).split()
    )
    given = (NOW + HOUR).astimezone(clinic.tz)
    bundle = client.get(reverse("exchange:referral_bundle", args=[again.pk])).content
    assert problems(json.loads(bundle)) == []
    page = client.get(reverse("detox:referral", args=[again.pk])).text
    for text in (paper, json.loads(bundle)["entry"][0]["resource"]["section"].__repr__()):
        assert f"{given:%Y-%m-%d %H:%M %Z}: phenobarbital, as ordered, 1 tablet" in text
        assert "phenobarbital, held" in text
        assert "Left: diazepam 5 mg" in text
    assert "Earlier stays" in page
    assert "phenobarbital, as ordered, 1 tablet" in page


def test_the_reason_for_a_referral_tells_the_time_of_the_clinic(clinic, nurse) -> None:
    alert = make_alert(make_patient(clinic))
    at = alert.opened_at.astimezone(clinic.tz)
    assert reason_of(alert).endswith(f"Reported {at:%Y-%m-%d %H:%M} {at.tzname()}.")
    assert at.tzname() != "UTC"
