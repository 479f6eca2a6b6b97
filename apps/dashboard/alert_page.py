"""What the alert's page shows, gathered in a fixed number of queries."""

from datetime import datetime
from typing import Any, Final

from apps.alerts.models import Alert, Delivery, Mute
from apps.alerts.mute_actions import MUTABLE_RULES
from apps.audit.models import AuditEvent
from apps.checkins.advice import advice_for
from apps.checkins.as_given import answer_rows, fired_rows
from apps.checkins.models import CheckIn
from apps.checkins.no_mail import no_mail_to_mend
from apps.dashboard.views import decorate, plan_summary, rights_of
from apps.patients.models import StaffMember
from apps.patients.permissions import Right, may

LATER_SHOWN: Final = 3
VIEWS_SHOWN: Final = 40
# So many of the newest unless the reader asks for all.
LINES_SHOWN: Final = 30
TOLD_SHOWN: Final = 12
UNFOLDED: Final = 5
STEPS_SHOWN: Final = 4


def page_of(
    alert: Alert, reader: StaffMember, now: datetime, *, everything: bool = False
) -> dict[str, Any]:
    """Return what the page shows of the alert, its patient and its plan.

    `everything` shows the whole timeline and all who were told, however long they are.
    """
    decorate(alert, now)
    lines_shown, told_shown = (None, None) if everything else (LINES_SHOWN, TOLD_SHOWN)
    lines, has_earlier = newest(timeline(alert, lines_shown), lines_shown)
    told, told_earlier = newest(told_of(alert, told_shown), told_shown)
    check_in = CheckIn.objects.select_related("triage").filter(pk=alert.source_id).first()
    later = later_check_ins(alert, check_in)
    plan = plan_summary(alert.patient, now)
    return {
        "alert": alert,
        "patient": alert.patient,
        "check_in": check_in,
        "answers": answer_rows(check_in) if check_in else [],
        "changed": changed_answers(check_in, later),
        "later": later,
        "fired": fired_rows(check_in) if check_in else [],
        "advice_shown": advice_for(check_in, alert.clinic) if check_in else [],
        "plan_summary": plan,
        "steps": steps_around(plan),
        "deliveries": told,
        "told_earlier": told_earlier,
        "events": lines,
        "newest_events": lines[-4:] if len(lines) > UNFOLDED else lines,
        "has_earlier": has_earlier,
        "everything": everything,
        "mutes": list(
            Mute.objects.in_force(now).filter(patient=alert.patient).select_related("created_by")
        ),
        "may_mute": may(reader, Right.MUTE_RULES) and bool(set(alert.rules) & set(MUTABLE_RULES)),
        "no_mail_to_mend": no_mail_to_mend(alert.patient),
        "rights": rights_of(reader),
        "may_change_plan": may(reader, Right.ACTIVATE_PLANS),
        "is_mine": alert.owner_id == reader.user_id,
        "now": now,
    }


def later_check_ins(alert: Alert, check_in: CheckIn | None) -> list[CheckIn]:
    """Return the patient's newest check-ins after the one that raised the alert."""
    if check_in is None:
        return []
    newer = CheckIn.objects.filter(
        patient_id=alert.patient_id,
        questionnaire=check_in.questionnaire,
        received_at__gt=check_in.received_at,
    )
    return list(newer.select_related("triage").order_by("-received_at")[:LATER_SHOWN])


def changed_answers(check_in: CheckIn | None, later: list[CheckIn]) -> list[dict[str, Any]]:
    """Return where the newest later check-in says something else, beside the original words.

    A correction never withdraws an alert: both are shown.
    """
    if check_in is None or not later:
        return []
    before = {row["key"]: row for row in answer_rows(check_in)}
    after = {row["key"]: row for row in answer_rows(later[0])}
    return [
        {
            "label": after[key]["label"],
            "was": before[key]["value"] if key in before else "",
            "now": after[key]["value"],
        }
        for key in after
        if key not in before or before[key]["value"] != after[key]["value"]
    ]


def steps_around(plan: dict[str, Any] | None) -> list[Any]:
    """Return the last steps of the plan up to the one in force, and the next."""
    if plan is None:
        return []
    current = plan["current"].number if plan["current"] else 1
    first = current - STEPS_SHOWN + 2
    return [step for step in plan["steps"] if first <= step.number <= current + 1]


def newest(rows: list[Any], limit: int | None) -> tuple[list[Any], bool]:
    """Return the last of the rows, and whether there are earlier ones."""
    return (rows, False) if limit is None else (rows[-limit:], len(rows) > limit)


def told_of(alert: Alert, limit: int | None) -> list[Delivery]:
    """Return the newest messages about the alert with their tries, one more than the limit."""
    rows = alert.deliveries.select_related("recipient__user").prefetch_related("tries")
    return list(rows.order_by("-created_at", "-way")[: limit and limit + 1])[::-1]


def timeline(alert: Alert, limit: int | None) -> list[dict[str, Any]]:
    """Return the newest of what happened to the alert, oldest first: {at, who, text, note, kind}.

    Events tell the machinery's part, acts hold people's own words, views come from the
    audit record. Looking at a page again within the same minute is one line.
    """
    notes = {(act.at, act.by_id): act for act in alert.acts.select_related("by", "given_to")}
    rows: list[dict[str, Any]] = []
    for event in alert.events.select_related("by").order_by("-at", "-id")[: limit and limit + 1]:
        act = notes.get((event.at, event.by_id)) if event.by_id else None
        rows.append(
            {
                "at": event.at,
                "who": event.by.full_name if event.by else "",
                "text": event.text,
                "note": act.note if act else "",
                "kind": "act" if event.by_id else "system",
            }
        )
    return sorted(rows[::-1] + views_of(alert), key=lambda row: row["at"])


def views_of(alert: Alert) -> list[dict[str, Any]]:
    """Return who opened the page and when, from the audit record."""
    looks = AuditEvent.objects.filter(
        patient_id=alert.patient_id, event="alert.viewed", object_id=alert.pk
    ).order_by("-at")[:VIEWS_SHOWN]
    seen: dict[tuple[Any, datetime], datetime] = {}
    for look in looks:
        seen[look.actor_id, look.at.replace(second=0, microsecond=0)] = look.at
    names = dict(
        StaffMember.objects.filter(
            clinic_id=alert.clinic_id, user_id__in={actor for actor, _ in seen}
        ).values_list("user_id", "user__full_name")
    )
    return [
        {"at": at, "who": names.get(actor, "Somebody"), "text": "Opened the page.", "kind": "view"}
        for (actor, _), at in seen.items()
    ]
