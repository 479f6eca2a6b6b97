"""Build a taper: every step in pieces that sum exactly, checked for pace.

``build_plan`` is the door; the work is done in ``switching``, ``lowering`` and
``pace``. Changing a plan later is in ``replan.py``.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

from apps.clinical.doses import TENFOLD, looks_like_tenfold_slip, plain, usual_max_mg
from apps.clinical.drugs import get_drug
from apps.clinical.errors import ConfirmDoseError, RequestError
from apps.clinical.findings import Finding, Level, finding
from apps.clinical.lowering import History, at_times, begin_leg, lower, present_slots, shown_mg
from apps.clinical.methods import Custom, DoseTable, Hyperbolic, OccupancyPoints, Switch
from apps.clinical.pace import (
    LIMIT_PCT,
    USUAL_PCT,
    WINDOW_DAYS,
    Pace,
    PacePoint,
    Verdict,
    before_finding,
    check_first,
    check_pace,
    pace_finding,
)
from apps.clinical.plan import (
    DEFAULT_INTERVAL_DAYS,
    Draft,
    Plan,
    PlanRequest,
    Step,
    Total,
    totals_of,
)
from apps.clinical.products import is_listed, is_scored_for
from apps.clinical.solver import Piece
from apps.clinical.switching import (
    check_typed_doses,
    held_findings,
    swap,
    switch_findings,
    total_mg,
)
from apps.clinical.weighing import amounts_of, earlier_doses, final_mg_per_mg, floors_of

__all__ = ["Finding", "Piece", "Plan", "PlanRequest", "Step", "Total", "build_plan"]

NO_CUT = Decimal("0.0")


def build_plan(request: PlanRequest) -> Plan:
    """Return the whole schedule for a request, with findings and totals.

    Step 1 is the present dose; the first cut comes one interval later and the
    last step has no end. Raises ClinicalError, always with one sentence, for a
    request that cannot be met, and ConfirmDoseError for a dose ten times the
    usual that nobody confirmed.
    """
    check_request(request)
    first = Draft(request.start_on, present_slots(request))
    days = request.method.swap_days if isinstance(request.method, Switch) else request.interval_days
    steps, findings = flow(request, [first], request.start_on + timedelta(days=days))
    return Plan(
        request=request,
        steps=steps,
        findings=(*request_findings(request), *in_step_order(findings)),
        totals=totals_of(steps),
    )


def check_request(request: PlanRequest) -> None:
    """Raise RequestError or ConfirmDoseError for a request that asks for the impossible."""
    drug = get_drug(request.drug_id)
    final_mg_per_mg(request)  # Whether the source converts at all comes before how much.
    top = total_mg(request)
    final = f"{shown_mg(top)} mg {get_drug(request.final_drug_id).name} a day"
    taper = request.taper
    if isinstance(taper, Custom):
        _check_typed_doses(request, taper, top, final)
    if request.goal_mg >= top:
        raise RequestError(f"goal_mg: takes less than the {final} that the plan lowers from.")
    if looks_like_tenfold_slip(drug, request.daily_mg) and not request.confirmed:
        raise ConfirmDoseError(
            f"slots: {plain(request.daily_mg)} mg {drug.name} a day is at least ten times the "
            f"usual {plain(usual_max_mg(drug))} mg; check the decimal point, and if it is right "
            'send "confirmed": true.'
        )
    check_typed_doses(request)


def _check_typed_doses(request: PlanRequest, taper: Custom, top: Fraction, final: str) -> None:
    field = f"{request.taper_field}.daily_mg"
    if taper.daily_mg[0] > top:
        raise RequestError(f"{field}[0]: takes no more than the {final} it begins from.")
    if taper.daily_mg[-1] >= top:
        last = len(taper.daily_mg) - 1
        raise RequestError(f"{field}[{last}]: takes less than the {final} that the plan begins at.")


def flow(
    request: PlanRequest, past: Sequence[Draft], next_on: date, method_from: int = 1
) -> tuple[tuple[Step, ...], list[Finding]]:
    """Return past steps and the new ones that follow from them, with their findings.

    ``past`` stays as it is; its last step is the dose in force and the next
    begins on ``next_on``. ``method_from`` is the step the method counts from.
    """
    drafts = list(past)
    method = request.method
    swaps: list[Draft] = []
    if isinstance(method, Switch):
        swaps = swap(request, method, drafts[-1], next_on)
        drafts += swaps
        if swaps:
            next_on = swaps[-1].start_on + timedelta(days=request.interval_days)
    final = request.final_drug_id
    beginning = next(
        draft for draft in drafts[method_from - 1 :] if draft.by_drug.keys() <= {final}
    )
    # The dose in force may be at times of day that the method did not begin with, and vice versa.
    times = dict.fromkeys(name for draft in (beginning, drafts[-1]) for name, _ in draft.slots)
    leg = begin_leg(request, at_times(times, beginning.slots))
    history = History(
        tuple(draft.start_on for draft in drafts),
        tuple(map(amounts_of(request), drafts)),
    )
    lowered, findings = lower(leg, drafts[-1], history, next_on, len(drafts) + 1)
    steps, paced = _judged(request, drafts + lowered)
    held = held_findings(request, steps[len(past) - 1 : len(past) + len(swaps)])
    return steps, [*held, *findings, *paced]


def _judged(
    request: PlanRequest, drafts: Sequence[Draft]
) -> tuple[tuple[Step, ...], list[Finding]]:
    """Return the drafts as numbered steps with their pace, and the pace findings."""
    amount_of = amounts_of(request)
    floor_of = floors_of(request)
    points = [
        PacePoint(draft.start_on.toordinal(), amount_of(draft), floor_of(draft)) for draft in drafts
    ]
    before = earlier_doses(request)
    floor = Fraction(request.low_dose_floor_mg)
    paces = check_pace(
        points, low_dose_floor_mg=floor, short_use=request.short_use, before=before or ()
    )
    unknown = None if before is not None else _not_comparable(request)
    fell = check_first(points[0], before or (), floor)
    verdict = Verdict.BLOCK if unknown else Verdict.OK
    first = fell or Pace(points[0].day, NO_CUT, NO_CUT, verdict)
    ends = [draft.start_on - timedelta(days=1) for draft in drafts[1:]]
    steps = tuple(
        _step(number, draft, end, pace)
        for number, (draft, end, pace) in enumerate(
            zip(drafts, [*ends, None], [first, *paces], strict=True), start=1
        )
    )
    found = (pace_finding(pace, number) for number, pace in enumerate(paces, start=2))
    told = (unknown or before_finding(first), *found)
    return steps, [item for item in told if item is not None]


def _not_comparable(request: PlanRequest) -> Finding:
    """Say that another drug was taken just before, so that nobody knows how far it falls."""
    taken = request.before[-1]
    words = " and ".join(f"{plain(mg)} mg {get_drug(drug).name}" for drug, mg in taken.doses)
    text = (
        f"Until {taken.last_on} {words} a day was taken, and no source was named to compare it "
        "with this plan: how far step 1 falls is not known. Give a reason and a second "
        "prescriber's name."
    )
    return finding("ASAM-09", Level.BLOCK, text, step=1, days=WINDOW_DAYS)


def request_findings(request: PlanRequest) -> list[Finding]:
    """Return what a reader must know before the first step."""
    drug = get_drug(request.drug_id)
    findings = []
    if looks_like_tenfold_slip(drug, request.daily_mg):
        text = (
            f"{plain(request.daily_mg)} mg {drug.name} a day is at least {TENFOLD} times the usual "
            f"{plain(usual_max_mg(drug))} mg; it was confirmed as meant."
        )
        findings.append(finding("TENFOLD", Level.CONFIRM, text))
    if request.interval_days < DEFAULT_INTERVAL_DAYS:
        text = f"Steps are {request.interval_days} days apart; the usual is 14 to 28 days."
        findings.append(finding("C-03", Level.WARN, text, days=request.interval_days))
    if request.short_use:
        text = (
            f"Taken for under 3 months, as stated: steps over {USUAL_PCT} % are not warned of; "
            f"the limit of {LIMIT_PCT} % in {WINDOW_DAYS} days stands."
        )
        findings.append(finding("ASAM-10", Level.NOTE, text))
    if isinstance(request.method, Switch):
        findings += switch_findings(request, request.method)
    if isinstance(request.taper, Hyperbolic | OccupancyPoints | DoseTable):
        text = "Occupancy gives the cuts their shape; it was not measured in this patient."
        findings.append(finding("MAU-01", Level.NOTE, text))
    return findings + _stock_findings(request)


def in_step_order(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings in the order of their steps, the pace of a step after its tablets."""
    return sorted(findings, key=lambda item: item.step or 0)


