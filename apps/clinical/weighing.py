"""How the doses of a plan compare when two drugs are in it.

Within one plan every drug counts in milligrams of the drug the plan ends on, by
the source a person named for the switch; nothing here picks a source.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType

from apps.clinical.equivalence import eq10_for, floor_dze_per_mg
from apps.clinical.errors import ConversionError
from apps.clinical.methods import Switch
from apps.clinical.pace import Amount, Earlier, PacePoint
from apps.clinical.plan import Draft, PlanRequest, SlotPieces, milligrams_by_drug


def final_mg_per_mg(request: PlanRequest) -> Fraction:
    """Return the milligrams of the final drug that count as 1 mg of the first.

    1 without a switch. Raises ConversionError, naming the field, where the
    source gives no value or the drug must not be converted.
    """
    method = request.method
    if not isinstance(method, Switch):
        return Fraction(1)
    try:
        to_mg = eq10_for(method.to_drug, method.source)
        from_mg = eq10_for(request.drug_id, method.source)
    except ConversionError as error:
        raise ConversionError(f"method.{error}") from None
    return Fraction(to_mg) / Fraction(from_mg)


def weights(request: PlanRequest) -> Mapping[str, Fraction]:
    """Return, for every drug of a plan, the final drug's milligrams that count as 1 mg of it.

    The source named for a switch decides, also later for the steps before it,
    so that the pace looks back over a change of drug. Raises ConversionError.
    """
    ratio = final_mg_per_mg(request)
    found = {drug_id: ratio * own for drug_id, own in request.earlier_drugs}
    found[request.drug_id] = ratio
    found[request.final_drug_id] = Fraction(1)
    return MappingProxyType(found)


def final_mg(request: PlanRequest, slots: SlotPieces) -> Fraction:
    """Return a day's dose as milligrams of the final drug, under the source named."""
    weight = weights(request)
    amounts = milligrams_by_drug(slots).items()
    return sum((Fraction(mg) * weight[drug_id] for drug_id, mg in amounts), Fraction(0))


def amounts_of(request: PlanRequest) -> Callable[[Draft], Amount]:
    """Return how to count a day's dose: in units of the final drug's stock.

    Whole numbers for the final drug; a drug taken before it counts by its
    equivalent under the source named, which may be a fraction.
    """
    final = request.final_drug_id
    unit_mg = request.stock(final).unit_mg
    per_mg = {drug: weight / Fraction(unit_mg) for drug, weight in weights(request).items()}

    def amount(draft: Draft) -> Amount:
        total: Amount = 0
        for drug_id, mg in draft.by_drug.items():
            exact = int(mg / unit_mg) if drug_id == final else Fraction(mg) * per_mg[drug_id]
            total += exact
        return total

    return amount


def floors_of(request: PlanRequest) -> Callable[[Draft], Fraction | None]:
    """Return how to count a day's dose as diazepam by the source that gives most."""
    per_mg = {drug: floor_dze_per_mg(drug) for drug in weights(request)}

    def floor(draft: Draft) -> Fraction | None:
        total = Fraction(0)
        for drug_id, mg in draft.by_drug.items():
            rate = per_mg[drug_id]
            if rate is None:
                return None
            top, bottom = mg.as_integer_ratio()
            dze = Fraction(top * rate.numerator, bottom * rate.denominator)
            total = total + dze if total else dze
        return total

    return floor


def earlier_doses(request: PlanRequest) -> tuple[Earlier, ...] | None:
    """Return what was taken before a plan as the pace counts it.

    None where a drug was taken that the plan does not weigh: no source was named for it,
    and nothing here picks one.
    """
    unit_mg = Fraction(request.stock(request.final_drug_id).unit_mg)
    weight = weights(request)
    found = []
    for taken in request.before:
        if any(drug_id not in weight for drug_id, _ in taken.doses):
            return None
        amount = sum((Fraction(mg) * weight[drug] for drug, mg in taken.doses), Fraction(0))
        rates = [(mg, floor_dze_per_mg(drug)) for drug, mg in taken.doses]
        floor = (
            None
            if any(rate is None for _, rate in rates)
            else sum((Fraction(mg) * rate for mg, rate in rates if rate), Fraction(0))
        )
        day = taken.last_on.toordinal()
        found.append(Earlier(day, PacePoint(day, amount / unit_mg, floor)))
    return tuple(found)
