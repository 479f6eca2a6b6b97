"""The clinic overview: what a period came to, nobody named."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from apps.audit.actions import record
from apps.dashboard.overview import Overview, overview_of
from apps.patients.access import member_of, requires
from apps.patients.lists import Listing, show_list
from apps.patients.permissions import Right

PERIODS: Final = ((28, "4 weeks"), (91, "3 months"), (182, "6 months"), (364, "a year"))
COLUMNS: Final = (
    ("Section", "section"), ("Row", "row"), ("Of what", "column"), ("Number", "number"),
)  # fmt: skip
USUAL_DAYS: Final = 91
LONGEST: Final = timedelta(days=5 * 366)
STALE: Final = timedelta(hours=1)


def day_field(label: str) -> forms.DateField:
    """Return a field for one end of the period."""
    return forms.DateField(
        label=label,
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"required": "Choose a day.", "invalid": "Choose a day."},
    )


class PeriodForm(forms.Form):
    """From which day to which."""

    first = day_field("From")
    last = day_field("To")

    def clean(self) -> dict[str, Any]:
        """Refuse an end before the beginning, and more than five years."""
        values = super().clean() or {}
        first, last = values.get("first"), values.get("last")
        if first and last and last < first:
            self.add_error("last", "The last day lies before the first.")
        elif first and last and last - first > LONGEST:
            self.add_error("first", "Choose at most five years.")
        return values


@require_GET
@requires(Right.SEE_PATIENTS)
def overview(request: HttpRequest) -> HttpResponse:
    """Show the overview of a period, the last three months unless told otherwise."""
    member, now = member_of(request), timezone.now()
    form, days, (first, last) = read_period(request, now.astimezone(member.clinic.tz).date())
    small = request.GET.get("small") == "shown"
    shown = overview_of(member.clinic, first, last, show_small=small)
    record("overview.viewed", by=member.user, now=now, clinic_id=member.clinic_id)
    context = {
        "overview": shown, "form": form, "days": days, "periods": PERIODS, "small": small,
        "is_stale": shown.counted_at is None or now - shown.counted_at > STALE,
    }  # fmt: skip
    status = 422 if form.is_bound and form.errors else 200
    listing = Listing("overview", COLUMNS, lambda: numbers_of(shown))
    return show_list(request, listing, "dashboard/overview.html", context, status=status)


def numbers_of(shown: Overview) -> Iterator[dict[str, Any]]:
    """Yield every number of the page's tables, hidden where the page hides it."""
    for section in shown.sections:
        for table in filter(None, (section.table, section.by_time)):
            for first, *cells in table.rows:
                for column, number in zip(table.heads[1:], cells, strict=False):
                    yield {"section": section.title, "row": first, "column": column,
                           "number": number}  # fmt: skip


def read_period(
    request: HttpRequest, today: date
) -> tuple[PeriodForm, int | None, tuple[date, date]]:
    """Return the form, the number of days if it is a usual one, and both ends."""
    asked = request.GET.get("days", "")
    typed = "first" in request.GET or "last" in request.GET
    form = PeriodForm(request.GET if typed else None)
    if typed and form.is_valid():
        return form, None, (form.cleaned_data["first"], form.cleaned_data["last"])
    days = int(asked) if asked in {str(value) for value, _ in PERIODS} else USUAL_DAYS
    ends = (today - timedelta(days=days - 1), today)
    if not typed:
        form = PeriodForm(initial={"first": ends[0], "last": ends[1]})
    return form, days, ends
