"""Every list as a file, every patient on a list in their own trail: found by the URL table.

A page is in `LISTS` or in `NO_LIST` with its reason. One that is in neither fails.
"""

import csv
import re
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.alerts import views
from apps.alerts.actions import open_alert
from apps.alerts.mute_actions import MuteError
from apps.audit.models import AuditEvent
from apps.audit.reading import rows_about
from apps.patients.lists import UNPROVED_AT_MOST
from apps.patients.models import Patient, Role, StaffMember
from apps.portal.actions import give_consent
from apps.retention.actions import set_hold, set_rules
from apps.retention.rules import Kind
from tests.accounts.test_sign_in import sign_in
from tests.conftest import go_on, signed_in
from tests.factories import (
    CALM,
    NOW,
    check_in,
    make_active_plan,
    make_alert,
    make_dispensing,
    make_member,
    make_patient,
    make_task,
    make_trusted,
)
from tests.portal.conftest import signed_in_as
from tests.portal.test_patient_matrix import MATRIX as OWN_MATRIX
from tests.test_access_matrix import MATRIX, objects_of, path_of

pytestmark = pytest.mark.django_db

# The lists of staff, and the stem of their file's name.
LISTS = {
    "alerts:contacts": "my-contacts",
    "alerts:gateways": "gateways",
    "alerts:gateway_change": "gateways",
    "alerts:rota": "shifts",
    "alerts:rota_edit": "weekly-pattern",
    "checkins:duties": "standing-duties",
    "checkins:review": "reviews",
    "checkins:review_list": "review-list",
    "checkins:run_outs": "run-outs",
    "checkins:standing_orders": "standing-orders",
    "checkins:supply": "supply",
    "checkins:task_list": "tasks",
    "dashboard:audit": "audit",
    "dashboard:audit_alert": "audit-alert",
    "dashboard:audit_patient": "audit-patient",
    "dashboard:audit_person": "audit-person",
    "dashboard:board": "open-alerts",
    "dashboard:caseload": "caseload",
    "dashboard:caseload_csv": "caseload",
    "dashboard:decisions": "decisions",
    "dashboard:hand_over": "hand-over",
    "dashboard:history": "history",
    "dashboard:ledger": "ledger",
    "dashboard:overview": "overview",
    "dashboard:roles": "roles",
    "dashboard:staff": "staff",
    "detox:care": "referrals",
    "detox:facilities": "detox-units",
    "detox:facility": "detox-units",
    "detox:outcome": "how-far",
    "detox:stay": "rounds",
    "detox:support": "therapies",
    "exchange:record_brought": "brought-in",
    "exchange:schedule": "schedule",
    "patients:changes": "intake-history",
    "portal:access": "consents",
    "portal:research_paper": "research-consents",
    "programs:list": "programs",
    "programs:mine": "my-programs",
    "retention:decision": "removed",
    "retention:due": "retention",
    "retention:records": "holds",
    "tapers:formulary": "formulary",
}
OWN_LISTS = {
    "portal:check_ins": "my-check-ins",
    "portal:trend": "my-points",
    "portal:trusted": "my-people",
}
YEAR = timedelta(days=365)
FORM = "a form"
ONE = "one thing's page"
FILE = "a file itself"
NO_LIST = {
    "dashboard:board_live": "a part of the board, which has the file",
    "patients:list": "leads on to the caseload",
    "dashboard:patient": "one patient's page; the whole time line is dashboard:history",
    "patients:intake": "one patient's answers; who changed them is patients:changes",
    "tapers:detail": "one plan; its steps are exchange:schedule",
    "tapers:on_day": "one plan on one day",
    "dashboard:review": "one step's review; its check-ins are in dashboard:history",
    "dashboard:alert": "one alert; who saw it is dashboard:audit_alert",
    "checkins:task": ONE,
    "checkins:detail": ONE,
    "detox:referral": ONE,
    "dashboard:staff_member": ONE,
    "exchange:calendar": FILE,
    "exchange:pharmacy": FILE,
    "exchange:letter": FILE,
    "exchange:referral_pdf": FILE,
    "exchange:referral_bundle": FILE,
    "dashboard:ledger_trial": "asked by POST; a trial of one number",
    "alerts:hours": FORM, "alerts:ladders": FORM, "alerts:shift_change": FORM,
    "alerts:mute": FORM,
    "checkins:policy": FORM, "checkins:review_create": FORM, "checkins:review_policy": FORM,
    "checkins:dispensing_create": FORM, "checkins:dispensing_correct": FORM,
    "checkins:task_create": FORM, "dashboard:break_glass": FORM, "dashboard:patient_note": FORM,
    "detox:adjunct_create": FORM, "detox:coping_edit": FORM, "detox:discharge": FORM,
    "detox:discharge_sign": FORM, "detox:dose_correct": FORM, "detox:dose_create": FORM,
    "detox:given_on": FORM, "detox:level": FORM,
    "detox:refer": FORM, "detox:restart": FORM, "detox:round_create": FORM,
    "detox:stay_begin": FORM, "detox:therapy_create": FORM, "detox:visit_create": FORM,
    "exchange:record_export": FORM, "patients:create": FORM, "patients:stop": FORM,
    "research:export": FORM,
    "retention:hold": FORM, "tapers:create": FORM, "tapers:edit": FORM, "tapers:discard": FORM,
    "tapers:sign_second": FORM, "tapers:formulary_edit": FORM,
    **{name: FORM for name, (methods, _, _) in MATRIX.items()
       if name.startswith("patients:intake_") or ({"GET", "POST"} == methods
       and name.startswith("tapers:"))},
    "portal:home": ONE, "portal:far": "the first day beside today: five numbers",
    "portal:coping": ONE, "portal:coping_edit": FORM, "portal:check_in": ONE,
    "portal:settings": FORM, "portal:withdraw": FORM, "portal:consent": FORM,
    "portal:research": FORM,
    "portal:calendar": FORM, "portal:export": "the whole record is the file behind it",
    "portal:plan": FILE,
}  # fmt: skip
WITH_GET = sorted(name for name, (methods, _, _) in MATRIX.items() if "GET" in methods)


