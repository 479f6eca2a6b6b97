"""What happened in a clinic on each day, counted: numbers only, nobody named. Reads only.

Some ten grouped queries for a stretch of days, however many patients. Each kind of count
is summed over the days of a period by `overview.py`, so nothing here is a share or a mean.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from django.db import connection
from django.db.models import Count, Min, Q, QuerySet
from django.db.models.functions import TruncDate

from apps.alerts.ladder import SLOWEST, Level
from apps.alerts.models import PASSED_ON, Alert
from apps.audit.models import AuditEvent
from apps.checkins.models import CheckIn, Reminder
from apps.dashboard.models import PatientState
from apps.patients.models import Clinic, Patient
from apps.tapers.models import NOT_UNLOCKED, Enactment, PlanHold, PlanVersion, TaperPlan

WEEKS_AFTER: Final = 8
BEFORE_STEP: Final = "before"
# Upper bounds in minutes of the groups of times that are counted; beyond the last is "longer".
BOUNDS: Final = (5, 15, 30, 60, 240, 480, 1440)
LONGER: Final = "longer"
Counts = dict[date, Counter[str]]

# One row per step that began with a cut in the clinic, and per week around it that ended within
# the days asked for: the mean score of the patient's own check-ins in that week.
COURSE_SQL = """
WITH cut AS (
    SELECT p.patient_id, s.start_on, lead(s.start_on) OVER steps AS next_on,
           s.cut_pct > 0 AS is_cut
    FROM tapers_taperplan p
    JOIN tapers_taperstep s ON s.version_id = p.in_force_id AND s.number <= p.begun_step
    WHERE p.clinic_id = %(clinic)s AND p.status IN ('active', 'ended')
    WINDOW steps AS (PARTITION BY p.id ORDER BY s.number)
), week AS (
    SELECT patient_id, n, start_on + 7 * n AS first_on, greatest(start_on, start_on + 7 * n + 6)
           AS counted_on
    FROM cut CROSS JOIN generate_series(-1, %(weeks)s - 1) AS n
    WHERE is_cut AND (next_on IS NULL OR start_on + 7 * n + 6 < next_on)
)
SELECT counted_on, n, count(*), sum(mean)
FROM week CROSS JOIN LATERAL (
    SELECT avg(t.dws) AS mean
    FROM checkins_checkin c JOIN checkins_triageresult t ON t.check_in_id = c.id
    WHERE c.patient_id = week.patient_id AND c.reporter = 'patient' AND c.counts
      AND c.received_at >= first_on::timestamp AT TIME ZONE %(zone)s
      AND c.received_at < (first_on + 7)::timestamp AT TIME ZONE %(zone)s
) AS felt
WHERE counted_on BETWEEN %(first)s AND %(last)s AND mean IS NOT NULL
GROUP BY counted_on, n
"""
# Steps that began on each day: cuts, and the last step of a plan, which is its goal. A plan that
# stays where it is ("held") has reached nothing.
STEPS_SQL = """
WITH step AS (
    SELECT s.start_on, s.daily_mg, s.cut_pct > 0 AS is_cut,
           s.end_on IS NULL AND s.number > 1 AND NOT coalesce((v.course ->> 'held')::bool, false)
           AS is_goal
    FROM tapers_taperplan p
    JOIN tapers_planversion v ON v.id = p.in_force_id
    JOIN tapers_taperstep s ON s.version_id = v.id AND s.number <= p.begun_step
    WHERE p.clinic_id = %(clinic)s AND p.status IN ('active', 'ended')
)
SELECT start_on, count(*) FILTER (WHERE is_cut),
       count(*) FILTER (WHERE is_goal AND daily_mg = 0),
       count(*) FILTER (WHERE is_goal AND daily_mg > 0)
FROM step WHERE start_on BETWEEN %(first)s AND %(last)s
GROUP BY start_on
"""


def counts_of(clinic: Clinic, first: date, last: date) -> Counts:
    """Return the counts of each day from `first` to `last`, in the clinic's zone."""
    counts: Counts = {first + timedelta(days=n): Counter() for n in range((last - first).days + 1)}
    count_patients_and_plans(counts, clinic)
    count_holds(counts, clinic)
    count_windows(counts, clinic)
    count_alerts(counts, clinic)
    for day, cuts, zero, goal in run(STEPS_SQL, clinic, counts):
        counts[day].update({"cuts": cuts, "reached:zero": zero, "reached:goal": goal})
    for day, week, steps, total in run(COURSE_SQL, clinic, counts):
        name = BEFORE_STEP if week < 0 else str(week + 1)
        counts[day].update({f"course:{name}:steps": steps, f"course:{name}:sum": float(total)})
    return counts


