"""What must be on record before less is given, and what a second signature may do."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from apps.audit.models import AuditEvent
from apps.clinical.products import Form, Product
from apps.patients.intake_actions import SectionValues, save_section
from apps.patients.models import Section
from apps.tapers.actions import hold_plan
from apps.tapers.approvals import Approvals, SpecialistWord
from apps.tapers.formulary_actions import save_formulary
from apps.tapers.models import FormularyItem, TaperPlan
from apps.tapers.signable import ActivationError, Seen, Signing, StaleVersionError
from apps.tapers.today import plan_today
from apps.tapers.waiting import versions_waiting
from tests.conftest import signed_in
from tests.factories import (
    make_active_plan,
    make_patient,
    make_plan,
    seen,
    sign,
    sign_too,
)
from tests.tapers.decisions import DAY_1, START, decide, later, reach_step

pytestmark = pytest.mark.django_db

FAST = {"kind": "percent_of_current", "percent": "40"}
REASON = Signing("two_factors", "Falls every night.")
NOTHING = Approvals()


@pytest.fixture
def plan(patient, prescriber) -> TaperPlan:
    """Two milligrams of clonazepam, 10 % every 14 days from 1 December."""
    return make_active_plan(patient, prescriber.user, now=DAY_1, start_on=START.isoformat())


def test_what_gives_less_needs_the_patients_agreement_and_what_keeps_does_not(
    plan, prescriber
) -> None:
    with pytest.raises(ActivationError, match="agreed"):
        decide(plan, prescriber, "goal", later(1), goal_mg="0.5", approvals=NOTHING)
    held = decide(plan, prescriber, "hold", later(1), days=None, approvals=NOTHING)
    assert (held.agreement.agreed_on, str(held.agreement)) == (None, "Not asked yet")
    with pytest.raises(ActivationError, match="agreed"):  # the held cut would come
        decide(plan, prescriber, "go_on", later(2), approvals=NOTHING)
    going = decide(plan, prescriber, "go_on", later(2))
    assert going.agreement.how == "visit"


@pytest.mark.parametrize("day", [date(1985, 1, 1), START - timedelta(days=1), date(2199, 1, 1)])
def test_an_agreement_is_of_a_day_on_which_it_can_have_been(plan, prescriber, day) -> None:
    with pytest.raises(ActivationError) as refused:
        decide(plan, prescriber, "stop", later(1), approvals=Approvals(day, "visit"))
    assert refused.value.field == "agreed_on"


def save_risk(patient, member, now, **risk) -> None:
    section = Section.HEALTH
    save_section(
        patient=patient, section=section, values=SectionValues(risk=risk),
        based_on=patient.intake_version, by=member.user, now=now,
    )  # fmt: skip
    patient.refresh_from_db()


def word(name="Dr. Ada Fern", day=START) -> Approvals:
    said = SpecialistWord(name, "Obstetrician", day, "Go on slowly.")
    return Approvals(day, "visit", specialist=said)


def test_a_condition_recorded_later_calls_a_specialist_before_less_is_given(
    plan, prescriber, lead
) -> None:
    save_risk(plan.patient, prescriber, later(2), pregnancy_known=True)
    two_on = START + timedelta(days=2)
    with pytest.raises(ActivationError, match="pregnant"):
        decide(plan, prescriber, "goal", later(2), goal_mg="0.5")
    held = decide(plan, prescriber, "hold", later(2), days=14)  # never refused
    assert held.number == 2
    with pytest.raises(ActivationError, match="pregnant"):
        decide(plan, prescriber, "go_on", later(2))
    for wrong, field in (
        (word(prescriber.user.full_name, two_on), "specialist_name"),
        (word(f"Dr. {prescriber.user.full_name.upper()}", two_on), "specialist_name"),
        (replace(word(day=START), agreed_on=two_on), "specialist_on"),  # before anybody knew
        (replace(word(day=date(1999, 1, 1)), agreed_on=two_on), "specialist_on"),
        (replace(word(day=date(2199, 1, 1)), agreed_on=two_on), "specialist_on"),
    ):
        with pytest.raises(ActivationError) as refused:
            decide(plan, prescriber, "goal", later(2), goal_mg="0.5", approvals=wrong)
        assert refused.value.field == field
    now = decide(plan, prescriber, "goal", later(2), goal_mg="0.5", approvals=word(day=two_on))
    assert now.sign_offs.get().because == ["the patient is pregnant"]
    # One word is enough until the intake says it anew.
    assert decide(plan, prescriber, "goal", later(3), goal_mg="0.75").number == 4
    save_risk(plan.patient, lead, later(4), pregnancy_known=False)
    save_risk(plan.patient, lead, later(5), pregnancy_known=True)
    with pytest.raises(ActivationError, match="pregnant"):
        decide(plan, prescriber, "goal", later(5), goal_mg="0.5")


def test_a_patient_is_of_age_from_midnight_at_home(plan, prescriber) -> None:
    type(plan.patient).objects.update(birth_date=date(2008, 12, 4))
    plan.refresh_from_db()
    eve = datetime(2026, 12, 4, 4, 59, tzinfo=UTC)  # in New York still the third
    with pytest.raises(ActivationError, match="under 18"):
        decide(plan, prescriber, "goal", eve, goal_mg="0.5")
    assert decide(plan, prescriber, "goal", eve + timedelta(minutes=1), goal_mg="0.5").number == 2


@pytest.mark.parametrize(
    ("section", "values", "why"),
    [
        (Section.HEALTH, SectionValues(risk={"pregnancy_known": True}), "pregnant"),
        (Section.HEALTH, SectionValues(risk={"epilepsy": True}), "epilepsy"),
        (Section.SUBSTANCES, SectionValues(risk={"street_supply": True}), "street"),
        (Section.PERSON, SectionValues(person={"birth_date": date(2010, 1, 1)}), "under 18"),
    ],
)
def test_a_condition_told_after_the_start_locks_the_next_cut_until_a_specialist_speaks(
    plan, prescriber, nurse, section, values, why
) -> None:
    def save() -> None:
        save_section(
            patient=plan.patient, section=section, values=values, based_on=1000, by=nurse.user,
            now=later(2),
        )  # fmt: skip

    before = plan_today(plan.patient, later(2)).step
    save()
    save()  # twice is once
    held = plan.holds.open().get()
    assert (held.source_type, held.held_step, why in held.note) == ("intake", 1, True)
    state = plan_today(plan.patient, later(30))
    assert (state.step, state.is_locked) == (before, True)
    assert AuditEvent.objects.filter(event="plan.held").count() == 1
    page = signed_in(prescriber).get(reverse("dashboard:decisions"))
    assert "No named specialist has signed off yet" in page.text
    # What keeps the dose waits for nobody, and leaves the lock where it is.
    decide(plan, prescriber, "hold", later(3), days=14, approvals=NOTHING)
    assert why in plan.holds.open().get().note
    with pytest.raises(ActivationError, match="specialist"):
        decide(plan, prescriber, "go_on", later(4))
    decide(plan, prescriber, "go_on", later(4), approvals=word(day=later(4).date()))
    assert not plan.holds.open().exists()


def test_a_kept_lock_never_stands_between_a_patient_and_a_higher_dose(plan, prescriber) -> None:
    at = reach_step(plan, 2)
    save_risk(plan.patient, prescriber, at, pregnancy_known=True)
    back = decide(plan, prescriber, "step_back", at, approvals=NOTHING)
    state = plan_today(plan.patient, at + timedelta(days=1))
    assert (state.version, state.step.daily_mg) == (back, Decimal(2))
    late = plan_today(plan.patient, at + timedelta(days=60))
    assert (late.step.daily_mg, late.is_locked) == (Decimal(2), True)


def test_an_intake_and_the_lock_it_asks_for_are_one(plan, prescriber, monkeypatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise IntegrityError("audit row refused")

    monkeypatch.setattr("apps.tapers.actions.record", refuse)
    with pytest.raises(IntegrityError), transaction.atomic():
        save_risk(plan.patient, prescriber, later(1), pregnancy_known=True)
    plan.patient.risk.refresh_from_db()
    assert (plan.patient.risk.pregnancy_known, plan.holds.count()) == (False, 0)


def test_the_second_signature_asks_for_a_specialist_too(plan, prescriber, lead) -> None:
    decide(plan, prescriber, "method", later(1), method=FAST, signing=REASON)
    save_risk(plan.patient, prescriber, later(1), epilepsy=True)
    with pytest.raises(ActivationError, match="epilepsy"):
        sign_too(plan, lead.user, now=later(2))
    said = word(day=later(1).date()).specialist
    with pytest.raises(ActivationError, match="another person"):
        sign_too(plan, lead.user, now=later(2), specialist=replace(said, name=lead.user.full_name))
    sign_too(plan, lead.user, now=later(2), specialist=said)
    plan.refresh_from_db()
    assert plan.version.number == 2


def test_another_version_than_the_one_seen_is_never_signed(plan, prescriber, lead) -> None:
    decide(plan, prescriber, "method", later(1), method=FAST, signing=REASON)
    read = seen(plan)
    faster = {"kind": "percent_of_current", "percent": "50"}
    decide(plan, prescriber, "method", later(1), method=faster, signing=REASON)
    for stale in (read, Seen(3, read.content_hash), Seen(3, "")):
        with pytest.raises(StaleVersionError, match="Nothing was signed"):
            sign_too(plan, lead.user, now=later(2), seen=stale)
    plan.refresh_from_db()
    assert (plan.version.number, plan.latest.signatures.count()) == (1, 1)


def test_a_hold_while_a_version_waits_sets_it_aside_and_says_so(plan, prescriber, lead) -> None:
    waiting = decide(plan, prescriber, "method", later(1), method=FAST, signing=REASON)
    assert versions_waiting(plan.clinic_id) == [waiting]
    read = seen(plan)
    decide(plan, lead, "hold", later(2), days=14)
    assert versions_waiting(plan.clinic_id) == []
    page = signed_in(prescriber).get(reverse("tapers:detail", args=[plan.pk]))
    assert "Version 2 was set aside." in page.text
    assert "set aside by a later decision" in page.text
    with pytest.raises(StaleVersionError):
        sign_too(plan, lead.user, now=later(2), seen=read)


def test_a_second_signature_lifts_no_hold_that_came_after_the_first(plan, prescriber, lead) -> None:
    def hold(now):
        return hold_plan(
            patient=plan.patient, action="hold_next", rules=[], source_type="check_in",
            source_id=uuid4(), by=None, now=now,
        )  # fmt: skip

    known = hold(later(1))
    decide(plan, prescriber, "method", later(2), method=FAST, signing=REASON)
    unknown = hold(later(3))
    sign_too(plan, lead.user, now=later(4))
    for row in (known, unknown):
        row.refresh_from_db()
    assert (known.released_by, unknown.released_at) == (lead.user, None)


def test_a_step_that_began_meanwhile_is_not_rewritten_by_a_late_signature(
    plan, prescriber, lead
) -> None:
    decide(plan, prescriber, "method", later(1), method=FAST, signing=REASON)
    reach_step(plan, 2)
    with pytest.raises(ActivationError, match="another step has begun"):
        sign_too(plan, lead.user, now=later(14))


def take(patient, member, now, **doses) -> None:
    medicine = {
        "drug_id": "clonazepam", "pattern": "daily", "taken_months": 24, "dose_confirmed": True,
    } | doses  # fmt: skip
    save_section(
        patient=patient, section=Section.MEDICINE, values=SectionValues(medication=medicine),
        based_on=patient.intake_version, by=member.user, now=now,
    )  # fmt: skip
    patient.refresh_from_db()


def test_an_intake_that_contradicts_the_plan_is_said_and_stops_what_gives_less(
    plan, prescriber, lead
) -> None:
    take(plan.patient, prescriber, later(1), night_mg=Decimal(3))
    page = signed_in(prescriber).get(reverse("tapers:detail", args=[plan.pk]))
    assert "The intake was changed since and says 1 mg clonazepam morning" in page.text
    with pytest.raises(ActivationError, match="The intake was changed since"):
        decide(plan, prescriber, "goal", later(1), goal_mg="0.5")
    assert decide(plan, prescriber, "hold", later(1), days=14).number == 2


def stock(clinic, member, now, *strengths: str, based_on: int = 0) -> None:
    save_formulary(
        clinic=clinic, based_on=based_on, by=member.user, now=now,
        stocked=[
            Product("clonazepam", Decimal(mg), Form.TABLET, Decimal("0.5")) for mg in strengths
        ],
    )  # fmt: skip


def products_of_steps(version, after=1) -> set[str]:
    rows = version.steps.filter(number__gt=after).values_list("pieces__product", flat=True)
    return set(rows)


def test_a_decision_uses_what_the_pharmacy_has_now(plan, prescriber, clinic) -> None:
    stock(clinic, prescriber, later(1), "1", "0.5")
    version = decide(plan, prescriber, "goal", later(2), goal_mg="1.5")
    assert products_of_steps(version) <= {"clonazepam 1 mg tablet", "clonazepam 0.5 mg tablet"}
    # Step 1 was handed out as it was signed, and the plan can go on from its rows.
    assert decide(plan, prescriber, "hold", later(3), days=7).number == 3


def test_a_plan_whose_tablets_are_gone_says_so_and_cuts_no_further(
    plan, prescriber, clinic
) -> None:
    decide(plan, prescriber, "slow", later(1), interval_days=28)
    stock(clinic, prescriber, later(1), "3")  # makes no dose of this plan
    page = signed_in(prescriber).get(reverse("tapers:detail", args=[plan.pk]))
    assert "The pharmacy no longer has what this plan uses: clonazepam" in page.text
    with pytest.raises(ActivationError, match="no longer has"):
        decide(plan, prescriber, "goal", later(2), goal_mg="0.5")
    assert decide(plan, prescriber, "hold", later(2), days=14).number == 3  # never refused


def test_a_draft_is_signed_only_while_intake_and_stock_are_what_it_was_made_of(
    patient, prescriber, clinic
) -> None:
    draft = make_plan(patient, prescriber.user, now=DAY_1, start_on=START.isoformat())
    stock(clinic, prescriber, DAY_1, "2", "1")
    with pytest.raises(ActivationError, match="The pharmacy no longer has"):
        sign(draft, prescriber.user, now=DAY_1)
    FormularyItem.objects.update(is_stocked=False)
    take(patient, prescriber, DAY_1, morning_mg=Decimal("0.5"))
    with pytest.raises(ActivationError, match=r"The intake says 0\.5 mg clonazepam morning"):
        sign(draft, prescriber.user, now=DAY_1)
    page = signed_in(prescriber).get(reverse("tapers:detail", args=[draft.pk]))
    assert "Make it again from the intake" in page.text
    take(patient, prescriber, DAY_1, morning_mg=Decimal(1), drug_id="lorazepam_ir")
    with pytest.raises(ActivationError, match="lorazepam"):
        sign(draft, prescriber.user, now=DAY_1)


def diazepam(clinic, mg="40"):
    return make_patient(clinic, drug_id="diazepam", slots={"night": mg}, now=DAY_1)


def begin(patient, member, now, **changes):
    start = now.astimezone(patient.tz).date().isoformat()
    values = {"goal_mg": "5", "start_on": start} | changes
    return make_plan(patient, member.user, now=now, **values)


def test_ending_a_plan_hides_no_fall_from_the_next_one(clinic, prescriber) -> None:
    patient = diazepam(clinic)
    first = sign(begin(patient, prescriber, DAY_1), prescriber.user, now=DAY_1)
    decide(first, prescriber, "stop", later(1))
    decide(first, prescriber, "end", later(20))
    take(patient, prescriber, later(20), drug_id="diazepam", morning_mg=Decimal(0),
         night_mg=Decimal(10))  # fmt: skip
    second = begin(patient, prescriber, later(20))
    assert second.latest.needs_second
    assert second.latest.steps.get(number=1).fall_14d_pct == Decimal("75.0")
    assert "Step 1 is 75.0 % below" in second.latest.blocking[0]["message"]
    with pytest.raises(ActivationError, match="faster than the guideline"):
        sign(second, prescriber.user, now=later(20))
    # Two weeks at the lower dose are two weeks.
    assert not begin(patient, prescriber, later(35)).latest.needs_second


def test_a_dose_typed_lower_into_the_intake_hides_no_fall(clinic, prescriber) -> None:
    patient = diazepam(clinic)
    draft = begin(patient, prescriber, later(3))
    take(patient, prescriber, later(3), drug_id="diazepam", night_mg=Decimal(10))
    lower = begin(patient, prescriber, later(3))
    assert lower.latest.needs_second
    assert lower.latest.request["before"] == [
        {"doses": {"diazepam": "40"}, "last_on": later(2).date().isoformat()}
    ]
    with pytest.raises(ActivationError, match="The intake says"):
        sign(draft, prescriber.user, now=later(3))


def test_a_slip_mended_on_the_same_day_was_no_dose(clinic, prescriber) -> None:
    patient = diazepam(clinic)
    take(patient, prescriber, DAY_1, drug_id="diazepam", night_mg=Decimal(10))
    assert not begin(patient, prescriber, DAY_1).latest.needs_second


def test_a_draft_is_made_again_when_a_plan_ended_after_it(clinic, prescriber) -> None:
    patient = diazepam(clinic)
    first = sign(begin(patient, prescriber, DAY_1), prescriber.user, now=DAY_1)
    draft = begin(patient, prescriber, later(1))
    decide(first, prescriber, "stop", later(1))
    decide(first, prescriber, "end", later(2))
    with pytest.raises(ActivationError, match="another plan has ended"):
        sign(draft, prescriber.user, now=later(2))
