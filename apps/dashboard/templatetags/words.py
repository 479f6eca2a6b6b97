"""Filters that turn values into what a person reads. Pure: no database, no request."""

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final

from django import template
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

from apps.clinical.drugs import get_drug
from apps.clinical.errors import ClinicalError

register = template.Library()

HALF_A_YEAR: Final = timedelta(days=180)
FRACTIONS = {Decimal("0.25"): "¼", Decimal("0.5"): "½", Decimal("0.75"): "¾"}
_DIALLED = re.compile(r"\+?\d(?:[\s().-]*\d)*")
_PHONE = re.compile(r"\+?\(?\d(?:[\s().-]*\d){2,}")


@register.filter
def tel(number: object) -> str:
    """Return the first phone number in a text as a `tel:` address holds it, or nothing."""
    found = _DIALLED.search(str(number or ""))
    return re.sub(r"[^\d+]", "", found[0]) if found else ""


@register.filter
def address(text: Any) -> SafeString:
    """Return a mail address that a narrow page breaks behind its @ and nowhere else it can help."""
    return mark_safe(str(conditional_escape(text)).replace("@", "@<wbr>"))  # noqa: S308


@register.filter
def whole(text: Any) -> SafeString:
    """Return a text whose phone numbers are never broken at the end of a line."""
    return mark_safe(_PHONE.sub(r'<span class="whole">\g<0></span>', conditional_escape(text)))  # noqa: S308


@register.filter
def plain(amount: object) -> str:
    """Return a decimal without trailing zeros and never as 1E+1; other things unchanged."""
    try:
        value = Decimal(str(amount))
    except InvalidOperation:
        return str(amount)
    return f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else f"{value:f}"


@register.filter
def pieces(quantity: object) -> str:
    """Return a number of tablets with its fraction drawn: 1.5 is 1½."""
    try:
        value = Decimal(str(quantity))
    except InvalidOperation:
        return str(quantity)
    whole, rest = divmod(value, 1)
    if rest not in FRACTIONS:
        return plain(value)
    return f"{int(whole) or ''}{FRACTIONS[rest]}"


@register.filter
def initials(name: object) -> str:
    """Return the first letters of the first and last word of a name."""
    words = str(name or "").split()
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words))


@register.filter
def bar_width(part: object, whole: object) -> int:
    """Return how many hundredths `part` is of `whole`, from 0 to 100, to draw a bar."""
    try:
        share = 100 * Decimal(str(part)) / Decimal(str(whole))
    except (InvalidOperation, ZeroDivisionError):
        return 0
    return int(min(max(share, Decimal(0)), Decimal(100)))


@register.filter
def day(value: object) -> str:
    """Return a date, or the ISO text of one, as "Tue 1 Dec 2026"; anything else as it is."""
    if isinstance(value, str):
        try:
            return day(date.fromisoformat(value))
        except ValueError:
            return value
    return f"{value:%a} {value.day} {value:%b %Y}" if isinstance(value, date) else str(value or "")


@register.filter
def told_at(text: str) -> str:
    """Return the ISO text of a moment in the reader's zone, as "Tue 1 Dec 2026, 14:05"."""
    moment = timezone.localtime(datetime.fromisoformat(text))
    return f"{day(moment.date())}, {moment:%H:%M}"


@register.filter(expects_localtime=True)
def iso(moment: datetime) -> str:
    """Return a moment in the reader's zone for machines, as `date:"c"` does in a tenth of the time.

    For lists: a patient's page tells a hundred times.
    """
    return moment.isoformat()


@register.filter(expects_localtime=True)
def minute(moment: datetime) -> str:
    """Return a moment in the reader's zone as "Tue 1 Dec, 14:05", fast as `iso` is.

    What is half a year away has its year: "Tue 1 Dec 2026, 14:05".
    """
    near = abs(timezone.now() - moment) < HALF_A_YEAR
    return (
        f"{moment:%a} {moment.day} {moment:%b, %H:%M}"
        if near
        else (f"{moment:%a} {moment.day} {moment:%b %Y, %H:%M}")
    )


@register.filter
def at_level(alerts: Iterable[Any], level: str) -> int:
    """Return how many of these alerts have the level."""
    return sum(alert.level == level for alert in alerts)


@register.filter
def drug_name(drug_id: str) -> str:
    """Return a drug's name for staff; an id of an older list is shown as it is."""
    try:
        return get_drug(drug_id).name
    except ClinicalError:
        return drug_id


@register.filter
def units(text: object) -> str:
    """Return a text in which no line may end between a number and its unit."""
    return re.sub(r"(?<=\d) (?=m[gL]\b)", "\u00a0", str(text))


JOB_ICONS = {
    "call_today": "phone", "stay": "lock", "silent": "watch", "step": "plan", "consent": "shield",
    "follow_up": "person", "read_today": "info", "review": "calendar", "refill": "pill",
    "second": "people",
    "unsigned": "people",
}  # fmt: skip


# In full: a name that a template looks up in vain costs as much as ten that are there.
NOTHING_WRONG: Final[dict[str, Any]] = {
    "is_here": False,
    "errors": {"outcome": "", "note": "", "all": ""},
    "typed": {"outcome": "", "note": ""},
}


@register.simple_tag
@lru_cache(maxsize=100)
def icon(name: str) -> str:
    """Return a picture of ui/icon.html, made once: a board of a hundred lines holds hundreds."""
    return render_to_string("ui/icon.html", {"name": name})


@register.simple_tag
@lru_cache(maxsize=20)
def level(name: str) -> str:
    """Return the chip of a level, as ui/level.html draws it, made once."""
    return render_to_string("ui/level.html", {"level": name, "label": name.capitalize()})


@register.filter
def job_icon(kind: str) -> str:
    """Return the icon of a kind of task."""
    return JOB_ICONS.get(kind, "info")


@register.filter
def wrong_at(wrong: dict[str, Any] | None, line: str) -> dict[str, Any]:
    """Return what was refused and typed on this line: nothing, in the same shape, elsewhere."""
    if not wrong or wrong.get("line") != line:
        return NOTHING_WRONG
    errors = dict(wrong["errors"])
    first = {name: (errors.get(name) or [""])[0] for name in ("outcome", "note")}
    first["all"] = (errors.get("__all__") or errors.get("") or [""])[0]
    typed = {name: wrong["typed"].get(name, "") for name in ("outcome", "note")}
    return {"is_here": True, "errors": first, "typed": typed}


@register.filter
def pick(values: dict[str, Any], name: str) -> Any:
    """Return the value under a name that a template has in a variable."""
    return values.get(name, "")
