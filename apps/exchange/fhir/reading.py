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
from zoneinfo import available_timezones

from apps.clinical.drugs import all_drugs
from apps.exchange.fhir.codes import BASE, local_system
from apps.exchange.fhir.elements import Resource
from apps.exchange.fhir.people import REFERENCE_SYSTEM
from apps.patients.models import RISK_FLAGS, SLOTS, Medication, Patient, Pattern

MOST_RESOURCES: Final = 50_000
ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
KIND: Final = re.compile(r"[A-Z][A-Za-z]{2,39}")
SLOT_OF: Final = {"MORN": "morning", "NOON": "noon", "EVE": "evening", "NIGHT": "night"}
# An intake asks for four times of day; a plan may have more.
NEAREST_SLOT: Final = {
    "morning": "morning", "noon": "noon", "midday": "noon", "afternoon": "noon",
    "evening": "evening", "bedtime": "night", "night": "night",
}  # fmt: skip
DRUGS: Final = frozenset(drug.id for drug in all_drugs())
# An order gives its dose on every day of a week.
EVERY_DAY: Final = {"pattern": Pattern.DAILY.value, "days_per_week": 7}
ABOUT: Final = ("subject", "patient", "for")


class ImportRefusedError(ValueError):
    """The file cannot be brought in; each sentence says one thing that is wrong."""

    def __init__(self, *sentences: str) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


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

    NaN and Infinity are refused: Python reads them, JSON has none.
    """
    return json.loads(text, parse_float=Decimal, parse_constant=not_a_number)


def not_a_number(word: str) -> None:
    """Refuse a word that stands for no number."""
    raise ValueError(f"{word} is no number.")


def read_bundle(bundle: Any, time_zone: str, today: date) -> ReadRecord:
    """Return what a Bundle says; `time_zone` is the clinic's, for who brought none.

    What is taken now is the dose of `today` by the active order, if there is one: the dose of
    the other clinic's intake was lowered since.

    Raises `ImportRefusedError` with a sentence for each thing that is wrong.
    """
    found = resources_in(bundle)
    patients = [each for each in found if each["resourceType"] == "Patient"]
    if len(patients) != 1:
        raise ImportRefusedError(f"The file holds {len(patients)} patients. It takes exactly one.")
    patient = patients[0]
    check_about(found, patient["id"])
    statements = [each for each in found if place_of(each) is not None]
    main = next((each for each in statements if place_of(each) == 0), None)
    if main is None:
        raise ImportRefusedError(
            "The file does not say what the patient takes: a MedicationStatement with a drug of "
            "this program. Register the patient by hand and ask."
        )
    person = person_of(patient, time_zone)
    if person["birth_date"] > today:
        raise ImportRefusedError("The patient is not born yet by the file.")
    others = [each for each in statements if each is not main]
    others.sort(key=lambda each: place_of(each) or 0)
    medication, by_order = taken_now(found, medicine_of(main, today), today)
    answers = [each for each in found if is_answer(each)]
    told = [e["valueString"] for e in answers if code_in(e) == "other_medicines"]
    return ReadRecord(
        patient_key=patient["id"], person=person,
        medication=medication | reason_of(found) | {
            "dose_confirmed": bool(own(main, "dose-confirmed"))},
        further=[*by_order, *(medicine_of(each, today) for each in others)],
        risk=dict(risk_of(answers)),
        other_medicines=told[0] if told else None,
        resources=found, urls=urls_in(bundle),
    )  # fmt: skip


def resources_in(bundle: Any) -> list[Resource]:
    """Return the resources of a Bundle, each with a type and an id that no other has."""
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise ImportRefusedError("This is no FHIR Bundle.")
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


def check_about(found: list[Resource], patient_key: str) -> None:
    """Refuse a resource of somebody else: it would end in the wrong record."""
    for each in found:
        for name in ABOUT:
            value = each.get(name)
            named = value.get("reference", "") if isinstance(value, dict) else ""
            kind, _, key = str(named).rpartition("/")
            if kind.rpartition("/")[2] == "Patient" and key != patient_key:
                raise ImportRefusedError(
                    f"{each['resourceType']}/{each['id']} is about another patient."
                )


def person_of(patient: Resource, time_zone: str) -> dict[str, Any]:
    """Return the fields of the patient."""
    name = first(patient.get("name"))
    family, given = str(name.get("family", "")), " ".join(map(str, name.get("given", [])))
    born = day_in(patient.get("birthDate"))
    if not family or not given or born is None:
        raise ImportRefusedError(
            "The patient needs a family name, a given name and a whole date of birth."
        )
    zone = own(patient, "time-zone")
    language = first(first(patient.get("communication")).get("language", {}).get("coding"))
    status, sex = own(patient, "patient-status"), patient.get("gender")
    found = {
        "family_name": family, "given_name": given, "birth_date": born,
        "sex": sex if sex in Patient.Sex.values else "",
        "phone": contact_in(patient, "phone"), "email": contact_in(patient, "email"),
        "address": str(first(patient.get("address")).get("text", "")),
        "emergency_contact": str(first(patient.get("contact")).get("name", {}).get("text", "")),
        "language": "es" if str(language.get("code", "")).startswith("es") else "en",
        "time_zone": zone if zone in available_timezones() else time_zone,
        "calendar_names_drug": own(patient, "calendar-names-drug") is True,
        "status": status if status in Patient.Status.values else Patient.Status.ACTIVE,
        "last_dose_on": day_in(own(patient, "last-dose-on")),
        "reference": reference_in(patient),
    }  # fmt: skip
    for field_name, value in found.items():
        most = getattr(Patient._meta.get_field(field_name), "max_length", None)
        if most and isinstance(value, str) and len(value) > most:
            raise ImportRefusedError(f"The patient's {field_name} is longer than {most} letters.")
    return found


def reference_in(patient: Resource) -> str:
    """Return the short number the other clinic gave, empty without one."""
    numbers = [
        str(each.get("value", "")) for each in patient.get("identifier", [])
        if each.get("system") == REFERENCE_SYSTEM
    ]  # fmt: skip
    return numbers[0] if numbers and numbers[0].isdecimal() else ""


def contact_in(patient: Resource, system: str) -> str:
    """Return the first phone or mail address."""
    found = [each for each in patient.get("telecom", []) if each.get("system") == system]
    return str(first(found).get("value", ""))


def medicine_of(statement: Resource, today: date) -> dict[str, Any]:
    """Return the fields of a medicine as it was taken, with the day of which its months are."""
    drug = drug_in(statement)
    pattern, months = own(statement, "pattern"), own(statement, "taken-months")
    days = own(statement, "days-per-week")
    if not drug or pattern not in Pattern.values or not isinstance(months, int):
        raise ImportRefusedError(
            f"MedicationStatement/{statement['id']} does not say which drug of this program it "
            "is, how regularly it is taken and for how many months."
        )
    doses: dict[str, Decimal] = {f"{slot}_mg": Decimal(0) for slot in SLOTS}
    for dosage in statement.get("dosage", []):
        slot = SLOT_OF.get(first_text(dosage.get("timing", {}).get("repeat", {}).get("when")), "")
        quantity = first(dosage.get("doseAndRate")).get("doseQuantity", {})
        value = quantity.get("value")
        if not slot or quantity.get("code") != "mg" or not isinstance(value, int | Decimal):
            raise ImportRefusedError(
                f"MedicationStatement/{statement['id']} has a dose without a time of day or "
                "without milligrams."
            )
        doses[f"{slot}_mg"] += Decimal(value)
    told_on = day_in(own(statement, "taken-months-on"))
    told = {"months_told_on": told_on} if told_on is not None and told_on <= today else {}
    return {"drug_id": drug, "pattern": pattern, "taken_months": months,
            "days_per_week": days, **told, **doses}  # fmt: skip


def taken_now(
    found: list[Resource], before: dict[str, Any], today: date
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the medicine to be tapered and others beside it, as the active orders have them.

    Without an order of ours in force it is what was taken at the intake. An order gives it every
    day, whatever the intake said.
    """
    orders = [
        before | {"drug_id": drug_in(each), **EVERY_DAY, **doses}
        for each in found
        if each["resourceType"] == "MedicationRequest" and each.get("status") == "active"
        and drug_in(each) and any((doses := doses_on(each, today)).values())
    ]  # fmt: skip
    if not orders:
        return before, []
    orders.sort(key=lambda each: each["drug_id"] != before["drug_id"])
    return orders[0], orders[1:]


