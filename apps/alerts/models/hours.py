"""When a clinic is open, and what cover it promises."""

from typing import ClassVar, TypeAlias

from django.db import models
from django.db.models import F, Q

from apps.alerts.models.guards import known
from apps.alerts.models.rota import WEEKDAYS
from apps.patients.models import Clinic


class OpeningHours(models.Model):
    """One stretch of one weekday in which the clinic reads and answers, in its own time."""

    clinic = models.ForeignKey(Clinic, on_delete=models.CASCADE, related_name="opening_hours")
    weekday = models.PositiveSmallIntegerField(choices=WEEKDAYS)
    opens = models.TimeField()
    closes = models.TimeField()

    class Meta:
        ordering: ClassVar = ["weekday", "opens"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(closes__gt=F("opens")), name="hours_close_later"),
            models.CheckConstraint(condition=Q(weekday__lte=6), name="hours_on_a_weekday"),
            models.UniqueConstraint(fields=["clinic", "weekday"], name="hours_once_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.get_weekday_display()} {self.opens:%H:%M} to {self.closes:%H:%M}"


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
