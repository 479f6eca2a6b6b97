"""Every address of the table is asked to stop a medicine at once, by whoever may most there.

`test_no_abrupt_stop.py` opens each known door by its own handle. This walk needs no list of doors:
it takes every URL there is, types whatever means "stop" into every field, signs, and looks at what
is taken then. A page that somebody adds is tried from its first day.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.detox.clocks import sweep_detox
from apps.detox.models import Restart
from apps.patients.models import Patient, StaffMember
from apps.portal.models import TrustedPerson
from apps.tapers.models import TaperPlan, TaperStep
from apps.tapers.taken import taken_now
from tests.accounts.test_staff import proven
from tests.factories import make_care_level, proof_of, today
from tests.security.walk import Stop, every_stop
from tests.tapers.test_stopping import half_way
from tests.test_access_matrix import MATRIX, PROGRAMS, PUBLIC, undone

pytestmark = pytest.mark.django_db

# What a form of this program would have to hold to stop at once; each page takes what it knows.
SAYS_STOP: Final = {
    "save": "1", "leave": "1", "act": "end", "based_on": "1", "reason": "Falls every night.",
    "breach_reason": "Falls every night.", "why": "Falls.", "note": "Stops today.",
    "method": "custom", "daily_mg": "0", "goal_mg": "0", "interval_days": "14",
    "agreed_how": "visit",
    "status": "ended", "kind": "stop", "told_to_report": "on", "told_may_restart": "on",
    "left": "none", "summary": "Calm.",
    "short_because": "Took two a month.", "seen_how": "told", "taken": "None any more.",
    "days_per_week": "1", "agreed": "stop_again", "plan": "Stops today.", "to": "discharged",
    "drug_id": "clonazepam", "pattern": "rarely", "taken_months": "0", "outcome": "other",
    "morning_mg": "0", "noon_mg": "0", "evening_mg": "0", "night_mg": "0", "quantity": "0",
    "prescriber": "Dr Ada Other", "reached_by": "555 0199", "decided": "outpatient",
    "sign_off": "Is well.", "harm": "no", "unmanageable": "no", "severe_withdrawal": "no",
}  # fmt: skip
AS_A_PROGRAM: Final = {"goal_mg": "0", "method": "custom", "daily_mg": ["0"]}
# The doors that open onto a dose: asked so, each says why not. A change of method keeps the goal,
# which is a dose here; test_no_abrupt_stop.py tries it with a goal of nothing.
SAYS_WHY: Final = {
    "tapers:create", "tapers:edit", "tapers:end", "tapers:goal",
    "patients:status", "patients:stop", "detox:restart", "api:plan_preview",
}  # fmt: skip
WHY: Final = ("(ASAM-03)", "the medicine at once", "takes a dose on record", "End the plan first")


def is_stopped(patient: Patient, before: Any, now: datetime) -> str:
    """Return what says that the patient's medicine was stopped, empty when nothing does."""
    patient = Patient.objects.select_related("medication").get(pk=patient.pk)
    if patient.last_dose_on is not None or patient.status == "ended":
        return f"{patient.status}, last dose {patient.last_dose_on}"
    if patient.stop_decisions.exists() or Restart.objects.filter(agreed="stop_again").exists():
        return "a stop is documented"
    signed = TaperStep.objects.filter(version__plan__patient=patient, daily_mg=0)
    if signed.filter(version__plan__activated_at__isnull=False).exists():
        return "a step of nothing in a plan that was signed"
    taken = taken_now(patient, now)
    return "" if taken.by_drug == before.by_drug else f"{taken.words} instead of {before.words}"


def as_who_may_most(stop: Stop) -> tuple[Any, dict[str, str]]:
    """Return the browser of the walk, just proven where it is staff's, and what they sign with."""
    key = stop.client.session.get("_auth_user_id")
    member = StaffMember.objects.filter(user=User.objects.filter(pk=key or 0).first()).first()
    return (proven(member), proof_of(member)) if member else (stop.client, {})


def send(stop: Stop, key: UUID, draft: UUID) -> list[str]:
    """Type the stop into the page, twice where it asks to look first; return what it answers."""
    day = today().isoformat()
    if stop.body is not None or stop.name in PROGRAMS:
        asked = {**AS_A_PROGRAM, "start_on": day}
        body = asked if stop.name == "api:plan_preview" else stop.body or {}
        return [stop.client.post(stop.path, body, content_type="application/json").text]
    client, proof = as_who_may_most(stop)
    said = []
    for path in dict.fromkeys((stop.path, stop.path.replace(str(draft), str(key)))):
        home = timezone.localtime(timezone=Patient.objects.first().clinic.tz)
        days = dict.fromkeys(("start_on", "agreed_on", "last_dose_on"), day)
        typed = {**SAYS_STOP, **days, "discharged_at": f"{home:%Y-%m-%dT%H:%M}", **proof}
        page = client.post(path, typed, follow=True)
        preview = page.context.get("preview") if page.context else None
        said.append(text_of(page))
        if getattr(preview, "seen", None):
            said.append(text_of(client.post(path, {**typed, "seen": preview.seen}, follow=True)))
    return said


def text_of(page: Any) -> str:
    """Return what was answered; a file is no words."""
    content = b"".join(page.streaming_content) if page.streaming else page.content
    return content.decode(errors="replace")


def test_no_address_of_the_table_stops_a_medicine_at_once(patient, prescriber, subtests) -> None:
    now = timezone.now()
    make_care_level(patient, prescriber.user, now=now)
    plan = half_way(patient, prescriber)
    before = taken_now(patient, now)
    assert before.by_drug, "some is taken"
    tried, why = set(), set()
    for stop in every_stop(patient, prescriber):
        if "POST" not in stop.methods:
            continue
        draft = TaperPlan.objects.filter(patient=patient, status="draft").first() or plan
        with subtests.test(stop.name), undone():
            said = send(stop, plan.pk, draft.pk)
            sweep_detox(now)
            assert is_stopped(patient, before, now) == ""
            why |= {stop.name} if any(word in each for word in WHY for each in said) else set()
        tried.add(stop.name)
        if stop.name in PUBLIC:  # each address of theirs has a person of its own, three at most
            TrustedPerson.objects.filter(patient=patient).update(revoked_at=now)
    assert tried >= {name for name, (methods, *_) in MATRIX.items() if "POST" in methods}
    assert SAYS_WHY - why == set(), "these doors were not tried: the words did not reach them"