def run(sql: str, clinic: Clinic, counts: Counts) -> list[tuple[Any, ...]]:
    """Return the rows of one of the statements above."""
    values: dict[str, Any] = {
        "clinic": clinic.pk, "zone": clinic.time_zone, "weeks": WEEKS_AFTER,
        "first": min(counts), "last": max(counts),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def between(counts: Counts, clinic: Clinic, moment: str) -> Q:
    """Return the condition that a moment lies within the days that are counted."""
    begin = midnight_of(clinic, min(counts))
    end = midnight_of(clinic, max(counts) + timedelta(days=1))
    return Q(**{f"{moment}__gte": begin, f"{moment}__lt": end})


def midnight_of(clinic: Clinic, day: date) -> datetime:
    """Return when a day begins where the clinic is."""
    return datetime.combine(day, time(), tzinfo=clinic.tz).astimezone(UTC)


def by_day(
    rows: QuerySet[Any], counts: Counts, clinic: Clinic, moment: str, *more: str
) -> Iterable[tuple[Any, ...]]:
    """Return rows grouped by day and more, counted; one query."""
    on = TruncDate(moment, tzinfo=clinic.tz)
    chosen = rows.filter(between(counts, clinic, moment)).order_by()
    days = chosen.annotate(counted_on=on).values_list("counted_on", *more)
    found: Iterable[tuple[Any, ...]] = days.annotate(Count("pk"))
    return found


def count_patients_and_plans(counts: Counts, clinic: Clinic) -> None:
    """Count people registered, plans begun, and plans ended."""
    people = Patient.objects.filter(clinic=clinic)
    for day, number in by_day(people, counts, clinic, "registered_at"):
        counts[day]["registered"] += number
    plans = TaperPlan.objects.filter(clinic=clinic, activated_at__isnull=False)
    for day, number in by_day(plans, counts, clinic, "activated_at"):
        counts[day]["begun"] += number
    # Nothing but the audit record says when a plan was ended.
    ended = AuditEvent.objects.filter(clinic_id=clinic.pk, event="plan.ended")
    for day, number in by_day(ended, counts, clinic, "at"):
        counts[day]["ended"] += number


def count_holds(counts: Counts, clinic: Clinic) -> None:
    """Count locks of a next cut by what set them, and decisions by their kind."""
    holds = PlanHold.objects.filter(plan__clinic=clinic)
    for day, action, number in by_day(holds, counts, clinic, "opened_at", "action"):
        counts[day]["held:clock" if action == NOT_UNLOCKED else "held:report"] += number
    versions = Enactment.objects.filter(version__plan__clinic=clinic).exclude(
        version__kind=PlanVersion.Kind.START
    )
    for day, kind, number in by_day(versions, counts, clinic, "at", "version__kind"):
        counts[day][f"decided:{kind}"] += number


def count_windows(counts: Counts, clinic: Clinic) -> None:
    """Count check-ins, and windows in which one was due by what came of them."""
    sent = CheckIn.objects.by_the_patient().filter(clinic=clinic)
    for day, number in by_day(sent, counts, clinic, "received_at"):
        counts[day]["check_ins"] += number
    over = Reminder.objects.filter(
        clinic=clinic, state__in=(Reminder.State.ANSWERED, Reminder.State.MISSED)
    )
    for day, state, number in by_day(over, counts, clinic, "due_at", "state"):
        counts[day][f"due:{state}"] += number


def count_alerts(counts: Counts, clinic: Clinic) -> None:
    """Count alerts by level, and how long each waited for somebody and for a first act."""
    rows = (
        Alert.objects.filter(between(counts, clinic, "opened_at"), clinic=clinic)
        .annotate(acted_at=Min("acts__at", filter=~Q(acts__kind__in=PASSED_ON)))
        .values_list(
            "level", "opened_at", "response_minutes", "acknowledged_at", "resolved_at", "acted_at"
        )
    )
    for level, opened_at, minutes, acknowledged_at, resolved_at, acted_at in rows:
        day = counts[opened_at.astimezone(clinic.tz).date()]
        acted = earliest(acted_at, resolved_at)
        moments = {"taken": earliest(acknowledged_at, acted), "acted": acted}
        targets = {"taken": minutes_to_take(level, minutes), "acted": minutes}
        day[f"alerts:{level}:opened"] += 1
        for name, moment in moments.items():
            if moment is None:
                continue
            waited = max((moment - opened_at).total_seconds() / 60, 0)
            in_time = "in_time" if waited <= targets[name] else "late"
            day[f"alerts:{level}:{name}:{in_time}"] += 1
            day[f"alerts:{level}:{name}:within:{group_of(waited)}"] += 1


def earliest(*moments: datetime | None) -> datetime | None:
    """Return the first of the moments that are known."""
    return min((moment for moment in moments if moment is not None), default=None)


def minutes_to_take(level: str, response_minutes: int) -> float:
    """Return how soon somebody has to have taken an alert: before the ladder goes on.

    triage.md section 1: five minutes for an emergency, the response time for the others.
    """
    backup = SLOWEST[Level(level)][1]
    return backup if level == Level.EMERGENCY else response_minutes * backup / 100


def group_of(minutes: float) -> str:
    """Return the group of waiting times that this one is in."""
    return next((str(bound) for bound in BOUNDS if minutes <= bound), LONGER)


def standing_of(clinic: Clinic) -> dict[str, int]:
    """Return how many patients are at each stage with each seizure risk now."""
    found: dict[str, int] = defaultdict(int)
    rows = PatientState.objects.filter(clinic=clinic).order_by()
    for stage, tier, number in rows.values_list("stage", "tier").annotate(Count("pk")):
        found[f"{stage}:{tier}"] += number
    return dict(found)