def doses_on(order: Resource, today: date) -> dict[str, Decimal]:
    """Return the milligrams at each time of day by the step of a day, as its tablets say."""
    doses: dict[str, Decimal] = {f"{slot}_mg": Decimal(0) for slot in SLOTS}
    begun = [
        each for each in order.get("dosageInstruction", [])
        if (start := day_in(each.get("timing", {}).get("repeat", {})
                            .get("boundsPeriod", {}).get("start"))) and start <= today
    ]  # fmt: skip
    for tablet in begun[-1].get("extension", []) if begun else []:
        said = {e.get("url"): value for e in tablet.get("extension", [])
                for key, value in e.items() if key.startswith("value")}  # fmt: skip
        slot = NEAREST_SLOT.get(said.get("slot", ""), "")
        if slot and isinstance(said.get("mg"), int | Decimal):
            doses[f"{slot}_mg"] += Decimal(said["mg"])
    return doses


def drug_in(each: Resource) -> str:
    """Return the drug of this program that a resource names, empty for any other."""
    codings = each.get("medicationCodeableConcept", {}).get("coding", [])
    found = next((c.get("code") for c in codings if c.get("system") == local_system("drug")), "")
    return str(found) if found in DRUGS else ""


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


def place_of(each: Resource) -> int | None:
    """Return the place of a medicine in the intake, None for anything else."""
    place = own(each, "taken-place") if each["resourceType"] == "MedicationStatement" else None
    return place if isinstance(place, int) else None


def own(each: Resource, name: str) -> Any:
    """Return the value of one of our own extensions, None without it."""
    url = f"{BASE}/StructureDefinition/{name}"
    for one in each.get("extension", []):
        if one.get("url") == url:
            return next((value for key, value in one.items() if key.startswith("value")), None)
    return None


def first(values: Any) -> dict[str, Any]:
    """Return the first of a list, an empty one for none."""
    found = values[0] if isinstance(values, list) and values else {}
    return found if isinstance(found, dict) else {}


def first_text(values: Any) -> str:
    """Return the first text of a list, empty for none."""
    return str(values[0]) if isinstance(values, list) and values else ""


def day_in(text: Any) -> date | None:
    """Return a whole day, None for anything else."""
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError):
        return None
