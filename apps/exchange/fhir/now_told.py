"""What is taken now, told to other programs: by the one answer that every reader here has.

The statement of the intake is active only while the intake is the newest word. A plan in force
says it by its order. What a unit said, what is taken again, and the last dose of a plan that was
left have a statement of their own, so that no program takes the dose of before for it.
"""

from datetime import date, timedelta
from typing import Any, Final

from apps.detox.guards import NONE_UNSIGNED
from apps.exchange.fhir.codes import concept, drug_concept
from apps.exchange.fhir.elements import (
    Resource,
    extension,
    extensions,
    in_code,
    period,
    reference,
    resource,
)
from apps.exchange.fhir.facts import statements_of_intake
from apps.exchange.fhir.plans import dosage
from apps.exchange.fhir.record import Record
from apps.tapers.schedule import open_ended, step_of
from apps.tapers.taken import Known, Taken

REPLACED: Final = {
    Known.PLAN: "Replaced by the plan: its order says what is taken.",
    Known.UNIT: "A unit has said since what is taken: see the statement of that.",
    Known.RESTART: "Use began again since: see the statement of that.",
    Known.LEFT: "Replaced by a plan that is over: see the statement of its last dose.",
}
SAID_BY: Final = {
    Known.UNIT: "As a unit said at discharge.",
    Known.RESTART: "As was told when use began again.",
    Known.LEFT: "The last dose of a plan that is over.",
}


def statements(record: Record) -> list[Resource]:
    """Return what was taken at intake, and what is taken now where no order says that."""
    if record.medication is None:
        return statements_of_intake(record, "", None)
    taken = record.taken
    last = none_since(taken)
    why = f"Nothing is taken any more. The last dose was on {last}." if last else ""
    replaced = why or REPLACED.get(taken.known, "")
    now = [] if last or taken.known not in SAID_BY else statements_now(record, taken)
    return [*statements_of_intake(record, replaced, last), *now]


def none_since(taken: Taken) -> date | None:
    """Return the day of the last dose of somebody who takes none now, None for all others."""
    if taken.by_drug is None or taken.by_drug:
        return None
    if taken.known is Known.STOPPED:
        return taken.since
    at_nothing = taken.since
    for step in reversed(taken.steps):
        if step.by_drug:
            break
        at_nothing = step.start_on
    return at_nothing - timedelta(days=1)


def statements_now(record: Record, taken: Taken) -> list[Resource]:
    """Return what is taken outside of plans in force: by drug, or in the words it was told in."""
    if taken.by_drug is None:
        words = taken.words
        status = "unknown" if words == NONE_UNSIGNED else "active"
        return [statement_now(record, taken, "", status, concept(text=words), {"text": words})]
    last = taken.steps[-1]
    step = open_ended(step_of(last))
    drugs = dict.fromkeys(drug or last.version.drug_id for drug in taken.by_drug)
    return [
        statement_now(record, taken, drug, "active", drug_concept(drug), dosage(step, drug))
        for drug in drugs
    ]


def statement_now(
    record: Record, taken: Taken, drug: str, status: str, medicine: dict[str, Any],
    dose: dict[str, Any],
) -> Resource:  # fmt: skip
    """Return what is taken now of one medicine, and who says so since when."""
    return resource(
        "MedicationStatement", f"{record.patient.pk}-{in_code(f'now {drug}')}",
        extension=extensions(extension("taken-now", valueCode=str(taken.known))),
        status=status,
        statusReason=[concept(text=SAID_BY[taken.known])],
        medicationCodeableConcept=medicine,
        subject=reference("Patient", record.patient.pk),
        effectivePeriod=period(taken.since.isoformat()),
        dosage=[dose],
    )  # fmt: skip
