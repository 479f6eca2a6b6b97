"""Flags, tasks and messages of the care team, and what was handed out."""

from typing import Any, Final

from apps.alerts.models import Alert, Delivery
from apps.alerts.states import AlertStatus, DeliveryStatus
from apps.checkins.models import CareTask
from apps.exchange.fhir.codes import concept, hl7, local, product_concept
from apps.exchange.fhir.elements import (
    Resource,
    day,
    extension,
    extensions,
    filled,
    moment,
    notes,
    period,
    reference,
    resource,
    staff,
)
from apps.exchange.fhir.record import Record
from apps.tapers.models import Dispensing, PlanHold

# A message is what its row says; what nobody can know is not said.
SENT: Final = {
    DeliveryStatus.PENDING: "preparation", DeliveryStatus.SENDING: "in-progress",
    DeliveryStatus.SENT: "completed", DeliveryStatus.FAILED: "not-done",
    DeliveryStatus.CANCELLED: "stopped",
}  # fmt: skip


def flags(record: Record) -> list[Resource]:
    """Return each alert and each lock of a plan's next reduction."""
    holds = [hold for plan in record.plans for hold in plan.holds.all()]
    return [
        *(alert_flag(record, alert) for alert in record.alerts),
        *(hold_flag(record, hold) for hold in sorted(holds, key=lambda hold: hold.opened_at)),
    ]


def alert_flag(record: Record, alert: Alert) -> Resource:
    """Return one alert: active until a person has documented its end."""
    level = alert.get_level_display()
    over = alert.status == AlertStatus.RESOLVED
    ended = [
        extension("outcome", valueCode=alert.outcome),
        extension("outcome-note", valueString=alert.note),
        extension("closed-by", valueReference=staff(alert.resolved_by)),
    ]
    return resource(
        "Flag", alert.pk,
        extension=extensions(
            extension("level", valueCode=alert.level),
            *(extension("rule", valueCode=rule) for rule in alert.rules), *ended,
        ),
        identifier=[{"system": local("alert-reference", "")["system"], "value": alert.reference}],
        status="inactive" if over else "active",
        category=[concept(hl7("flag-category", "safety", "Safety"))],
        code=concept(local("flag", f"alert-{alert.level}", f"Alert, {level.lower()}")),
        subject=reference("Patient", record.patient.pk),
        period=period(moment(alert.opened_at), moment(alert.resolved_at)),
    )  # fmt: skip


def hold_flag(record: Record, hold: PlanHold) -> Resource:
    """Return one lock of the next reduction. It never changes the dose of today."""
    words = "The next reduction is locked; the dose of today goes on"
    return resource(
        "Flag", hold.pk,
        extension=extensions(
            extension("held-step", valueInteger=hold.held_step),
            extension("hold-action", valueCode=hold.action),
            *(extension("rule", valueCode=rule) for rule in hold.rules),
            extension("outcome-note", valueString=hold.release_reason),
        ),
        status="inactive" if hold.released_at else "active",
        category=[concept(hl7("flag-category", "safety", "Safety"))],
        code=concept(local("flag", "next-reduction-locked", words)),
        subject=reference("Patient", record.patient.pk),
        period=period(moment(hold.opened_at), moment(hold.released_at)),
    )  # fmt: skip


def tasks(record: Record) -> list[Resource]:
    """Return what was to be done, with its owner, its due time and what came of it."""
    return [task(record, row) for row in record.tasks]


def task(record: Record, row: CareTask) -> Resource:
    """Return one task."""
    ended = concept(local("task-outcome", row.outcome, row.get_outcome_display()))
    about = reference("QuestionnaireResponse", row.check_in_id) if row.check_in_id else None
    by_system = {"display": "Glidepath"}
    return resource(
        "Task", row.pk, status=task_status(row), intent="order",
        businessStatus=ended if row.outcome else None,
        code=concept(local("task", row.kind, row.get_kind_display())), description=row.what,
        focus=about, **{"for": reference("Patient", record.patient.pk)},
        executionPeriod=period(moment(row.created_at), moment(row.done_at)),
        authoredOn=moment(row.created_at), lastModified=moment(row.done_at or row.created_at),
        requester=staff(row.created_by) or (None if about else by_system),
        owner=staff(row.done_by or row.owner),
        note=[
            *notes(row.note),
            *({"authorString": each.by.full_name, "time": moment(each.at), "text": each.text}
              for each in row.comments.all()),
        ],
        restriction={"period": period(None, moment(row.due_at))},
    )  # fmt: skip


