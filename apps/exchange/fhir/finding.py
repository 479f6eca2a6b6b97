"""Reading and searching: whose resource an id is, which parameters a search takes, its pages."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from cryptography.fernet import InvalidToken
from django.conf import settings
from django.db.models import Model, QuerySet

from apps.accounts.sealed import box_for
from apps.alerts.models import Alert, Delivery
from apps.audit.models import AuditEvent
from apps.checkins.models import CareTask, CheckIn, Reminder
from apps.clinical.questionnaires.model import PUBLISHED
from apps.detox.models import Round
from apps.exchange.fhir.asked import (
    after_patient,
    day_asked,
    identified,
    ids_asked,
    uuid_or_none,
)
from apps.exchange.fhir.bundle import SOURCES, address_of, resources_of
from apps.exchange.fhir.check_ins import questionnaire
from apps.exchange.fhir.elements import Resource
from apps.exchange.fhir.record import Record
from apps.exchange.models import KeptResource
from apps.patients.models import Patient
from apps.programs.problems import ProblemError
from apps.tapers.models import Dispensing, PlanHold, PlanVersion, Signature, TaperPlan

UUID_LENGTH: Final = 36
PURPOSE: Final = "apps.exchange.search"
USUAL_COUNT: Final = 50
MOST_AT_ONCE: Final = 200
MOST_DIGITS: Final = 18  # of a number that PostgreSQL keeps as a bigint
# Each id begins with the key of the row it is told from; the path leads to the patient.
OWNERS: Final[Mapping[str, tuple[tuple[type[Model], str], ...]]] = {
    "Patient": ((Patient, ""),),
    "Condition": ((Patient, ""),),
    "MedicationStatement": ((Patient, ""),),
    "CarePlan": ((TaperPlan, "patient"),),
    "MedicationRequest": ((PlanVersion, "plan__patient"),),
    "Provenance": ((Signature, "version__plan__patient"),),
    "MedicationDispense": ((Dispensing, "patient"),),
    "QuestionnaireResponse": ((CheckIn, "patient"),),
    "Observation": ((Patient, ""), (CheckIn, "patient"), (Round, "stay__patient")),
    "Flag": ((Alert, "patient"), (PlanHold, "plan__patient")),
    "Task": ((CareTask, "patient"),),
    "Communication": (
        (CheckIn, "patient"), (Delivery, "alert__patient"), (Reminder, "patient"),
    ),
}  # fmt: skip
# Who somebody is may not stand in an address, which proxies and browsers write down: a search by
# these comes by POST, and goes on under a sealed link.
IDENTIFYING: Final = frozenset({"identifier", "birthdate"})
SEALED: Final = "_sealed"
COMMON: Final = frozenset({"_id", "_count", "_after", "_format"})
PARAMETERS: Final[Mapping[str, frozenset[str]]] = {
    kind: COMMON | {"patient", "subject"} for kind in SOURCES
} | {
    "Patient": COMMON | IDENTIFYING,
    "Organization": COMMON,
    "Questionnaire": COMMON,
}


@dataclass(frozen=True)
class Page:
    """One page of a search: the resources, how many there are in all, where the next begins."""

    found: list[Resource]
    total: int
    after: str = ""


def alerts_told(found: Iterable[Resource]) -> set[UUID]:
    """Return which alerts of ours these tell of: as a flag, or by a message about it."""
    flags = {
        *(each["id"] for each in found if each["resourceType"] == "Flag"),
        *(
            about.get("reference", "").removeprefix("Flag/")
            for each in found
            for about in each.get("about", ())
        ),
    }
    ids = [key for key in map(uuid_or_none, flags) if key is not None]
    return set(Alert.objects.filter(pk__in=ids).values_list("pk", flat=True)) if ids else set()


def patient_of(kind: str, key: str, clinic_id: UUID) -> UUID | None:
    """Return the patient of this clinic whose resource has this id, None if there is none."""
    kept = KeptResource.objects.filter(clinic_id=clinic_id, kind=kind, key=key)
    found = kept.values_list("patient_id", flat=True).first()
    if found is not None:
        return found
    if kind == "AuditEvent":
        return of_the_trail(key, clinic_id)
    return owner_of(kind, key, clinic_id)


def of_the_trail(key: str, clinic_id: UUID) -> UUID | None:
    """Return whose row of the audit record an id names; of a list it names one of those on it."""
    number, _, whose = key.removeprefix("audit-").partition(".")
    pk = int(number) if number.isdecimal() and len(number) < MOST_DIGITS else 0
    rows = AuditEvent.objects.filter(clinic_id=clinic_id, pk=pk)
    if not whose:
        return rows.values_list("patient_id", flat=True).first()
    try:
        patient_id = UUID(whose)
    except ValueError:
        return None
    return patient_id if rows.about(patient_id).exists() else None


def owner_of(kind: str, key: str, clinic_id: UUID) -> UUID | None:
    """Return the patient whose row begins the id."""
    try:
        pk = UUID(key[:UUID_LENGTH])
    except ValueError:
        return None
    for model, path in OWNERS.get(kind, ()):
        prefix, column = (f"{path}__", f"{path}_id") if path else ("", "pk")
        rows: QuerySet[Any] = model._base_manager.filter(pk=pk, **{f"{prefix}clinic_id": clinic_id})
        found: UUID | None = rows.values_list(column, flat=True).first()
        if found is not None:
            return found
    return None


def one(record: Record, kind: str, key: str) -> Resource | None:
    """Return one resource of a patient by its id."""
    return next((each for each in resources_of(record, [kind]) if each["id"] == key), None)


def forms() -> list[Resource]:
    """Return every published form."""
    return [questionnaire(kind, version) for kind, version in sorted(PUBLISHED)]


def checked(kind: str, asked: Mapping[str, str]) -> int:
    """Return how many are wanted at once. Raises `ProblemError` for what is not understood.

    A parameter that is not known is refused: to leave it out would find more than was asked.
    """
    unknown = sorted(set(asked) - PARAMETERS[kind])
    if unknown:
        takes = ", ".join(sorted(PARAMETERS[kind]))
        raise ProblemError(
            400,
            "unknown-parameter",
            f"{kind} cannot be searched by {unknown[0]}. It takes: {takes}.",
        )
    count = asked.get("_count", str(USUAL_COUNT))
    if (
        not (count.isascii() and count.isdecimal())
        or len(count) > len(str(MOST_AT_ONCE))
        or not int(count)
    ):
        raise ProblemError(400, "bad-parameter", f"_count takes a number from 1 to {MOST_AT_ONCE}.")
    return min(int(count), MOST_AT_ONCE)


def patients_page(clinic_id: UUID, asked: Mapping[str, str], now: datetime, count: int) -> Page:
    """Return a page of the clinic's patients, in the order of their ids."""
    rows = Patient.objects.filter(clinic_id=clinic_id).select_related("clinic").order_by("pk")
    if "_id" in asked:
        rows = rows.filter(pk__in=filter(None, map(uuid_or_none, ids_asked(asked))))
    if "identifier" in asked:
        rows = rows.filter(pk__in=identified(clinic_id, asked["identifier"]))
    if "birthdate" in asked:
        rows = rows.filter(birth_date=day_asked(asked["birthdate"]))
    total, after = rows.count(), after_patient(asked)
    if after is not None:
        rows = rows.filter(pk__gt=after)
    some = list(rows[: count + 1])
    found = [told for row in some[:count] for told in resources_of(Record(row, now), ["Patient"])]
    return Page(found, total, str(some[count - 1].pk) if len(some) > count else "")


