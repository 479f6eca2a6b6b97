"""What a prescriber looks at before the next step: symptoms, alerts, doses taken."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from apps.alerts.models import Alert
from apps.checkins.models import CheckIn
from apps.clinical.questionnaires import LATEST, get_questionnaire
from apps.dashboard.summaries import why_held
from apps.patients.models import Clinic
from apps.tapers.models import PlanHold, TaperPlan
from apps.tapers.today import Today, midnight

BEFORE: Final = timedelta(days=14)  # what the symptoms since the step are compared with
WAITING_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class StepReview:
    """Everything since the step in force began, and the two weeks before it.

    `check_ins` hold a trusted person's reports, too; `days_answered` counts the patient's own.
    """

    check_ins: list[CheckIn]
    alerts: list[Alert]
    days: int
    days_answered: int
    typical_score: float | None
    typical_before: float | None
    doses: list[tuple[str, int]]

    @property
    def trend(self) -> str:
        """How symptoms compare with before the step, in a word; nothing without both."""
        if self.typical_score is None or self.typical_before is None:
            return ""
        change = self.typical_score - self.typical_before
        return "worse" if change >= 3 else "better" if change <= -3 else "about the same"


def review_of(state: Today, now: datetime) -> StepReview:
    """Return the review of the step in force. Two queries, however long the history."""
    tz = state.plan.patient.tz
    begun = midnight(state.step.start_on, tz) if state.step else now
    rows = list(
        CheckIn.objects.filter(
            patient_id=state.plan.patient_id, received_at__gte=begun - BEFORE, received_at__lte=now
        )
        .select_related("triage")
        .order_by("-received_at")
    )
    since = [row for row in rows if row.received_at >= begun]
    own = [row for row in since if row.reporter == CheckIn.Reporter.PATIENT]
    alerts = Alert.objects.filter(patient_id=state.plan.patient_id).unresolved().by_urgency()
    return StepReview(
        check_ins=since,
        alerts=list(alerts.select_related("owner")),
        days=(state.day - state.step.start_on).days + 1 if state.step else 0,
        days_answered=len({row.received_at.astimezone(tz).date() for row in own}),
        typical_score=typical(since),
        typical_before=typical(row for row in rows if row.received_at < begun),
        doses=doses_taken(since),
    )


def typical(rows: Iterable[CheckIn]) -> float | None:
    """Return the median daily score, None without any."""
    scores = [row.triage.dws for row in rows if row.triage.dws is not None]
    return float(median(scores)) if scores else None


def doses_taken(rows: Iterable[CheckIn]) -> list[tuple[str, int]]:
    """Return how often each answer about the dose was given, in words, most frequent first."""
    item = get_questionnaire("daily", LATEST["daily"]).item("dose_taken")
    words = {option.value: option.label["en"] for option in item.options}
    given = Counter(row.answers["dose_taken"] for row in rows if "dose_taken" in row.answers)
    return [(words.get(value, value), count) for value, count in given.most_common()]


def plans_waiting(clinic: Clinic, now: datetime) -> list[TaperPlan]:
    """Return the clinic's active plans whose next cut waits for a prescriber, longest first.

    Each with the dose of today, the seizure risk, since when, for how long and why.
    """
    holds = (
        PlanHold.objects.open()
        .filter(plan__clinic=clinic, plan__status=TaperPlan.Status.ACTIVE)
        .select_related("plan__patient__risk", "plan__patient__state")
        .order_by("opened_at")
    )
    first: dict[object, TaperPlan] = {}
    for hold in holds:
        plan = first.setdefault(hold.plan_id, hold.plan)
        if not hasattr(plan, "waits_since"):
            plan.waits_since, plan.waits_because = hold.opened_at, why_held(hold)  # type: ignore[attr-defined]
            plan.waits_days = (now - hold.opened_at).days  # type: ignore[attr-defined]
        elif why_held(hold) not in plan.waits_because:  # type: ignore[attr-defined]
            plan.waits_because += f" {why_held(hold)}"  # type: ignore[attr-defined]
    return list(first.values())
