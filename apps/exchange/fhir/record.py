"""The rows of one patient, fetched once and only those that are asked for."""

from collections.abc import Iterable
from datetime import date, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import Q

from apps.accounts.models import User
from apps.alerts.models import Alert
from apps.audit.models import AuditEvent
from apps.audit.reading import rows_about
from apps.checkins.models import CareTask, CheckIn, Reminder
from apps.detox.models import Round
from apps.exchange.models import KeptResource, RecordImport
from apps.patients.models import Medication, Patient, RiskProfile
from apps.tapers.models import Dispensing, TaperPlan
from apps.tapers.schedule import Schedule, schedule_from
from apps.tapers.taken import Taken, taken_now
from apps.tapers.today import Today, plan_today


class Record:
    """What the resources of a patient are made from, as it stands at `now`.

    Each kind of row is one fetch however many there are; a kind that nobody asks for is none.
    """

    def __init__(self, patient: Patient, now: datetime) -> None:
        self.patient = patient
        self.now = now

    @cached_property
    def medication(self) -> Medication | None:
        """The medicine to be tapered, as the intake has it."""
        return Medication.objects.filter(patient=self.patient).first()

    @cached_property
    def risk(self) -> RiskProfile | None:
        """The answers about risk."""
        return RiskProfile.objects.filter(patient=self.patient).first()

    @cached_property
    def plans(self) -> list[TaperPlan]:
        """Every plan with its versions, steps, tablets, signatures and holds."""
        plans = self.patient.plans.select_related("created_by", "activated_by").order_by(
            "created_at", "pk"
        )
        parts = (
            "versions__steps__pieces", "versions__signatures__signer", "versions__enactment",
            "versions__created_by", "holds__released_by",
        )  # fmt: skip
        return list(plans.prefetch_related(*parts))

    @cached_property
    def today(self) -> Today | None:
        """How the plan in force stands, with its tablets."""
        return plan_today(self.patient, self.now, pieces=True)

    @cached_property
    def schedule(self) -> Schedule | None:
        """What every paper says of the plan in force: a locked plan promises no later step."""
        return schedule_from(self.today) if self.today else None

    @cached_property
    def taken(self) -> Taken:
        """What is taken now and who says so, as every page has it."""
        return taken_now(self.patient, self.now, self.today)

    @cached_property
    def check_ins(self) -> list[CheckIn]:
        """Every check-in with what was made of it, also what is only kept."""
        rows = CheckIn.as_given.filter(patient=self.patient).select_related("triage")
        return list(rows.order_by("received_at", "pk"))

    @cached_property
    def rounds(self) -> list[Round]:
        """Every round of a stay with a CIWA-B score."""
        rows = Round.objects.filter(stay__patient=self.patient, anchors__isnull=False)
        return list(rows.select_related("by").order_by("at", "pk"))

    @cached_property
    def alerts(self) -> list[Alert]:
        """Every alert with the messages about it."""
        rows = self.patient.alerts.select_related("owner", "resolved_by")
        return list(rows.prefetch_related("deliveries__recipient__user").order_by("opened_at"))

    @cached_property
    def tasks(self) -> list[CareTask]:
        """Every task with its conversation."""
        rows = self.patient.care_tasks.select_related("owner", "done_by", "created_by")
        return list(rows.prefetch_related("comments__by").order_by("created_at", "pk"))

    @cached_property
    def reminders(self) -> list[Reminder]:
        """Every window for which a mail left."""
        rows = self.patient.reminders.filter(Q(mails_sent__gt=0) | ~Q(mailed_to=[]))
        return list(rows.order_by("due_at", "pk"))

    @cached_property
    def dispensings(self) -> list[Dispensing]:
        """Everything handed out."""
        rows = self.patient.dispensings.select_related("recorded_by", "correction")
        return list(rows.order_by("dispensed_on", "recorded_at"))

    @cached_property
    def events(self) -> list[AuditEvent]:
        """Who did or saw what."""
        return rows_about(self.patient.pk, self.patient.clinic_id)[::-1]

    @cached_property
    def actors(self) -> dict[UUID, str]:
        """The names of those who did."""
        wanted: Iterable[UUID] = {row.actor_id for row in self.events if row.actor_id}
        return dict(User.objects.filter(pk__in=wanted).values_list("pk", "full_name"))

    @cached_property
    def brought_on(self) -> date:
        """The day in the clinic's zone on which the record came from elsewhere.

        Raises `RecordImport.DoesNotExist` for one that began here.
        """
        found = RecordImport.objects.select_related("clinic").get(patient=self.patient)
        return found.imported_at.astimezone(found.clinic.tz).date()

    def kept(self, kinds: Iterable[str] | None) -> dict[str, list[dict[str, Any]]]:
        """Return what another record brought in, of these types or of all, as it came."""
        rows = KeptResource.objects.filter(patient=self.patient).order_by("position")
        if kinds is not None:
            rows = rows.filter(kind__in=kinds)
        found: dict[str, list[dict[str, Any]]] = {}
        for kind, body in rows.values_list("kind", "body"):
            found.setdefault(kind, []).append(body)
        return found
