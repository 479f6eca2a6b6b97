"""Reads papers and calendars back as a person would: only from what is printed."""

import io
import re
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

from dateutil.rrule import rrulestr
from icalendar import Calendar
from pypdf import PdfReader

FRACTIONS = {"": Decimal(0), "¼": Decimal("0.25"), "½": Decimal("0.5"), "¾": Decimal("0.75")}
MONTHS = "January February March April May June July August September October November December"
MONTHS_ES = (
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
)
PIECE = re.compile(
    r"(?P<count>\d*[¼½¾]?) × (?:[a-z]+ )?(?P<mg>[\d.]+) mg"
    r"|(?P<ml>[\d.]+) mL \((?:[a-z]+ )?(?P<per>[\d.]+) mg/mL\)"
)
# A day's number is followed by a mark, a time of day or "none"; a silent day by another number.
CELL = re.compile(
    r"(?<=\s)(\d{1,2})(?= (?:new|nuevo|none|nada|Morning|Noon|Evening|Night"
    r"|Por la mañana|Al mediodía|Al anochecer|Por la noche)\b)"
)
NUMBER = re.compile(r"(?P<whole>\d*)(?P<part>[¼½¾]?)")


def text_of(body: bytes) -> str:
    """Return a PDF's words with single spaces between them."""
    pages = PdfReader(io.BytesIO(body)).pages
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pages))


def milligrams(text: str) -> Decimal:
    """Return the milligrams of every amount in a text together."""
    total = Decimal(0)
    for found in PIECE.finditer(text):
        if found["ml"]:
            total += Decimal(found["ml"]) * Decimal(found["per"])
            continue
        number = NUMBER.fullmatch(found["count"])
        assert number is not None
        total += (Decimal(number["whole"] or 0) + FRACTIONS[number["part"]]) * Decimal(found["mg"])
    return total


def calendar_days(body: bytes, language: str = "en") -> dict[date, Decimal]:
    """Return each printed day of a wall calendar with its milligrams; silent days are left out."""
    names = (MONTHS if language == "en" else MONTHS_ES).split()
    text = text_of(body)
    title = re.compile(rf"\b({'|'.join(names)})(?: de)? (\d{{4}}) ")
    parts = title.split(text)[1:]
    days: dict[date, Decimal] = {}
    for month, year, rest in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        cells = list(CELL.finditer(rest))
        ends = [cell.start() for cell in cells[1:]] + [len(rest)]
        for cell, end in zip(cells, ends, strict=False):
            day = date(int(year), names.index(month) + 1, int(cell[1]))
            assert day not in days, f"{day} is printed twice"
            days[day] = milligrams(rest[cell.end() : end])
    return days


def feed_days(body: bytes, last: date) -> dict[date, Decimal]:
    """Return each day of a calendar file with its milligrams, as a calendar program expands it."""
    days: dict[date, Decimal] = defaultdict(Decimal)
    for event in Calendar.from_ical(body).walk("VEVENT"):
        start = event["dtstart"].dt
        assert type(start) is date
        assert event["dtend"].dt - start == timedelta(days=1)
        for day in occurrences(event, start, last):
            assert day not in days, f"two doses on {day}"
            days[day] = milligrams(str(event["summary"]))
    return dict(days)


def occurrences(event: object, start: date, last: date) -> list[date]:
    """Return the days of one event up to `last`."""
    rule = event.get("rrule")  # type: ignore[attr-defined]
    if rule is None:
        return [start] if start <= last else []
    text = rule.to_ical().decode()
    found = rrulestr(text, dtstart=_midnight(start))
    return [moment.date() for moment in found.between(_midnight(start), _midnight(last), inc=True)]


def _midnight(day: date):  # type: ignore[no-untyped-def]
    from datetime import datetime, time

    return datetime.combine(day, time(0))
