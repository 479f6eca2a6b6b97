"""Two prescribers at the same instant, over real connections."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from apps.audit.models import AuditEvent
from apps.patients.models import Role
from apps.tapers.actions_changes import ConflictError
from apps.tapers.models import Enactment, Signature
from apps.tapers.signable import ActivationError, Signing
from tests.factories import make_active_plan, make_member, sign_too
from tests.tapers.decisions import DAY_1, START, decide, later

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def at_once(acts) -> list[Exception | None]:
    """Return what each act raised, None for done; all begin at one moment."""
    together = threading.Barrier(len(acts))

    def run(act) -> Exception | None:
        try:
            connection.ensure_connection()
            together.wait(60)
            act()
        except (ActivationError, ConflictError) as refused:
            return refused
        finally:
            connection.close()
        return None

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def test_of_editors_and_second_signers_at_once_one_wins_and_the_others_read_who(
    clinic, patient, prescriber
) -> None:
    plan = make_active_plan(patient, prescriber.user, now=DAY_1, start_on=START.isoformat())
    people = [make_member(clinic, Role.PRESCRIBER) for _ in range(6)]
    too_fast = {"kind": "percent_of_current", "percent": "40"}
    reason = Signing("two_factors", "Breathing got worse.")

    def edit(member):
        return lambda: decide(
            plan, member, "method", later(1), method=too_fast, signing=reason, based_on=1
        )

    told = at_once([edit(member) for member in people])
    plan.refresh_from_db()
    waiting = plan.latest
    assert told.count(None) == 1
    assert {str(each).split(" saved")[0] for each in told if each} == {str(waiting.created_by)}
    assert (waiting.number, plan.in_force.number) == (2, 1)

    others = [member for member in people if member.user != waiting.created_by]
    told = at_once([lambda m=m: sign_too(plan, m.user, now=later(2)) for m in others])
    plan.refresh_from_db()
    second = Signature.objects.get(version=waiting, meaning=Signature.Meaning.SECOND)
    assert told.count(None) == 1
    assert all(str(each).startswith(f"{second.signer} has signed") for each in told if each)
    assert plan.in_force == waiting
    assert Enactment.objects.filter(version=waiting).count() == 1
    assert AuditEvent.objects.filter(event="plan.signed", object_id=plan.pk).count() == 3
    assert plan.latest.created_at + timedelta(days=1) == later(2)
