"""What a search asks for, as FHIR writes it: taken where it is understood, else refused.

An answer of nothing to a question that was not understood reads as “there is nothing”. Somebody
would go without a warning for it.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Final
from uuid import UUID

from django.conf import settings
from django.http import QueryDict

from apps.exchange.fhir.people import REFERENCE_SYSTEM
from apps.exchange.fhir.reading import ID
from apps.exchange.models import KeptResource
from apps.patients.models import Patient
from apps.programs.problems import ProblemError

JSON: Final = frozenset({"json", "application/json", "application/fhir+json", "text/json"})
ANY: Final = frozenset({"*/*", "application/*"})
DAY: Final = re.compile(r"(?:eq)?(?P<day>\d{4}-\d\d-\d\d)", re.ASCII)
ONE_PATIENT: Final = (
    "takes the id of one patient: an id, Patient/ and an id, or the address of a patient here. "
    "Ask once for each patient; there are no versions to name."
)


def once(given: QueryDict) -> dict[str, str]:
    """Return each parameter's value; raises `ProblemError` for one that is repeated or empty."""
    found: dict[str, str] = {}
    for name in given:
        values = list(map(str, given.getlist(name)))
        if len(values) != 1:
            raise not_understood(f"{name[:60]} is there {len(values)} times. It is taken once.")
        if not values[0].strip():
            raise not_understood(f"{name[:60]} is empty.")
        if "\0" in values[0] or "\0" in name:
            raise not_understood("A parameter holds a character that nobody has.")
        found[name] = values[0]
    return found


def patient_asked(asked: Mapping[str, str]) -> UUID:
    """Return whose resources are asked for; raises `ProblemError` when that is not understood."""
    named = {name: asked[name] for name in ("patient", "subject") if name in asked}
    if not named:
        raise ProblemError(
            400, "patient-missing", "Say whose: patient=… takes the id of one patient."
        )
    found = {patient_named(name, value) for name, value in named.items()}
    if len(found) != 1:
        raise not_understood("patient and subject name two patients.")
    return found.pop()


def patient_named(name: str, reference: str) -> UUID:
    """Return the patient of one reference."""
    here = f"{settings.SITE_URL}/fhir/R4/"
    key = reference.removeprefix(here).removeprefix("Patient/")
    found = uuid_or_none(key)
    bare = reference.startswith(here) and not reference.startswith(f"{here}Patient/")
    if found is None or bare:
        raise not_understood(f"{name} {ONE_PATIENT}")
    return found


def ids_asked(asked: Mapping[str, str]) -> list[str]:
    """Return the ids of `_id`, of which commas make several."""
    ids = asked["_id"].split(",")
    if not all(ID.fullmatch(each) for each in ids):
        raise not_understood("_id takes ids as FHIR has them, with commas between several.")
    return ids


def after_patient(asked: Mapping[str, str]) -> UUID | None:
    """Return the patient after whom a page begins, None for the first page."""
    if "_after" not in asked:
        return None
    found = uuid_or_none(asked["_after"])
    if found is None:
        raise not_understood("_after is no id of this search. Begin again.")
    return found


def day_asked(text: str) -> date:
    """Return a day; raises `ProblemError` for what is none."""
    match = DAY.fullmatch(text)
    try:
        return date.fromisoformat(match["day"] if match else "")
    except ValueError:
        raise not_understood("birthdate takes a day: 1980-05-17.") from None


def identified(clinic_id: UUID, text: str) -> set[UUID]:
    """Return the patients of a clinic with an identifier: a value, or system|value, both equal.

    The short number is ours. A number of another system finds who was brought in under it.
    """
    system, has_system, value = text.rpartition("|")
    if not value or "," in text or "|" in system:
        raise not_understood("identifier takes one value, or a system, | and a value.")
    found = brought_under(clinic_id, value, system if has_system else None)
    if not has_system or system == REFERENCE_SYSTEM:
        ours = Patient.objects.filter(clinic_id=clinic_id, reference=value)
        found |= set(ours.values_list("pk", flat=True))
    return found


def brought_under(clinic_id: UUID, value: str, system: str | None) -> set[UUID]:
    """Return who was brought in with this number; `system` None is any, empty is none named.

    A short number of the other clinic is not theirs here: they have one of ours.
    """
    rows = KeptResource.objects.filter(
        clinic_id=clinic_id, kind="Patient", body__identifier__contains=[{"value": value}]
    )
    return {
        patient_id
        for patient_id, numbers in rows.values_list("patient_id", "body__identifier")
        for each in numbers
        if isinstance(each, dict)
        and each.get("value") == value
        and (theirs := each.get("system", "")) != REFERENCE_SYSTEM
        and system in (None, theirs)
    }


def check_format(named: str | None, accepts: str) -> None:
    """Raise `ProblemError` for somebody who wants anything else than JSON."""
    if named is not None:
        wanted = {named.replace(" ", "+")}  # a plus in an address is a space
    else:
        wanted = {each for each in accepts.split(",") if each.strip()}
    kinds = {each.partition(";")[0].strip().lower() for each in wanted}
    if kinds and not kinds & (JSON | ANY):
        raise ProblemError(
            406, "not-acceptable", "This address speaks JSON only: application/fhir+json."
        )


def not_understood(sentence: str) -> ProblemError:
    """Return a refusal of a parameter."""
    return ProblemError(400, "bad-parameter", sentence)


def uuid_or_none(text: str) -> UUID | None:
    """Return an id written as ours are, None for any other."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text else None
