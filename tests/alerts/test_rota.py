"""The rota: nights when the clocks change, exceptions, cover, hours."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, InternalError, ProgrammingError, transaction
from django.utils import translation

from apps.alerts.actions import open_alert
from apps.alerts.contact_actions import add_contact, set_quiet_hours
from apps.alerts.coverage import coverage_of, open_stretches
from apps.alerts.models import ClinicLadder, Shift, WeeklyTurn
from apps.alerts.rota import is_open, next_watch, on_call_now
from apps.alerts.rota_actions import (
    RotaError,
    add_closed_day,
    add_turns,
    cancel_change,
    change_rota,
    extend_all,
    extend_rota,
    remove_turn,
    set_hours,
    set_ladder,
)
from apps.alerts.rota_calendar import Change, Span, Turn, apply, gaps_in, spans_of
from apps.alerts.sweep import sweep
from apps.audit.models import AuditEvent
from apps.checkins.advice import watching_now
from apps.dashboard.staff_actions import change_role
from apps.patients.models import Role
from tests.factories import NOW, make_alert, make_way, put_on_call

NEW_YORK = ZoneInfo("America/New_York")
NELL, BRAM = uuid4(), uuid4()
NIGHT = [Turn("on_call", NELL, day, time(20), time(8)) for day in range(7)]
HOUR = timedelta(hours=1)


def hours_of_night(day: date) -> float:
    (span,) = spans_of(NIGHT, [], NEW_YORK, day, day)
    return (span.ends_at - span.starts_at) / HOUR


def test_a_night_is_11_hours_in_spring_and_13_in_autumn() -> None:
    assert hours_of_night(date(2027, 3, 13)) == 11
    assert hours_of_night(date(2026, 10, 31)) == 13
    assert hours_of_night(date(2026, 11, 23)) == 12


@pytest.mark.parametrize("first", [date(2027, 3, 8), date(2026, 10, 26), date(2026, 12, 28)])
def test_two_turns_a_day_leave_no_gap_when_the_clocks_change(first: date) -> None:
    day = [Turn("on_call", BRAM, d, time(8), time(20)) for d in range(7)]
    spans = spans_of(NIGHT + day, [], NEW_YORK, first, first + timedelta(days=13))
    stretches = [(span.starts_at, span.ends_at) for span in spans]
    assert gaps_in(stretches, spans[0].starts_at, spans[-1].ends_at) == []
    assert all(a.ends_at == b.starts_at for a, b in pairwise(spans))


def test_a_turn_at_an_hour_that_does_not_exist_begins_when_the_clock_goes_on() -> None:
    turn = [Turn("on_call", NELL, 6, time(2, 30), time(9))]
    (span,) = spans_of(turn, [], NEW_YORK, date(2027, 3, 14), date(2027, 3, 14))
    assert span.starts_at.astimezone(NEW_YORK).hour == 3


def span(start: int, end: int, who=NELL) -> Span:
    return Span(NOW + start * HOUR, NOW + end * HOUR, "on_call", who)


def change(start: int, end: int, away=NELL, member=BRAM) -> Change:
    return Change("on_call", away, member, NOW + start * HOUR, NOW + end * HOUR)


@pytest.mark.parametrize(
    ("exception", "expected"),
    [
        (change(0, 12), [span(0, 12, BRAM)]),
        (change(4, 6), [span(0, 4), span(4, 6, BRAM), span(6, 12)]),
        (change(-5, 3), [span(0, 3, BRAM), span(3, 12)]),
        (change(9, 30), [span(0, 9), span(9, 12, BRAM)]),
        (change(4, 6, member=None), [span(0, 4), span(6, 12)]),
        (change(12, 13), [span(0, 12)]),
        (change(0, 12, away=uuid4()), [span(0, 12)]),
        (change(3, 5, away=None), [span(0, 12), span(3, 5, BRAM)]),
        (change(3, 5, away=None, member=None), [span(0, 12)]),
    ],
)
def test_an_exception_is_cut_out_and_given_to_the_other(exception, expected) -> None:
    assert sorted(apply(exception, [span(0, 12)])) == sorted(expected)


def test_gaps_are_what_no_span_covers() -> None:
    at = [NOW + hour * HOUR for hour in range(10)]
    assert gaps_in([], at[0], at[9]) == [(at[0], at[9])]
    assert gaps_in([(at[1], at[3]), (at[2], at[4]), (at[6], at[9])], at[0], at[9]) == [
        (at[0], at[1]),
        (at[4], at[6]),
    ]


def pattern(member, by, *, rung="on_call", starts=time(20), ends=time(8), now=NOW) -> list:
    return add_turns(
        member=member, rung=rung, weekdays=range(7), starts=starts, ends=ends, by=by.user, now=now
    )


@pytest.mark.django_db
def test_a_pattern_makes_eight_weeks_of_shifts_in_utc(nurse, clinic_admin) -> None:
    pattern(nurse, clinic_admin)
    shifts = list(Shift.objects.order_by("starts_at"))
    assert 56 <= len(shifts) <= 58
    assert shifts[0].starts_at == datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


@pytest.mark.django_db
def test_making_the_shifts_again_changes_nothing(nurse, clinic_admin, clinic) -> None:
    pattern(nurse, clinic_admin)
    pattern(nurse, clinic_admin)
    before = set(Shift.objects.values_list("pk", flat=True))
    assert extend_rota(clinic=clinic, now=NOW) == 0
    assert set(Shift.objects.values_list("pk", flat=True)) == before
    assert WeeklyTurn.objects.count() == 7


@pytest.mark.django_db
def test_each_week_the_task_makes_a_week_more(nurse, clinic_admin) -> None:
    pattern(nurse, clinic_admin)
    assert extend_all(NOW + timedelta(days=7)) == 7
    assert extend_all(NOW + timedelta(days=7)) == 0


@pytest.mark.django_db
def test_a_shift_that_runs_is_ended_and_not_erased(nurse, backup, clinic_admin, clinic) -> None:
    pattern(nurse, clinic_admin, starts=time(8), ends=time(20))
    running = Shift.objects.at(NOW).get()
    later = NOW + HOUR
    change_rota(
        clinic=clinic, rung="on_call", away=nurse, member=backup, starts_at=later - HOUR / 2,
        ends_at=running.ends_at, reason="away", by=clinic_admin.user, now=later,
    )  # fmt: skip
    assert Shift.objects.at(later).get().member == backup
    running.refresh_from_db()
    assert running.ends_at == later
    assert Shift.objects.at(NOW).get() == running


@pytest.mark.django_db
def test_whoever_is_swapped_in_now_gets_the_alert(nurse, backup, clinic_admin, clinic, patient):
    pattern(nurse, clinic_admin, starts=time(8), ends=time(20))
    change_rota(
        clinic=clinic, rung="on_call", away=nurse, member=backup, starts_at=NOW,
        ends_at=NOW + 3 * HOUR, reason="swap", by=clinic_admin.user, now=NOW,
    )  # fmt: skip
    assert make_alert(patient).deliveries.get().recipient == backup


@pytest.mark.django_db
def test_a_change_twice_is_one_and_can_be_undone_twice(nurse, backup, clinic_admin, clinic):
    pattern(nurse, clinic_admin)
    before = set(Shift.objects.values_list("member", "starts_at", "ends_at"))
    for _ in range(2):
        made = change_rota(
            clinic=clinic, rung="on_call", away=nurse, member=backup,
            starts_at=NOW + 24 * HOUR, ends_at=NOW + 48 * HOUR, reason="swap",
            by=clinic_admin.user, now=NOW,
        )  # fmt: skip
    assert AuditEvent.objects.filter(event="rota.changed").count() == 1
    assert Shift.objects.filter(member=backup).exists()
    for _ in range(2):
        cancel_change(change=made, by=clinic_admin.user, now=NOW)
    assert set(Shift.objects.values_list("member", "starts_at", "ends_at")) == before
    assert AuditEvent.objects.filter(event="rota.change_cancelled").count() == 1


@pytest.mark.django_db
def test_a_change_of_the_past_or_to_the_same_person_is_refused(nurse, clinic_admin, clinic):
    for member, end in ((nurse, NOW + HOUR), (None, NOW)):
        with pytest.raises(RotaError):
            change_rota(
                clinic=clinic, rung="on_call", away=nurse, member=member, starts_at=NOW - HOUR,
                ends_at=end, reason="swap", by=clinic_admin.user, now=NOW,
            )  # fmt: skip


@pytest.mark.django_db
def test_removing_a_turn_twice_removes_its_shifts_once(nurse, clinic_admin) -> None:
    turns = pattern(nurse, clinic_admin)
    for _ in range(2):
        remove_turn(turn=turns[0], by=clinic_admin.user, now=NOW)
    weekdays = {s.starts_at.astimezone(NEW_YORK).weekday() for s in Shift.objects.all()}
    assert turns[0].weekday not in weekdays
    assert AuditEvent.objects.filter(event="rota.turn_removed").count() == 1


@pytest.mark.django_db
def test_a_shift_entered_by_hand_is_left_alone(nurse, clinic_admin) -> None:
    by_hand = put_on_call(nurse)
    pattern(nurse, clinic_admin)
    assert Shift.objects.filter(pk=by_hand.pk, ends_at=by_hand.ends_at).exists()


@pytest.mark.django_db
@pytest.mark.parametrize("act", ["turns", "change", "hours", "ladder"])
def test_a_change_of_the_rota_is_all_or_nothing(act, nurse, backup, clinic_admin, monkeypatch):
    clinic, by = nurse.clinic, clinic_admin.user

    def refuse(*args: object, **kwargs: object) -> None:
        raise IntegrityError("audit row refused")

    monkeypatch.setattr("apps.alerts.rota_actions.record", refuse)
    acts = {
        "turns": lambda: pattern(nurse, clinic_admin),
        "change": lambda: change_rota(
            clinic=clinic, rung="on_call", away=None, member=backup, starts_at=NOW,
            ends_at=NOW + HOUR, reason="extra", by=by, now=NOW,
        ),
        "hours": lambda: set_hours(clinic=clinic, hours=WEEK, cover="always", by=by, now=NOW),
        "ladder": lambda: set_ladder(
            clinic=clinic, level="emergency", times=FAST, by=by, now=NOW
        ),
    }  # fmt: skip
    with pytest.raises(IntegrityError):
        acts[act]()
    assert not Shift.objects.exists()
    assert not clinic.opening_hours.exists()
    assert not ClinicLadder.objects.exists()


WEEK = {day: [(time(9), time(17))] for day in range(5)}
FAST = {"remind": None, "backup": 2, "lead": 4, "everyone": 8}


@pytest.mark.django_db
def test_a_covered_fortnight_is_green_and_each_fault_turns_it_red(
    nurse, backup, lead, clinic_admin, clinic
) -> None:
    for rung, member in (("on_call", nurse), ("backup", backup)):
        pattern(member, clinic_admin, rung=rung, starts=time(8), ends=time(8))
    everybody = {nurse.pk, backup.pk, lead.pk}
    assert coverage_of(clinic, NOW, everybody).is_covered
    assert coverage_of(clinic, NOW, {nurse.pk}).unreachable == [backup]
    turn = WeeklyTurn.objects.get(rung="on_call", weekday=2)
    remove_turn(turn=turn, by=clinic_admin.user, now=NOW)
    gaps = coverage_of(clinic, NOW, everybody).gaps
    assert [gap.rung for gap in gaps] == ["On call", "On call"]
    add_turns(
        member=backup, rung="on_call", weekdays=[2], starts=time(8), ends=time(8),
        by=clinic_admin.user, now=NOW,
    )  # fmt: skip
    double = coverage_of(clinic, NOW, everybody)
    assert not double.gaps
    assert {shift.member for shift in double.doubles} == {backup}


@pytest.mark.django_db
def test_who_handles_alerts_no_more_covers_no_hour(nurse, backup, clinic_admin, clinic) -> None:
    for rung, member in (("on_call", nurse), ("backup", backup)):
        pattern(member, clinic_admin, rung=rung, starts=time(8), ends=time(8))
    assert watching_now(clinic, NOW)["sentence"] == "A nurse is on call now."
    change_role(member=nurse, role=Role.CLINIC_ADMIN, by=clinic_admin.user, now=NOW)
    gaps = coverage_of(clinic, NOW, {nurse.pk, backup.pk}).gaps
    assert [gap.rung for gap in gaps] == ["On call"]
    assert [shift.member for shift in on_call_now(clinic.pk, NOW)] == [backup]
    assert watching_now(clinic, NOW)["sentence"] == "Someone from the clinic is on call now."


@pytest.mark.django_db
def test_turns_in_quiet_hours_and_ways_nobody_proved_are_told_beside_a_green_fortnight(
    nurse, backup, clinic_admin, clinic
) -> None:
    pattern(nurse, clinic_admin, starts=time(20), ends=time(8))
    pattern(backup, clinic_admin, starts=time(8), ends=time(20))
    # Quiet until 9 in Madrid, which is 3 in New York: each night from 20 to 3 o'clock.
    for member, begins, ends in ((nurse, time(1), time(9)), (backup, time(3), time(6))):
        set_quiet_hours(
            member=member, begins=begins, ends=ends, time_zone="Europe/Madrid", by=member.user,
            now=NOW,
        )  # fmt: skip
    proved = make_way(backup, "bram@clinic.example")
    add_contact(member=nurse, address="nell@clinic.example", by=nurse.user, now=NOW)
    coverage = coverage_of(clinic, NOW, {nurse.pk, backup.pk})
    (asleep,) = coverage.asleep
    assert (asleep.member, asleep.nights) == (nurse, 14)
    assert asleep.first_at.astimezone(NEW_YORK).strftime("%a %H:%M") == "Mon 20:00"
    (way,) = coverage.unproved
    assert (way.member, proved in coverage.unproved) == (nurse, False)


@pytest.mark.django_db
def test_a_deactivated_person_covers_nothing(nurse, backup, clinic_admin, clinic) -> None:
    pattern(nurse, clinic_admin, starts=time(8), ends=time(8))
    nurse.is_active = False
    nurse.save(update_fields=["is_active"])
    assert coverage_of(clinic, NOW, {nurse.pk}).gaps[0].ends_at - NOW > timedelta(days=13)


@pytest.mark.django_db
def test_a_clinic_that_promises_its_open_hours_has_no_gap_at_night(
    nurse, backup, clinic_admin, clinic
) -> None:
    for rung, member in (("on_call", nurse), ("backup", backup)):
        pattern(member, clinic_admin, rung=rung, starts=time(9), ends=time(17))
    people = {nurse.pk, backup.pk}
    assert coverage_of(clinic, NOW, people).gaps
    set_hours(clinic=clinic, hours=WEEK, cover="open_hours", by=clinic_admin.user, now=NOW)
    assert coverage_of(clinic, NOW, people).is_covered


@pytest.mark.django_db
def test_coverage_costs_the_same_however_many_shifts(
    nurse, clinic_admin, clinic, django_assert_num_queries
) -> None:
    pattern(nurse, clinic_admin)
    with django_assert_num_queries(3):
        coverage_of(clinic, NOW, set())


@pytest.mark.django_db
def test_a_holiday_is_closed_all_day(clinic_admin, clinic) -> None:
    by = clinic_admin.user
    set_hours(clinic=clinic, hours=WEEK, cover="always", by=by, now=NOW)
    assert is_open(clinic, NOW)
    add_closed_day(clinic=clinic, day=date(2026, 11, 23), name="Founders", by=by, now=NOW)
    assert not is_open(clinic, NOW)
    (first, *_) = open_stretches(clinic, NOW, NOW + timedelta(days=7))
    assert first[0].date() == date(2026, 11, 24)


@pytest.mark.django_db
def test_the_patient_reads_who_is_watching_now(nurse, lead, clinic_admin, clinic) -> None:
    def says() -> str:
        return watching_now(clinic, NOW)["sentence"]

    assert says() == "Nobody at the clinic is on call right now. In danger, call 911."
    pattern(nurse, clinic_admin)
    assert says() == "Nobody reads this until Monday 20:00. In danger, call 911."
    set_hours(clinic=clinic, hours=WEEK, cover="always", by=clinic_admin.user, now=NOW)
    assert says() == "The clinic is open now, and someone reads what you send."
    put_on_call(lead)
    assert says() == "Someone from the clinic is on call now."
    put_on_call(nurse)
    Shift.objects.filter(member=lead).delete()
    assert says() == "A nurse is on call now."


@pytest.mark.parametrize(
    ("at", "open_now", "says"),
    [
        ("2026-11-23 11:59", True, "The clinic is open now"),
        ("2026-11-23 12:00", False, "Nobody reads this until Monday 13:00."),
        ("2026-11-23 13:00", True, "The clinic is open now"),
        ("2026-11-23 21:30", False, "Nobody reads this until Monday 22:00."),
        ("2026-11-23 23:59", True, "The clinic is open now"),
        ("2026-11-24 00:00", True, "The clinic is open now"),
        ("2026-11-24 02:00", False, "Nobody reads this until Monday 08:00."),
    ],
)
@pytest.mark.django_db
def test_a_day_has_a_lunch_break_and_a_night_runs_past_midnight(
    at, open_now, says, clinic_admin, clinic
) -> None:
    monday = [(time(8), time(12)), (time(13), time(17)), (time(22), time(0))]
    hours = {0: monday, 1: [(time(0), time(2))]}
    set_hours(clinic=clinic, hours=hours, cover="open_hours", by=clinic_admin.user, now=NOW)
    now = datetime.fromisoformat(at).replace(tzinfo=NEW_YORK)
    assert is_open(clinic, now) is open_now
    assert watching_now(clinic, now)["sentence"].startswith(says)


@pytest.mark.django_db
def test_a_break_is_no_gap_where_open_hours_are_promised_and_a_night_is_one_stretch(
    nurse, backup, clinic_admin, clinic
) -> None:
    hours = {0: [(time(8), time(12)), (time(22), time(0))], 1: [(time(0), time(2))]}
    set_hours(clinic=clinic, hours=hours, cover="open_hours", by=clinic_admin.user, now=NOW)
    gaps = [gap for gap in coverage_of(clinic, NOW, set()).gaps if gap.rung == "On call"]
    local = [(g.starts_at.astimezone(NEW_YORK), g.ends_at.astimezone(NEW_YORK)) for g in gaps]
    assert [f"{a:%a %H:%M} {b:%a %H:%M}" for a, b in local[:3]] == [
        "Mon 10:00 Mon 12:00", "Mon 22:00 Tue 02:00", "Mon 08:00 Mon 12:00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("opens", "closes"), [(time(11), time(14)), (time(8), time(9)), (time(16), time(0))]
)
@pytest.mark.django_db
def test_the_database_refuses_stretches_of_a_day_that_overlap(
    opens, closes, clinic_admin, clinic
) -> None:
    hours = {0: [(time(8), time(12)), (time(13), time(0)), (opens, closes)]}
    with pytest.raises((IntegrityError, InternalError, ProgrammingError)), transaction.atomic():
        set_hours(clinic=clinic, hours=hours, cover="always", by=clinic_admin.user, now=NOW)


@pytest.mark.django_db
def test_somebody_watches_next_when_a_shift_begins_or_the_clinic_opens(
    nurse, clinic_admin, clinic
) -> None:
    saturday = NOW + timedelta(days=5)
    assert next_watch(clinic, saturday) is None
    set_hours(clinic=clinic, hours=WEEK, cover="always", by=clinic_admin.user, now=NOW)
    assert next_watch(clinic, saturday).astimezone(NEW_YORK).strftime("%a %H:%M") == "Mon 09:00"
    pattern(nurse, clinic_admin, now=saturday)
    assert next_watch(clinic, saturday).astimezone(NEW_YORK).strftime("%a %H:%M") == "Sat 20:00"


@pytest.mark.django_db
def test_alerts_that_are_open_follow_a_changed_ladder(nurse, backup, clinic_admin, patient) -> None:
    put_on_call(nurse)
    put_on_call(backup, "backup")
    alert, minute = make_alert(patient), timedelta(minutes=1)
    for backup_at, now, expected in ((2, NOW, 2), (5, NOW, 5), (1, NOW + 3 * minute, 3)):
        times = {"remind": None, "backup": backup_at, "lead": 6, "everyone": 8}
        set_ladder(
            clinic=nurse.clinic, level="emergency", times=times, by=clinic_admin.user, now=now
        )
        alert.refresh_from_db()
        assert alert.next_rung_at == NOW + expected * minute
    assert sweep(NOW + 3 * minute).climbed == 1


@pytest.mark.django_db
def test_a_clinics_own_ladder_is_climbed_on_its_minutes(
    nurse, backup, lead, clinic_admin, patient
) -> None:
    for member, rung in ((nurse, "on_call"), (backup, "backup"), (lead, "lead")):
        put_on_call(member, rung)
    set_ladder(clinic=nurse.clinic, level="emergency", times=FAST, by=clinic_admin.user, now=NOW)
    alert = make_alert(patient)
    climbed = {}
    for second in range(0, 540, 20):
        if sweep(NOW + timedelta(seconds=second)).climbed:
            climbed[second / 60] = alert.deliveries.order_by("-round").first().rung
    assert climbed == {2: "backup", 4: "lead", 8: "everyone"}


@pytest.mark.django_db
def test_an_urgent_ladder_is_in_per_cent_of_the_rules_time(nurse, backup, clinic_admin, patient):
    put_on_call(nurse)
    put_on_call(backup, "backup")
    times = {"remind": 10, "backup": 25, "lead": 50, "everyone": 75}
    set_ladder(clinic=nurse.clinic, level="urgent", times=times, by=clinic_admin.user, now=NOW)
    alert = open_alert(
        patient=patient, level="urgent", response_minutes=100, rules=["U12_SCORE_HIGH"],
        source_type="check_in", source_id=uuid4(), now=NOW,
    )  # fmt: skip
    assert alert.next_rung_at == NOW + timedelta(minutes=10)
    sweep(NOW + timedelta(minutes=10))
    alert.refresh_from_db()
    assert alert.next_rung_at == NOW + timedelta(minutes=25)


SLOW = {
    "backup later than 5": ("emergency", {"backup": 6, "lead": 7, "everyone": 8}),
    "lead 6 after backup": ("emergency", {"backup": 4, "lead": 10, "everyone": 12}),
    "everyone later": ("emergency", {"backup": 5, "lead": 10, "everyone": 16}),
    "lead before backup": ("emergency", {"backup": 5, "lead": 4, "everyone": 6}),
    "urgent reminder late": ("urgent", {"remind": 51, "backup": 90, "lead": 100, "everyone": 101}),
    "urgent backup late": ("urgent", {"remind": 50, "backup": 101, "lead": 150, "everyone": 200}),
    "a level that is none": ("none", {"backup": 1, "lead": 1, "everyone": 1}),
}


@pytest.mark.django_db
@pytest.mark.parametrize(("level", "times"), SLOW.values(), ids=SLOW)
def test_postgresql_refuses_a_ladder_that_is_slower(level, times, clinic) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ClinicLadder.objects.create(clinic=clinic, level=level, **times)


@pytest.mark.django_db
def test_the_patient_reads_it_in_spanish_too(nurse, clinic_admin, clinic) -> None:
    pattern(nurse, clinic_admin)
    with translation.override("es"):
        sentence = watching_now(clinic, NOW)["sentence"]
    assert sentence == "Nadie lee esto hasta el lunes 20:00. Si está en peligro, llame al 911."
