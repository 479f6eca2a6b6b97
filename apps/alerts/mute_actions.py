"""Muting one rule of one patient for a while: by a prescriber, with a reason and an end."""

from datetime import datetime
from typing import Final

from django.db import transaction

from apps.accounts.models import User
from apps.alerts.actions import first_rung_at, muted_until
from apps.alerts.escalation import log, wake_dispatcher
from apps.alerts.models import MUTABLE_GROUPS, MUTABLE_LEVELS, MUTE_AT_MOST, Alert, Mute
from apps.alerts.states import AlertStatus
from apps.audit.actions import record
from apps.clinical.triage import RULES_BY_ID
from apps.patients.models import Patient

MUTABLE_RULES: Final[dict[str, str]] = {
    rule.rule_id: rule.plain
    for rule in RULES_BY_ID.values()
    if rule.group in MUTABLE_GROUPS and rule.level.value in MUTABLE_LEVELS
}


class MuteError(ValueError):
    """This rule cannot be muted so; the text is for the reader."""


def check_can_mute(rule: str, now: datetime, ends_at: datetime) -> None:
    """Raise `MuteError` for a red flag, for no end, and for an end that is too far off."""
    if rule not in MUTABLE_RULES:
        raise MuteError("This rule cannot be muted: it may be a sign of danger.")
    if ends_at <= now:
        raise MuteError("Choose an end in the future.")
    if ends_at - now > MUTE_AT_MOST:
        raise MuteError(f"A rule is muted for {MUTE_AT_MOST.days} days at most.")


@transaction.atomic
def mute_rule(
    *, patient: Patient, rule: str, ends_at: datetime, reason: str, by: User, now: datetime
) -> Mute:
    """Let this rule of this patient tell nobody at once until `ends_at`; the board shows it.

    A rule that is muted already keeps its mute, which is returned. Raises `MuteError`.
    """
    check_can_mute(rule, now, ends_at)
    Patient.objects.select_for_update(no_key=True).get(pk=patient.pk)
    earlier = Mute.objects.filter(patient=patient, rule=rule, ended_at__isnull=True).first()
    if earlier and earlier.ends_at > now:
        return earlier
    if earlier:
        # It ran out by itself. The row says so, and makes room for the new one.
        earlier.ended_at, earlier.ended_by = earlier.ends_at, earlier.created_by
        earlier.save(update_fields=["ended_at", "ended_by"])
    mute = Mute.objects.create(
        clinic_id=patient.clinic_id,
        patient=patient,
        rule=rule,
        rule_group=RULES_BY_ID[rule].group,
        level=RULES_BY_ID[rule].level.value,
        reason=reason,
        starts_at=now,
        ends_at=ends_at,
        created_by=by,
    )
    write_down(mute, "rule.muted", by, now)
    return mute


@transaction.atomic
def end_mute(*, mute: Mute, by: User, now: datetime) -> Mute:
    """Let the rule be heard again from now on. Ending it again changes nothing."""
    mute = Mute.objects.select_for_update(of=("self",)).get(pk=mute.pk)
    if mute.ended_at is None:
        mute.ended_at, mute.ended_by = now, by
        mute.save(update_fields=["ended_at", "ended_by"])
        write_down(mute, "rule.mute_ended", by, now)
        release_muted(mute.patient, now)
    return mute


def release_muted(patient: Patient, now: datetime) -> None:
    """Let the patient's alerts climb that waited for a mute which is over."""
    waiting = Alert.objects.filter(
        patient=patient, status=AlertStatus.OPEN, next_rung=0, muted_until__gt=now
    )
    for alert in waiting.select_for_update(no_key=True, of=("self",)).order_by("pk"):
        alert.muted_until = muted_until(patient, alert.level, alert.rules, now)
        alert.next_rung_at, alert.clock_set_at = first_rung_at(alert, now), now
        alert.save(update_fields=["muted_until", "next_rung_at", "clock_set_at"])
        if alert.muted_until is None:
            log(alert, "The mute was ended: the ladder begins.", now)
    wake_dispatcher()


def write_down(mute: Mute, event: str, by: User, now: datetime) -> None:
    """Add the act to the audit record."""
    record(
        event,
        by=by,
        now=now,
        clinic_id=mute.clinic_id,
        patient_id=mute.patient_id,
        obj=mute,
        rule=mute.rule,
        ends_at=mute.ends_at.isoformat(),
    )