@pytest.fixture
def full(clinic, prescriber, lead) -> dict[str, Any]:
    """A clinic with a row on every list, and what the paths need."""
    patient = make_patient(clinic, given_name="Ida", family_name="Quillfeather")
    found = objects_of(patient, prescriber)
    on_plan = make_patient(clinic, given_name="Max", family_name="Zephyrwood")
    plan = make_active_plan(on_plan, prescriber.user)
    make_alert(on_plan)
    make_task(on_plan)
    make_dispensing(on_plan, prescriber.user)
    set_rules(clinic=clinic, years=dict.fromkeys(Kind, 10), version=0, by=lead.user, now=NOW)
    gone = make_patient(clinic, given_name="Ben", family_name="Oldacre", now=NOW - 20 * YEAR)
    Patient.objects.filter(pk=gone.pk).update(status=Patient.Status.ENDED)
    set_hold(patient=patient, reason="A complaint.", by=lead.user, now=NOW)
    return found | {"plan_id": plan.pk}


def reader(clinic: Any, roles: set[str]) -> Any:
    """Somebody who may see the page; one person for all pages, so that they keep their session."""
    role = next(role for role in (Role.CLINICAL_LEAD, Role.CLINIC_ADMIN) if role in roles)
    found = StaffMember.objects.filter(clinic=clinic, role=role).select_related("user").first()
    return found or make_member(clinic, role)


def read_csv(response: Any) -> list[list[str]]:
    return list(csv.reader(StringIO(response.content.decode("utf-8-sig"))))


def newest() -> int:
    return AuditEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def test_every_page_is_a_list_with_a_file_or_says_why_not() -> None:
    assert set(WITH_GET) == set(LISTS) | {name for name in NO_LIST if name in MATRIX}
    assert not set(LISTS) & set(NO_LIST)


def test_every_list_of_staff_comes_as_a_file_and_that_is_on_record(full, clinic, subtests) -> None:
    for name, stem in LISTS.items():
        _, roles, needs = MATRIX[name]
        member = reader(clinic, roles)
        client, last = signed_in(member), newest()
        with subtests.test(name):
            answer = client.get(path_of(name, needs, full), {"format": "csv"})
            assert answer.status_code == 200
            assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
            said = answer.headers["Content-Disposition"]
            assert re.fullmatch(rf'attachment; filename="{stem}-\d{{4}}-\d\d-\d\d\.csv"', said)
            assert answer.content.startswith(b"\xef\xbb\xbf")
            rows = read_csv(answer)
            assert len(rows[0]) > 2
            assert all(len(row) == len(rows[0]) for row in rows)
            taken = AuditEvent.objects.get(event__endswith=".exported", pk__gt=last)
            assert (taken.actor_id, taken.clinic_id) == (member.user_id, clinic.pk)
            assert taken.details["rows"] == len(rows) - 1


