"""The plan as an iCalendar file (RFC 5545). Pure: a schedule in, bytes out.

Every step is one event of whole days that repeats daily. Days without a time of day are
the same in every zone, so no clock change and no journey can move a dose to another day.
"""

from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from icalendar import Calendar, Event, vDuration

from apps.exchange.words import slots_line
from apps.tapers.schedule import Schedule, ScheduleStep

REFRESH = timedelta(hours=6)  # [proposal]


def calendar_file(schedule: Schedule | None, *, with_names: bool, site: str) -> bytes:
    """Return the calendar in the active language; without a plan in force it is empty.

    The same schedule gives the same bytes, so that its hash can be its ETag.
    """
    calendar = Calendar()
    calendar.add("prodid", "-//Glidepath//Plan//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", _("My plan"))
    calendar.add("refresh-interval", vDuration(REFRESH), parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT6H")
    if schedule is not None:
        stamp = schedule.version.enactment.at.replace(microsecond=0)
        for step in schedule.steps:
            calendar.add_component(
                event_of(schedule, step, with_names=with_names, stamp=stamp, site=site)
            )
    return bytes(calendar.to_ical())


def event_of(
    schedule: Schedule, step: ScheduleStep, *, with_names: bool, stamp: datetime, site: str
) -> Event:
    """Return a step as an event; its id stays when the plan moves it to other days."""
    event = Event()
    event.add("uid", f"{schedule.plan.pk}-{step.number}@{site}")
    event.add("dtstamp", stamp)
    event.add("sequence", schedule.version.number)
    event.add("dtstart", step.start_on)
    event.add("dtend", step.start_on + timedelta(days=1))
    if step.end_on is not None:
        event.add("rrule", {"freq": "daily", "until": step.end_on})
    elif not step.is_zero:
        event.add("rrule", {"freq": "daily"})
    event.add("summary", summary(step, with_names=with_names))
    event.add("transp", "TRANSPARENT")
    event.add("class", "PRIVATE")
    return event


def summary(step: ScheduleStep, *, with_names: bool) -> str:
    """Return what to take, in one line; the medicine's name only when the patient asked for it.

    Two medicines at once cannot be told apart without their names: then the line says to
    look at the plan instead.
    """
    if step.is_zero:
        return _("No tablets any more")
    if len(step.drugs) > 1 and not with_names:
        return _("Two medicines today: look at your plan")
    return slots_line(step, with_names=with_names)
