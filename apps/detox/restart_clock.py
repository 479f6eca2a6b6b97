"""The clock on use that began again: asked about until a plan meets it, closed by hand or not."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from apps.checkins.clock_tasks import open_clock_task
from apps.checkins.models import CareTask
from apps.detox.leaving import given_on_by, going_on
from apps.detox.models import Restart
from apps.detox.referral_actions import locked
from apps.detox.restart_actions import ASKED_NEXT, QUESTIONS, end_questions, looks_of
from apps.detox.turns import in_turn
from apps.patients.models import Patient
from apps.patients.moving import Found
from apps.tapers.models import TaperPlan

ASK_AGAIN: Final = timedelta(days=7)  # [proposal] as of use that goes on without a plan
WITHIN: Final = timedelta(days=3)  # [proposal] as for a look at W17


def restarts_unmet() -> Found:
    """Return followed patients who took some again, by a restart, and have no open task.

    But one about another drug, which waits beside it. And those on a plan by now whose task
    about it is open.
    """
    own = OuterRef("pk")
    tasks = looks_of(own).filter(done_at__isnull=True)
    on_plan = Exists(TaperPlan.objects.active().filter(patient=own))
    rows = Patient.objects.filter(Exists(Restart.objects.filter(patient=own)))
    unmet = Q(~on_plan, ~Exists(tasks), last_dose_on__isnull=True)
    met = Q(on_plan, Exists(tasks.filter(title__in=QUESTIONS)))
    return in_turn("restarts", rows.filter(unmet | met, status=Patient.Status.ACTIVE))


@transaction.atomic
def ask_about_restart(patient_id: UUID, now: datetime) -> bool:
    """Ask anew what was agreed, a week after somebody closed the last question.

    At once after one that silence took the place of.
    A plan in force, or another doctor who gives it on, meets the restart; an intake told anew
    does not. What came of each question stays with its task.
    """
    patient = locked(patient_id)
    tasks = looks_of(patient)
    if TaperPlan.objects.active().filter(patient=patient).exists():
        end_questions(patient, now)
        return False
    if tasks.filter(done_at__isnull=True).exists():
        return False
    rows = going_on(patient)
    if not rows or patient.status != Patient.Status.ACTIVE or given_on_by(patient, now):
        return False
    newest = rows[0]
    asked = tasks.filter(created_at__gte=newest.recorded_at, title__in=QUESTIONS)
    last = asked.order_by("-created_at").first()
    if last is not None and last.was_answered_within(ASK_AGAIN, now):
        return False
    title, _ = ASKED_NEXT[Restart.Next(newest.agreed)]
    source = uuid5(last.pk if last else newest.pk, "again")
    return open_clock_task(patient, CareTask.Kind.AFTERCARE, source, now + WITHIN, now, title=title)