def test_every_page_of_a_list_leads_to_its_file(full, clinic, subtests) -> None:
    for name in set(LISTS) - {"dashboard:caseload_csv"}:
        _, roles, needs = MATRIX[name]
        path = path_of(name, needs, full)
        with subtests.test(name):
            page = signed_in(reader(clinic, roles)).get(path)
            assert page.status_code == 200
            assert f'href="{path}?format=csv' in page.text


def test_what_is_no_list_gives_no_file(full, clinic, subtests) -> None:
    for name in {name for name in NO_LIST if name in MATRIX}:
        _, roles, needs = MATRIX[name]
        with subtests.test(name):
            client = signed_in(reader(clinic, roles))
            answer = client.get(path_of(name, needs, full), {"format": "csv"})
            assert "text/csv" not in answer.headers.get("Content-Type", "")


def test_a_role_without_the_page_has_no_file(full, clinic, subtests) -> None:
    clients = {role: signed_in(make_member(clinic, role)) for role in Role.values}
    for name in LISTS:
        _, roles, needs = MATRIX[name]
        for role in set(Role.values) - roles:
            with subtests.test(name, role=role):
                answer = clients[role].get(path_of(name, needs, full), {"format": "csv"})
                assert answer.status_code == 403
    assert not AuditEvent.objects.filter(event__endswith=".exported").exists()


@pytest.mark.parametrize("asked", [{}, {"format": "csv"}])
def test_whoever_is_shown_on_a_page_has_it_in_their_trail(asked, full, clinic, subtests) -> None:
    """By the names on the page or in the file, not by what the view says it shows."""
    people = list(Patient.objects.filter(clinic=clinic))
    seen = set()
    # It tells the same faces once in ten minutes: audit/test_lists_in_the_trail.py asks for that.
    for name in set(WITH_GET) - {"dashboard:board_live"}:
        _, roles, needs = MATRIX[name]
        client, last = signed_in(reader(clinic, roles)), newest()
        answer = client.get(path_of(name, needs, full), asked)
        if answer.status_code != 200:
            continue
        text = answer.content.decode(errors="replace")
        for patient in people:
            if patient.family_name in text or patient.reference in text:
                seen.add(name)
                with subtests.test(name, who=patient.family_name):
                    assert [r for r in rows_about(patient.pk, clinic.pk) if r.pk > last]
    of_many = {"dashboard:board", "dashboard:caseload", "checkins:task_list", "checkins:run_outs",
               "checkins:review_list", "dashboard:hand_over", "retention:due",
               "retention:records", "dashboard:audit"}  # fmt: skip
    forms = {"patients:intake_person", "patients:stop", "checkins:review_create", "alerts:mute",
             "exchange:record_export", "detox:level", "tapers:detail", "tapers:on_day",
             "tapers:hold"}  # fmt: skip
    assert of_many | (forms if not asked else set()) <= seen


# What a form is sent so that it is refused: nothing at all, and nonsense in every field.
REFUSED_BY = ({}, {"version": "x", "note": "x" * 9000, "reason": " ", "q": "zz", "confirm": ""})


@pytest.mark.parametrize("sent", REFUSED_BY)
def test_whoever_a_refused_act_shows_again_has_it_in_their_trail(
    sent, full, clinic, subtests
) -> None:
    """A form that comes back, with whatever status, is a page about its patient as well."""
    people = list(Patient.objects.filter(clinic=clinic))
    seen, begun = set(), newest()
    for name in sorted(name for name, (methods, _, _) in MATRIX.items() if "POST" in methods):
        _, roles, needs = MATRIX[name]
        client, last = signed_in(reader(clinic, roles)), newest()
        if name.startswith("dashboard:board_"):
            last = begun  # the board tells the same faces once in ten minutes
        answer = client.post(path_of(name, needs, full), sent)
        text = answer.content.decode(errors="replace")
        for patient in people:
            if patient.family_name in text or patient.reference in text:
                seen.add(name)
                with subtests.test(name, who=patient.family_name):
                    assert [r for r in rows_about(patient.pk, clinic.pk) if r.pk > last]
    again = {"patients:stop", "detox:refer", "retention:hold", "tapers:hold", "tapers:activate",
             "dashboard:board_task_done", "checkins:task"}  # fmt: skip
    assert again <= seen


