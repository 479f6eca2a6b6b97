"""Writes of the own pages: invite, begin, consent, preferences, and taking it all back."""

from datetime import datetime, time, timedelta
from typing import Any, Final

from django.db import transaction

from apps.accounts.models import User
from apps.accounts.tokens import hash_token
from apps.audit.actions import HasId, record
from apps.checkins.link_actions import revoke_links
from apps.checkins.models import CareTask, CheckInSchedule
from apps.checkins.models.task import USUAL_TIME
from apps.checkins.reminder_actions import look_again, prove_address, set_schedule
from apps.checkins.task_actions import ask_for
from apps.exchange.actions import revoke_feed
from apps.patients.models import Patient
from apps.portal import outbox
from apps.portal.consent import VERSION, text_hash
from apps.portal.models import Consent, Invitation, PatientSession, PortalMail, TrustedPerson
from apps.portal.research_actions import end_research
from apps.portal.tokens import link_token

INVITATION_LIFETIME: Final = timedelta(days=7)  # [proposal]
INVITED: Final = "portal:invited"


class InviteError(ValueError):
    """This patient cannot be invited so; the text is for the reader."""


def lock_patient(patient: Patient) -> Patient:
    """Return the patient locked: invitation, consent and revocation come one after another."""
    rows = Patient.objects.select_for_update(no_key=True, of=("self",)).select_related("clinic")
    return rows.get(pk=patient.pk)


@transaction.atomic
def invite_patient(*, patient: Patient, address: str, by: User | None, now: datetime) -> Invitation:
    """Ask a patient by mail to begin; the invitation before stops working.

    Another address than before takes back every way in: whoever read the old mailbox is
    not the patient. Address, invitation, mail and audit row are saved together or not at
    all. Raises `InviteError` when the address is that of another patient of the clinic.
    """
    patient = lock_patient(patient)
    address = address.strip()
    check_can_invite(patient, address)
    if address.lower() != patient.email.lower():
        if patient.email:
            take_back_everything(patient, by, now)
        patient.email = address
        patient.save(update_fields=["email"])
        look_again(patient, now)
        write_down("patient.address_changed", patient, patient, by, now)
    old = Invitation.objects.live().filter(patient=patient)
    outbox.cancel(PortalMail.objects.filter(invitation__in=old), now)
    old.update(revoked_at=now)
    invitation = Invitation(
        clinic_id=patient.clinic_id, patient=patient, created_at=now, created_by=by,
        expires_at=now + INVITATION_LIFETIME,
    )  # fmt: skip
    invitation.token_hash = hash_token(link_token(INVITED, invitation.pk))
    invitation.save(force_insert=True)
    outbox.put(patient, now, invitation=invitation)
    write_down("portal.invited", invitation, patient, by, now)
    return invitation


def check_can_invite(patient: Patient, address: str) -> None:
    """Raise `InviteError` unless an invitation may go to this address."""
    if patient.status == Patient.Status.DECEASED:
        raise InviteError("This patient is marked as deceased. No mail is sent.")
    others = Patient.objects.filter(clinic_id=patient.clinic_id, email__iexact=address)
    if others.exclude(pk=patient.pk).exists():
        raise InviteError(
            "Another patient of this clinic has this address. Each needs an address of their own, "
            "or they would see each other's pages."
        )


@transaction.atomic
def begin(*, invitation: Invitation, now: datetime) -> PatientSession | None:
    """Open the way to consent from an invitation's link; None when it leads nowhere any more.

    With a consent in force the link opens nothing: then only a code does.
    """
    invitation = Invitation.objects.select_for_update().get(pk=invitation.pk)
    agreed = Consent.objects.in_force().filter(patient=invitation.patient_id)
    if not invitation.works(now) or agreed.exists():
        return None
    if invitation.begun_at is None:
        invitation.begun_at = now
        invitation.save(update_fields=["begun_at"])
    session = PatientSession.objects.create(
        patient_id=invitation.patient_id, kind=PatientSession.Kind.ENROL, created_at=now,
        last_seen_at=now,
    )  # fmt: skip
    write_down("portal.begun", invitation, invitation.patient, invitation.patient, now)
    return session


@transaction.atomic
def give_consent(*, patient: Patient, language: str, now: datetime) -> Consent:
    """Record that the patient agreed to the words of today's version, and when.

    Agreeing again changes nothing. Who agrees came by the invitation to their address, so it is
    theirs and reminders may go there; not to one that staff wrote since `patient` was read. Mails
    that ended with a consent taken back are on again: the page that follows can turn them off.
    """
    came_by, patient = patient.email, lock_patient(patient)
    existing = Consent.objects.in_force().filter(patient=patient).first()
    if existing is not None:
        return existing
    had_agreed = Consent.objects.filter(patient=patient).exists()
    consent = Consent.objects.create(
        clinic_id=patient.clinic_id, patient=patient, version=VERSION, language=language,
        text_hash=text_hash(language, emergency=patient.clinic.emergency_number), given_at=now,
    )  # fmt: skip
    write_down("consent.given", consent, patient, patient, now, version=VERSION)
    if had_agreed:
        set_schedule(
            patient=patient, remind_at=remind_at(patient), wants_mail=True, by=patient, now=now
        )
    if patient.email == came_by:
        prove_address(patient, now)
    return consent


