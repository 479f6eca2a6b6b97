"""What has changed under a plan since it was made: the intake, the stock. Reads only.

A draft has to begin with what the patient takes now. A plan in force has moved on from
there, so the intake may say any dose that it has given so far.
"""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal

from apps.patients.models import Medication, Patient
from apps.tapers.engine import products_of, request_of
from apps.tapers.formulary_actions import stocked_products
from apps.tapers.models import PlanVersion, SlotPiece, TaperPlan, TaperStep
from apps.tapers.tablets import by_drug, dose_words

AGAIN = "Make the plan again from the intake."


def outdated(plan: TaperPlan, version: PlanVersion) -> list[str]:
    """Return in sentences why a version no longer fits patient or pharmacy; empty when it does.

    Four queries at most, whatever the length of the plan.
    """
    is_live = plan.status == TaperPlan.Status.ACTIVE
    found = intake_since(plan, version) if is_live else intake_before(plan.patient, version)
    gone = gone_products(plan, version, after=plan.begun_step if is_live else 0)
    if gone:
        found.append(
            f"The pharmacy no longer has what this plan uses: {', '.join(gone)}. "
            + ("Make the decision again with what is in stock." if is_live else AGAIN)
        )
    return found


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


def gone_products(plan: TaperPlan, version: PlanVersion, *, after: int) -> list[str]:
    """Return the products of the steps beyond `after` that are not in stock, or not in such parts.

    Of a drug of which the clinic stocks nothing it has not said what it has: nothing is gone.
    """
    known = products_of(request_of(version))
    stock: dict[str, dict[str, Decimal]] = {}
    gone = []
    used = SlotPiece.objects.filter(step__version=version, step__number__gt=after)
    parts: dict[str, set[Decimal]] = defaultdict(set)
    for name, quantity in used.values_list("product", "quantity").order_by().distinct():
        parts[name].add(quantity)
    for name, quantities in sorted(parts.items()):
        drug_id = known[name].drug_id if name in known else version.drug_id
        if drug_id not in stock:
            items = stocked_products(plan.clinic_id, drug_id)
            stock[drug_id] = {item.name: item.smallest_part for item in items}
        smallest = stock[drug_id].get(name)
        if not stock[drug_id]:
            continue
        if smallest is None:
            gone.append(name)
        elif any(quantity % smallest for quantity in quantities):
            gone.append(f"{name} in such parts")
    return gone


def taken_words(medication: Medication) -> str:
    """Return what the intake says is taken, by time of day."""
    return slots_words({s: {medication.drug_id: mg} for s, mg in medication.slots.items()})


def slots_words(slots: Mapping[str, Mapping[str, Decimal]]) -> str:
    """Return doses by time of day, such as "1 mg clonazepam in the morning"."""
    return ", ".join(f"{dose_words(doses, named=True)} {slot}" for slot, doses in slots.items())


def named(step: TaperStep) -> str:
    """Return a step's dose with the drug's name."""
    return dose_words(step.by_drug, named=True)
