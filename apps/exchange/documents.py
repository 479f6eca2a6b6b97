"""The papers of a plan: what each says, as data for the typesetter.

All are drawn from one `Schedule`, the read behind the patient's page too.
"""

from datetime import date, datetime, timedelta
from typing import Any

from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.clinical.doses import plain
from apps.exchange.pharmacy import SupplyLine, supply_lines, totals
from apps.exchange.typeset import pdf
from apps.exchange.words import products_line, slot_line
from apps.tapers.methods_words import method_words
from apps.tapers.schedule import Schedule, ScheduleStep

DAYS_A_WEEK = 7
MOST_MONTHS = 12  # later ones would change before they are reached


def calendar_pdf(schedule: Schedule, language: str) -> bytes:
    """Return the plan as a wall calendar in a language, one line per time of day."""
    with translation.override(language):
        return pdf("calendar", calendar_data(schedule, language))


def calendar_data(schedule: Schedule, language: str) -> dict[str, Any]:
    """Return what the calendar says, in the active language."""
    patient, today = schedule.patient, schedule.today
    note = _("Your dose stays the same for now.") if schedule.waits else ""
    if today is not None and today.is_zero:
        note = _("You take none of this medicine any more.")
    return {
        "title": _("Your plan, day by day"),
        "lang": language,
        "clinic": patient.clinic.name,
        "lead": _("For %(name)s. Printed on %(day)s.")
        % {"name": patient.full_name, "day": long_day(schedule.day)},
        "footer": footer(schedule),
        "today": {
            "title": f"{_('Today')}, {long_day(schedule.day)}"
            if today
            else _("Your plan starts on %(day)s. Until then, take what you take now.")
            % {"day": long_day(schedule.steps[0].start_on)},
            "note": note,
            "slots": slots_data(today) if today else [],
        },
        "notes": calendar_notes(schedule),
        "weekdays": weekday_names(),
        "months": months_of(schedule),
    }


def calendar_notes(schedule: Schedule) -> list[str]:
    """Return what a reader has to know about dates that are still to come."""
    if schedule.waits:
        return [_("Your care team will tell you when it changes.")]
    notes = []
    if schedule.coming:
        notes.append(
            _(
                "A step starts only if you have checked in and your care team has not paused the "
                "plan. If you are not sure, stay at the dose of today and call us."
            )
        )
    if goes_on_after(schedule):
        notes.append(_("The plan goes on after this calendar. Ask us for the next one."))
    return notes


def goes_on_after(schedule: Schedule) -> bool:
    """Answer whether something is taken, or still changes, after the last printed month."""
    steps = schedule.from_today
    if not steps:
        return False
    first, last = max(schedule.day, steps[0].start_on), steps[-1].start_on
    months = (last.year - first.year) * 12 + last.month - first.month
    return months >= MOST_MONTHS or not steps[-1].is_zero


def slots_data(step: ScheduleStep) -> list[dict[str, Any]]:
    """Return a day's doses with pictures and words."""
    return [
        {
            "name": slot.name,
            "parts": [{"words": part.words, "svg": str(part.picture)} for part in slot.portions],
        }
        for slot in step.slots
    ]


def months_of(schedule: Schedule) -> list[dict[str, Any]]:
    """Return the months from today to that of the last step, but no more than a year."""
    if not schedule.from_today:
        return []
    first = max(schedule.day, schedule.from_today[0].start_on)
    last = end_of_month(max(first, schedule.from_today[-1].start_on))
    months: list[dict[str, Any]] = []
    day = first.replace(day=1)
    while day <= last and len(months) < MOST_MONTHS:
        months.append(month_of(schedule, day, first))
        day = end_of_month(day) + timedelta(days=1)
    return months


def month_of(schedule: Schedule, first_of_month: date, begin: date) -> dict[str, Any]:
    """Return a month as rows of seven cells, Sunday first; days before `begin` say nothing."""
    blank = {"day": "", "mark": "", "lines": []}
    cells = [blank] * ((first_of_month.weekday() + 1) % DAYS_A_WEEK)
    day = first_of_month
    while day <= end_of_month(first_of_month):
        cells.append(cell_of(schedule, day, begin))
        day += timedelta(days=1)
    cells += [blank] * (-len(cells) % DAYS_A_WEEK)
    return {"title": date_format(first_of_month, "F Y"), "cells": cells}


def cell_of(schedule: Schedule, day: date, begin: date) -> dict[str, Any]:
    """Return one day: its number, whether the dose is new, and a line per time of day."""
    step = schedule.step_on(day) if day >= begin else None
    if step is None:
        return {"day": str(day.day), "mark": "", "lines": []}
    with_names = len(step.drugs) > 1
    lines = [slot_line(slot, with_names=with_names) for slot in step.slots]
    is_new = step.start_on == day and step.number > 1
    return {
        "day": str(day.day),
        "mark": _("new") if is_new else "",
        "lines": lines or [_("none")],
    }


def pharmacy_pdf(schedule: Schedule, now: datetime) -> bytes:
    """Return the sheet for the pharmacy, in English: a line per step and product."""
    with translation.override("en"):
        return pdf("pharmacy", pharmacy_data(schedule, now))


