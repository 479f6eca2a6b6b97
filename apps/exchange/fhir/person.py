"""The patient of another record: what our row holds of them, and the rest told beside it. Pure.

A row has one name, one telephone, one mail address, one address and one contact; FHIR has lists.
Of each the import takes the first that is in use. When the record is told again:

* **What nobody changed here since is told as it came**: the whole list, in its order, with every
  part our row has no place for (a second given name, a use, an extension).
* **What was changed here wins.** Our value stands first. The entry that said the old one is gone,
  and so is a second entry that said it; the others stay, without a claim to be preferred.
* **What was taken away here takes the others of its kind along.** Who has no telephone by our row
  must not be called by the second number of the file. It still stands on the page of what came.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from zoneinfo import available_timezones

from apps.exchange.fhir.elements import Resource, filled
from apps.exchange.fhir.people import REFERENCE_SYSTEM
from apps.exchange.fhir.within import ImportRefusedError, day_in, first, own
from apps.patients.models import Patient

Element = dict[str, Any]
# A maiden name is one of before, by HL7's own words.
OF_BEFORE: Final = ("old", "maiden")
PREFERRED: Final = ("preferred", "rank")
OF_THIS_CLINIC: Final = ("active", "managingOrganization")
DECEASED: Final = ("deceasedBoolean", "deceasedDateTime")


@dataclass(frozen=True, slots=True)
class Held:
    """A list of which our row holds one entry of each of these kinds.

    `said` is what an entry says, `taken` what our row has for that.
    """

    kinds: tuple[str, ...]
    kind: Callable[[Element], str]
    said: Callable[[Element], str]
    taken: Callable[[str], str] = str

    def current(self, listed: Any, on: date) -> dict[str, Element]:
        """Return the first entry of each kind that was in use on a day: what an import takes."""
        found: dict[str, Element] = {}
        for each in in_use(listed, on):
            if (kind := self.kind(each)) in self.kinds:
                found.setdefault(kind, each)
        return found


def only(each: Element) -> str:
    """Return the one kind that entries of most lists have."""
    return ""


def name_said(each: Element) -> str:
    """Return a name as our row has it: the given ones as one, then the family's."""
    return f"{given_in(each)}\n{family_in(each)}".strip()


def given_in(name: Element) -> str:
    """Return the given names as one; a gap stands for one that was not told."""
    return " ".join(str(each) for each in name.get("given", []) if each is not None)


def family_in(name: Element) -> str:
    """Return the family name."""
    return str(name.get("family", ""))


def language_said(each: Element) -> str:
    """Return the code of a language, without its country."""
    code = str(first(each.get("language", {}).get("coding")).get("code", ""))
    return code.partition("-")[0]


HELD: Final[Mapping[str, Held]] = {
    "name": Held(("",), only, name_said),
    "telecom": Held(
        ("phone", "email"),
        lambda each: str(each.get("system", "")), lambda each: str(each.get("value", "")),
    ),
    "address": Held(("",), only, lambda each: str(each.get("text", ""))),
    "contact": Held(("",), only, lambda each: str(each.get("name", {}).get("text", ""))),
    "communication": Held(
        ("",), only, language_said, lambda code: "es" if code == "es" else "en",
    ),
}  # fmt: skip


def person_of(patient: Resource, time_zone: str, today: date) -> dict[str, Any]:
    """Return the fields of our row; `time_zone` is for who brought none.

    Raises `ImportRefusedError` where a name or the day of birth is missing, or a text is too long.
    """
    name = current_of(patient, "name", "", today)
    born = day_in(patient.get("birthDate"))
    if not family_in(name) or not given_in(name) or born is None:
        raise ImportRefusedError(
            "The patient needs a family name, a given name and a whole date of birth."
        )
    zone, status = own(patient, "time-zone"), own(patient, "patient-status")
    found = {
        "family_name": family_in(name), "given_name": given_in(name), "birth_date": born,
        "sex": sex_in(patient) or "",
        "phone": said_of(patient, "telecom", "phone", today),
        "email": said_of(patient, "telecom", "email", today),
        "address": said_of(patient, "address", "", today),
        "emergency_contact": said_of(patient, "contact", "", today),
        "language": said_of(patient, "communication", "", today) or "en",
        "time_zone": zone if zone in available_timezones() else time_zone,
        "calendar_names_drug": own(patient, "calendar-names-drug") is True,
        "status": Patient.Status.DECEASED if is_deceased(patient)
        else status if status in Patient.Status.values else Patient.Status.ACTIVE,
        "last_dose_on": day_in(own(patient, "last-dose-on")),
        "reference": reference_in(patient),
    }  # fmt: skip
    for field_name, value in found.items():
        most = getattr(Patient._meta.get_field(field_name), "max_length", None)
        if most and isinstance(value, str) and len(value) > most:
            raise ImportRefusedError(f"The patient's {field_name} is longer than {most} letters.")
    return found


