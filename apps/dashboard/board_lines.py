"""Lines of the board as HTML, each drawn once as long as it shows the same.

A board holds a hundred lines and is asked for every other second by everybody on duty,
while hardly any line changes. What a line shows is one value; its HTML is a function of that
value and of the reader's rights, zone and language, and is kept under exactly these: a kept
line can never be out of date, nor another clinic's (docs/adr/0034).
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import get_current_timezone_name
from django.utils.translation import get_language

from apps.alerts.models import Alert
from apps.alerts.states import AlertStatus

# Of the boards of some forty readers; a line is about 3 kB.
KEPT: Final = 4_000
WORDS_SHOWN: Final = 3
# Stands where the reader's own token goes. Drawn by lot, so that nobody can type it into a name.
TOKEN_PLACE: Final = secrets.token_hex(16)


@dataclass(frozen=True, slots=True)
class AlertLine:
    """All that one line of an alert shows."""

    pk: UUID
    reference: str
    level: str
    level_label: str
    status: str
    mark: str
    name: str
    phone: str
    years: int | None
    opened_at: datetime
    age: str
    due_at: datetime
    late_by: str  # empty while it is not late
    act_by: datetime | None  # the clock of who took it
    owner: str
    by_trusted_person: bool
    words: tuple[str, ...]
    more_words: int
    told: str
    told_level: str
    told_detail: str

    @property
    def key(self) -> str:
        """How forms, errors and the script name this line."""
        return f"alert-{self.pk}"

    @property
    def is_open(self) -> bool:
        """Answer whether nobody has it."""
        return self.status == AlertStatus.OPEN


def alert_line(alert: Any) -> AlertLine:
    """Return the line of an alert that `board.decorate` has seen."""
    words, told = alert.summary_lines, alert.delivery_state
    return AlertLine(
        pk=alert.pk,
        reference=alert.reference,
        level=alert.level,
        level_label=alert.get_level_display(),
        status=alert.status,
        mark=alert.mark,
        name=alert.patient.full_name,
        phone=alert.patient.phone,
        years=alert.patient_age,
        opened_at=alert.opened_at,
        age=alert.age,
        due_at=alert.due_at,
        late_by=alert.late_by if alert.late else "",
        act_by=alert.ack_due_at,
        owner=alert.owner.full_name if alert.owner else "",
        by_trusted_person=alert.source_type == "trusted_person",
        words=tuple(words[:WORDS_SHOWN]),
        more_words=max(0, len(words) - WORDS_SHOWN),
        told=told["label"],
        told_level=told["level"],
        told_detail=told["detail"],
    )


@lru_cache(maxsize=KEPT)
def kept(template: str, line: Any, *reader: object) -> str:
    """Return the HTML of a line; `reader` is all that it may show of who reads it."""
    may_handle = bool(reader[0])
    return draw(template, line, may_handle=may_handle, wrong=None)


def draw(template: str, line: Any, *, may_handle: bool, wrong: dict[str, Any] | None) -> str:
    """Return the HTML of a line, with `TOKEN_PLACE` where the token of the page goes.

    `wrong` is what was refused, on this line or another, and what was typed and chosen.
    """
    return render_to_string(
        template,
        {
            "line": line,
            "may_handle": may_handle,
            "wrong": wrong,
            "csrf_token": TOKEN_PLACE,
            "alert_outcomes": Alert.Outcome.choices,
        },
    )


def line_html(
    template: str, line: Any, token: str, *, may_handle: bool, wrong: dict[str, Any] | None
) -> SafeString:
    """Return the HTML of a line for this reader, in the zone and language in force."""
    if wrong:  # what somebody typed is nobody else's
        page = draw(template, line, may_handle=may_handle, wrong=wrong)
    else:
        page = kept(template, line, may_handle, get_current_timezone_name(), get_language())
    return mark_safe(page.replace(TOKEN_PLACE, token))  # noqa: S308