def pharmacy_data(schedule: Schedule, now: datetime) -> dict[str, Any]:
    """Return what the pharmacy sheet says."""
    lines = supply_lines(schedule)
    goes_on = [line for line in lines if line.goes_on]
    notes = [
        f"Step {line.step} has no last day yet: the quantity is for {line.days} days."
        for line in goes_on[:1]
    ]
    if schedule.waits:
        notes.append("The next change of dose waits for the prescriber.")
    return english_base(schedule, "Pharmacy sheet") | {
        "facts": patient_facts(schedule),
        "lines": [line_data(line) for line in lines],
        "totals": [
            [name, count_of(used, "mL" if "mg/mL" in name else "")]
            for name, used in totals(lines).items()
        ],
        "notes": notes,
    }


def line_data(line: SupplyLine) -> dict[str, str]:
    """Return one line as text."""
    used = "" if line.used == line.to_dispense else f"uses {plain(line.used)}"
    return {
        "step": str(line.step), "first": iso_words(line.first),
        "last": "until changed" if line.goes_on else iso_words(line.last),
        "days": str(line.days), "product": line.product, "sig": line.sig,
        "quantity": count_of(line.to_dispense, line.unit), "used": used,
    }  # fmt: skip


def count_of(quantity: Any, unit: str) -> str:
    """Return a quantity with its unit, if it has one."""
    return f"{plain(quantity)} {unit}".strip()


def letter_pdf(schedule: Schedule, now: datetime) -> bytes:
    """Return the letter to other clinicians, in English."""
    with translation.override("en"):
        return pdf("letter", letter_data(schedule, now))


def letter_data(schedule: Schedule, now: datetime) -> dict[str, Any]:
    """Return what the letter says: the plan as signed, and who signed it."""
    version, today, tz = schedule.version, schedule.today, schedule.patient.tz
    dose = f"{today.dose} a day in all" if today else "not begun yet"
    signed = [
        f"{signature.signer}, {iso_words(signature.signed_at.astimezone(tz).date())}: "
        f"“{signature.get_meaning_display()}.”"
        for signature in version.signatures.select_related("signer")
    ]
    paragraphs = [
        f"This patient is on a plan to lower the dose: {method_words(version.request)}. "
        "Please do not stop the medicine at once, and do not change the dose without asking us.",
    ]
    if schedule.waits:
        paragraphs.append(
            "The dose of today goes on for now. The next change waits for the prescriber."
        )
    return english_base(schedule, "Clinic letter") | {
        "date": iso_words(schedule.day),
        "phone": f"Phone {schedule.patient.clinic.phone}",
        "facts": [*patient_facts(schedule), ["Dose today", dose]],
        "paragraphs": paragraphs,
        "steps": [step_data(step) for step in schedule.from_today],
        "signed": [*signed, f"Content {version.content_hash[:16]}, version {version.number}."],
    }


def step_data(step: ScheduleStep) -> dict[str, str]:
    """Return one row of the letter's table."""
    return {
        "number": str(step.number), "first": iso_words(step.start_on),
        "last": iso_words(step.end_on) if step.end_on else "goes on",
        "daily": step.dose, "slots": products_line(step) or "none",
    }  # fmt: skip


def english_base(schedule: Schedule, title: str) -> dict[str, Any]:
    """Return what every English paper begins with."""
    return {
        "title": title, "lang": "en", "clinic": schedule.patient.clinic.name,
        "footer": footer(schedule),
    }  # fmt: skip


def patient_facts(schedule: Schedule) -> list[list[str]]:
    """Return who the paper is about and which plan it shows."""
    patient, version = schedule.patient, schedule.version
    return [
        ["Patient", f"{patient.full_name}, born {iso_words(patient.birth_date)}"],
        ["Reference", patient.reference],
        ["Plan", f"version {version.number}, in force from "
                 f"{iso_words(version.enactment.at.astimezone(patient.tz).date())}"],
        ["Printed", iso_words(schedule.day)],
    ]  # fmt: skip


def footer(schedule: Schedule) -> str:
    """Return the last line of every page: whose paper, which version, whom to call."""
    clinic = schedule.patient.clinic
    return _("%(clinic)s, phone %(phone)s · %(reference)s · version %(version)s") % {
        "clinic": clinic.name, "phone": clinic.phone, "reference": schedule.patient.reference,
        "version": schedule.version.number,
    }  # fmt: skip


def long_day(day: date) -> str:
    """Return a day in the active language, such as "Monday, November 23"."""
    return date_format(day, pgettext("date format", "l, F j"))


def iso_words(day: date) -> str:
    """Return a day that nobody can read in two ways: 7 Dec 2026."""
    return f"{day.day} {day:%b %Y}"


def end_of_month(day: date) -> date:
    """Return the last day of a day's month."""
    following = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return following - timedelta(days=1)


def weekday_names() -> list[str]:
    """Return the days of the week in the active language, Sunday first."""
    sunday = date(2026, 11, 22)
    return [date_format(sunday + timedelta(days=n), "l") for n in range(DAYS_A_WEEK)]
