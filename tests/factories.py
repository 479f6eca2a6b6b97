"""Valid objects in one line each, made by the real actions. All people are fictional."""

import itertools
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from allauth.mfa.utils import decrypt
from django.core.cache import cache
from django.utils import timezone

from apps.accounts.models import Invitation, User
from apps.alerts.actions import open_alert
from apps.alerts.contact_actions import add_contact, confirm_contact
from apps.alerts.emails import contact_code
from apps.alerts.gateway_actions import add_gateway
from apps.alerts.models import (
    Alert,
    ClosedDay,
    ContactMethod,
    Gateway,
    Mute,
    RotaChange,
    Shift,
    WeeklyTurn,
)
from apps.alerts.mute_actions import mute_rule
from apps.alerts.rota_actions import add_closed_day, add_turns, change_rota
from apps.audit.actions import record
from apps.audit.models import AuditEvent
from apps.checkins.actions import submit_check_in
from apps.checkins.models import CareTask, CheckIn, StandingDuty
from apps.checkins.standing_actions import add_order, start_duty
from apps.checkins.supply_actions import record_dispensing
from apps.clinical.questionnaires import LATEST, get_questionnaire
from apps.dashboard.staff_actions import invite_staff
from apps.detox.care_actions import assess_care, suggestion
from apps.detox.models import (
    AdjunctMedicine,
    CareAssessment,
    CopingPlan,
    DoseRecord,
    Facility,
    Referral,
    Stay,
    Therapy,
)
from apps.detox.referral_actions import refer_patient, save_facility
from apps.detox.stay_actions import begin_stay, record_dose
from apps.detox.support_actions import add_adjunct, refer_to_therapy, write_coping_plan
from apps.patients.actions import register_patient
from apps.patients.models import RISK_FLAGS, Clinic, Patient, Role, StaffMember
from apps.portal.models import TrustedPerson
from apps.portal.trusted_actions import invite_trusted
from apps.programs.actions import agree_to_program, give_token, let_program_in
from apps.programs.models import Program
from apps.programs.scopes import Scope, beyond
from apps.retention.models import ErasureDecision
from apps.tapers.actions import create_plan
from apps.tapers.actions_signing import sign_plan, sign_second
from apps.tapers.approvals import Approvals
from apps.tapers.models import Dispensing, TaperPlan
from apps.tapers.signable import Seen, Signing

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
REPORT_SECRET = "whsec_c2VjcmV0IG9mIGEgdGVzdCBnYXRld2F5"  # "secret of a test gateway"
ZONE = "America/New_York"
PASSWORD = "a long test password"
numbers = itertools.count(1)

# Every mandatory question answered, nothing wrong.
CALM = {
    "dose_taken": "yes_all",
    "seizure": "no",
    **dict.fromkeys(
        (
            "s_anx", "s_restless", "s_shaky", "s_sweat", "s_stomach",
            "s_jerks", "s_senses", "s_fog", "s_mood", "s_sleep",
        ),
        1,
    ),
    "red_flags": ("none",),
    "alcohol_drinks": 0,
    "other_drugs": "none",
    "si": "no",
}  # fmt: skip
SEIZURE = CALM | {"seizure": "yes"}


def today() -> date:
    """Return the day it is for the patients made here: in the evening not yet that of UTC."""
    return timezone.localdate(timezone=ZoneInfo(ZONE))


def make_clinic(name: str = "Larkspur Clinic", **fields: Any) -> Clinic:
    """Return a clinic."""
    values = {"phone": "555-0100", "after_hours_phone": "555-0199"} | fields
    return Clinic.objects.create(name=f"{name} {next(numbers)}", **values)


def make_member(clinic: Clinic, role: str = Role.NURSE, name: str = "") -> StaffMember:
    """Return a member of staff with a user of their own."""
    number = next(numbers)
    user = User.objects.create_user(
        email=f"staff{number}@clinic.example",
        full_name=name or f"{Role(role).label} {number}",
        password=PASSWORD,
    )
    # Signing in needs a second factor; a page test should not have to enrol first.
    TOTP.activate(user, generate_totp_secret())
    return StaffMember.objects.create(clinic=clinic, user=user, role=role)