def task_status(row: CareTask) -> str:
    """Return where a task stands; one that was overtaken is cancelled."""
    if row.outcome == CareTask.Outcome.OVERTAKEN:
        return "cancelled"
    if row.done_at:
        return "completed"
    return "accepted" if row.owner_id else "requested"


def messages_sent(record: Record) -> list[Resource]:
    """Return each message to the staff about an alert and each reminder to the patient."""
    of_alerts = [
        message(record, alert, sent)
        for alert in record.alerts
        for sent in sorted(alert.deliveries.all(), key=lambda row: (row.created_at, row.pk))
    ]
    return [*of_alerts, *reminders(record)]


def message(record: Record, alert: Alert, row: Delivery) -> Resource:
    """Return one message. It held no health word, so there is no content to give."""
    arrived = moment(row.receipt_at) if row.receipt == Delivery.Receipt.DELIVERED else None
    failed = row.status == DeliveryStatus.FAILED
    return resource(
        "Communication", row.pk, status=SENT[DeliveryStatus(row.status)],
        statusReason=concept(text="It could not be delivered.") if failed else None,
        category=[concept(hl7("communication-category", "alert", "Alert"))],
        medium=[concept(local("channel", row.channel, row.get_channel_display()))],
        subject=reference("Patient", record.patient.pk), about=[reference("Flag", alert.pk)],
        sent=moment(row.sent_at), received=arrived,
        recipient=[staff(row.recipient.user)],
        sender=reference("Organization", record.patient.clinic_id),
    )  # fmt: skip


def reminders(record: Record) -> list[Resource]:
    """Return the mails that asked for a check-in. Only their number is kept, not each hour."""
    return [
        resource(
            "Communication", row.pk,
            extension=extensions(
                extension("mails-sent", valueInteger=row.mails_in_all),
                extension("asked-for-check-in", valueDateTime=moment(row.due_at)),
            ),
            status="completed",
            category=[concept(hl7("communication-category", "reminder", "Reminder"))],
            subject=reference("Patient", record.patient.pk),
            about=[reference("QuestionnaireResponse", row.check_in_id)] if row.check_in_id
            else None,
            recipient=[reference("Patient", record.patient.pk)],
            sender=reference("Organization", record.patient.clinic_id),
        )
        for row in record.reminders
    ]  # fmt: skip


def dispenses(record: Record) -> list[Resource]:
    """Return what was handed out; a record that a later one corrects was an error."""
    return [dispense(record, row) for row in record.dispensings]


def dispense(record: Record, row: Dispensing) -> Resource:
    """Return one product handed out on one day."""
    was_wrong = hasattr(row, "correction") or not row.quantity
    by = staff(row.recorded_by)
    return resource(
        "MedicationDispense", row.pk,
        extension=extensions(
            extension("next-pickup-on", valueDate=day(row.next_pickup_on)),
            extension("recorded-at", valueInstant=moment(row.recorded_at)),
            *([extension("corrects", valueReference=reference(
                "MedicationDispense", row.corrects_id))] if row.corrects_id else []),
        ),
        status="entered-in-error" if was_wrong else "completed",
        medicationCodeableConcept=product_concept(row.product),
        subject=reference("Patient", record.patient.pk),
        performer=[{"actor": by}] if by else None,
        quantity=amount(row), daysSupply={"value": row.days, "unit": "d"},
        whenHandedOver=day(row.dispensed_on), note=notes(row.note),
    )  # fmt: skip


def amount(row: Dispensing) -> dict[str, Any]:
    """Return how much: pieces, or millilitres of a liquid."""
    unit = "mL" if "mg/mL" in row.product else "pieces"
    return filled({"value": row.quantity.normalize() + 0, "unit": unit})
