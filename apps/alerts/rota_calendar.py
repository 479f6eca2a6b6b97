"""From a weekly pattern and its exceptions to spans of duty. Pure, no database, no clock.

A pattern is in the clinic's own time, spans are in UTC: a night from 20:00 to 08:00 is
11 hours long when the clocks go forward and 13 when they go back.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """One person on one rung from one instant to another."""

    starts_at: datetime
    ends_at: datetime
    rung: str
    member_id: UUID


@dataclass(frozen=True, slots=True)
class Turn:
    """One line of the weekly pattern; one that ends before it starts ends the next day."""

    rung: str
    member_id: UUID
    weekday: int
    starts: time
    ends: time


@dataclass(frozen=True, slots=True)
class Change:
    """An exception: `away_id` is replaced by `member_id`; either may be nobody."""

    rung: str
    away_id: UUID | None
    member_id: UUID | None
    starts_at: datetime
    ends_at: datetime


def spans_of(
    turns: Sequence[Turn], changes: Iterable[Change], zone: ZoneInfo, first: date, last: date
) -> list[Span]:
    """Return every span that begins on the local days from `first` to `last`, by time."""
    days = [first + DAY * count for count in range((last - first).days + 1)]
    spans = [
        span_on(turn, day, zone) for day in days for turn in turns if turn.weekday == day.weekday()
    ]
    for change in changes:
        spans = apply(change, spans)
    return sorted(spans)


def span_on(turn: Turn, day: date, zone: ZoneInfo) -> Span:
    """Return what a turn is on one local day."""
    end_day = day if turn.ends > turn.starts else day + DAY
    return Span(
        starts_at=datetime.combine(day, turn.starts, tzinfo=zone).astimezone(UTC),
        ends_at=datetime.combine(end_day, turn.ends, tzinfo=zone).astimezone(UTC),
        rung=turn.rung,
        member_id=turn.member_id,
    )


def apply(change: Change, spans: list[Span]) -> list[Span]:
    """Return the spans with one exception applied: cut out, and given to the other person."""
    if change.away_id is None:
        if change.member_id is None:
            return spans
        return [*spans, Span(change.starts_at, change.ends_at, change.rung, change.member_id)]
    result = []
    for span in spans:
        starts = max(span.starts_at, change.starts_at)
        ends = min(span.ends_at, change.ends_at)
        if (span.rung, span.member_id) != (change.rung, change.away_id) or starts >= ends:
            result.append(span)
            continue
        if span.starts_at < starts:
            result.append(replace(span, ends_at=starts))
        if ends < span.ends_at:
            result.append(replace(span, starts_at=ends))
        if change.member_id is not None:
            result.append(Span(starts, ends, change.rung, change.member_id))
    return result


def gaps_in(
    spans: Iterable[tuple[datetime, datetime]], start: datetime, end: datetime
) -> list[tuple[datetime, datetime]]:
    """Return the stretches between `start` and `end` that no span covers."""
    gaps = []
    covered_to = start
    for starts_at, ends_at in sorted(spans):
        if starts_at > covered_to:
            gaps.append((covered_to, min(starts_at, end)))
        covered_to = max(covered_to, ends_at)
        if covered_to >= end:
            return [gap for gap in gaps if gap[0] < gap[1]]
    gaps.append((covered_to, end))
    return [gap for gap in gaps if gap[0] < gap[1]]