def _stock_findings(request: PlanRequest) -> list[Finding]:
    findings = []
    for product in request.products:
        if not is_listed(product):
            text = f"{product.name} is not on the product list; check that it is in stock."
            findings.append(finding("STOCK", Level.NOTE, text))
        elif not is_scored_for(product):
            text = (
                f"{product.name} is not listed as scored for such parts; ask the pharmacist "
                "whether they come out even."
            )
            findings.append(finding("STOCK", Level.NOTE, text))
    return findings


def _step(number: int, draft: Draft, end_on: date | None, pace: Pace) -> Step:
    target = draft.target_mg
    return Step(
        number=number,
        start_on=draft.start_on,
        end_on=end_on,
        daily_mg=sum(draft.by_drug.values(), Decimal(0)),
        slots=MappingProxyType(dict(draft.slots)),
        cut_pct=pace.cut_pct,
        fall_14d_pct=pace.fall_14d_pct,
        verdict=pace.verdict,
        by_drug=draft.by_drug,
        target_mg=None if target is None else _to_four_decimals(target),
        reason=draft.reason,
    )


def _to_four_decimals(mg: Fraction) -> Decimal:
    """Return exact milligrams rounded down, as fine as any dose is typed."""
    return Decimal(mg.numerator * 10_000 // mg.denominator).scaleb(-4)
