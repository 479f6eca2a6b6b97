"""Plans: a CarePlan for each, a MedicationRequest per version and drug, a Provenance per signature.

The version in force is told from the one schedule behind every paper (docs/adr/0011): while the
next reduction is locked, no later step is in it, for another program must not start it by date.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Final

from apps.exchange.fhir.codes import UCUM, concept, drug_concept, local
from apps.exchange.fhir.elements import (
    Resource,
    extension,
    extensions,
    filled,
    in_code,
    milligrams,
    moment,
    notes,
    period,
    reference,
    resource,
    staff,
)
from apps.exchange.fhir.facts import WHEN, fact_id
from apps.exchange.fhir.record import Record
from apps.exchange.words import sig
from apps.tapers.models import PlanVersion, Signature, TaperPlan
from apps.tapers.schedule import ScheduleStep, step_of
from apps.tapers.tablets import Portion, drug_id_of

Status = TaperPlan.Status
CARE_STATUS: Final = {
    Status.DRAFT: "draft", Status.ACTIVE: "active", Status.INPATIENT: "on-hold",
    Status.ENDED: "completed", Status.DISCARDED: "revoked",
}  # fmt: skip
# The two kinds of signature, as FHIR's own list of them has it.
SIGNATURE_TYPES: Final = {
    Signature.Meaning.PRESCRIBE: ("1.2.840.10065.1.12.1.1", "Author's Signature"),
    Signature.Meaning.SECOND: ("1.2.840.10065.1.12.1.5", "Verification Signature"),
}
WAITS: Final = (
    "The next reduction waits for the prescriber. The dose of the last step here goes on until "
    "they decide; later steps are not shown, because no date can be promised for them."
)


def care_plans(record: Record) -> list[Resource]:
    """Return each plan with the orders of the version that counts."""
    return [care_plan(record, plan) for plan in record.plans]


def care_plan(record: Record, plan: TaperPlan) -> Resource:
    """Return one plan."""
    version = version_that_counts(plan)
    has_reason = bool(record.medication and record.medication.reason)
    started, left = moment(plan.activated_at), moment(plan.left_at)
    why = fact_id(record, "indication")
    return resource(
        "CarePlan", plan.pk,
        status=CARE_STATUS[Status(plan.status)], intent="plan",
        title="Plan to lower the dose step by step",
        subject=reference("Patient", record.patient.pk),
        period=period(started, left) if started else None,
        created=moment(plan.created_at), author=staff(plan.created_by),
        addresses=[reference("Condition", why)] if has_reason else None,
        activity=[
            {"reference": reference("MedicationRequest", request_id(version, drug))}
            for drug in drugs_of(version)
        ],
        note=notes(plan.care_level_note, plan.left_reason),
    )  # fmt: skip


def version_that_counts(plan: TaperPlan) -> PlanVersion:
    """Return the version in force; of a plan never in force the latest. No query."""
    versions = list(plan.versions.all())
    return next((each for each in versions if each.pk == plan.in_force_id), versions[-1])


def medication_requests(record: Record) -> list[Resource]:
    """Return an order per version and drug, the oldest version first."""
    return [each for plan in record.plans for each in requests_of(record, plan)]


def requests_of(record: Record, plan: TaperPlan) -> Iterator[Resource]:
    """Yield the orders of one plan."""
    before: PlanVersion | None = None
    for version in plan.versions.all():
        steps, waits = steps_of(record, plan, version)
        for drug in drugs_of(version):
            yield request(record, plan, version, drug, steps, waits=waits, before=before)
        before = version


def steps_of(
    record: Record, plan: TaperPlan, version: PlanVersion
) -> tuple[list[ScheduleStep], bool]:
    """Return the steps an order tells, and whether the next reduction is locked."""
    schedule = record.schedule
    if schedule and schedule.plan.pk == plan.pk and schedule.version.pk == version.pk:
        return list(schedule.steps), schedule.waits
    rows = list(version.steps.all())
    for row in rows:
        row.version = version
    return [step_of(row) for row in rows], False


def request(
    record: Record, plan: TaperPlan, version: PlanVersion, drug: str,
    steps: list[ScheduleStep], *, waits: bool, before: PlanVersion | None,
) -> Resource:  # fmt: skip
    """Return one drug of one version: a dosage instruction per step, in order."""
    signer = next((s.signer for s in version.signatures.all()), None)
    earlier = before is not None and drug in drugs_of(before)
    return resource(
        "MedicationRequest", request_id(version, drug),
        extension=extensions(
            extension("plan-version", valueInteger=version.number),
            extension("version-kind", valueCode=version.kind),
            extension("next-reduction-locked", valueBoolean=waits or None),
        ),
        status=request_status(plan, version),
        statusReason=concept(text="Replaced by a later version of the plan.")
        if is_replaced(plan, version) else None,
        intent="order" if signer else "proposal",
        medicationCodeableConcept=drug_concept(drug),
        subject=reference("Patient", record.patient.pk),
        authoredOn=moment(version.created_at), requester=staff(signer or version.created_by),
        basedOn=[reference("CarePlan", plan.pk)],
        groupIdentifier={"value": str(plan.pk)},
        note=notes(version.reason, WAITS if waits else ""),
        dosageInstruction=[dosage(step, drug) for step in steps],
        priorPrescription=reference("MedicationRequest", request_id(before, drug))
        if earlier and before else None,
    )  # fmt: skip


def request_id(version: PlanVersion, drug: str) -> str:
    """Return the id of one drug of one version."""
    return f"{version.pk}-{in_code(drug)}"


def request_status(plan: TaperPlan, version: PlanVersion) -> str:
    """Return the status: active only what is signed, in force and not replaced."""
    if plan.status == Status.DISCARDED:
        return "cancelled"
    if not hasattr(version, "enactment"):
        return "draft"
    if version.pk != plan.in_force_id:
        return "stopped"
    return {Status.ACTIVE: "active", Status.ENDED: "completed"}.get(Status(plan.status), "stopped")


def is_replaced(plan: TaperPlan, version: PlanVersion) -> bool:
    """Answer whether a later version came into force."""
    return hasattr(version, "enactment") and version.pk != plan.in_force_id


def drugs_of(version: PlanVersion) -> list[str]:
    """Return the drugs of a version's steps, the plan's own first; two while it switches."""
    pieces = [piece for step in version.steps.all() for piece in step.pieces.all()]
    found = dict.fromkeys(drug_id_of(piece.product) or version.drug_id for piece in pieces)
    return sorted(found or [version.drug_id], key=lambda drug: drug != version.drug_id)


def dosage(step: ScheduleStep, drug: str) -> dict[str, Any]:
    """Return one step of one drug: its days, what is taken when, and the day's milligrams."""
    taken = [
        (slot.slot, part) for slot in step.slots for part in slot.portions
        if drug_id_of(part.product) in (drug, "")
    ]  # fmt: skip
    bounds = period(step.start_on.isoformat(), step.end_on.isoformat() if step.end_on else None)
    slots = list(dict.fromkeys(slot for slot, _ in taken))
    when = list(dict.fromkeys(WHEN[slot] for slot in slots))
    repeat = {"boundsPeriod": bounds, "frequency": 1, "period": 1, "periodUnit": "d", "when": when}
    daily = sum((part.mg for _, part in taken), Decimal(0))
    per_slot = {sum((p.mg for s, p in taken if s == slot), Decimal(0)) for slot in slots}
    each = per_slot.pop() if len(per_slot) == 1 else None if per_slot else Decimal(0)
    return filled({
        "extension": [tablets(slot, part) for slot, part in taken],
        "sequence": step.number,
        "text": words_of(taken),
        "timing": {"repeat": repeat if when else {"boundsPeriod": bounds}},
        # Only where each time of day has the same dose; else the tablets say it.
        "doseAndRate": [{"doseQuantity": milligrams(each)}] if each is not None else None,
        "maxDosePerPeriod": {
            "numerator": milligrams(daily),
            "denominator": {"value": 1, "unit": "day", "system": UCUM, "code": "d"},
        },
    })  # fmt: skip


