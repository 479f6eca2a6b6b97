"""Whether a plan falls faster than the guideline allows.

The doses looked at are the rounded ones the patient takes. Each step is
compared with the highest dose in force during the 14 days before it, so that
no row of small steps can hide a large fall.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from fractions import Fraction

from apps.clinical.findings import Finding, Level, finding

WINDOW_DAYS = 14  # ASAM-09: "every 2 weeks".
USUAL_PCT = 10  # ASAM-08: 5 to 10 % per step.
LIMIT_PCT = 25  # ASAM-09: typically not over 25 % every 2 weeks.
LOW_DOSE_FLOOR_MG = Fraction(5)  # C-01, diazepam-equivalent per day [proposal].
LOW_DOSE_STEP_MG = Fraction(1)  # C-01, diazepam-equivalent [proposal].

Amount = int | Fraction


class Verdict(StrEnum):
    """What the pace check says of one step."""

    OK = "ok"
    WARN = "warn"
    BLOCK = "block"
    LOW_DOSE_EXCEPTION = "low_dose_exception"


@dataclass(frozen=True, slots=True)
class PacePoint:
    """A dose in force from ``day`` on.

    ``dose`` may be in any one unit, the same for all points: only ratios count.
    ``floor_dze`` is the same dose in diazepam milligrams by the source that
    gives most, for the low-dose exception; None rules the exception out.
    """

    day: int
    dose: Amount
    floor_dze: Fraction | None


@dataclass(frozen=True, slots=True)
class Pace:
    """The verdict on one step: its own cut, and the fall within 14 days, in percent.

    Both are rounded to one decimal for showing and negative when the dose rises;
    the verdict was reached on exact numbers.
    """

    day: int
    cut_pct: Decimal
    fall_14d_pct: Decimal
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Earlier:
    """A dose taken before the first point, up to and with ``last_day``."""

    last_day: int
    point: PacePoint


def check_pace(
    points: Sequence[PacePoint],
    *,
    low_dose_floor_mg: Fraction = LOW_DOSE_FLOOR_MG,
    short_use: bool = False,
    before: Sequence[Earlier] = (),
) -> tuple[Pace, ...]:
    """Return the verdict on every point after the first.

    ``warn`` over 10 % in the step or in 14 days (ASAM-08), ``block`` over 25 %
    in 14 days (ASAM-09), ``low_dose_exception`` in place of a block when the
    reference is at most ``low_dose_floor_mg`` and the step at most 1 mg, both as
    diazepam (C-01). ``short_use`` says the drug was taken for under 3 months:
    that lifts the warning, never the block (ASAM-10). A dose that does not fall
    is always ok. Points must be in order of day. What was taken ``before`` them
    counts for as long as its last day lies within the 14 days.
    """
    results = []
    earliest = 0
    for index in range(1, len(points)):
        day = points[index].day
        # A dose is in force until the day the next begins, so it counts while
        # its last day lies within the 14 days before this step.
        while points[earliest + 1].day <= day - WINDOW_DAYS and earliest + 1 < index:
            earliest += 1
        seen = (*points[earliest:index], *_still_counting(before, day))
        reference = max(seen, key=lambda point: point.dose)
        results.append(
            _judge(points[index - 1], points[index], reference, low_dose_floor_mg, short_use)
        )
    return tuple(results)


def check_first(
    point: PacePoint,
    before: Sequence[Earlier],
    low_dose_floor_mg: Fraction = LOW_DOSE_FLOOR_MG,
) -> Pace | None:
    """Return the verdict on a plan's first dose against what was taken before; None for nothing.

    The plan cuts nothing there, so ``cut_pct`` is zero: the fall came with another plan's
    end or with the intake, and adds to whatever this plan cuts next.
    """
    counting = _still_counting(before, point.day)
    if not counting:
        return None
    highest = max(counting, key=lambda each: each.dose)
    pace = _judge(highest, point, highest, low_dose_floor_mg, short_use=True)
    return replace(pace, cut_pct=percentage(0, 1))


def _still_counting(before: Sequence[Earlier], day: int) -> tuple[PacePoint, ...]:
    """Return the earlier doses of which a day lies within the 14 days before ``day``."""
    return tuple(each.point for each in before if day - WINDOW_DAYS <= each.last_day < day)


def is_legal(
    dose: Amount,
    previous: Amount,
    reference: Amount,
    dze_per_unit: Fraction | None,
    low_dose_floor_mg: Fraction = LOW_DOSE_FLOOR_MG,
) -> bool:
    """Answer whether a step down to ``dose`` stays clear of a block.

    The same rule as ``check_pace``, for choosing a dose before it is printed.
    ``dze_per_unit`` turns the unit of the amounts into diazepam milligrams.
    """
    # dose >= 75 % of the reference, in whole numbers: this runs for every dose tried.
    least = reference.numerator * (100 - LIMIT_PCT) * dose.denominator
    if dose.numerator * 100 * reference.denominator >= least:
        return True
    if dze_per_unit is None:
        return False
    low = reference * dze_per_unit <= low_dose_floor_mg
    return low and (previous - dose) * dze_per_unit <= LOW_DOSE_STEP_MG


def pace_finding(pace: Pace, step: int) -> Finding | None:
    """Return what a reader must be told about one step, or None when it is ok."""
    if pace.verdict is Verdict.OK:
        return None
    rule, level, text = _WORDS[pace.verdict]
    message = text.format(step=step, cut=pace.cut_pct, fall=pace.fall_14d_pct)
    return finding(rule, level, message, step=step, days=WINDOW_DAYS, percentage=pace.fall_14d_pct)


def before_finding(pace: Pace) -> Finding | None:
    """Return what a reader must be told of a first dose that falls from what was taken before."""
    if pace.verdict is not Verdict.BLOCK:
        return None
    message = (
        f"Step 1 is {pace.fall_14d_pct} % below what was taken within the {WINDOW_DAYS} days "
        f"before, above the limit of {LIMIT_PCT} %; hold this dose first, or give a reason and a "
        "second prescriber's name."
    )
    return finding(
        "ASAM-09", Level.BLOCK, message, step=1, days=WINDOW_DAYS, percentage=pace.fall_14d_pct
    )


_WORDS = {
    Verdict.WARN: (
        "ASAM-08",
        Level.WARN,
        "Step {step} cuts {cut} % and makes {fall} % in 14 days, above the usual 10 %.",
    ),
    Verdict.BLOCK: (
        "ASAM-09",
        Level.BLOCK,
        "Step {step} cuts {cut} % and makes {fall} % in 14 days, above the limit of 25 %; "
        "make the cut smaller, or give a reason and a second prescriber's name.",
    ),
    Verdict.LOW_DOSE_EXCEPTION: (
        "C-01",
        Level.NOTE,
        "Step {step} makes {fall} % in 14 days, allowed as a step of at most 1 mg "
        "diazepam-equivalent at a low dose.",
    ),
}


def _judge(
    previous: PacePoint, point: PacePoint, reference: PacePoint, floor: Fraction, short_use: bool
) -> Pace:
    cut = percentage(previous.dose - point.dose, previous.dose)
    same = reference.dose == previous.dose
    return Pace(
        day=point.day,
        cut_pct=cut,
        fall_14d_pct=cut if same else percentage(reference.dose - point.dose, reference.dose),
        verdict=_verdict(previous, point, reference, floor, short_use),
    )


def _verdict(
    previous: PacePoint, point: PacePoint, reference: PacePoint, floor: Fraction, short_use: bool
) -> Verdict:
    cut = previous.dose - point.dose
    fall = reference.dose - point.dose
    if cut <= 0:
        return Verdict.OK
    if fall * 100 > reference.dose * LIMIT_PCT:
        return (
            Verdict.LOW_DOSE_EXCEPTION
            if _is_low(previous, point, reference, floor)
            else (Verdict.BLOCK)
        )
    usual = cut * 100 <= previous.dose * USUAL_PCT and fall * 100 <= reference.dose * USUAL_PCT
    return Verdict.OK if usual or short_use else Verdict.WARN


def _is_low(previous: PacePoint, point: PacePoint, reference: PacePoint, floor: Fraction) -> bool:
    if previous.floor_dze is None or point.floor_dze is None or reference.floor_dze is None:
        return False
    step = previous.floor_dze - point.floor_dze
    return reference.floor_dze <= floor and step <= LOW_DOSE_STEP_MG


def percentage(part: Amount, whole: Amount) -> Decimal:
    """Return ``part`` as a percentage of ``whole`` to one decimal, 0 of nothing.

    Rounds half to even, as the reference vectors do. For showing only.
    """
    if not whole:
        return Decimal("0.0")
    # Amounts are whole numbers or fractions, so both halves of the ratio are exact.
    top = part.numerator * whole.denominator * 100
    exact = Decimal(top) / Decimal(part.denominator * whole.numerator)
    return exact.quantize(Decimal("0.1"), ROUND_HALF_EVEN)