@transaction.atomic
def withdraw_consent(*, patient: Patient, now: datetime) -> bool:
    """Take consent back: no mail from now on, trusted people's links end, the clinic is told.

    A yes to research ends too: who wants no more of this has not said that they want that. The
    patient stays signed in, to read what it means and to take their data. Consent, reminders,
    links, the clinic's task and audit rows change together; taking it back again changes nothing
    and returns False.
    """
    patient = lock_patient(patient)
    consent = Consent.objects.in_force().filter(patient=patient).first()
    if consent is None:
        return False
    consent.withdrawn_at = now
    consent.save(update_fields=["withdrawn_at"])
    patient.email_proved = ""
    patient.save(update_fields=["email_proved"])
    set_schedule(
        patient=patient, remind_at=remind_at(patient), wants_mail=False, by=patient, now=now
    )
    end_trusted(patient, None, now)
    end_research(patient, None, now)
    revoke_feed(patient=patient, by=None, now=now)
    ask_for(patient=patient, kind=CareTask.Kind.CONSENT, now=now)
    write_down("consent.withdrawn", consent, patient, patient, now)
    return True


@transaction.atomic
def set_preferences(*, patient: Patient, wishes: dict[str, Any], now: datetime) -> bool:
    """Store language, zone, reminders and what the calendar may say; False if nothing changes.

    `wishes` holds language, time_zone, calendar_names_drug, remind_at and wants_mail.
    """
    patient = lock_patient(patient)
    schedule = CheckInSchedule.objects.filter(patient=patient).first()
    own = {key: wishes[key] for key in ("language", "time_zone", "calendar_names_drug")}
    changed = [key for key, value in own.items() if getattr(patient, key) != value]
    asked = (wishes["remind_at"], wishes["wants_mail"])
    if not changed and schedule and (schedule.remind_at, schedule.wants_mail) == asked:
        return False
    for key in changed:
        setattr(patient, key, own[key])
    if changed:
        patient.save(update_fields=changed)
    if "time_zone" in changed:
        look_again(patient, now)
    if "calendar_names_drug" in changed:
        # What an address shows was fixed when it was made: the patient makes another.
        revoke_feed(patient=patient, by=None, now=now)
    set_schedule(patient=patient, remind_at=asked[0], wants_mail=asked[1], by=patient, now=now)
    write_down("portal.preferences_set", patient, patient, patient, now, changed=sorted(changed))
    return True


@transaction.atomic
def revoke_everything(*, patient: Patient, by: User | None, now: datetime) -> dict[str, int]:
    """End every way in at once: a lost phone, a read mailbox. Returns how many of each.

    Check-in links, sessions, invitations, codes, trusted people's links, the calendar's
    address and the mails that still carry one stop together, from the next request on.
    Doing it again finds nothing, changes nothing and writes nothing.
    """
    return take_back_everything(lock_patient(patient), by, now)


def take_back_everything(patient: Patient, by: User | None, now: datetime) -> dict[str, int]:
    """Do the same for a patient whose row the caller has locked."""
    found = {
        "check_in_links": revoke_links(patient, now),
        "sessions": patient.own_sessions.filter(ended_at__isnull=True).update(ended_at=now),
        "codes": patient.sign_in_codes.filter(ended_at__isnull=True).update(ended_at=now),
        "invitations": patient.invitations.live().update(revoked_at=now),
        "trusted_people": end_trusted(patient, by, now),
        "calendars": int(revoke_feed(patient=patient, by=by, now=now)),
    }
    outbox.cancel(patient.portal_mails, now)
    if any(found.values()):
        write_down("portal.revoked", patient, patient, by, now, **found)
    return found


def end_trusted(patient: Patient, by: User | None, now: datetime) -> int:
    """End the links of every trusted person; part of the caller's transaction."""
    live = TrustedPerson.objects.live().filter(patient=patient)
    outbox.cancel(PortalMail.objects.filter(trusted__in=live), now)
    return live.update(revoked_at=now, revoked_by=by)


def remind_at(patient: Patient) -> time:
    """Return when the patient likes to be asked."""
    schedule = CheckInSchedule.objects.filter(patient=patient).first()
    return schedule.remind_at if schedule else USUAL_TIME


def write_down(
    event: str, obj: HasId, patient: Patient, by: HasId | None, now: datetime, **details: Any
) -> None:
    """Append the audit row of one act; the actor of what a patient does is the patient."""
    record(
        event, by=by, now=now, clinic_id=patient.clinic_id, patient_id=patient.pk, obj=obj,
        **details,
    )  # fmt: skip


@transaction.atomic
def revoke_every_invitation(now: datetime) -> int:
    """Take back each invitation that still opens the way to consent, as after a restore."""
    return Invitation.objects.live().filter(expires_at__gt=now).update(revoked_at=now)