def page_of(found: list[Resource], asked: Mapping[str, str], count: int) -> Page:
    """Return a page of what was found, by the id after which it begins."""
    if "_id" in asked:
        wanted = ids_asked(asked)
        found = [each for each in found if each["id"] in wanted]
    ids = [each["id"] for each in found]
    after = asked.get("_after", "")
    if after and after not in ids:
        raise ProblemError(400, "bad-parameter", "_after is no id of this search. Begin again.")
    first = ids.index(after) + 1 if after else 0
    some = found[first : first + count]
    more = first + count < len(found)
    return Page(some, len(found), some[-1]["id"] if more else "")


def searchset(kind: str, page: Page, asked: Mapping[str, str]) -> Resource:
    """Return the Bundle of one page, with the address of itself and of the next."""
    plain = {key: value for key, value in asked.items() if key != "_after"}
    links = [{"relation": "self", "url": search_url(kind, asked)}]
    if page.after:
        links.append({"relation": "next", "url": search_url(kind, plain | {"_after": page.after})})
    bundle: Resource = {
        "resourceType": "Bundle", "type": "searchset", "total": page.total, "link": links,
    }  # fmt: skip
    entries = [
        {"fullUrl": address_of(each), "resource": each, "search": {"mode": "match"}}
        for each in page.found
    ]
    return bundle | ({"entry": entries} if entries else {})


def in_the_address(asked: Mapping[str, str]) -> dict[str, str]:
    """Return what an address asks for. Raises `ProblemError` where it says who somebody is."""
    if found := sorted(IDENTIFYING & set(asked)):
        raise ProblemError(
            400, "identifying-parameter",
            f"{found[0]} may not stand in an address: POST it to Patient/_search, as a form.",
        )  # fmt: skip
    plain = dict(asked)
    if SEALED not in plain:
        return plain
    try:
        kept = json.loads(box_for(PURPOSE).decrypt(plain.pop(SEALED).encode()))
    except (InvalidToken, ValueError):
        raise ProblemError(
            400, "bad-parameter", f"{SEALED} is not as we gave it. Begin again."
        ) from None
    return {**plain, **kept}


def search_url(kind: str, asked: Mapping[str, str]) -> str:
    """Return the address of a search; what says who somebody is stands in it sealed."""
    hidden = {key: value for key, value in asked.items() if key in IDENTIFYING}
    if hidden:
        sealed = box_for(PURPOSE).encrypt(json.dumps(hidden).encode()).decode()
        asked = {k: v for k, v in asked.items() if k not in hidden} | {SEALED: sealed}
    query = f"?{urlencode(asked)}" if asked else ""
    return f"{settings.SITE_URL}/fhir/R4/{kind}{query}"
