"""What a patient takes now by a record that came: read where it says so, refused where not.

Nothing is guessed. A dose of before the taper that counts as today's would raise what is taken at
once; a dose for somebody who takes none any more would begin it again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from apps.clinical.drugs import all_drugs
from apps.exchange.fhir.codes import BASE
from apps.exchange.fhir.elements import Resource
from apps.exchange.fhir.kept import is_brought_in, is_of_now
from apps.exchange.fhir.within import (
    ImportRefusedError,
    day_in,
    drug_in,
    first,
    first_text,
    own,
    place_of,
)
from apps.patients.intake_words import REGULARLY
from apps.patients.models import SLOTS, Pattern

SLOT_OF: Final = {"MORN": "morning", "NOON": "noon", "EVE": "evening", "NIGHT": "night"}
# An intake asks for four times of day; a plan may have more.
NEAREST_SLOT: Final = {
    "morning": "morning", "noon": "noon", "midday": "noon", "afternoon": "noon",
    "evening": "evening", "bedtime": "night", "night": "night",
}  # fmt: skip
ASK: Final = "Register the patient by hand and ask."
NOT_SAID: Final = (
    "The file does not say what the patient takes: a MedicationStatement with a drug of "
    f"this program. {ASK}"
)
NOT_NOW: Final = (
    "The file says what was taken at the intake, that this is over, and not what is taken now: "
    f"no order is in force and no last dose is named. {ASK}"
)
# A plan gives its dose on every day of a week, whatever the intake said.
EVERY_DAY: Final = {"pattern": Pattern.DAILY.value, "days_per_week": 7}


@dataclass(frozen=True)
class TakenThere:
    """The main medicine, others beside it, and the day of the last dose of who takes none now.

    Of who takes none the medicine is the one of the intake, as a row of ours has it.
    """

    statement: Resource
    medication: dict[str, Any]
    further: list[dict[str, Any]]
    last_dose_on: date | None


def taken_there(found: list[Resource], last: date | None, today: date) -> TakenThere:
    """Return what is taken on `today`; `last` is the day of the last dose by the patient.

    In this order: the last dose, a statement of what is taken now, the step of `today` of the
    orders in force, and the intake if it is still the newest word. What came into that record
    from a third one is history and says nothing of now.

    Raises `ImportRefusedError` where none of them says it, or two say different things.
    """
    here = [each for each in found if not is_brought_in(each)]
    main = next((each for each in here if place_of(each) == 0 and is_right(each)), None)
    if main is None:
        raise ImportRefusedError(NOT_SAID)
    before = medicine_of(main, today)
    beside = [each for each in here if place_of(each) and each.get("status") == "active"]
    beside.sort(key=lambda each: place_of(each) or 0)
    others = [medicine_of(each, today) for each in beside]
    ordered = list(by_orders(here, today))
    last = last or day_in(own(main, "last-dose-on"))
    if last is not None:
        check_last(last, today, is_ordered=any(any(doses.values()) for _, doses in ordered))
        return TakenThere(main, before, others, last)
    now = list(by_statements(here)) or [
        (drug, doses) for drug, doses in ordered if any(doses.values())
    ]
    if not now and (ordered or main.get("status") != "active"):
        raise ImportRefusedError(NOT_NOW)
    now.sort(key=lambda each: each[0] != before["drug_id"])
    medicines = [before | {"drug_id": drug, **EVERY_DAY, **doses} for drug, doses in now] or [
        before
    ]
    return TakenThere(main, medicines[0], [*medicines[1:], *others], None)


def is_right(statement: Resource) -> bool:
    """Answer whether a statement was not taken back."""
    return statement.get("status") != "entered-in-error"


def check_last(last: date, today: date, *, is_ordered: bool) -> None:
    """Refuse a last dose of a day to come, and one beside an order that gives a dose today."""
    if last > today:
        raise ImportRefusedError(f"The last dose, {last}, has not come yet.")
    if is_ordered:
        raise ImportRefusedError(
            f"The file names {last} as the day of the last dose, and an order in force gives a "
            f"dose today. {ASK}"
        )


def by_statements(here: list[Resource]) -> Iterator[tuple[str, dict[str, Decimal]]]:
    """Yield the drugs and doses of statements of ours about now; refuse one in words only."""
    for each in here:
        if each["resourceType"] != "MedicationStatement" or not is_of_now(each):
            continue
        dose = first(each.get("dosage"))
        doses, drug = tablets_in(dose), drug_in(each)
        if each.get("status") != "active" or not drug or not any(doses.values()):
            words = str(dose.get("text") or "nothing")[:200]
            raise ImportRefusedError(
                f"What is taken now is in the file in words only: “{words}”. No dose is read out "
                f"of words. {ASK}"
            )
        yield drug, doses


def by_orders(here: list[Resource], today: date) -> Iterator[tuple[str, dict[str, Decimal]]]:
    """Yield drug and doses of the step of today of each order in force that has begun."""
    for each in here:
        if (
            each["resourceType"] == "MedicationRequest"
            and (each.get("status"), each.get("intent")) == ("active", "order")
            and each.get("doNotPerform", False) is False
            and (drug := drug_in(each))
            and (doses := doses_on(each, today)) is not None
        ):
            yield drug, doses


def doses_on(order: Resource, today: date) -> dict[str, Decimal] | None:
    """Return the milligrams at each time of day by the step of a day, None before the first.

    Raises `ImportRefusedError` for an order that is called active and has ended.
    """
    begun: list[tuple[date, date | None, Resource]] = []
    for each in order.get("dosageInstruction", []):
        bounds = each.get("timing", {}).get("repeat", {}).get("boundsPeriod", {})
        start, end = day_in(bounds.get("start")), day_in(bounds.get("end"))
        if start is not None and start <= today:
            begun.append((start, end, each))
    if not begun:
        return None
    _, end, step = max(begun, key=lambda one: one[0])
    if end is not None and end < today:
        raise ImportRefusedError(
            f"MedicationRequest/{order['id']} is called active and ended on {end}. What has been "
            f"taken since is not in the file. {ASK}"
        )
    return tablets_in(step)


def tablets_in(dose: Resource) -> dict[str, Decimal]:
    """Return the milligrams at each time of day, as the tablets of a dosage say."""
    doses: dict[str, Decimal] = {f"{slot}_mg": Decimal(0) for slot in SLOTS}
    for tablet in dose.get("extension", []):
        said = {e.get("url"): value for e in tablet.get("extension", [])
                for key, value in e.items() if key.startswith("value")}  # fmt: skip
        slot, mg = NEAREST_SLOT.get(said.get("slot", ""), ""), said.get("mg")
        if slot and isinstance(mg, int | Decimal) and not isinstance(mg, bool):
            doses[f"{slot}_mg"] += Decimal(mg)
    return doses


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


def days_told_in(statement: Resource) -> dict[str, int]:
    """Return the most days a week that the other clinic was told of each drug.

    By the words in which the intake keeps them; of a drug that this program does not have nothing
    counts. Raises `ImportRefusedError` for days that no week has: a lower number would open a stop.
    """
    url = f"{BASE}/StructureDefinition/days-told"
    known = {REGULARLY, *(f"{drug.name} ({drug.formulation})" for drug in all_drugs())}
    told: dict[str, int] = {}
    for each in statement.get("extension", []):
        if each.get("url") != url:
            continue
        said = {e.get("url"): value for e in each.get("extension", [])
                for key, value in e.items() if key.startswith("value")}  # fmt: skip
        of, days = said.get("of"), said.get("days")
        if not isinstance(of, str) or type(days) is not int or not 0 <= days <= 7:
            raise ImportRefusedError(
                f"MedicationStatement/{statement['id']} tells of days a week that cannot be so."
            )
        if of in known:
            told[of] = max(told.get(of, 0), days)
    return told
