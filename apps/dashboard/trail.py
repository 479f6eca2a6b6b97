"""The audit record as people read it: who did or saw what, and when."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from apps.accounts.models import User
from apps.alerts.models import Delivery
from apps.audit.models import AuditEvent
from apps.patients.models import Patient, StaffMember
from apps.programs.models import Program

PER_PAGE: Final = 100
EXPORT_AT_MOST: Final = 50_000
SYSTEM: Final = "Glidepath itself"
COLUMNS: Final = (
    ("number", "number"), ("when", "at"), ("who", "who"), ("what", "what"), ("event", "event"),
    ("patient", "patient.reference"), ("more", "more"),
)  # fmt: skip

# What an event is called; any other is shown by its own name.
WORDS: Final[dict[str, str]] = {
    "access.refused": "Asked for something and was refused",
    "access.opened": "Broke the glass",
    "alert.viewed": "Saw the alert",
    "alert.opened": "The alert was raised",
    "alert.acknowledged": "Took the alert",
    "alert.act_documented": "Wrote down what was done",
    "alert.handed_over": "Handed the alert over",
    "alert.plan_held": "Held the plan from the alert",
    "alert.reopened": "Opened the alert again",
    "alert.resolved": "Closed the alert",
    "audit.viewed": "Read the audit record",
    "audit.exported": "Exported the audit record",
    "legal_hold.ended": "Ended a legal hold",
    "legal_hold.set": "Set a legal hold",
    "legal_hold.viewed": "Saw the legal holds",
    "alerts.listed": "Read the list of alerts",
    "care.viewed": "Saw level of care and referrals",
    "clinic.entered": "Changed to this clinic from another",
    "clinic.left": "Changed from this clinic to another",
    "check_in.sent_in": "Sent in a check-in",
    "check_in.viewed": "Saw a check-in as answered",
    "intake.history_viewed": "Saw who changed the intake",
    "intake.viewed": "Saw the intake",
    "outcome.viewed": "Saw how far the patient has come",
    "trail.viewed": "Saw the patient named in the audit record",
    "page.viewed": "Saw a page about the patient",
    "patient.viewed": "Saw the patient's page",
    "plan.previewed": "Worked a plan out",
    "plan.reviewed": "Saw the review of a step",
    "portal.access_viewed": "Saw the patient's ways in",
    "program.agreed": "Agreed to a program in their name",
    "program.ended": "Shut a program out",
    "program.let_in": "Let a program in",
    "program.secret_ended": "A program's secret ended with its person's proofs or access",
    "program.token_given": "A program got a token",
    "referral.viewed": "Saw a referral",
    "reviews.viewed": "Saw the reviews",
    "stay.viewed": "Saw a stay",
    "supply.viewed": "Saw the supply",
    "task.viewed": "Saw a task",
    "patient.registered": "Registered the patient",
    "fhir.read": "A program read by FHIR",
    "fhir.searched": "A program searched by FHIR",
    "record.brought_viewed": "Saw what came with the record from elsewhere",
    "record.imported": "Brought the record in from elsewhere",
    "record.erased": "The record was removed",
    "record.erased_again": "The record was removed again after a restore",
    "record.erasure_signed": "Signed for the removal of records",
    "record.erasure_withdrawn": "Withdrew a removal of records",
    "record.exported": "Took the whole record along as FHIR",
    "record.kept": "The record was kept although its removal was signed",
    "research.consent_given": "Said yes to research",
    "research.consent_withdrawn": "Took the yes to research back",
    "research.exported": "Took rows without identities for research",
    "retention.viewed": "Looked at which records are due",
    "retention_rules.changed": "Changed how long records are kept",
    "sign_in.done": "Signed in",
    "sign_in.ended": "Signed out",
    "sign_in.failed": "A sign-in failed",
    "staff.invited": "Invited somebody to the staff",
    "staff.joined": "Joined the staff",
    "staff.role_changed": "Changed a role",
    "staff.role_asked": "Asked a clinical lead for a role",
    "staff.role_agreed": "Agreed to a role",
    "staff.role_refused": "Refused a role",
    "staff_mail.sent": "A mail about access left",
    "staff_mail.not_sent": "A mail about access could not be sent",
    "restore.access_ended": "Sessions, codes and secrets ended after a restore",
    "staff.deactivated": "Ended somebody's access",
    "staff.proofs_forgotten": "Let somebody begin again with password and second factor",
    "staff.reactivated": "Gave the access back",
    "worklist.read": "Read the board",
    "board.viewed": "Saw the patient on the board",
    "caseload.viewed": "Saw a page of the caseload",
    "caseload.exported": "Took the caseload as a file",
    "duties.viewed": "Saw the patient's standing orders",
    "decisions.viewed": "Saw which plans wait",
    "hand_over.viewed": "Saw the hand-over of a shift",
    "open_alerts.exported": "Took the open alerts as a file",
    "review_list.viewed": "Saw which reviews are due",
    "run_outs.viewed": "Saw whose medicine runs out",
    "tasks.viewed": "Saw the list of tasks",
    "holds.viewed": "Saw the legal holds",
    "removed.viewed": "Saw a signed removal",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the record, with names in place of ids."""

    number: int | None
    at: datetime
    who: str
    member_id: UUID | None
    what: str
    event: str
    patient: Patient | None
    more: str


