"""A stay: rounds on a clock, doses signed one by one, and no number that anybody works out."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

import apps.clinical
import apps.detox
from apps.alerts.actions import acknowledge_alert, resolve_alert
from apps.alerts.models import Alert
from apps.audit.models import AuditEvent
from apps.checkins.models import Reminder
from apps.checkins.reminder_sweep import sweep_reminders
from apps.detox.clocks import call_for_round, sweep_detox
from apps.detox.models import DoseRecord, Round, Stay
from apps.detox.stay_actions import (
    StayError,
    begin_stay,
    record_dose,
    record_round,
    set_rounds,
)
from apps.patients.actions import change_status
from tests.conftest import signed_in
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

VITALS = {"pulse": 88, "systolic": 130, "diastolic": 80, "breaths": 14, "oxygen": 97}
HOUR = timedelta(hours=1)


def refuse(*args: object, **kwargs: object) -> None:
    raise IntegrityError("audit row refused")


def make_round(stay, member, now=NOW, key=None, at=None, **changes):
    values = {**VITALS, "sedation": 0, "anchors": [1] * 20} | changes
    return record_round(
        stay=stay, submission_id=key or uuid4(), values=values, by=member.user, now=now, at=at
    )


def test_admission_stops_reminders_and_holds_the_plan(patient, prescriber) -> None:
    plan = make_active_plan(patient, prescriber.user)
    sweep_reminders(NOW)
    referral = make_referral(patient, prescriber.user)
    sweep_reminders(NOW)
    live = Reminder.objects.live().filter(patient=patient)
    assert live.exists(), "who waits at home is still asked"
    for _ in range(2):
        begin_stay(referral=referral, bed="2", round_hours=4, by=prescriber.user, now=NOW)
    sweep_reminders(NOW)
    patient.refresh_from_db()
    assert (patient.status, live.count(), Stay.objects.count()) == ("in_hospital", 0, 1)
    assert plan.holds.open().count() == 1


def test_a_bed_elsewhere_has_no_rounds_here(patient, prescriber) -> None:
    elsewhere = make_facility(patient.clinic, prescriber.user, is_own=False)
    referral = make_referral(patient, prescriber.user, facility=elsewhere)
    with pytest.raises(StayError, match="beds of this clinic"):
        begin_stay(referral=referral, bed="", round_hours=4, by=prescriber.user, now=NOW)


def resolve(alert, member, now) -> None:
    """Take and close an alert."""
    acknowledge_alert(alert=alert, by=member.user, now=now)
    resolve_alert(alert=alert, by=member.user, outcome="spoke", note="Seen to.", now=now)


def test_an_overdue_round_alerts_once_per_interval_and_a_round_sets_the_next(
    patient, nurse
) -> None:
    stay = make_stay(patient, nurse.user)
    assert sweep_detox(NOW + HOUR).rounds == 0
    assert [sweep_detox(NOW + 2 * HOUR).rounds for _ in range(2)] == [1, 0]
    alert = Alert.objects.get()
    assert alert.rules == ["D03_ROUND_OVERDUE"]
    assert sweep_detox(NOW + 6 * HOUR).rounds == 0, "one is open"
    resolve(alert, nurse, NOW + 2 * HOUR)
    assert sweep_detox(NOW + 5 * HOUR - timedelta(minutes=1)).rounds == 0
    assert [sweep_detox(NOW + 5 * HOUR).rounds for _ in range(2)] == [1, 0]
    resolve(Alert.objects.unresolved().get(), nurse, NOW + 5 * HOUR)
    key = uuid4()
    first, again = (make_round(stay, nurse, NOW + 5 * HOUR, key) for _ in range(2))
    stay.refresh_from_db()
    assert (first, stay.next_round_at) == (again, NOW + 9 * HOUR)
    set_rounds(stay=stay, round_hours=2, by=nurse.user, now=NOW + 6 * HOUR)
    stay.refresh_from_db()
    assert stay.next_round_at == NOW + 7 * HOUR
    assert sweep_detox(NOW + 8 * HOUR).rounds == 1


def test_nobody_is_called_to_the_bed_of_who_died_and_a_slip_taken_back_calls_again(
    patient, nurse, prescriber
) -> None:
    stay = make_stay(patient, nurse.user)
    make_round(stay, nurse, NOW + HOUR)
    patient.refresh_from_db()
    change_status(patient=patient, status="deceased", by=prescriber.user, now=NOW + 2 * HOUR)
    assert not Stay.objects.round_overdue(NOW + 30 * HOUR).exists()
    assert sweep_detox(NOW + 30 * HOUR).rounds == 0
    assert not call_for_round(stay.pk, NOW + 30 * HOUR), "nor by a sweep that had found it before"
    assert not Alert.objects.filter(rules=["D03_ROUND_OVERDUE"]).exists()
    page = signed_in(nurse).get(reverse("detox:stay", args=[stay.pk]))
    assert "died, by the record: no round is due." in page.text
    assert "A round is overdue" not in page.text
    assert "Next round by" not in page.text
    change_status(patient=patient, status="in_hospital", by=prescriber.user, now=NOW + 31 * HOUR)
    assert [sweep_detox(NOW + 31 * HOUR).rounds for _ in range(2)] == [1, 0]


def test_the_sleep_anchors_count_backwards_and_deep_sedation_alerts(patient, nurse) -> None:
    stay = make_stay(patient, nurse.user)
    assert make_round(stay, nurse).score.total == 18 + 2 * 3
    assert make_round(stay, nurse, anchors=None).score is None
    make_round(stay, nurse, sedation=3)
    assert Alert.objects.get().rules == ["D06_DEEPLY_SEDATED"]


@pytest.mark.parametrize(
    ("found", "level", "minutes", "rules"),
    [
        ({"sedation": 4}, "emergency", 5, ["E05_RESP_SEDATION", "D06_DEEPLY_SEDATED"]),
        ({"breaths": 5, "oxygen": 72, "is_dangerous": True}, "emergency", 5,
         ["D10_DANGER_IN_ROUND"]),
        ({"temp_c": Decimal("38.0"), "fall": True}, "urgent", 240, ["U07_FEVER", "W11_FALL"]),
        ({"fall": True}, "watch", 1440, ["W11_FALL"]),
    ],
    ids=["cannot be woken", "marked", "fever", "fall"],
)  # fmt: skip
def test_danger_in_a_round_alerts_as_triage_would(
    patient, nurse, found, level, minutes, rules
) -> None:
    stay = make_stay(patient, nurse.user)
    make_round(stay, nurse, temp_c=Decimal("37.9"))
    assert not Alert.objects.exists()
    make_round(stay, nurse, **found)
    alert = Alert.objects.get()
    assert (alert.level, alert.rules, alert.response_minutes) == (level, rules, minutes)


@pytest.mark.parametrize(
    "line",
    [{"kind": "held", "amount": "", "held_because": "sedation", "breaths": 4}, {"kind": "given"}],
    ids=["held", "given"],
)
@pytest.mark.parametrize(
    ("sedation", "said"),
    [
        (2, []),
        (3, [("urgent", 60, ["D06_DEEPLY_SEDATED"])]),
        (4, [("emergency", 5, ["E05_RESP_SEDATION", "D06_DEEPLY_SEDATED"])]),
    ],
)
def test_sedation_before_a_dose_alerts_as_it_does_in_a_round(
    patient, nurse, line, sedation, said
) -> None:
    stay = make_stay(patient, nurse.user)
    row = make_dose(stay, nurse.user, sedation=sedation, **line)
    record_dose(
        stay=stay, submission_id=row.submission_id, values={}, signed_with="password",
        by=nurse.user, now=NOW,
    )  # fmt: skip
    found = [(each.level, each.response_minutes, each.rules) for each in Alert.objects.all()]
    assert found == said
    assert {each.source_id for each in Alert.objects.all()} <= {row.pk}


def test_a_corrected_line_rings_only_for_what_it_did_not_say_before(patient, nurse) -> None:
    stay = make_stay(patient, nurse.user)
    line = make_dose(stay, nurse.user, sedation=3)
    for sedation, rung in ((3, 1), (4, 2), (0, 2)):
        values = {name: getattr(line, name) for name in
                  ("kind", "medicine", "amount", "route", "ordered_by", "at", "breaths",
                   "held_because", "note")} | {"sedation": sedation}  # fmt: skip
        line = record_dose(
            stay=stay, submission_id=uuid4(), values=values, signed_with="password",
            by=nurse.user, now=NOW, corrects=line,
        )  # fmt: skip
        assert Alert.objects.count() == rung, sedation


@pytest.mark.parametrize(
    ("column", "value"),
    [("sedation", "5"), ("oxygen", "101"), ("diastolic", "140"), ("anchors", "'{1,2}'")],
)
def test_postgresql_refuses_an_impossible_round(patient, nurse, column, value) -> None:
    stay = make_stay(patient, nurse.user)
    row = make_round(stay, nurse)
    columns = [f.column for f in Round._meta.fields if f.column not in ("id", "submission_id")]
    taken = [value if name == column else name for name in columns]
    with pytest.raises(IntegrityError, match="round_"), transaction.atomic():
        connection.cursor().execute(
            f"INSERT INTO detox_round (id, submission_id, {', '.join(columns)}) SELECT "
            f"gen_random_uuid(), gen_random_uuid(), {', '.join(taken)} FROM detox_round "
            f"WHERE id = '{row.pk}'"
        )


def test_every_dose_is_signed_and_a_held_one_has_its_reason(patient, nurse) -> None:
    stay = make_stay(patient, nurse.user)
    given = make_dose(stay, nurse.user)
    held = make_dose(stay, nurse.user, kind="held", amount="", held_because="sedation", sedation=2)
    assert (given.signed_by, held.get_held_because_display()) == (nurse.user, "Sedation")
    for wrong in ({"amount": ""}, {"held_because": "sedation"}, {"ordered_by": ""},
                  {"kind": "held"}, {"kind": "held", "held_because": "other"}):  # fmt: skip
        with pytest.raises(IntegrityError, match="dose_"), transaction.atomic():
            make_dose(stay, nurse.user, **wrong)
    with pytest.raises(StayError, match="not before"):
        make_dose(stay, nurse.user, at=NOW + HOUR)
    with pytest.raises(Exception, match="dose_immutable"), transaction.atomic():
        DoseRecord.objects.filter(pk=given.pk).update(amount="more")


def test_a_correction_stands_beside_what_it_corrects_once(patient, nurse) -> None:
    stay = make_stay(patient, nurse.user)
    wrong = make_dose(stay, nurse.user)
    values = {name: getattr(wrong, name) for name in
              ("kind", "medicine", "amount", "route", "ordered_by", "at", "sedation", "breaths",
               "held_because", "note")}  # fmt: skip

    def correct() -> DoseRecord:
        fresh = DoseRecord.objects.get(pk=wrong.pk)
        return record_dose(
            stay=stay, submission_id=uuid4(), values=values | {"amount": "half of it"},
            signed_with="password", by=nurse.user, now=NOW, corrects=fresh,
        )  # fmt: skip

    right = correct()
    assert right.corrects == wrong
    with pytest.raises(StayError, match="corrected this line meanwhile"):
        correct()


@pytest.mark.parametrize("act", ["begin", "round", "dose", "rounds"])
def test_what_is_written_is_saved_with_its_audit_row_or_not_at_all(
    patient, nurse, monkeypatch, act
) -> None:
    referral = make_referral(patient, nurse.user)
    stay = None
    if act != "begin":
        stay = begin_stay(referral=referral, bed="", round_hours=4, by=nurse.user, now=NOW)
    monkeypatch.setattr("apps.detox.stay_actions.record", refuse)
    acts = {
        "begin": lambda: begin_stay(
            referral=referral, bed="", round_hours=4, by=nurse.user, now=NOW
        ),
        "round": lambda: make_round(stay, nurse, sedation=4),
        "dose": lambda: make_dose(stay, nurse.user, sedation=4),
        "rounds": lambda: set_rounds(stay=stay, round_hours=1, by=nurse.user, now=NOW),
    }
    with pytest.raises(IntegrityError), transaction.atomic():
        acts[act]()
    referral.refresh_from_db()
    assert referral.status == ("sent" if act == "begin" else "admitted")
    assert not Round.objects.exists()
    assert not DoseRecord.objects.exists()
    assert not Alert.objects.exists()
    assert {row.round_hours for row in Stay.objects.all()} <= {4}


def test_the_pages_record_a_round_and_a_dose_and_keep_what_was_typed(patient, nurse) -> None:
    stay = make_stay(patient, nurse.user, now=timezone.now())
    client = signed_in(nurse)
    path = reverse("detox:round_create", args=[stay.pk])
    anchors = {f"anchor_{n}": "1" for n in range(1, 21)}
    key = {"submission_id": str(uuid4()), "note": "Slept two hours."}
    wrong = client.post(path, key | anchors | {"anchor_7": "", "pulse": "4", "systolic": "90"})
    assert wrong.status_code == 422
    for words in ("Not scored: 7.", "Choose how awake", "greater than or equal to 20",
                  "Write both numbers.", "Slept two hours."):  # fmt: skip
        assert words in wrong.text
    client.post(path, key | anchors | {"sedation": "1", "pulse": "90"})
    assert Round.objects.get().score.total == 24
    path = reverse("detox:dose_create", args=[stay.pk])
    dose = {
        "submission_id": str(uuid4()), "kind": "given", "medicine": "phenobarbital",
        "ordered_by": "Dr. Unit", "at": f"{timezone.localtime():%Y-%m-%dT%H:%M}", "sedation": "1",
        "breaths": "15", "amount": "", "password": "not mine", "code": "000000",
    }  # fmt: skip
    unsigned = client.post(path, dose)
    assert "Write the amount with its unit." in unsigned.text
    assert "This is not your password." in unsigned.text
    assert "dose_held" not in unsigned.text
    stay.__class__.objects.filter(pk=stay.pk).update(round_hours=4)
    moved = timezone.localtime() + timedelta(minutes=1)
    late = client.post(path, dose | proof_of(nurse) | {"amount": "x",
                                     "at": f"{moved:%Y-%m-%dT%H:%M}"})  # fmt: skip
    assert "signed after it was given" in late.text
    page = client.get(reverse("detox:stay", args=[stay.pk])).text
    for words in ("No dose is suggested here", "Acute intermittent porphyria", "Flumazenil",
                  "ASAM 2025 rec 13"):  # fmt: skip
        assert words in page


def test_no_published_course_of_phenobarbital_is_anywhere_in_the_code() -> None:
    """INP-04, INP-05 and INP-06 are marked "do not encode"."""
    folders = [Path(apps.clinical.__file__).parent, Path(apps.detox.__file__).parent]
    text = "".join(p.read_text() for folder in folders for p in folder.rglob("*.py"))
    for number in ("64.8", "1,120", "1120"):
        assert number not in text


def test_looking_at_a_stay_is_written_down_in_a_fixed_number_of_queries(
    patient, nurse, django_assert_max_num_queries
) -> None:
    stay = make_stay(patient, nurse.user)
    for n in range(5):
        make_round(stay, nurse, NOW + n * HOUR)
        make_dose(stay, nurse.user, now=NOW + n * HOUR)
    client = signed_in(nurse)
    with django_assert_max_num_queries(22):
        client.get(reverse("detox:stay", args=[stay.pk]))
    with django_assert_max_num_queries(24):
        client.get(reverse("detox:care", args=[patient.pk]))
    assert AuditEvent.objects.filter(event="stay.viewed").count() == 1


def test_a_bed_of_our_own_is_never_taken_without_a_stay(patient, nurse, prescriber) -> None:
    """A hand-made answer would leave somebody in a bed of whom no round is due."""
    make_active_plan(patient, prescriber.user)
    sent = make_referral(patient, prescriber.user)
    path = reverse("detox:referral_move", args=[sent.pk])
    for member in (nurse, prescriber):
        page = signed_in(member).post(path, {"to": "admitted", "note": "Came."})
        assert page.status_code == 422
        assert "with “Take into a bed”" in page.text
    page = signed_in(nurse).get(reverse("detox:referral", args=[sent.pk])).text
    assert "a clinical lead takes the patient into it" in page
    sent.refresh_from_db()
    patient.refresh_from_db()
    assert (sent.status, patient.status) == ("sent", "active")
    stay = begin_stay(referral=sent, bed="2", round_hours=4, by=prescriber.user, now=NOW)
    sent.refresh_from_db()
    assert (sent.status, stay.next_round_at is not None) == ("admitted", True)


def test_every_measure_of_a_round_has_its_trend(patient, nurse, prescriber) -> None:
    """Vital signs, sedation and CIWA-B: one box each, two lines only where two belong together."""
    stay = make_stay(patient, prescriber.user)
    make_round(stay, nurse, sedation=1, temp_c=Decimal("36.8"))
    client, url = signed_in(nurse), reverse("detox:stay", args=[stay.pk])
    assert client.get(url).context["chart"] is None, "one round is no trend"
    later = NOW + 3 * HOUR
    make_round(stay, nurse, now=later, pulse=104, systolic=150, diastolic=95, oxygen=None)
    page = client.get(url)
    chart = page.context["chart"]
    newest = {trend.name: trend.newest for trend in chart.trends}
    assert newest == {
        "CIWA-B": "24", "Sedation": "0", "Pulse": "104", "Blood pressure": "150/95",
        "Breaths": "14", "SpO2": "97", "Temperature": "36.8",
    }  # fmt: skip
    lines = {trend.name: [len(line.points) for line in trend.lines] for trend in chart.trends}
    assert (lines["Blood pressure"], lines["SpO2"], lines["Pulse"]) == ([2, 2], [1], [2])
    for trend in chart.trends:
        places = [(point.x, point.y) for line in trend.lines for point in line.points]
        assert all(0 <= x <= chart.width and 0 <= y <= chart.height for x, y in places)
        assert f'aria-label="{trend.name}, {trend.unit}: {trend.newest} at last' in page.text
    upper, lower = chart.trends[3].lines
    assert [point.y < other.y for point, other in zip(upper.points, lower.points, strict=True)] == [
        True, True,
    ]  # fmt: skip
    assert upper.points[1].words == "23 Nov 13:00: Blood pressure upper 150", "the reader's zone"


def test_a_trend_without_a_measure_has_no_box(patient, nurse, prescriber) -> None:
    stay = make_stay(patient, prescriber.user)
    none = dict.fromkeys((*VITALS, "anchors"))
    for hours in (0, 3):
        make_round(stay, nurse, now=NOW + hours * HOUR, **none)
    page = signed_in(nurse).get(reverse("detox:stay", args=[stay.pk]))
    assert [trend.name for trend in page.context["chart"].trends] == ["Sedation"]
