"""When a clinic is open, and what cover it promises."""

from datetime import date, datetime, time, timedelta
from typing import ClassVar, Final, TypeAlias
from zoneinfo import ZoneInfo

import pgtrigger
from django.db import models
from django.db.models import F, Q

from apps.alerts.models.guards import known
from apps.alerts.models.rota import WEEKDAYS
from apps.patients.models import Clinic

MIDNIGHT: Final = time(0, 0)
# Midnight as the end of a day; Python has no such time, PostgreSQL has.
END_OF = "CASE WHEN {0}.closes = '00:00' THEN time '24:00' ELSE {0}.closes END"
APART = f"""
IF EXISTS (
    SELECT FROM alerts_openinghours h
    WHERE h.clinic_id = NEW.clinic_id AND h.weekday = NEW.weekday AND h.id <> NEW.id
      AND h.opens < {END_OF.format("NEW")} AND NEW.opens < {END_OF.format("h")}
) THEN RAISE EXCEPTION 'Two stretches of one day overlap.';
END IF; RETURN NEW;
"""


class OpeningHours(models.Model):
    """One stretch of one weekday in which the clinic reads and answers, in its own time.

    A day may have several, with a lunch break between. One that closes at 00:00 runs to the end of
    its day; a night is two stretches, to midnight and from midnight.
    """

    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="opening_hours")
    weekday = models.PositiveSmallIntegerField(choices=WEEKDAYS)
    opens = models.TimeField()
    closes = models.TimeField()

    class Meta:
        ordering: ClassVar = ["weekday", "opens"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(closes__gt=F("opens")) | Q(closes=MIDNIGHT), name="hours_close_later"
            ),
            models.CheckConstraint(condition=Q(weekday__lte=6), name="hours_on_a_weekday"),
            models.UniqueConstraint(fields=["clinic", "weekday", "opens"], name="hours_begin_once"),
        ]
        triggers: ClassVar = [
            pgtrigger.Trigger(
                name="hours_apart",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                func=APART,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.opens:%H:%M} to {self.closes:%H:%M}"

    def on(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Return when it begins and ends on this day of its weekday."""
        last = day + timedelta(days=1) if self.closes == MIDNIGHT else day
        opens = datetime.combine(day, self.opens, tzinfo=zone)
        return opens, datetime.combine(last, self.closes, tzinfo=zone)


class ClosedDay(models.Model):
    """A holiday: the clinic does not open, whatever weekday it is."""

    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="closed_days")
    day = models.DateField()
    name = models.CharField(max_length=60)

    class Meta:
        ordering: ClassVar = ["day"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["clinic", "day"], name="closed_once"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.name}"


class CoverKind(models.TextChoices):
    """What the clinic has promised its patients."""

    ALWAYS = "always", "Around the clock"
    OPEN_HOURS = "open_hours", "While the clinic is open"


class CoverPromise(models.Model):
    """Whether somebody is on call around the clock, or while the clinic is open."""

    Cover: TypeAlias = CoverKind

    clinic = models.OneToOneField(
        Clinic, primary_key=True, on_delete=models.CASCADE, related_name="cover_promise"
    )
    cover = models.CharField(max_length=10, choices=Cover, default=Cover.ALWAYS)

    class Meta:
        constraints: ClassVar = [known("cover_known", "cover", CoverKind)]

    def __str__(self) -> str:
        return self.get_cover_display()
