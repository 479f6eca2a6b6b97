"""Every door that could stop a medicine at once asks here first (ASAM-03, ASAM-05).

Which step is such a stop says `apps.clinical.stopping`. It is refused with the reasons of
the intake, whatever is typed and whoever signs, unless the path of ASAM-05 is documented
for this patient and still open today.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from apps.clinical.doses import plain
from apps.clinical.errors import ClinicalError
from apps.clinical.stopping import StopPath, stop_at_once
from apps.patients.intake import stop_verdict_of
from apps.patients.models import Patient, StopDecision
from apps.tapers.tablets import dose_words

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
