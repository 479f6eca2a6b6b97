"""Every door that could stop a medicine at once asks here first (ASAM-03, ASAM-05).

Which step is such a stop says `apps.clinical.stopping`. It is refused with the reasons of
the intake, whatever is typed and whoever signs, unless the path of ASAM-05 is documented
for this patient and still open today.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, Final

from django.db.models import Q

from apps.clinical.doses import plain
from apps.clinical.errors import ClinicalError
from apps.clinical.regimen import whole_months
from apps.clinical.stopping import StopPath, stop_at_once
from apps.patients.intake import stop_verdict_of
from apps.patients.models import Patient, StopDecision
from apps.patients.risk_actions import Given
from apps.tapers.models import TaperPlan
from apps.tapers.tablets import dose_words
from apps.tapers.taken import Known, taken_without_plan

LATELY: Final = timedelta(days=14)  # [proposal]

INSTEAD: Final = (
    "Go lower in smaller steps, or stay at this dose. A stop without a taper is only for "
    "dependence that is unlikely, and is first documented on the intake page under “Stop "
    "without a taper” (ASAM-05)."
)


class AbruptStopError(ClinicalError):
    """A plan that would stop the medicine at once; the text says why not and what instead."""


def check_no_abrupt_stop(
    patient: Patient, steps: Iterable[Any], day: date, *, after: int = 0
) -> None:
    """Raise `AbruptStopError` when a step beyond number `after` stops the medicine at once.

    Steps are the engine's or the database's, in order. A documented stop lets it pass, and
    a documented short taper where at least one smaller cut comes before.
    """
    steps = list(steps)
    last = stop_at_once(steps, after=after)
    if last is None:
        return
    is_short_taper = any(s.number < last and s.cut_pct > 0 for s in steps)
    why = why_refused(patient, day, is_short_taper=is_short_taper)
    if why:
        step = next(each for each in steps if each.number == last)
        raise AbruptStopError(f"Step {last} would stop the medicine at once{left(step)}. {why}")


def left(step: Any) -> str:
    """Return in words what a step that is a stop leaves of the medicine, nothing for none."""
    if not step.by_drug:
        return ""
    dose = dose_words(step.by_drug)
    return f": it falls by {plain(step.fall_14d_pct)} % within 14 days and leaves {dose} a day"


def why_refused(patient: Patient, day: date, *, is_short_taper: bool = False) -> str:
    """Return why a stop at once is not open to this patient, and what is; empty when it is.

    A decision counts while the intake still allows it and no plan was begun after it.
    """
    verdict = stop_verdict_of(patient, day)
    allowed = {StopPath.REFUSED: (), StopPath.SHORT_TAPER: (StopDecision.Kind.SHORT_TAPER,)}
    kinds = allowed.get(verdict.path, tuple(StopDecision.Kind))
    if not is_short_taper:
        kinds = tuple(kind for kind in kinds if kind == StopDecision.Kind.STOP)
    decision = patient.stop_decisions.filter(kind__in=kinds).first()
    if decision and not patient.plans.filter(activated_at__gt=decision.decided_at).exists():
        return ""
    return " ".join((*verdict.because, INSTEAD))


def given_by_plans(patient: Patient, day: date) -> Given:
    """Return on how many days of a week, and for how long, plans gave a dose until `day`.

    A plan gives it every day, whatever the intake says. Its doses count for 14 days after the
    last one, and for as long as nobody said anything newer than that one [proposal].
    """
    plans = patient.plans.filter(activated_at__isnull=False).select_related("in_force")
    late = Q(status=TaperPlan.Status.ACTIVE) | Q(left_at__date__gte=day - LATELY)
    spans = [days_of(plan, patient, day) for plan in plans.filter(late)]
    if not spans and taken_without_plan(patient).known == Known.LEFT:
        last = plans.order_by("-left_at")[0]
        spans = [days_of(last, patient, day, goes_on=True)]
    found = [(first, end) for first, end in spans if first <= end and end >= day - LATELY]
    days = min(7, sum((end - first).days + 1 for first, end in found))
    return Given(
        days,
        max((whole_months(first, end) for first, end in found), default=0),
        f"The clinic's own plan gave it on {days} days of a week, whatever the intake says.",
    )


def days_of(
    plan: TaperPlan, patient: Patient, day: date, *, goes_on: bool = False
) -> tuple[date, date]:
    """Return the first and the last day until `day` on which a plan gave a dose.

    The last is before the first where it gave none. `goes_on`: its last dose is taken since.
    """
    steps = list(plan.version.steps.prefetch_related("pieces"))
    none_from = [s.start_on for s in steps if s.number <= plan.begun_step and not s.by_drug]
    ends = [day, *(start - timedelta(days=1) for start in none_from[:1])]
    if plan.left_at and not goes_on:
        ends.append(plan.left_at.astimezone(patient.tz).date())
    return steps[0].start_on, min(ends)
