"""A list as a page and as a file: the same rows for both, and who saw or took them on record.

The one door for lists (docs/adr/0052). With `?format=csv` a page of a list answers with every
row it could show, under the same filters and the same rights, as a table for a spreadsheet.
"""

import csv
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from io import StringIO
from itertools import islice
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from apps.accounts.costly import costly
from apps.accounts.proof import require_recent_proof
from apps.audit.actions import naming, record, record_shown
from apps.patients.access import member_of
from apps.patients.models import Patient

ROWS_AT_MOST: Final = 100_000
ROWS_AT_ONCE: Final = 2_000
UNPROVED_AT_MOST: Final = 50  # [proposal] patients in a file: as many as a page of a list has
PLACES: Final = ("page", "before", "after")  # where a page begins; a file begins at the first
STEM: Final = re.compile(r"[a-z][a-z_]{1,30}")
CUT: Final = "Only the first {} rows are in this file."
BYTE_ORDER: Final = "\ufeff"  # without it spreadsheets read names with accents wrongly
# What a spreadsheet takes for the beginning of a formula, its wide forms and line ends too.
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
INNER_START: Final = re.compile(r"([;\t\r\n][\s\"']*)(?=[=+\-@＝＋－＠])")

Column = tuple[str, str | Callable[[Any], object]]
"""A heading, and the way to the value: names with dots, or a function of the row."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list holds, whole: the page shows a part of the same rows.

    `name` is a word of the code, never of a patient: the file is called after it, and the audit
    rows are `name.viewed` and `name.exported`. `patient` leads from a row to the id of whom it
    shows ("" where no patient is on it); `of` is the one patient of whom the whole list is.
    A page of several lists tells them apart by their `title`, in words. `alert` leads from a row
    to the id of the alert that it shows, where it shows one.
    """

    name: str
    columns: Sequence[Column]
    rows: Callable[[], Iterable[Any]]
    patient: str = ""
    of: Patient | None = None
    title: str = "This list"
    alert: str | Callable[[Any], object] = ""


def show_list(
    request: HttpRequest, listing: Listing | Sequence[Listing], template: str,
    context: Mapping[str, Any], *, shown: Iterable[Any] = (), status: int = 200,
) -> HttpResponse:  # fmt: skip
    """Answer with the page, or with a whole list of it as CSV; either is on record.

    `shown` are the rows of the first list on this page. Nothing is written down about a page on
    which no patient is, or about one patient's list: its view says who looked.
    """
    lists = [listing] if isinstance(listing, Listing) else list(listing)
    if wants_csv(request):
        return csv_answer(request, chosen(request, lists))
    if lists[0].patient:
        seen = list(shown)
        looked(
            request, f"{lists[0].name}.viewed", patients_of(lists[0], seen),
            alerts=alerts_of(lists[0], seen),
        )  # fmt: skip
    page = {**context, "csv_links": csv_links(request, lists)}
    return render(request, template, page, status=status)


def chosen(request: HttpRequest, lists: Sequence[Listing]) -> Listing:
    """Return which of the page's lists was asked for, the first one unless told."""
    return next((one for one in lists if one.name == request.GET.get("list")), lists[0])


def wants_csv(request: HttpRequest) -> bool:
    """Answer whether the list was asked for as a file; any other format is the page."""
    return request.method in ("GET", "HEAD") and request.GET.get("format") == "csv"


def csv_links(request: HttpRequest, lists: Sequence[Listing]) -> list[tuple[str, str]]:
    """Return words and link of each whole list, with the filters of this page.

    None for whoever may only look.
    """
    if getattr(request, "only_looks", False):
        return []
    asked = request.GET.copy()
    for name in (*PLACES, "list"):
        asked.pop(name, None)
    asked["format"] = "csv"
    whole = f"{request.path}?{asked.urlencode()}"
    more = [""] if len(lists) == 1 else [f"&list={one.name}" for one in lists]
    return [(one.title, whole + which) for one, which in zip(lists, more, strict=True)]


@costly
def csv_answer(request: HttpRequest, listing: Listing) -> HttpResponse:
    """Return the whole list as CSV to a member of staff, and write down that it was taken."""
    member, now = member_of(request), timezone.now()
    text, rows = csv_text(listing, member.clinic.tz)
    event = f"{listing.name}.exported"
    if listing.patient:
        patients, alerts = patients_of(listing, rows), alerts_of(listing, rows)
        prove_for(request, patients)
        looked(request, event, patients, alerts=alerts, rows=len(rows))
    else:
        of = listing.of
        record(
            event, by=member.user, now=now, clinic_id=member.clinic_id,
            patient_id=of.pk if of else None, obj=of, rows=len(rows),
            **naming(alerts_of(listing, rows)),
        )  # fmt: skip
    return csv_file(text, listing.name, now.astimezone(member.clinic.tz).date())