def proof_of(member: StaffMember) -> dict[str, str]:
    """Return what this person types to sign: password and the code of their app, not used yet."""
    code = code_of(member.user)
    app = TOTP(Authenticator.objects.get(user=member.user, type="totp"))
    cache.delete(app._get_used_cache_key(code))
    return {"password": PASSWORD, "code": code}


def code_of(user: User) -> str:
    """Return what the person's authenticator app shows now; good for another half minute."""
    secret = decrypt(Authenticator.objects.get(user=user, type="totp").data["secret"])
    counters = list(yield_hotp_counters_from_time())
    return format_hotp_value(hotp_value(secret, counters[len(counters) // 2]))


def make_invitation(
    by: StaffMember,
    email: str = "new@clinic.example",
    role: str = Role.NURSE,
    *,
    now: datetime = NOW,
) -> Invitation:
    """Return an invitation to the inviter's clinic."""
    return invite_staff(
        clinic=by.clinic, email=email, role=role, by=by.user, now=now, agreement="The director."
    )


def make_program(
    member: StaffMember, *scopes: str, agreed: bool = True, now: datetime = NOW
) -> Program:
    """Return a program that acts in this person's name, for all they may do unless told."""
    wanted = scopes or [each for each in Scope.values if not beyond(member, [each])]
    program = let_program_in(
        member=member, name=f"Program {next(numbers)}",
        scopes=list(wanted or [Scope.WORKLIST_READ]), by=member.user, now=now,
    )  # fmt: skip
    if agreed:
        agree_to_program(program=program, by=member.user, now=now)
    return program


def token_for_program(program: Program, *scopes: str, now: datetime | None = None) -> str:
    """Return a token that works now."""
    chosen = list(scopes or program.scopes)
    return give_token(program=program, scopes=chosen, now=now or timezone.now())


def make_patient(
    clinic: Clinic,
    *,
    now: datetime = NOW,
    slots: dict[str, str] | None = None,
    drug_id: str = "clonazepam",
    risk: dict[str, bool | None] | None = None,
    medication: dict[str, Any] | None = None,
    **person: Any,
) -> Patient:
    """Return a registered patient taking 2 mg of clonazepam a day unless told otherwise.

    Every risk question is answered no; `risk` changes that, None is not asked. An address is one
    that its owner proved.
    """
    doses = slots or {"morning": "1", "night": "1"}
    values = {
        "given_name": "Wren",
        "family_name": f"Testperson{next(numbers)}",
        "birth_date": date(1980, 5, 17),
        "email": "",
        "phone": "555-0123",
        "emergency_contact": "",
        "language": "en",
        "time_zone": ZONE,
    } | person
    patient = register_patient(
        clinic=clinic,
        person=values,
        medication={
            "drug_id": drug_id,
            "pattern": "daily",
            "taken_months": 24,
            "dose_confirmed": True,
            **{f"{slot}_mg": Decimal(mg) for slot, mg in doses.items()},
            **(medication or {}),
        },
        risk={"other_medicines_asked": True} | dict.fromkeys(RISK_FLAGS, False) | (risk or {}),
        by=None,
        now=now,
    )
    if patient.email:  # as whoever has agreed by a mail to it
        patient.email_proved = patient.email
        patient.save(update_fields=["email_proved"])
    return patient


def plan_request(patient: Patient, **changes: Any) -> dict[str, Any]:
    """Return a request for a plan that the guideline allows."""
    return {
        "drug": patient.medication.drug_id,
        "slots": {slot: f"{mg.normalize():f}" for slot, mg in patient.medication.slots.items()},
        "method": {"kind": "percent_of_current", "percent": "10"},
        "interval_days": 14,
        "start_on": "2026-11-02",
        "goal_mg": "1",
        **changes,
    }


def make_plan(patient: Patient, by: User, *, now: datetime = NOW, **changes: Any) -> TaperPlan:
    """Return a draft plan of a patient whose level of care is answered."""
    request = plan_request(patient, **changes)
    if not patient.care_assessments.exists():
        make_care_level(patient, by, now=now)
    return create_plan(patient=patient, request=request, reason="First plan", by=by, now=now)


def make_care_level(
    patient: Patient, by: User, *, now: datetime = NOW, **changes: Any
) -> CareAssessment:
    """Return answers to the level-of-care questions: no to all, outpatient."""
    answers = dict.fromkeys(("harm", "unmanageable", "severe_withdrawal"), False)
    decided = suggestion(patient, **answers).level.value
    values: dict[str, Any] = {**answers, "decided": decided, "sign_off": ""} | changes
    return assess_care(patient=patient, by=by, now=now, **values)


def make_facility(clinic: Clinic, by: User, *, now: datetime = NOW, **changes: Any) -> Facility:
    """Return a unit of the clinic's directory, with beds of its own unless told otherwise."""
    values: dict[str, Any] = {
        "name": f"Alder Ward {next(numbers)}", "phone": "555-0177", "address": "1 Alder Way",
        "takes": "Adults.", "answer_hours": 4, "arrive_hours": 24, "is_own": True,
        "is_preferred": False, "is_active": True,
    } | changes  # fmt: skip
    return save_facility(clinic=clinic, facility=None, values=values, by=by, now=now)


def make_referral(patient: Patient, by: User, *, now: datetime = NOW, **changes: Any) -> Referral:
    """Return a referral that was sent."""
    facility = changes.pop("facility", None) or make_facility(patient.clinic, by, now=now)
    values = {"reason": "Severe withdrawal.", "how": "phone"} | changes
    return refer_patient(patient=patient, facility=facility, by=by, now=now, **values)


def make_stay(patient: Patient, by: User, *, now: datetime = NOW, hours: int = 4) -> Stay:
    """Return a stay in a bed of the clinic's own."""
    referral = make_referral(patient, by, now=now)
    return begin_stay(referral=referral, bed="2", round_hours=hours, by=by, now=now)


def make_dose(stay: Stay, by: User, *, now: datetime = NOW, **changes: Any) -> DoseRecord:
    """Return a signed line of a stay's record."""
    values: dict[str, Any] = {
        "kind": "given", "medicine": "phenobarbital", "amount": "as ordered, 1 tablet",
        "route": "by mouth", "ordered_by": "Dr. Unit", "at": now, "sedation": 0, "breaths": 14,
        "held_because": "", "note": "",
    } | changes  # fmt: skip
    return record_dose(
        stay=stay, submission_id=uuid4(), values=values, signed_with="password", by=by, now=now
    )


def make_therapy(patient: Patient, by: User, *, now: datetime = NOW) -> Therapy:
    """Return a referral to CBT for insomnia."""
    return refer_to_therapy(
        patient=patient, kind="cbt_i", with_whom="Dr. Night, 555-0144", aim="Sleep.", by=by,
        now=now,
    )  # fmt: skip


def make_adjunct(
    patient: Patient, by: User, name: str = "propranolol 10 mg", *, now: datetime = NOW
) -> AdjunctMedicine:
    """Return a medicine given beside the taper, its warnings read."""
    return add_adjunct(
        patient=patient, name=name, for_what="Shaking.", started_on=now.date(), has_read=True,
        by=by, now=now,
    )  # fmt: skip


def write_plan(
    patient: Patient, by: User | Patient, *, now: datetime = NOW, **texts: str
) -> CopingPlan:
    """Return a coping plan in the patient's words."""
    newest = patient.coping_plans.first()
    words = {"signs": "My hands sweat.", "helps": "Cold water.\nThe radio.", "people": "Ada",
             "remember": "It passes."} | texts  # fmt: skip
    return write_coping_plan(
        patient=patient, texts=words, based_on=str(newest.pk) if newest else "", by=by, now=now
    )


def make_active_plan(
    patient: Patient, by: User, *, now: datetime = NOW, **changes: Any
) -> TaperPlan:
    """Return a plan in force."""
    plan = make_plan(patient, by, now=now, **changes)
    return sign(plan, by, now=now)


def sign(plan: TaperPlan, by: User, *, now: datetime = NOW, **changes: Any) -> TaperPlan:
    """Return the plan signed with everything a start needs; in force unless it falls too fast.

    Steps of the past have begun, as if a check-in had come before each.
    """
    begun = plan.latest.steps.filter(start_on__lte=now.date()).count()
    TaperPlan.objects.filter(pk=plan.pk).update(begun_step=max(begun, 1))
    values: dict[str, Any] = {
        "agreed_on": now.astimezone(plan.patient.tz).date(), "agreed_how": "visit",
        "care_level_note": "Seen weekly.",
    } | changes  # fmt: skip
    signing = Signing("two_factors", values.pop("breach_reason", ""))
    return sign_plan(
        plan=plan, seen=seen(plan), signing=signing, approvals=Approvals(**values), by=by, now=now
    )


def sign_too(plan: TaperPlan, by: User, *, now: datetime = NOW, **changes: Any) -> TaperPlan:
    """Return the plan with its latest version signed as a second prescriber does who read it."""
    values: dict[str, Any] = {"seen": seen(plan), "signing": Signing("two_factors")} | changes
    return sign_second(plan=plan, by=by, now=now, **values)


def seen(plan: TaperPlan) -> Seen:
    """Return what a page of the latest version shows."""
    return Seen(plan.latest.number, plan.latest.content_hash)


def seen_on_page(plan: TaperPlan) -> dict[str, str]:
    """Return the same as the page's form posts it."""
    latest = plan.latest
    return {"seen_version": str(latest.number), "seen_hash": latest.content_hash}


def put_on_call(member: StaffMember, rung: str = "on_call", *, now: datetime = NOW) -> Shift:
    """Return a shift from a day before `now` to a day after it."""
    return Shift.objects.create(
        clinic=member.clinic,
        member=member,
        rung=rung,
        starts_at=now - timedelta(days=1),
        ends_at=now + timedelta(days=1),
    )


def check_in(
    patient: Patient,
    answers: dict[str, Any],
    *,
    now: datetime = NOW,
    felt_at: datetime | None = None,
) -> CheckIn:
    """Return a submitted daily check-in; with `felt_at` one that was kept on the phone."""
    return submit_check_in(
        patient=patient,
        questionnaire=get_questionnaire("daily", LATEST["daily"]),
        answers=answers,
        submission_id=uuid4(),
        language=patient.language,
        reported_at=felt_at or now,
        now=now,
    )


def weekly(
    patient: Patient, now: datetime, mood: int, sleep: str = "7", **more: Any
) -> CheckIn:  # fmt: skip
    """Return a weekly check-in with `mood` on each question of PHQ-9 and GAD-7 but the ninth."""
    answers: dict[str, Any] = {f"phq9_{n}": mood for n in range(1, 9)} | {"phq9_9": 0}
    answers |= {f"gad7_{n}": mood for n in range(1, 8)}
    answers |= {"sleep_hours": float(sleep), "w_function": mood} | more
    return submit_check_in(
        patient=patient, questionnaire=get_questionnaire("weekly", LATEST["weekly"]),
        answers=answers, submission_id=uuid4(), language=patient.language, reported_at=now, now=now,
    )  # fmt: skip


def make_rota(
    member: StaffMember, *, now: datetime | None = None
) -> tuple[WeeklyTurn, Shift, RotaChange, ClosedDay]:
    """Return one of each thing a rota is made of."""
    now, clinic, by = now or timezone.now(), member.clinic, member.user
    turns = add_turns(
        member=member, rung="on_call", weekdays=range(7), starts=time(20), ends=time(8), by=by,
        now=now,
    )  # fmt: skip
    change = change_rota(
        clinic=clinic, rung="backup", away=None, member=member, starts_at=now + timedelta(days=1),
        ends_at=now + timedelta(days=2), reason="extra", by=by, now=now,
    )  # fmt: skip
    closed = add_closed_day(
        clinic=clinic, day=(now + timedelta(days=3)).date(), name="Holiday", by=by, now=now
    )
    shift = Shift.objects.filter(clinic=clinic, generated=True, rung="on_call").latest("starts_at")
    return turns[0], shift, change, closed


def make_mute(patient: Patient, by: User, *, now: datetime = NOW) -> Mute:
    """Return a mute of a rule about scores, for a week."""
    return mute_rule(
        patient=patient,
        rule="U12_SCORE_HIGH",
        ends_at=now + timedelta(days=7),
        reason="Known, seen daily.",
        by=by,
        now=now,
    )


def make_task(patient: Patient, kind: str = "call_today", *, now: datetime = NOW) -> CareTask:
    """Return what a patient asked for with a calm check-in."""
    row = submit_check_in(
        patient=patient,
        questionnaire=get_questionnaire("daily", LATEST["daily"]),
        answers=CALM,
        submission_id=uuid4(),
        language=patient.language,
        reported_at=now,
        requests=(kind,),
        now=now,
    )
    return row.tasks.get()


def make_duty(
    patient: Patient, by: User, *, owner: StaffMember | None = None, now: datetime = NOW
) -> StandingDuty:
    """Return a standing order in force: somebody calls three and ten days after each step."""
    order = add_order(
        clinic=patient.clinic, name="Follow-up by a colleague", title="Call: how does it go?",
        days=[3, 10], by=by, now=now,
    )  # fmt: skip
    return start_duty(order=order, patient=patient, owner=owner, by=by, now=now)


def make_trusted(patient: Patient, *, now: datetime | None = None, **fields: Any) -> TrustedPerson:
    """Return somebody the patient trusts, with a link of their own."""
    values = {
        "name": "Robin", "email": f"robin{next(numbers)}@home.example", "language": "en",
        "sees_dose": True,
    } | fields  # fmt: skip
    return invite_trusted(patient=patient, now=now or timezone.now(), **values)


def make_gateway(
    clinic: Clinic, by: User, url: str, *, channel: str = "sms", now: datetime = NOW
) -> Gateway:
    """Return a gateway of the clinic; with {ref} in its address it reports, signed with SECRET."""
    return add_gateway(
        clinic=clinic, channel=channel, name=f"Gateway {uuid4()}", url=url, secret=REPORT_SECRET,
        by=by, now=now,
    )  # fmt: skip


def make_way(
    member: StaffMember, address: str, gateway: Gateway | None = None, *, now: datetime = NOW
) -> ContactMethod:
    """Return a confirmed way to reach somebody, after those they have."""
    contact = add_contact(member=member, address=address, gateway=gateway, by=member.user, now=now)
    return confirm_contact(contact=contact, code=contact_code(contact), by=member.user, now=now)


def make_dispensing(
    patient: Patient, by: User, *, now: datetime | None = None, **changes: Any
) -> Dispensing:
    """Return thirty tablets handed out today, for thirty days."""
    now = now or timezone.now()
    values: dict[str, Any] = {
        "submission_id": uuid4(), "product": "clonazepam 0.5 mg tablet", "quantity": Decimal(30),
        "dispensed_on": now.astimezone(patient.tz).date(), "days": 30, "next_pickup_on": None,
        "note": "", "corrects": None,
    } | changes  # fmt: skip
    return record_dispensing(patient=patient, by=by, now=now, **values)


def make_decision(by: StaffMember, *, now: datetime | None = None) -> ErasureDecision:
    """Return a signed removal of no record, a week before it begins."""
    now = now or timezone.now()
    return ErasureDecision.objects.create(
        clinic=by.clinic, note="Checked, nobody asked.", rules={}, signed_at=now,
        signed_by=by.user, method="two_factors", content_hash="0" * 64,
        begins_at=now + timedelta(days=7),
    )  # fmt: skip


def make_alert(patient: Patient, level: str = "emergency", *, now: datetime = NOW) -> Alert:
    """Return an alert as a check-in would open it."""
    minutes = {"emergency": 5, "urgent": 60, "watch": 1440}[level]
    return open_alert(
        patient=patient,
        level=level,
        response_minutes=minutes,
        rules=["E01_SEIZURE"],
        source_type="check_in",
        source_id=uuid4(),
        now=now,
    )


def recorded(event: str = "test.seen", **values: Any) -> AuditEvent:
    """Append an audit row and return it as it was stored."""
    record(event, **values)
    return AuditEvent.objects.latest("pk")
