"""The writes of what helps beside the taper: therapy, adjunct medicines, the coping plan."""

from datetime import date, datetime
from typing import Final

from django.db import models, transaction

from apps.accounts.models import User
from apps.audit.actions import HasId, record
from apps.clinical.adjuncts import adjunct_warnings, is_opioid
from apps.clinical.detox import NEVER_FOR_TAPERING
from apps.detox.models import AdjunctMedicine, CopingPlan, Therapy, TherapyVisit
from apps.detox.referral_actions import locked
from apps.patients.errors import FieldError
from apps.patients.intake_actions import SectionValues, save_section
from apps.patients.models import Patient, Section
from apps.patients.risk_actions import reassess

TEXTS: Final = ("signs", "helps", "people", "remember")
VERSIONS: Final = 10  # as many are read on a page; every one is kept


class SupportError(FieldError):
    """What cannot be; the text is for the reader."""


class CopingConflict(SupportError):
    """Another coping plan was written meanwhile; `newest` is the one that counts now."""

    def __init__(self, newest: CopingPlan) -> None:
        who = "The patient" if newest.by_the_patient else "A colleague"
        super().__init__(
            f"{who} has written another plan meanwhile. It stands above; take from it what should "
            "stay, then save again."
        )
        self.newest = newest


@transaction.atomic
def refer_to_therapy(
    *, patient: Patient, kind: str, with_whom: str, aim: str, by: User, now: datetime
) -> Therapy:
    """Keep that a patient is referred to treatment (ASAM-18).

    Row and audit row are saved together or not at all; the same that has not ended yet is once.
    """
    patient = locked(patient.pk)
    same = patient.therapies.filter(kind=kind, with_whom=with_whom, ended="").first()
    if same is not None:
        return same
    row = Therapy.objects.create(
        clinic_id=patient.clinic_id, patient=patient, kind=kind, with_whom=with_whom, aim=aim,
        referred_at=now, referred_by=by,
    )  # fmt: skip
    write_down("therapy.referred", row, patient, by, now)
    return row


@transaction.atomic
def record_visit(
    *, therapy: Therapy, held_on: date, came: bool, note: str, by: User, now: datetime
) -> TherapyVisit:
    """Keep whether the patient came on a day. The same twice is once, all or nothing.

    Raises `SupportError` for a day to come, and where something else is on record for it.
    """
    patient = locked(therapy.patient_id)
    if held_on > now.astimezone(patient.tz).date():
        raise SupportError("This day has not come yet.", "held_on")
    found = therapy.visits.filter(held_on=held_on).first()
    if found is not None:
        if (found.came, found.note) == (came, note):
            return found
        raise SupportError("A visit on this day is on record already.", "held_on")
    row = TherapyVisit.objects.create(
        clinic_id=patient.clinic_id, therapy=therapy, held_on=held_on, came=came, note=note,
        recorded_at=now, recorded_by=by,
    )  # fmt: skip
    write_down("therapy.visit_recorded", row, patient, by, now)
    return row


@transaction.atomic
def end_therapy(*, therapy: Therapy, how: str, by: User, now: datetime) -> Therapy:
    """Keep how a therapy ended. Ending it again changes nothing; all or nothing."""
    therapy = Therapy.objects.select_for_update(of=("self",)).select_related("patient").get(
        pk=therapy.pk
    )  # fmt: skip
    if therapy.ended:
        return therapy
    therapy.ended, therapy.ended_at, therapy.ended_by = how, now, by
    therapy.save(update_fields=["ended", "ended_at", "ended_by"])
    write_down("therapy.ended", therapy, therapy.patient, by, now)
    return therapy


def warnings_for(patient: Patient, name: str, now: datetime) -> list[str]:
    """Return what the guideline warns of for a medicine and this patient, with its sources."""
    age = patient.age_on(now.astimezone(patient.tz).date())
    return [f"{each.words} ({each.source})" for each in adjunct_warnings(name, age)]


