"""The caseload: which patients, in what order, one page at a time. Reads only.

Pages are found by the last row of the page before (keyset), so the thousandth costs
what the first does. Filters and orders come from lists, never from what was typed.
What was typed or chosen is sealed in links, and so is the name at which a page begins:
addresses stand in histories and access logs, where no name or drug may (design 1.8).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from apps.alerts.sealed import SealError, seal, unseal
from apps.clinical.drugs import all_drugs
from apps.dashboard.models import NEVER, NO_ALERT, NO_DAY, NO_SCORE, PatientState
from apps.database.scope import every_clinic
from apps.patients.models import RiskProfile, StaffMember

PER_PAGE: Final = 50
DEFAULT_SORT: Final = "name"


@dataclass(frozen=True, slots=True)
class Sort:
    """One order of the caseload: what by, in words, and which end comes first."""

    label: str
    by: Any
    read: Any
    first_down: bool = False


SORTS: Final[dict[str, Sort]] = {
    "name": Sort("Patient", F("name_key"), str),
    "tier": Sort("Risk", F("tier_rank"), int, first_down=True),
    "dose": Sort("Dose now", F("daily_mg"), Decimal, first_down=True),
    "score": Sort("Symptoms", Coalesce("score", Value(NO_SCORE)), int, first_down=True),
    "heard": Sort(
        "Last check-in", Coalesce("last_check_in_at", Value(NEVER)), datetime.fromisoformat
    ),
    "next": Sort("Next step", Coalesce("next_on", Value(NO_DAY)), date.fromisoformat),
    "alert": Sort("Alerts", F("alert_rank"), int),
}
FLAGS: Final[dict[str, str]] = {
    "alerts": "Open alerts",
    "blocked": "Next step blocked",
    "silent": "Silent",
    "worse": "Getting worse",
}
FILTERS: Final[dict[str, dict[str, str]]] = {
    "stage": dict(PatientState.Stage.choices),
    "tier": dict(RiskProfile.Tier.choices),
    "flag": FLAGS,
    "drug": {drug.id: drug.name for drug in all_drugs()},
}


@dataclass(frozen=True, slots=True)
class Choice:
    """What the reader asked to see; anything unknown has been left out."""

    query: str
    filters: dict[str, str]
    sort: str
    down: bool
    after: tuple[Any, UUID] | None = None
    link: dict[str, str] = field(default_factory=dict)

    def as_params(self, **changes: str) -> dict[str, str]:
        """Return the parameters of a link to this view, empty ones left out."""
        values = {**self.link, "sort": ("-" if self.down else "") + self.sort}
        return {name: value for name, value in (values | changes).items() if value}

    def as_kept(self) -> dict[str, str]:
        """Return what a saved view keeps: filters and order, never a search."""
        return {**self.filters, "sort": ("-" if self.down else "") + self.sort}


def read_choice(given: Mapping[str, str], link: Mapping[str, str] | None = None) -> Choice:
    """Return what a form, a link or a saved view asks for; `link` is what leads back to it."""
    wanted = given.get("sort", "")
    name = wanted.lstrip("-")
    if name not in SORTS:
        name, down = DEFAULT_SORT, False
    else:
        down = wanted.startswith("-")
    return Choice(
        query=given.get("q", "").strip()[:100],
        filters={
            key: given[key] for key, values in FILTERS.items() if given.get(key, "") in values
        },
        sort=name,
        down=down,
        after=read_cursor(given.get("after", ""), SORTS[name]),
        link=dict(link or {}),
    )


def sealed_search(choice: Choice) -> str:
    """Return what was typed and chosen so that only this installation can read it."""
    wanted = {"q": choice.query, **choice.filters}
    return seal(json.dumps(wanted)) if any(wanted.values()) else ""


def read_search(sealed: str) -> dict[str, str]:
    """Return what was sealed; of what somebody tampered with, nothing."""
    try:
        return dict(json.loads(unseal(sealed) or "{}"))
    except (SealError, UnicodeError):
        return {}


def read_cursor(sealed: str, sort: Sort) -> tuple[Any, UUID] | None:
    """Return where a page begins; one that was tampered with begins at the first."""
    try:
        key, patient_id = json.loads(unseal(sealed) or "[]")
        return sort.read(key), UUID(patient_id)
    except (SealError, ValueError, TypeError, ArithmeticError):
        return None


def cursor_after(row: Any) -> str:
    """Return the text that begins the page after this row; it may hold a name, so it is sealed."""
    return seal(json.dumps([str(row.sort_key), str(row.patient_id)]))


def rows_of(member: StaffMember, choice: Choice, now: datetime) -> QuerySet[Any]:
    """Return the chosen patients in their order, from where the page begins."""
    rows = PatientState.objects.visible_to(member).matching(choice.query)
    ordered = in_order(filtered(rows, choice, now), choice)
    if choice.after is None:
        return ordered
    key, patient_id = choice.after
    beyond = "lt" if choice.down else "gt"
    # The first condition repeats the second so that the index is entered at the right place.
    return ordered.filter(**{f"sort_key__{beyond}e": key}).filter(
        Q(**{f"sort_key__{beyond}": key}) | Q(sort_key=key, **{f"patient_id__{beyond}": patient_id})
    )


def in_order(rows: QuerySet[Any], choice: Choice) -> QuerySet[Any]:
    """Return rows with what they are in order by, in that order."""
    rows = rows.annotate(sort_key=SORTS[choice.sort].by).select_related("patient")
    way = "-" if choice.down else ""
    return rows.order_by(f"{way}sort_key", f"{way}patient_id")


def filtered(rows: QuerySet[Any], choice: Choice, now: datetime) -> QuerySet[Any]:
    """Return the rows that pass every chosen filter."""
    wanted = choice.filters
    if "stage" in wanted:
        rows = rows.filter(stage=wanted["stage"])
    if "tier" in wanted:
        rows = rows.filter(tier=wanted["tier"])
    if "drug" in wanted:
        rows = rows.filter(drug_id=wanted["drug"])
    flags = {
        "alerts": Q(alert_rank__lt=NO_ALERT),
        "blocked": ~Q(blocked=""),
        "silent": Q(silent_from__lte=now),
        "worse": Q(trend=PatientState.Trend.WORSE),
    }
    return rows.filter(flags[wanted["flag"]]) if "flag" in wanted else rows


@dataclass(slots=True)
class Page:
    """One page of the caseload, and how to get to the next."""

    rows: list[PatientState]
    after: str


def page_of(member: StaffMember, choice: Choice, now: datetime) -> Page:
    """Return one page in one query or two, whatever the size of the clinic.

    By the words of a search PostgreSQL enters an index only where no policy stands before it:
    it does not trust the comparison to keep secrets. So who is found there is looked up past the
    wall between clinics, as keys and no more, and shown from this side of it (docs/adr/0041).
    """
    rows = rows_of(member, choice, now)[: PER_PAGE + 1]
    if choice.query or choice.after:
        with every_clinic():
            keys = list(rows.values_list("pk", flat=True))
        rows = in_order(PatientState.objects.visible_to(member).filter(pk__in=keys), choice)
    found = list(rows)
    more = cursor_after(found[PER_PAGE - 1]) if len(found) > PER_PAGE else ""
    return Page(found[:PER_PAGE], more)
