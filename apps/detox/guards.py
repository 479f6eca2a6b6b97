"""What stands in the way of a plan's start and end, as far as levels of care and units know.

Registered with apps.tapers at start (ADR 8): the plan asks, without knowing who answers.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef

from apps.alerts.ladder import Level
from apps.alerts.models import Alert
from apps.checkins.models import policy_of
from apps.detox.models import CareAssessment, Discharge, Referral, ReferralStep
from apps.detox.states import LIVE, ReferralStatus
from apps.patients.models import Patient, RiskProfile
from apps.tapers.models import TaperPlan
from apps.tapers.taken import Known, Told

NOT_ANSWERED = (
    "Answer the level-of-care questions first (ASAM-07): they stand under “Care” on the patient's "
    "page."
)
INPATIENT = (
    "The level of care on record is inpatient. Refer the patient to a unit, or answer the "
    "questions again; another decision needs your reason."
)
NO_DISCHARGE = (
    "This plan was left for a hospital, and no discharge since says that nothing is taken any "
    "more. Record the discharge under “Care” first. If some is still taken, make a new plan for "
    "the rest: nobody may be left to stop at once (ASAM-03)."
)
NO_SECOND = (
    "A unit says that none is taken any more after a short stay. Until a second prescriber has "
    "signed that under “Care”, it is a stop at once (ASAM-03). If some is taken, make a plan for "
    "the rest."
)
STILL_ADMITTED = (
    "{} has this patient, by the record. Under “Care” record the discharge: it asks what is still "
    "taken. If the patient was never there, withdraw the admission with a reason."
)
# What pages of the clinic say is taken until then.
NONE_UNSIGNED = "none, says the unit; a second prescriber has not signed"


def severe_sign_after(last: CareAssessment | None, patient: Patient) -> Alert | None:
    """Return the last emergency alert after the level of care was answered, or of all.

    It asks for the questions again.

    ASAM does not define severe withdrawal by a number (INP-02), so every emergency counts
    [proposal].
    """
    red = Alert.objects.filter(patient=patient, level=Level.EMERGENCY)
    if last is not None:
        red = red.filter(opened_at__gt=last.assessed_at)
    return red.order_by("-opened_at").first()


def level_is_settled(patient: Patient, now: datetime) -> str:
    """Return why a plan may not start yet: the level of care is open, old, or not outpatient."""
    return level_is_open(patient) or level_is_old(patient, now)


def level_is_old(patient: Patient, now: datetime) -> str:
    """Return why the last answers let no plan start any more: they are of too long ago."""
    last = patient.care_assessments.first()
    days = policy_of(patient.clinic_id).care_level_days
    if last is None or now - last.assessed_at <= timedelta(days=days):
        return ""
    return (
        f"The level of care was answered more than {days} days ago. Answer the questions again "
        "under “Care”: what was right then may not be now."
    )


def inpatient_stands(patient_id: UUID, since: datetime, due: datetime) -> str:
    """Refuse a cut while the level of care is inpatient: a gate of reductions (ADR 8).

    Until a discharge, or another decision with its reason.
    """
    rows = CareAssessment.objects.filter(patient_id=patient_id, assessed_at__lt=due)
    last = rows.order_by("-assessed_at").first()
    if last is None or last.decided != CareAssessment.Level.INPATIENT:
        return ""
    home = Discharge.objects.filter(patient_id=patient_id, recorded_at__lt=due)
    is_home = home.filter(recorded_at__gte=last.assessed_at).exists()
    return "" if is_home else "The level of care is inpatient."


def followed_at_home(patient_id: UUID, since: datetime, due: datetime) -> str:
    """Refuse a cut of somebody the clinic does not follow at home, or who waits for a unit.

    A gate of reductions (ADR 8). A hold ends with the next decision; this stands for as long as
    a referral is live, or was at the moment the cut was due, and until the patient is active.
    """
    patient = Patient.objects.get(pk=patient_id)
    if patient.status != Patient.Status.ACTIVE:
        status = patient.get_status_display().lower()
        return f"The patient is “{status}”: no cut begins until they are active again."
    over_before = ReferralStep.objects.filter(
        referral=OuterRef("pk"), at__lt=due, status__in=set(ReferralStatus) - set(LIVE)
    )
    stood = Referral.objects.filter(patient_id=patient_id, sent_at__lt=due).exclude(
        Exists(over_before)
    )
    live = Referral.objects.live().filter(patient_id=patient_id)
    row = (live | stood).select_related("facility").first()
    return "" if row is None else f"A referral to {row.facility} is not over."


def level_is_open(patient: Patient) -> str:
    """Return what stands against outpatient care now, however old the answers are."""
    last = patient.care_assessments.first()
    if last is None:
        return NOT_ANSWERED
    if last.decided == CareAssessment.Level.INPATIENT:
        discharge = patient.discharges.first()
        if discharge is None or discharge.recorded_at < last.assessed_at:
            return INPATIENT
    sign = severe_sign_after(last, patient)
    if sign is not None:
        return (
            f"Alert {sign.reference} came after the level of care was last answered. Answer the "
            "questions again under “Care”."
        )
    if patient.risk.tier == RiskProfile.Tier.HIGH and last.tier != RiskProfile.Tier.HIGH:
        return "The seizure risk is high since the level of care was answered. Answer it again."
    return ""


def discharge_says_none(plan: TaperPlan) -> str:
    """Return why a plan left for a hospital may not end: no discharge says nothing is taken."""
    if is_overtaken(plan):
        return ""
    discharge = plan.patient.discharges.first()
    if discharge is None or plan.left_at is None or discharge.recorded_at < plan.left_at:
        return NO_DISCHARGE
    if discharge.awaits_second:
        return NO_SECOND
    if discharge.is_none_settled:
        return ""
    return (
        f"At discharge the patient still took {discharge.taken}. Make a plan for the rest and put "
        "it in force; then this one can end: nobody is left to stop at once (ASAM-03)."
    )


def unit_said(patient: Patient) -> Told | None:
    """Return what the newest discharge says is taken, None where nothing is and that is settled.

    "None" after a short stay is words, and no last dose, until a second prescriber has signed.
    """
    discharge = patient.discharges.order_by("-recorded_at").first()
    if discharge is None or discharge.is_none_settled:
        return None
    return Told(discharge.taken or NONE_UNSIGNED, discharge.recorded_at)


def taken_again(patient: Patient) -> Told | None:
    """Return what is taken since use began again, None where it did not or has ended since."""
    row = patient.restarts.first()
    if row is None or row.last_dose_on is not None:
        return None
    return Told(row.taken, row.recorded_at, Known.RESTART)


def still_admitted(patient: Patient, now: datetime) -> str:
    """Return why a patient does not count as home: a unit has them, by the record."""
    row = patient.referrals.filter(status=ReferralStatus.ADMITTED).select_related("facility")
    found = row.first()
    return STILL_ADMITTED.format(found.facility) if found is not None else ""


def is_overtaken(plan: TaperPlan) -> bool:
    """Answer whether a plan of since took the place of one that was left for a hospital."""
    return plan.left_at is not None and planned_since(plan.patient, plan.left_at)


def planned_since(patient: Patient, at: datetime, until: datetime | None = None) -> bool:
    """Answer whether what was taken at `at` got a plan: one in force since, or left after it began.

    What such a plan left the patient on is its own word (`apps.tapers.taken`). One that ended
    before its first day gave nothing, and takes nothing's place. `until`: a plan put in force
    since then counts not yet.
    """
    plans = patient.plans.filter(activated_at__gt=at).select_related("in_force")
    if until is not None:
        plans = plans.filter(activated_at__lte=until)
    return any(each.status == TaperPlan.Status.ACTIVE or has_begun(each, patient) for each in plans)


def has_begun(plan: TaperPlan, patient: Patient) -> bool:
    """Answer whether the first day of a plan had come when it was left."""
    if plan.left_at is None or plan.in_force is None:
        return False
    left_on = plan.left_at.astimezone(patient.tz).date()
    return plan.in_force.steps.filter(number=1, start_on__lte=left_on).exists()


def left_in_hospital(patient: Patient) -> TaperPlan | None:
    """Return the plan that was left for a hospital last, where none of since took its place."""
    plans = patient.plans.filter(status=TaperPlan.Status.INPATIENT)
    plan: TaperPlan | None = plans.order_by("-left_at").first()
    return None if plan is None or is_overtaken(plan) else plan
