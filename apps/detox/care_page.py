"""What the page of care around a stay shows, gathered in a fixed number of queries."""

from datetime import datetime
from typing import Any

from apps.alerts.models import Alert
from apps.checkins.models import CareTask
from apps.clinical.rule_words import rule_words
from apps.detox.guards import level_is_open, level_is_settled, severe_sign_after
from apps.detox.leaving import given_on_by
from apps.patients.models import Patient
from apps.tapers.models import TaperPlan

OPEN_KINDS = ("care_level", "referral", "arrival", "contact", "new_plan", "day_missed", "aftercare",
              "no_unit", "second", "hospital", "paused")  # fmt: skip


def page_of(patient: Patient, now: datetime) -> dict[str, Any]:
    """Return what the page shows of one patient."""
    assessments = list(patient.care_assessments.select_related("assessed_by")[:10])
    referrals = list(patient.referrals.select_related("facility", "sent_by", "stay", "discharge"))
    last = assessments[0] if assessments else None
    has_plan = TaperPlan.objects.active().filter(patient=patient).exists()
    today = now.astimezone(patient.tz).date()
    return {
        "patient": patient,
        "assessments": assessments,
        "assessment": last,
        "has_plan": has_plan,
        "why_not": level_is_open(patient) if has_plan else level_is_settled(patient, now),
        "sign": severe_sign_after(last, patient),
        "referrals": referrals,
        "live": next((row for row in referrals if row.status in ("sent", "accepted", "admitted")),
                     None),
        "discharge": patient.discharges.select_related("recorded_by", "second__signed_by").first(),
        "given_on": patient.given_on.select_related("recorded_by").first(),
        "gives_on": given_on_by(patient, now) is not None,
        "tasks": CareTask.objects.open()
        .filter(patient=patient, kind__in=OPEN_KINDS)
        .select_related("owner"),
        "is_daily": patient.daily_until is not None and today <= patient.daily_until,
        "now": now,
    }  # fmt: skip


def reason_of(alert: Alert | None) -> str:
    """Return why a patient is referred from an alert: what fired, and when, on its clock."""
    if alert is None:
        return ""
    at = alert.opened_at.astimezone(alert.clinic.tz)
    return f"{' '.join(rule_words(alert.rules))} Reported {at:%Y-%m-%d %H:%M} {at.tzname()}."
