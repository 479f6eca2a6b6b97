"""What must be on record before less is given, and what a second signature may do."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.urls import reverse

from apps.patients.intake_actions import SectionValues, save_section
from apps.patients.models import Section
from apps.tapers.actions import hold_plan
from apps.tapers.approvals import Approvals, SpecialistWord
from apps.tapers.models import TaperPlan
from apps.tapers.signable import ActivationError, Seen, Signing, StaleVersionError
from apps.tapers.waiting import versions_waiting
from tests.conftest import signed_in
from tests.factories import make_active_plan, seen, sign_too
from tests.tapers.decisions import DAY_1, START, decide, later, reach_step

pytestmark = pytest.mark.django_db

FAST = {"kind": "percent_of_current", "percent": "40"}
REASON = Signing("password", "Falls every night.")
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
        (word(day=START), "specialist_on"),  # before anybody knew
        (word(day=date(1999, 1, 1)), "agreed_on"),
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
    medicine = {"drug_id": "clonazepam", "pattern": "daily", "taken_months": 24} | doses
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