@transaction.atomic
def add_adjunct(
    *, patient: Patient, name: str, for_what: str, started_on: date, has_read: bool,
    by: User, now: datetime,
) -> AdjunctMedicine:  # fmt: skip
    """Keep a medicine given beside the taper, with the warnings that its prescriber has read.

    What it means for the risk is done with it: the tier is computed anew with what lowers the
    seizure threshold (triage.md section 4), and an opioid stands on the intake as taken, which
    asks for naloxone and shortens the review (W15, ASAM-22). The same that is still given is
    once; all or nothing. Raises `SupportError` for what is never used for tapering (ASAM-21),
    for warnings not read, and for a day to come.
    """
    patient = locked(patient.pk)
    same = patient.adjuncts.filter(name=name, ended_on__isnull=True).first()
    if same is not None:
        return same
    warnings = warnings_for(patient, name, now)
    refused = [each.words for each in NEVER_FOR_TAPERING if any(
        words.startswith(each.words) for words in warnings)]  # fmt: skip
    if refused:
        raise SupportError(f"{refused[0]} (ASAM-21).", "name")
    if warnings and not has_read:
        raise SupportError(f"Read first: {'; '.join(warnings)}.", "has_read")
    if started_on > now.astimezone(patient.tz).date():
        raise SupportError("This day has not come yet.", "started_on")
    row = AdjunctMedicine.objects.create(
        clinic_id=patient.clinic_id, patient=patient, name=name, for_what=for_what,
        warnings=warnings, started_on=started_on, recorded_at=now, recorded_by=by,
    )  # fmt: skip
    write_down("adjunct.added", row, patient, by, now)
    weigh_risk(patient, name, by, now)
    return row


def weigh_risk(patient: Patient, name: str, by: User, now: datetime) -> None:
    """Compute the tier with a medicine that was added; part of the caller's transaction.

    An opioid is written on the intake, and stays there until a person says otherwise.
    """
    if is_opioid(name) and not patient.risk.opioid_rx:
        save_section(
            patient=patient, section=Section.SUBSTANCES, by=by, now=now,
            values=SectionValues(risk={"opioid_rx": True}), based_on=patient.intake_version,
        )  # fmt: skip
        return
    reassess(patient, patient.risk, now)


def given_beside(patient: Patient) -> list[str]:
    """Return the names of what is given beside the taper now; for the tier (ADR 8)."""
    return list(patient.adjuncts.filter(ended_on__isnull=True).values_list("name", flat=True))


@transaction.atomic
def end_adjunct(*, medicine: AdjunctMedicine, by: User, now: datetime) -> AdjunctMedicine:
    """Keep that a medicine is given no more from today. Twice is once; all or nothing.

    Never before the day it began, where the patient has flown west meanwhile. The tier is
    computed anew without it.
    """
    locked(medicine.patient_id)
    rows = AdjunctMedicine.objects.select_for_update(of=("self",)).select_related("patient")
    medicine = rows.get(pk=medicine.pk)
    if medicine.ended_on is not None:
        return medicine
    today = now.astimezone(medicine.patient.tz).date()
    medicine.ended_on, medicine.ended_by = max(medicine.started_on, today), by
    medicine.save(update_fields=["ended_on", "ended_by"])
    write_down("adjunct.ended", medicine, medicine.patient, by, now)
    reassess(medicine.patient, medicine.patient.risk, now)
    return medicine


def newest_and_earlier(patient: Patient) -> tuple[CopingPlan | None, list[CopingPlan]]:
    """Return the coping plan that counts, and the ones before it, newest first. One query."""
    newest, *earlier = patient.coping_plans.select_related("written_by")[:VERSIONS] or [None]
    return newest, [plan for plan in earlier if plan is not None]


def words_of(plan: CopingPlan | None) -> dict[str, str]:
    """Return what a form begins with: the words of a plan, and which one it was."""
    if plan is None:
        return {}
    return {name: getattr(plan, name) for name in TEXTS} | {"based_on": str(plan.pk)}


@transaction.atomic
def write_coping_plan(
    *, patient: Patient, texts: dict[str, str], based_on: str, by: User | Patient, now: datetime
) -> CopingPlan:
    """Keep what helps this patient through a bad hour; the newest is what the patient opens.

    `texts` are signs, helps, people and remember; `based_on` is the id of the plan that the
    writer saw, empty for none; `by` is a member of the team or the patient. The same twice is
    once; all or nothing. Raises `CopingConflict` when somebody has written another meanwhile.
    """
    patient = locked(patient.pk)
    newest = patient.coping_plans.select_related("written_by").first()
    if newest is not None and all(getattr(newest, key) == text for key, text in texts.items()):
        return newest
    if newest is not None and based_on != str(newest.pk):
        raise CopingConflict(newest)
    row = CopingPlan.objects.create(
        clinic_id=patient.clinic_id, patient=patient, written_at=now,
        written_by=by if isinstance(by, User) else None, **texts,
    )  # fmt: skip
    write_down("coping.written", row, patient, by, now)
    return row


def write_down(event: str, row: models.Model, patient: Patient, by: HasId, now: datetime) -> None:
    """Append the audit row: what happened, none of the words."""
    record(event, by=by, now=now, clinic_id=patient.clinic_id, patient_id=patient.pk, obj=row)