def words_of(taken: Iterable[tuple[str, Portion]]) -> str:
    """Return the directions in words, as the pharmacy's sheet has them."""
    products: dict[str, list[tuple[str, Portion]]] = {}
    for slot, part in taken:
        products.setdefault(part.product, []).append((slot, part))
    lines = [f"{product}: {sig(doses)}" for product, doses in products.items()]
    return " ".join(lines) or "Take none of this medicine."


def tablets(slot: str, part: Portion) -> dict[str, Any]:
    """Return so many of one product at one time of day, for programs that add up."""
    return {
        "url": extension("tablets")["url"],
        "extension": [
            {"url": "slot", "valueCode": slot},
            {"url": "product", "valueString": part.product},
            {"url": "quantity", "valueDecimal": part.quantity.normalize() + 0},
            {"url": "mg", "valueDecimal": part.mg.normalize() + 0},
        ],
    }


def provenances(record: Record) -> list[Resource]:
    """Return who signed which version, when and how: a Provenance per signature."""
    return [
        provenance(version, signature)
        for plan in record.plans for version in plan.versions.all()
        for signature in version.signatures.all()
    ]  # fmt: skip


def provenance(version: PlanVersion, signature: Signature) -> Resource:
    """Return one signature with the hash of what was signed."""
    code, words = SIGNATURE_TYPES[Signature.Meaning(signature.meaning)]
    who, signed = staff(signature.signer), moment(signature.signed_at)
    return resource(
        "Provenance", signature.pk,
        extension=extensions(
            extension("content-hash", valueString=signature.content_hash),
            extension("signed-with", valueCode=signature.method),
            extension("breach-reason", valueString=signature.breach_reason),
        ),
        target=[
            reference("MedicationRequest", request_id(version, drug)) for drug in drugs_of(version)
        ],
        recorded=signed,
        activity=concept(local("signature-meaning", signature.meaning,
                               signature.get_meaning_display())),
        agent=[{"who": who}],
        signature=[{
            "type": [{"system": "urn:iso-astm:E1762-95:2013", "code": code, "display": words}],
            "when": signed, "who": who,
        }],
    )  # fmt: skip