def prove_for(request: HttpRequest, patients: Collection[UUID]) -> None:
    """Ask for a fresh proof of who takes away a file of many patients, before it is made.

    Whoever takes as many as stand on one page takes no more than the screen shows, which is open
    already; with more, an open browser that nobody watches would give the whole clinic away.
    After the proof the file comes by itself, with the same filters.
    """
    if len(patients) > UNPROVED_AT_MOST:
        require_recent_proof(
            request, f"Take a file with {len(patients)} patients along", is_file=True
        )


def looked(request: HttpRequest, event: str, patients: Iterable[UUID], **details: Any) -> None:
    """Write down that a member of staff was shown these patients on one page."""
    member = member_of(request)
    record_shown(
        event, patients=patients, by=member.user, now=timezone.now(), clinic_id=member.clinic_id,
        **details,
    )  # fmt: skip


def patients_of(listing: Listing, rows: Iterable[Any]) -> set[UUID]:
    """Return whom these rows show."""
    return ids_of(listing.patient, rows)


def alerts_of(listing: Listing, rows: Iterable[Any]) -> set[UUID]:
    """Return which alerts these rows show."""
    return ids_of(listing.alert, rows) if listing.alert else set()


def ids_of(way: str | Callable[[Any], object], rows: Iterable[Any]) -> set[UUID]:
    """Return the ids to which a way leads."""
    found = {reach(row, way) for row in rows}
    return {UUID(str(key)) for key in found if key}


def csv_text(
    listing: Listing, zone: ZoneInfo, at_most: int = ROWS_AT_MOST
) -> tuple[str, list[Any]]:
    """Return the file's text and its rows, `at_most` of them; a list cut off says so.

    Not streamed: how many rows left is on record before the first of them does, and the
    wall between clinics stands no longer than the request.
    """
    found = listing.rows()
    if isinstance(found, QuerySet):
        found = found.iterator(ROWS_AT_ONCE)
    rows = list(islice(found, at_most + 1))
    out = StringIO()
    table = csv.writer(out)
    table.writerow([heading for heading, _ in listing.columns])
    for row in rows[:at_most]:
        table.writerow([cell(reach(row, way), zone) for _, way in listing.columns])
    if len(rows) > at_most:
        table.writerow([CUT.format(at_most)])
    return BYTE_ORDER + out.getvalue(), rows[:at_most]


def csv_file(text: str, name: str, day: date) -> HttpResponse:
    """Return a file; it is called by the list and the day, and holds its reader's rows only."""
    if not STEM.fullmatch(name):
        raise ValueError(f"'{name}' is no name of a list: it stands in a header.")
    stem = name.replace("_", "-")
    headers = {"Content-Disposition": f'attachment; filename="{stem}-{day:%Y-%m-%d}.csv"'}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)


def reach(row: Any, way: str | Callable[[Any], object]) -> Any:
    """Return what a column says of a row; None where a link on the way leads nowhere."""
    if not isinstance(way, str):
        return way(row)
    found = row
    for name in way.split("."):
        if found is None:
            return None
        found = found[name] if isinstance(found, Mapping) else getattr(found, name)
    return found() if callable(found) else found


def cell(value: object, zone: ZoneInfo) -> str:
    """Return a value as the file has it: ISO dates, times with the clinic's offset.

    Text that a spreadsheet would take for a formula begins with an apostrophe; a number does not.
    """
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.astimezone(zone).isoformat("T", "minutes")
        case date():
            return value.isoformat()
        case time():
            return value.isoformat("minutes")
        case timedelta():
            return str(int(value.total_seconds() // 60))
        case Decimal():
            return f"{value:f}".rstrip("0").rstrip(".") if value % 1 else f"{value:.0f}"
        case int() | float():
            return str(value)
    return disarmed(str(value))


def disarmed(text: str) -> str:
    """Return text with an apostrophe before what a spreadsheet would calculate.

    Spaces before it count for nothing: some spreadsheets leave them out. So does what a
    spreadsheet of another language takes for the end of a cell: a semicolon, a tab, a line.
    """
    text = INNER_START.sub(r"\1'", text)
    risky = text.startswith(FORMULA_STARTS) or text.lstrip().startswith(FORMULA_STARTS)
    return f"'{text}" if risky else text