def current_of(patient: Resource, name: str, kind: str, on: date) -> Element:
    """Return the entry of a list from which our row was taken, empty for none."""
    return HELD[name].current(patient.get(name), on).get(kind, {})


def said_of(patient: Resource, name: str, kind: str, on: date) -> str:
    """Return what our row took from a list, empty for nothing."""
    found = current_of(patient, name, kind, on)
    return in_row(HELD[name], found)


def in_row(held: Held, each: Element | None) -> str:
    """Return what our row has for an entry, empty without one."""
    return held.taken(held.said(each)) if each else ""


def reference_in(patient: Resource) -> str:
    """Return the short number the other clinic gave, empty without one."""
    numbers = [
        str(each.get("value", "")) for each in patient.get("identifier", [])
        if each.get("system") == REFERENCE_SYSTEM
    ]  # fmt: skip
    return numbers[0] if numbers and numbers[0].isdecimal() else ""


def sex_in(patient: Resource) -> str | None:
    """Return the gender as our row has it, None for one that it does not have."""
    sex = patient.get("gender")
    return sex if sex in Patient.Sex.values else None


def is_deceased(patient: Resource) -> bool:
    """Answer whether it says that the patient has died: yes, or a day."""
    return patient.get("deceasedBoolean") is True or bool(patient.get("deceasedDateTime"))


def in_use(values: Any, today: date) -> list[Element]:
    """Return the names, addresses or contacts that are still used."""
    found = values if isinstance(values, list) else []
    return [
        each for each in found
        if each.get("use") not in OF_BEFORE
        and not ((end := day_in(str(each.get("period", {}).get("end"))[:10])) and end < today)
    ]  # fmt: skip


def with_the_rest(ours: Resource, came: Resource, on: date) -> Resource:
    """Return what our row tells of the patient, each element with what only came.

    `on` is the day on which it came in: by it an entry was in use, and was taken.
    """
    told: Element = {name: ours[name] for name in OF_THIS_CLINIC if name in ours}
    for name, held in HELD.items():
        told[name] = united(ours.get(name, []), came.get(name, []), held, on)
    sex = came if ours.get("gender") == sex_in(came) else ours
    died = came if is_deceased(ours) == is_deceased(came) else ours
    told |= {name: died.get(name) for name in DECEASED}
    return filled(told | {"gender": sex.get("gender"), "birthDate": ours["birthDate"]})


def united(ours: list[Element], came: list[Element], held: Held, on: date) -> list[Element]:
    """Return the entries of a list, ours and those that only came, by the rule of this module."""
    now, then = {held.kind(each): each for each in ours}, held.current(came, on)
    changed = [
        kind for kind in held.kinds
        if in_row(held, now.get(kind)) != in_row(held, then.get(kind))
    ]  # fmt: skip
    found = [with_its_own(now[kind], came, held, on) for kind in changed if kind in now]
    for each in came:
        kind = held.kind(each)
        if kind not in changed:
            found.append(each)
        elif kind in now and held.said(each) not in gone(held, now[kind], then.get(kind)):
            found.append({key: value for key, value in each.items() if key not in PREFERRED})
    return found


def gone(held: Held, now: Element, then: Element | None) -> set[str]:
    """Return what no other entry may say: what ours says, and what it said before."""
    return {held.said(now), in_row(held, then)} - {""}


def with_its_own(ours: Element, came: list[Element], held: Held, on: date) -> Element:
    """Return our entry; with all that an entry in use says which says the same."""
    alike = (
        each for each in in_use(came, on)
        if held.kind(each) == held.kind(ours) and held.said(each) == held.said(ours)
    )  # fmt: skip
    found = next(alike, ours)
    return found | {key: ours[key] for key in PREFERRED if key in ours}
