"""What has changed under a plan since it was made: the intake, the stock. Reads only.

A draft has to begin with what the patient takes now. A plan in force has moved on from
there, so the intake may say any dose that it has given so far.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from uuid import UUID

from apps.clinical.plan import Step
from apps.clinical.products import Product
from apps.patients.models import Medication, Patient
from apps.tapers.earlier import doses_before
from apps.tapers.engine import products_of
from apps.tapers.formulary_actions import stocked_products
from apps.tapers.models import PlanVersion, SlotPiece, TaperPlan, TaperStep
from apps.tapers.tablets import by_drug, dose_words

AGAIN = "Make the plan again from the intake."


def outdated(plan: TaperPlan, version: PlanVersion, day: date, *, today: bool = False) -> list[str]:
    """Return in sentences why a version no longer fits patient or pharmacy; empty when it does.

    Of a plan in force the steps to come count, with `today` the one in force too. Eight
    queries at most, whatever the length of the plan.
    """
    is_live = plan.status == TaperPlan.Status.ACTIVE
    if is_live:
        found = intake_since(plan, version)
    else:
        found = intake_before(plan.patient, version) or other_before(plan.patient, version, day)
    gone = gone_products(plan, version, after=plan.begun_step - today if is_live else 0)
    if gone:
        found.append(stock_words(gone, is_live=is_live))
    return found


def stock_words(gone: Iterable[str], *, is_live: bool) -> str:
    """Return in a sentence which products are no longer there, and what to do."""
    return f"The pharmacy no longer has what this plan uses: {', '.join(gone)}. " + (
        "Change the method to what is in stock, or have it ordered." if is_live else AGAIN
    )


def intake_before(patient: Patient, version: PlanVersion) -> list[str]:
    """Return why a draft does not begin with what the patient takes now, slot by slot."""
    medication = patient.medication
    first = version.steps.prefetch_related("pieces").get(number=1)
    planned = {slot: by_drug(pieces) for slot, pieces in first.by_slot.items()}
    taken = {slot: {medication.drug_id: mg} for slot, mg in medication.slots.items()}
    if planned == taken:
        return []
    return [
        f"The intake says {taken_words(medication)}; this plan begins with "
        f"{slots_words(planned)}. {AGAIN}"
    ]


def other_before(patient: Patient, version: PlanVersion, day: date) -> list[str]:
    """Return why a draft's pace looks back at something else than what was taken before it."""
    known = version.request.get("before", [])
    if all(each in known for each in doses_before(patient, day)):
        return []
    return [
        "What was taken in the 14 days before this plan is not what its pace was checked "
        f"against: another plan has ended, or the intake was changed. {AGAIN}"
    ]


def intake_since(plan: TaperPlan, version: PlanVersion) -> list[str]:
    """Return why the intake contradicts a plan in force: a drug or a dose it never gave."""
    medication = plan.patient.medication
    steps = list(version.steps.filter(number__lte=plan.begun_step).prefetch_related("pieces"))
    taken = {medication.drug_id: medication.daily_mg}
    if not steps or any(dict(step.by_drug) == taken for step in steps):
        return []
    return [
        f"The intake was changed since and says {taken_words(medication)}; this plan began with "
        f"{named(steps[0])} and gives {named(steps[-1])} a day now. Correct the intake, or end "
        "this plan and make one from the intake."
    ]


def gone_products(plan: TaperPlan, version: PlanVersion, *, after: int) -> tuple[str, ...]:
    """Return the products of the steps beyond `after` that are not in stock, or not so split."""
    known = products_of(version)
    used = SlotPiece.objects.filter(step__version=version, step__number__gt=after)
    rows = used.values_list("product", "quantity").order_by().distinct()
    return not_in_stock({(known[n], count) for n, count in rows if n in known}, plan.clinic_id)


def gone_from(steps: Iterable[Step], clinic_id: UUID) -> tuple[str, ...]:
    """Return the same of steps that the engine made."""
    slots = (pieces for step in steps for pieces in step.slots.values())
    return not_in_stock({(piece.product, piece.quantity) for s in slots for piece in s}, clinic_id)


def not_in_stock(used: set[tuple[Product, Decimal]], clinic_id: UUID) -> tuple[str, ...]:
    """Return which of these amounts the clinic's pharmacy cannot hand out now, in words.

    Of a drug of which the clinic stocks nothing it has not said what it has: nothing is gone.
    """
    drugs = {product.drug_id for product, _ in used}
    stock = {
        drug: {item.name: item.smallest_part for item in stocked_products(clinic_id, drug)}
        for drug in drugs
    }
    gone = set()
    for product, quantity in used:
        there = stock[product.drug_id]
        smallest = there.get(product.name)
        if there and smallest is None:
            gone.add(product.name)
        elif smallest and quantity % smallest:
            gone.add(f"{product.name} in such parts")
    return tuple(sorted(gone))


def taken_words(medication: Medication) -> str:
    """Return what the intake says is taken, by time of day."""
    return slots_words({s: {medication.drug_id: mg} for s, mg in medication.slots.items()})


def slots_words(slots: Mapping[str, Mapping[str, Decimal]]) -> str:
    """Return doses by time of day, such as "1 mg clonazepam in the morning"."""
    return ", ".join(f"{dose_words(doses, named=True)} {slot}" for slot, doses in slots.items())


def named(step: TaperStep) -> str:
    """Return a step's dose with the drug's name."""
    return dose_words(step.by_drug, named=True)