def lines_of(events: Iterable[AuditEvent], clinic_id: UUID) -> list[Line]:
    """Return the rows in words; four queries for the names, however many rows there are."""
    rows = list(events)
    actors = {row.actor_id for row in rows if row.actor_id is not None}
    names = dict(User.objects.filter(pk__in=actors).values_list("pk", "full_name"))
    staff = StaffMember.objects.filter(clinic_id=clinic_id, user_id__in=actors)
    members = dict(staff.values_list("user_id", "pk"))
    patients = Patient.objects.in_bulk({row.patient_id for row in rows} - {None})
    programs = programs_of(rows, clinic_id)
    return [
        Line(
            row.pk,
            row.at,
            who(names, row) + programs.get(row.details.get("program", ""), ""),
            members.get(row.actor_id) if row.actor_id else None,
            words_for(row.event),
            row.event,
            patients.get(row.patient_id),
            details_of(row.details),
        )
        for row in rows
    ]


def who(names: dict[UUID, str], row: AuditEvent) -> str:
    """Return who did it."""
    return names.get(row.actor_id, SYSTEM) if row.actor_id else SYSTEM


def programs_of(rows: list[AuditEvent], clinic_id: UUID) -> dict[str, str]:
    """Return what to add to the name of who acted through a program, by the program's id."""
    ids = {row.details["program"] for row in rows if "program" in row.details}
    if not ids:
        return {}
    found = Program.objects.filter(clinic_id=clinic_id, pk__in=ids)
    return {str(key): f", through {name}" for key, name in found.values_list("pk", "name")}


def words_for(event: str) -> str:
    """Return what an event is called."""
    return WORDS.get(event) or event.replace(".", ": ", 1).replace("_", " ").capitalize()


def details_of(details: dict[str, Any]) -> str:
    """Return the details on one line; they hold ids, states and numbers only.

    Of a list it says how many patients and alerts were on it: who the others are is in their own
    trails.
    """
    told = {
        key: len(value) if key in ("patients", "alerts") else _plain(value)
        for key, value in details.items() if value != []
    }  # fmt: skip
    return ", ".join(f"{key}: {value}" for key, value in told.items())


def messages_of(told: Iterable[Delivery]) -> list[Line]:
    """Return the messages about an alert as lines: to whom, when, and what became of them."""
    return [
        Line(
            None,
            each.sent_at or each.failed_at or each.created_at,
            each.recipient.user.full_name,
            each.recipient_id,
            f"Was told: {each.get_status_display().lower()}",
            f"delivery.{each.status}",
            each.alert.patient,
            ", ".join(part for part in (
                f"rung: {each.get_rung_display()}", f"way: {each.get_channel_display()}",
                f"written at: {each.created_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
                f"tries: {each.attempts}",
                each.receipt and f"receipt: {each.get_receipt_display()}",
            ) if part),
        )
        for each in told
    ]  # fmt: skip


def newest_first(line: Line) -> tuple[datetime, int]:
    """Return by what lines are ordered, the newest last; a message comes after what raised it."""
    return line.at, sys.maxsize if line.number is None else line.number


def _plain(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def of_clinic(clinic_id: UUID) -> Any:
    """Return the clinic's rows, newest first."""
    return AuditEvent.objects.filter(clinic_id=clinic_id).order_by("-pk")