def test_what_a_refused_act_wrote_down_stands_for_no_look(lead, patient, monkeypatch) -> None:
    """It went with the act; the page that came back did not."""
    rule, done = next(iter(views.MUTABLE_RULES)), views.mute_rule
    alert = open_alert(
        patient=patient, level="watch", response_minutes=1440, rules=[rule],
        source_type="check_in", source_id=uuid4(), now=NOW,
    )  # fmt: skip

    def mute_and_fail(**asked: Any) -> None:
        with transaction.atomic():
            done(**asked)
            raise MuteError("A colleague was faster.")

    monkeypatch.setattr(views, "mute_rule", mute_and_fail)
    client, last = signed_in(lead), newest()
    sent = {"rule": rule, "days": "7", "reason": "Known and seen daily."}
    answer = client.post(reverse("alerts:mute", args=[alert.pk]), sent)
    assert "A colleague was faster." in answer.text
    rows = AuditEvent.objects.filter(pk__gt=last, patient_id=patient.pk)
    assert [row.event for row in rows] == ["page.viewed"]


def test_a_page_is_written_down_once_with_its_name(nurse, patient, prescriber) -> None:
    plan = make_active_plan(patient, prescriber.user)
    client, last = signed_in(nurse), newest()
    client.get(reverse("tapers:detail", args=[plan.pk]))
    row = AuditEvent.objects.get(pk__gt=last, patient_id=patient.pk)
    assert (row.event, row.object_id, row.details) == (
        "page.viewed", plan.pk, {"page": "tapers:detail"},
    )  # fmt: skip
    last = newest()
    client.get(reverse("patients:intake", args=[patient.pk]))  # it says by itself who looked
    assert AuditEvent.objects.get(pk__gt=last, patient_id=patient.pk).event == "intake.viewed"


def test_every_own_list_comes_as_a_file(clinic, prescriber) -> None:
    now = timezone.now()
    patient = make_patient(clinic, now=now, email="wren@home.example")
    give_consent(patient=patient, language="en", now=now)
    check_in(patient, CALM, now=now)
    make_trusted(patient)
    for name, stem in OWN_LISTS.items():
        client = signed_in_as(patient)
        assert "?format=csv" in client.get(reverse(name)).text, name
        answer = client.get(reverse(name), {"format": "csv"})
        assert answer.headers["Content-Disposition"].startswith(f'attachment; filename="{stem}-20')
        assert len(read_csv(answer)) == 2, name
        taken = AuditEvent.objects.filter(event__endswith=".exported").latest("pk")
        found = (taken.actor_id, taken.patient_id, taken.details["rows"])
        assert found == (patient.pk, patient.pk, 1)


def test_every_own_page_is_a_list_or_says_why_not() -> None:
    shown = {name for name, (methods, _, _) in OWN_MATRIX.items() if "GET" in methods}
    assert shown == set(OWN_LISTS) | {name for name in NO_LIST if name in OWN_MATRIX}


def test_a_file_holds_all_rows_in_as_many_queries_as_one(clinic, nurse) -> None:
    """The page shows fifty; the file has them all, and asks no more often for more."""
    path, asked = reverse("checkins:task_list"), []
    client, number = signed_in(nurse), 0
    people = [make_patient(clinic) for _ in range(UNPROVED_AT_MOST)]  # with more a proof is asked
    for more in (1, 60):
        for _ in range(more):
            make_task(people[number % len(people)])
            number += 1
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(path, {"format": "csv"})
        assert len(read_csv(answer)) == number + 1
        asked.append(len(queries))
    assert asked[0] == asked[1] <= 20  # half of them count what costs much
    row = AuditEvent.objects.filter(event="tasks.exported").latest("pk")
    assert (row.details["rows"], len(row.details["patients"])) == (number, len(people))


def test_a_file_of_more_patients_than_a_page_has_takes_a_fresh_proof(clinic, nurse) -> None:
    """And comes after it with the filters that were asked for."""
    path, client = reverse("checkins:task_list"), sign_in(nurse)
    for number in range(UNPROVED_AT_MOST + 1):
        assert client.get(path, {"format": "csv"}).status_code == 200, number
        make_task(make_patient(clinic))
    asked = client.get(path, {"format": "csv"})
    assert asked.headers["Location"].startswith(reverse("account_reauthenticate"))
    assert AuditEvent.objects.filter(event="tasks.exported").count() == UNPROVED_AT_MOST + 1
    answer = go_on(client, asked)
    assert len(read_csv(answer)) == UNPROVED_AT_MOST + 2


def test_a_page_of_a_list_names_those_it_shows_and_no_others(clinic, nurse) -> None:
    for _ in range(53):
        make_task(make_patient(clinic))
    client = signed_in(nurse)
    client.get(reverse("checkins:task_list"))
    client.get(reverse("checkins:task_list"), {"page": 2})
    rows = AuditEvent.objects.filter(event="tasks.viewed").order_by("pk")
    assert [len(row.details["patients"]) for row in rows] == [50, 3]
