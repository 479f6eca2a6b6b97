"""A Bundle of another record, read: who it is about, what our rows hold of it, and the rest.

Pure: JSON in, values and sentences out. Nothing is guessed: what a row needs and the Bundle does
not say is refused with a sentence.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

from apps.exchange.exact_json import MOST_PLACES
from apps.exchange.fhir.belongs import check_all, check_bundle
from apps.exchange.fhir.codes import local_system
from apps.exchange.fhir.elements import Resource
from apps.exchange.fhir.medicines_read import days_told_in, taken_there
from apps.exchange.fhir.person import person_of
from apps.exchange.fhir.within import ImportRefusedError, first, own, place_of
from apps.patients.models import RISK_FLAGS, Medication, Patient

MOST_RESOURCES: Final = 50_000
MOST_DIGITS: Final = 40  # letters of a number; a JSON number keeps seventeen digits
MOST_EXPONENT_DIGITS: Final = 3
ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
KIND: Final = re.compile(r"[A-Z][A-Za-z]{2,39}")


@dataclass(frozen=True)
class ReadRecord:
    """What a Bundle says, for `register_patient`, and its resources in their order."""

    patient_key: str
    person: dict[str, Any]
    medication: dict[str, Any]
    further: list[dict[str, Any]]
    risk: dict[str, bool]
    other_medicines: str | None
    resources: list[Resource]
    urls: dict[str, str] = field(default_factory=dict)

    @property
    def totals(self) -> dict[str, int]:
        """How many resources there are of each type."""
        kinds = [each["resourceType"] for each in self.resources]
        return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def parsed(text: str | bytes) -> Any:
    """Return JSON with its numbers exact; raises ValueError for what is none.

    NaN and Infinity are refused: Python reads them, JSON has none. So is a number that no record
    has: to write out `1E2000000` takes a process more than a minute.
    """
    return json.loads(
        text, parse_float=decimal_in, parse_int=integer_in, parse_constant=not_a_number
    )


def decimal_in(text: str) -> Decimal:
    """Return a number with a point or an exponent; refuse one that no record has."""
    power = text.lower().partition("e")[2].lstrip("+-0")
    if len(text) > MOST_DIGITS or len(power) > MOST_EXPONENT_DIGITS:
        raise ValueError(f"{text[:MOST_DIGITS]}… is a number that no record has.")
    value = Decimal(text)
    if abs(value.adjusted()) > MOST_PLACES:
        raise ValueError(f"{text} is a number that no record has.")
    return value


def integer_in(text: str) -> int:
    """Return a whole number; refuse one that no record has."""
    if len(text) > MOST_DIGITS:
        raise ValueError(f"{text[:MOST_DIGITS]}… is a number that no record has.")
    return int(text)


def not_a_number(word: str) -> None:
    """Refuse a word that stands for no number."""
    raise ValueError(f"{word} is no number.")


def read_bundle(bundle: Any, time_zone: str, today: date) -> ReadRecord:
    """Return what a Bundle says; `time_zone` is the clinic's, for who brought none.

    What is taken now is never the dose of the other clinic's intake where that was lowered since.

    Raises `ImportRefusedError` with a sentence for each thing that is wrong.
    """
    found = resources_in(bundle)
    patients = [each for each in found if each["resourceType"] == "Patient"]
    if len(patients) != 1:
        raise ImportRefusedError(f"The file holds {len(patients)} patients. It takes exactly one.")
    patient = patients[0]
    urls = urls_in(bundle)
    check_all(found, patient, urls)
    person = person_of(patient, time_zone, today)
    if person["birth_date"] > today:
        raise ImportRefusedError("The patient is not born yet by the file.")
    taken = taken_there(found, person["last_dose_on"], today)
    answers = [each for each in found if is_answer(each)]
    told = [e["valueString"] for e in answers if code_in(e) == "other_medicines"]
    return ReadRecord(
        patient_key=patient["id"],
        person=person | {"last_dose_on": taken.last_dose_on,
                         "days_told_elsewhere": days_told_in(taken.statement),
                         "status": followed_as(person["status"], taken.last_dose_on)},
        medication=taken.medication | reason_of(found) | {
            "dose_confirmed": bool(own(taken.statement, "dose-confirmed"))},
        further=taken.further,
        risk=dict(risk_of(answers)),
        other_medicines=told[0] if told else None,
        resources=found, urls=urls,
    )  # fmt: skip


def resources_in(bundle: Any) -> list[Resource]:
    """Return the resources of a Bundle, each with a type and an id that no other has."""
    check_bundle(bundle)
    entries = bundle.get("entry")
    if not isinstance(entries, list) or not entries:
        raise ImportRefusedError("The Bundle is empty.")
    if len(entries) > MOST_RESOURCES:
        raise ImportRefusedError(f"The Bundle has more than {MOST_RESOURCES} entries.")
    found: list[Resource] = []
    seen: set[tuple[str, str]] = set()
    for number, entry in enumerate(entries, 1):
        each = entry.get("resource") if isinstance(entry, dict) else None
        each = each if isinstance(each, dict) else {}
        kind, key = each.get("resourceType"), each.get("id")
        if not isinstance(kind, str) or not KIND.fullmatch(kind):
            raise ImportRefusedError(f"Entry {number} has no resource with a type.")
        if not isinstance(key, str) or not ID.fullmatch(key):
            raise ImportRefusedError(f"Entry {number}, a {kind}, has no id that FHIR allows.")
        if (kind, key) in seen:
            raise ImportRefusedError(f"{kind}/{key} is in the file twice.")
        seen.add((kind, key))
        found.append(each)
    return found


def urls_in(bundle: Any) -> dict[str, str]:
    """Return the addresses of the entries with the type and id that each stands for."""
    return {
        entry["fullUrl"]: f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        for entry in bundle["entry"] if isinstance(entry.get("fullUrl"), str)
    }  # fmt: skip


def followed_as(status: str, last_dose_on: date | None) -> str:
    """Return whether the patient is followed here: who takes some is, though no more there.

    “Ended” is the other clinic's word about itself. Taken over with a dose it would leave
    somebody whom nobody follows (ASAM-03); a last dose or a death says that none is taken.
    """
    if status == Patient.Status.ENDED and last_dose_on is None:
        return Patient.Status.ACTIVE
    return status


def reason_of(found: list[Resource]) -> dict[str, str]:
    """Return why it was first prescribed, empty where nobody asked."""
    for each in found:
        codings = each.get("code", {}).get("coding", []) if is_condition(each) else []
        code = next(
            (c["code"] for c in codings if c.get("system") == local_system("indication")), ""
        )
        if code in Medication.Reason.values:
            other = str(each["code"].get("text", "")) if code == Medication.Reason.OTHER else ""
            return {"reason": code, "reason_other": other}
    return {}


def risk_of(answers: list[Resource]) -> Iterator[tuple[str, bool]]:
    """Yield the answers about risk that were given."""
    for each in answers:
        flag = code_in(each)
        if flag not in RISK_FLAGS:
            continue
        if is_condition(each):
            status = first(each.get("verificationStatus", {}).get("coding")).get("code")
            if status in ("confirmed", "refuted"):
                yield flag, status == "confirmed"
        elif isinstance(each.get("valueBoolean"), bool):
            yield flag, each["valueBoolean"]


def is_condition(each: Resource) -> bool:
    """Answer whether it is a condition."""
    return bool(each["resourceType"] == "Condition")


def is_answer(each: Resource) -> bool:
    """Answer whether it is an answer of an intake of ours."""
    return each["resourceType"] in ("Condition", "Observation") and bool(code_in(each))


def is_ours(each: Resource) -> bool:
    """Answer whether our rows hold what a resource says, so that it stands beside one of them."""
    indication = is_condition(each) and reason_of([each])
    is_taken = place_of(each) is not None and each.get("status") == "active"
    return bool(is_answer(each) or indication or is_taken)


def code_in(each: Resource) -> str:
    """Return the code of an answer of the intake, empty for anything else."""
    code = each.get("code")
    codings = code.get("coding", []) if isinstance(code, dict) else []
    system = local_system("risk-answer")
    return next((str(c.get("code")) for c in codings if c.get("system") == system), "")
