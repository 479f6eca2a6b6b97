"""Every URL, for every role: what each may do. A URL that is not listed fails.

Out of scope is 404 as if it did not exist; a role without the right gets 403; nobody
signed in is sent to the sign-in page.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from html import unescape
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from apps.accounts.kept import OF_THE_FORM
from apps.audit.models import AuditEvent
from apps.database import prepared
from apps.database.postgresql import told
from apps.database.scope import EVERY
from apps.patients.models import Clinic, Role, Section, StaffMember
from apps.programs.scopes import Scope
from tests.conftest import signed_in
from tests.exchange.reading import text_of
from tests.factories import (
    make_adjunct,
    make_alert,
    make_decision,
    make_dispensing,
    make_dose,
    make_duty,
    make_gateway,
    make_invitation,
    make_member,
    make_mute,
    make_patient,
    make_plan,
    make_program,
    make_rota,
    make_stay,
    make_task,
    make_therapy,
    make_trusted,
)

pytestmark = pytest.mark.django_db

CARE_TEAM = {Role.PRESCRIBER, Role.NURSE, Role.PHARMACIST, Role.CLINICAL_LEAD}
PRESCRIBING = {Role.PRESCRIBER, Role.CLINICAL_LEAD}
EVERYBODY = set(Role.values)
ROTA_EDITORS = {Role.CLINICAL_LEAD, Role.CLINIC_ADMIN}

# url name -> (methods it takes, roles that may, what its path needs)
MATRIX: dict[str, tuple[set[str], set[str], str]] = {
    "dashboard:board": ({"GET"}, EVERYBODY, ""),
    "dashboard:board_live": ({"GET"}, CARE_TEAM, ""),
    "dashboard:board_take": ({"POST"}, CARE_TEAM, "alert_id"),
    "dashboard:board_close": ({"POST"}, CARE_TEAM, "alert_id"),
    "dashboard:board_task_take": ({"POST"}, CARE_TEAM, "task_id"),
    "dashboard:board_task_done": ({"POST"}, CARE_TEAM, "task_id"),
    "dashboard:board_task_undo": ({"POST"}, CARE_TEAM, "task_id"),
    "dashboard:board_seen_take": ({"POST"}, CARE_TEAM, "patient_id"),
    "dashboard:board_together": ({"POST"}, CARE_TEAM, ""),
    "dashboard:patient_note": ({"GET", "POST"}, CARE_TEAM, "patient_id"),
    "dashboard:clinic": ({"POST"}, EVERYBODY, ""),
    "dashboard:caseload": ({"GET", "POST"}, CARE_TEAM, ""),
    "dashboard:caseload_csv": ({"GET"}, CARE_TEAM, ""),
    "dashboard:view_save": ({"POST"}, CARE_TEAM, ""),
    "dashboard:alert": ({"GET", "POST"}, CARE_TEAM, "alert_id"),
    "dashboard:review": ({"GET"}, PRESCRIBING, "plan_id"),
    "dashboard:decisions": ({"GET"}, CARE_TEAM, ""),
    "dashboard:patient": ({"GET"}, CARE_TEAM, "patient_id"),
    "dashboard:history": ({"GET"}, CARE_TEAM, "patient_id"),
    "dashboard:alert_act": ({"POST"}, CARE_TEAM, "alert_id"),
    "dashboard:alert_hand_over": ({"POST"}, CARE_TEAM, "alert_id"),
    "dashboard:alert_reopen": ({"POST"}, CARE_TEAM, "alert_id"),
    "dashboard:alert_hold_plan": ({"POST"}, CARE_TEAM, "alert_id"),
    "alerts:acknowledge": ({"POST"}, CARE_TEAM, "alert_id"),
    "alerts:mute": ({"GET", "POST"}, PRESCRIBING, "alert_id"),
    "alerts:mute_end": ({"POST"}, PRESCRIBING, "mute_id"),
    "dashboard:hand_over": ({"GET", "POST"}, CARE_TEAM, ""),
    "alerts:rota": ({"GET"}, EVERYBODY, ""),
    "alerts:rota_edit": ({"GET", "POST"}, ROTA_EDITORS, ""),
    "alerts:turn_remove": ({"POST"}, ROTA_EDITORS, "turn_id"),
    "alerts:shift_change": ({"GET", "POST"}, ROTA_EDITORS, "shift_id"),
    "alerts:change_cancel": ({"POST"}, ROTA_EDITORS, "change_id"),
    "alerts:rota_extend": ({"POST"}, ROTA_EDITORS, ""),
    "alerts:hours": ({"GET", "POST"}, ROTA_EDITORS, ""),
    "alerts:closed_day_add": ({"POST"}, ROTA_EDITORS, ""),
    "alerts:closed_day_remove": ({"POST"}, ROTA_EDITORS, "closed_id"),
    "alerts:contacts": ({"GET", "POST"}, EVERYBODY, ""),
    "alerts:quiet_hours": ({"POST"}, EVERYBODY, ""),
    "alerts:quiet_hours_end": ({"POST"}, EVERYBODY, ""),
    "alerts:gateways": ({"GET", "POST"}, ROTA_EDITORS, ""),
    "alerts:gateway_change": ({"GET", "POST"}, ROTA_EDITORS, "gateway_id"),
    "alerts:gateway_off": ({"POST"}, ROTA_EDITORS, "gateway_id"),
    "alerts:ladders": ({"GET", "POST"}, ROTA_EDITORS, ""),
    "dashboard:overview": ({"GET"}, CARE_TEAM, ""),
    "dashboard:ledger": ({"GET"}, {Role.CLINICAL_LEAD}, ""),
    "dashboard:ledger_trial": ({"GET", "POST"}, {Role.CLINICAL_LEAD}, ""),
    "dashboard:staff": ({"GET", "POST"}, {Role.CLINIC_ADMIN}, ""),
    "dashboard:staff_member": ({"GET", "POST"}, {Role.CLINIC_ADMIN}, "member_id"),
    "dashboard:staff_access": ({"POST"}, {Role.CLINIC_ADMIN}, "member_id"),
    "dashboard:staff_proofs": ({"POST"}, {Role.CLINIC_ADMIN}, "member_id"),
    "dashboard:invitation_revoke": ({"POST"}, {Role.CLINIC_ADMIN}, "invitation_id"),
    "dashboard:invitation_again": ({"POST"}, {Role.CLINIC_ADMIN}, "invitation_id"),
    "dashboard:roles": ({"GET"}, PRESCRIBING, ""),
    "dashboard:role_decide": ({"POST"}, PRESCRIBING, "role_id"),
    "dashboard:break_glass": ({"GET", "POST"}, {Role.CLINIC_ADMIN}, ""),
    "dashboard:audit": ({"GET"}, {Role.CLINICAL_LEAD}, ""),
    "dashboard:audit_patient": ({"GET"}, {Role.CLINICAL_LEAD}, "patient_id"),
    "dashboard:audit_person": ({"GET"}, {Role.CLINICAL_LEAD}, "member_id"),
    "dashboard:audit_alert": ({"GET"}, {Role.CLINICAL_LEAD}, "alert_id"),
    "retention:records": ({"GET", "POST"}, {Role.CLINICAL_LEAD}, ""),
    "retention:due": ({"GET", "POST"}, {Role.CLINICAL_LEAD}, ""),
    "retention:decision": ({"GET"}, {Role.CLINICAL_LEAD}, "decision_id"),
    "retention:withdraw": ({"POST"}, {Role.CLINICAL_LEAD}, "decision_id"),
    "retention:hold": ({"GET", "POST"}, {Role.CLINICAL_LEAD}, "patient_id"),
    "research:export": ({"GET", "POST"}, {Role.CLINICAL_LEAD}, ""),
    "programs:list": ({"GET", "POST"}, {Role.CLINIC_ADMIN}, ""),
    "programs:end": ({"POST"}, {Role.CLINIC_ADMIN}, "program_id"),
    "programs:mine": ({"GET"}, EVERYBODY, ""),
    "patients:list": ({"GET"}, CARE_TEAM, ""),
    "patients:create": ({"GET", "POST"}, CARE_TEAM, ""),
    "patients:intake": ({"GET"}, CARE_TEAM, "patient_id"),
    "patients:changes": ({"GET"}, CARE_TEAM, "patient_id"),
    **{
        f"patients:intake_{section}": ({"GET", "POST"}, CARE_TEAM, "patient_id")
        for section in Section.values
    },
    "patients:assess": ({"POST"}, CARE_TEAM, "patient_id"),
    "patients:status": ({"POST"}, CARE_TEAM, "patient_id"),
    "patients:stop": ({"GET", "POST"}, PRESCRIBING, "patient_id"),
    "checkins:review": ({"GET"}, CARE_TEAM, "patient_id"),
    "checkins:review_create": ({"GET", "POST"}, PRESCRIBING, "patient_id"),
    "checkins:supply": ({"GET"}, CARE_TEAM, "patient_id"),
    "checkins:dispensing_create": ({"GET", "POST"}, CARE_TEAM, "patient_id"),
    "checkins:dispensing_correct": ({"GET", "POST"}, CARE_TEAM, "dispensing_id"),
    "checkins:run_outs": ({"GET"}, CARE_TEAM, ""),
    "tapers:formulary": ({"GET"}, EVERYBODY, ""),
    "tapers:formulary_edit": (
        {"GET", "POST"},
        {Role.PHARMACIST, Role.CLINICAL_LEAD, Role.CLINIC_ADMIN},
        "",
    ),
    "checkins:review_list": ({"GET"}, CARE_TEAM, ""),
    "checkins:review_policy": ({"GET", "POST"}, {Role.CLINICAL_LEAD}, ""),
    "tapers:create": ({"GET", "POST"}, PRESCRIBING, "patient_id"),
    "tapers:detail": ({"GET"}, CARE_TEAM, "plan_id"),
    "tapers:edit": ({"GET", "POST"}, PRESCRIBING, "plan_id"),
    "tapers:discard": ({"GET", "POST"}, PRESCRIBING, "plan_id"),
    "tapers:activate": ({"POST"}, PRESCRIBING, "plan_id"),
    "tapers:sign_second": ({"GET", "POST"}, PRESCRIBING, "plan_id"),
    "tapers:on_day": ({"GET"}, CARE_TEAM, "plan_id"),
    "tapers:go_on": ({"GET", "POST"}, PRESCRIBING, "plan_id"),
    "tapers:hold": ({"GET", "POST"}, PRESCRIBING, "plan_id"),
    "tapers:step_back": ({"GET", "POST"}, PRESCRIBING, "plan_id"),
    "tapers:slow": ({"GET", "POST"}, PRESCRIBING, "plan_id"),
    "tapers:method": ({"GET", "POST"}, PRESCRIBING, "plan_id"),
    "tapers:goal": ({"GET", "POST"}, PRESCRIBING, "plan_id"),
    "tapers:stop": ({"GET", "POST"}, PRESCRIBING, "plan_id"),
    "tapers:end": ({"GET", "POST"}, PRESCRIBING, "plan_id"),
    "tapers:inpatient": ({"GET", "POST"}, PRESCRIBING, "plan_id"),
    "exchange:schedule": ({"GET"}, CARE_TEAM, "plan_id"),
    "exchange:calendar": ({"GET"}, CARE_TEAM, "plan_id"),
    "exchange:pharmacy": ({"GET"}, CARE_TEAM, "plan_id"),
    "exchange:letter": ({"GET"}, CARE_TEAM, "plan_id"),
    "exchange:record_brought": ({"GET"}, CARE_TEAM, "patient_id"),
    "exchange:record_export": ({"GET", "POST"}, PRESCRIBING, "patient_id"),
    "exchange:feed_create": ({"POST"}, CARE_TEAM, "patient_id"),
    "exchange:feed_revoke": ({"POST"}, CARE_TEAM, "patient_id"),
    "checkins:link_create": ({"POST"}, CARE_TEAM, "patient_id"),
    "checkins:detail": ({"GET"}, CARE_TEAM, "check_in_id"),
    "checkins:policy": ({"GET", "POST"}, {Role.CLINICAL_LEAD}, ""),
    "checkins:task_list": ({"GET"}, CARE_TEAM, ""),
    "checkins:task": ({"GET", "POST"}, CARE_TEAM, "task_id"),
    "checkins:task_delegate": ({"POST"}, CARE_TEAM, "task_id"),
    "checkins:task_comment": ({"POST"}, CARE_TEAM, "task_id"),
    "checkins:task_create": ({"GET", "POST"}, CARE_TEAM, "patient_id"),
    "checkins:standing_orders": ({"GET", "POST"}, PRESCRIBING, ""),
    "checkins:standing_order_end": ({"POST"}, PRESCRIBING, "order_id"),
    "checkins:duties": ({"GET", "POST"}, PRESCRIBING, "patient_id"),
    "checkins:duty_end": ({"POST"}, PRESCRIBING, "duty_id"),
    "checkins:task_take": ({"POST"}, CARE_TEAM, "task_id"),
    "detox:care": ({"GET"}, CARE_TEAM, "patient_id"),
    "detox:level": ({"GET", "POST"}, PRESCRIBING, "patient_id"),
    "detox:refer": ({"GET", "POST"}, CARE_TEAM, "patient_id"),
    "detox:referral": ({"GET"}, CARE_TEAM, "referral_id"),
    "detox:referral_move": ({"POST"}, CARE_TEAM, "referral_id"),
    "detox:stay_begin": ({"GET", "POST"}, PRESCRIBING, "referral_id"),
    "detox:discharge": ({"GET", "POST"}, PRESCRIBING, "referral_id"),
    "detox:discharge_sign": ({"GET", "POST"}, PRESCRIBING, "referral_id"),
    "detox:outcome": ({"GET"}, CARE_TEAM, "patient_id"),
    "detox:given_on": ({"GET", "POST"}, PRESCRIBING, "patient_id"),
    "detox:restart": ({"GET", "POST"}, PRESCRIBING, "patient_id"),
    "detox:support": ({"GET"}, CARE_TEAM, "patient_id"),
    "detox:therapy_create": ({"GET", "POST"}, CARE_TEAM, "patient_id"),
    "detox:adjunct_create": ({"GET", "POST"}, PRESCRIBING, "patient_id"),
    "detox:coping_edit": ({"GET", "POST"}, CARE_TEAM, "patient_id"),
    "detox:visit_create": ({"GET", "POST"}, CARE_TEAM, "therapy_id"),
    "detox:therapy_end": ({"POST"}, CARE_TEAM, "therapy_id"),
    "detox:adjunct_end": ({"POST"}, PRESCRIBING, "adjunct_id"),
    "detox:stay": ({"GET"}, CARE_TEAM, "stay_id"),
    "detox:rounds_set": ({"POST"}, PRESCRIBING, "stay_id"),
    "detox:round_create": ({"GET", "POST"}, CARE_TEAM, "stay_id"),
    "detox:dose_create": ({"GET", "POST"}, CARE_TEAM, "stay_id"),
    "detox:dose_correct": ({"GET", "POST"}, CARE_TEAM, "dose_id"),
    "detox:facilities": ({"GET", "POST"}, ROTA_EDITORS, ""),
    "detox:facility": ({"GET", "POST"}, ROTA_EDITORS, "facility_id"),
    "exchange:referral_pdf": ({"GET"}, CARE_TEAM, "referral_id"),
    "exchange:referral_bundle": ({"GET"}, CARE_TEAM, "referral_id"),
    "portal:access": ({"GET", "POST"}, CARE_TEAM, "patient_id"),
    "portal:revoke": ({"POST"}, CARE_TEAM, "patient_id"),
    "portal:research_paper": ({"GET", "POST"}, CARE_TEAM, "patient_id"),
    "portal:research_end": ({"POST"}, CARE_TEAM, "patient_id"),
    "portal:trusted_revoke": ({"POST"}, CARE_TEAM, "person_id"),
}
# Each person's own only: tests/security/test_url_table.py asks for somebody else's.
OWN = {
    "dashboard:view_remove",
    "alerts:contact_confirm",
    "alerts:contact_resend",
    "alerts:contact_remove",
    "alerts:contact_prefer",
    "programs:agree",
    "programs:stop",
}
# Open to everybody by design; each has tests of its own.
PUBLIC = {
    "checkins:start": "",
    "checkins:worker": "",
    "portal:coping_worker": "",
    "checkins:manifest": "",
    "checkins:create": "token",
    "checkins:weekly": "token",
    "checkins:correct": "token",
    "dashboard:healthz": "",
    "dashboard:readyz": "",
    "dashboard:metrics": "",
    "alerts:take": "token",
    "dashboard:join": "token",
    "programs:token": "",
    "api:openapi": "",
    "exchange:feed": "token",
    "exchange:fhir_metadata": "",
    "portal:invited": "token",
    "portal:sign_in": "",
    "portal:code": "",
    "portal:help": "clinic_id",
    "portal:trusted_door": "token",
    "portal:trusted_report": "token",
    "alerts:reports": "gateway_id",
}
# For programs, by their token alone: url name -> (method, scope, what its path needs).
PROGRAMS = {
    "api:me": ("GET", "", ""),
    "api:worklist": ("GET", Scope.WORKLIST_READ, ""),
    "api:alerts": ("GET", Scope.ALERTS_READ, ""),
    "api:alert": ("GET", Scope.ALERTS_READ, "alert_id"),
    "api:alert_acknowledge": ("POST", Scope.ALERTS_ACT, "alert_id"),
    "api:alert_close": ("POST", Scope.ALERTS_ACT, "alert_id"),
    "api:questionnaire": ("GET", Scope.CHECK_INS_WRITE, "kind"),
    "api:check_in": ("POST", Scope.CHECK_INS_WRITE, "patient_id"),
    "api:plan_preview": ("POST", Scope.PLANS_PREVIEW, "patient_id"),
}
# A clinic's programs only, by their token: tests/exchange/test_fhir_server.py.
OF_FHIR = {
    "exchange:fhir_bring_in", "exchange:fhir_read", "exchange:fhir_search",
    "exchange:fhir_search_by_form",
}  # fmt: skip
# The patient's own, by the patient's session alone: tests/portal/test_patient_matrix.py.
PATIENTS = {
    f"portal:{name}"
    for name in (
        "home", "sign_out", "consent", "withdraw", "settings", "trusted", "trusted_end",
        "trusted_dose", "export", "export_file", "trend", "check_ins", "check_in_now",
        "check_in", "ask", "calendar", "calendar_stop", "plan", "far",
        "coping", "coping_edit", "research", "research_no",
    )
}  # fmt: skip
# The library's pages: open to everybody, of the person who is signed in ("own"), or shut here
# (apps/accounts/urls.py). tests/security/test_url_table.py asks each.
LIBRARY = {
    "account_login": "open",
    "account_logout": "open",
    "account_inactive": "open",
    "account_signup": "open",
    "account_reauthenticate": "own",
    "account_go_on": "own",
    "account_email": "closed",
    "account_email_verification_sent": "closed",
    "account_confirm_email": "closed",
    "account_change_password": "own",
    "account_set_password": "own",
    "account_reset_password": "open",
    "account_reset_password_done": "open",
    "account_reset_password_from_key": "open",
    "account_reset_password_from_key_done": "open",
    "account_confirm_login_code": "open",
    "mfa_index": "own",
    "mfa_authenticate": "open",
    "mfa_reauthenticate": "own",
    "mfa_activate_totp": "own",
    "mfa_deactivate_totp": "own",
    "mfa_view_recovery_codes": "own",
    "mfa_generate_recovery_codes": "own",
    "mfa_download_recovery_codes": "own",
    "mfa_list_webauthn": "own",
    "mfa_add_webauthn": "own",
    "mfa_reauthenticate_webauthn": "own",
    "mfa_remove_webauthn": "own",
    "mfa_edit_webauthn": "own",
    "mfa_login_webauthn": "open",
    "usersessions_list": "own",
}

ALL_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def url_names(patterns: Iterable[Any], prefix: str = "", namespace: str = "") -> dict[str, str]:
    """Return {name: route} of every URL of the project."""
    found = {}
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{pattern.namespace}:" if pattern.namespace else ""
            found |= url_names(pattern.url_patterns, route, namespace + inner)
        elif isinstance(pattern, URLPattern):
            found[namespace + (pattern.name or route)] = route
    return found


@pytest.fixture
def own(patient, prescriber) -> dict[str, Any]:
    return objects_of(patient, prescriber)


@pytest.fixture
def foreign(other_patient, outsider) -> dict[str, Any]:
    return objects_of(other_patient, outsider)


def objects_of(patient: Any, member: Any) -> dict[str, Any]:
    return {
        "patient_id": patient.pk,
        "member_id": member.pk,
        "invitation_id": (invited := make_invitation(member)).pk,
        "role_id": invited.role_changes.get().pk,
        "alert_id": make_alert(patient).pk,
        **rota_of(member),
        **stay_of(patient, member.user),
        "task_id": make_task(patient).pk,
        "duty_id": (duty := make_duty(patient, member.user)).pk,
        "order_id": duty.order_id,
        "person_id": make_trusted(patient).pk,
        "check_in_id": patient.check_ins.first().pk,
        "dispensing_id": make_dispensing(patient, member.user).pk,
        "mute_id": make_mute(patient, member.user).pk,
        "gateway_id": make_gateway(member.clinic, member.user, "pagerduty://{to}@key").pk,
        "plan_id": make_plan(patient, member.user).pk,
        "decision_id": make_decision(member).pk,
        "program_id": make_program(member).pk,
    }


def stay_of(patient: Any, by: Any) -> dict[str, Any]:
    """Return a stay with all that belongs to it, of a colleague in the same clinic's beds."""
    other = make_patient(patient.clinic)
    stay = make_stay(other, by)
    return {
        "stay_id": stay.pk,
        "referral_id": stay.referral_id,
        "facility_id": stay.referral.facility_id,
        "dose_id": make_dose(stay, by).pk,
        "therapy_id": make_therapy(other, by).pk,
        "adjunct_id": make_adjunct(other, by).pk,
    }


def rota_of(member: Any) -> dict[str, Any]:
    turn, shift, change, closed = make_rota(member)
    return {
        "turn_id": turn.pk,
        "shift_id": shift.pk,
        "change_id": change.pk,
        "closed_id": closed.pk,
    }


def path_of(name: str, needs: str, ids: dict[str, Any]) -> str:
    fixed = {"language": "en"} if name == "exchange:calendar" else {}
    return reverse(name, kwargs={needs: ids[needs], **fixed} if needs else {})


def as_before(signed_in_there: Client) -> Client:
    """Return another browser with the cookies of this one, as a new sign-in would give them.

    Signing in costs more than most pages; `undone` takes back what a page writes into the session.
    """
    browser = Client()
    browser.cookies = deepcopy(signed_in_there.cookies)
    return browser


def ask(client: Client, method: str, path: str) -> int:
    return client.generic(method, path).status_code


def test_every_url_is_listed() -> None:
    """By name; tests/security/test_url_table.py holds each name to its path."""
    lists = [*MATRIX, *PUBLIC, *OWN, *PATIENTS, *PROGRAMS, *OF_FHIR, *LIBRARY]
    assert sorted(url_names(get_resolver().url_patterns)) == sorted(lists)


@contextmanager
def undone() -> Iterator[None]:
    """Take back what the block wrote: the next page finds the clinic as it was."""
    with transaction.atomic():
        yield
        connection.check_constraints()
        transaction.set_rollback(True)


def test_a_stranger_is_sent_to_the_sign_in_page(own: dict[str, Any], subtests) -> None:
    for name, (_, _, needs) in MATRIX.items():
        path = path_of(name, needs, own)
        with subtests.test(name):
            for method in ALL_METHODS:
                response = Client().generic(method, path)
                assert response.status_code == 302, (method, path)
                assert response.headers["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("role", Role.values)
def test_a_role_may_do_exactly_what_the_matrix_says(
    role: str, own: dict[str, Any], clinic, subtests
) -> None:
    member = signed_in(make_member(clinic, role))
    for name, (methods, roles, needs) in MATRIX.items():
        path = path_of(name, needs, own)
        with subtests.test(name), undone():
            client = as_before(member)
            for method in methods:
                status = ask(client, method, path)
                allowed = (200, 302, 422) if role in roles else (403,)
                assert status in allowed, (method, path, status)


def test_no_method_is_taken_that_the_matrix_does_not_name(
    own: dict[str, Any], clinic, subtests
) -> None:
    clients = {role: signed_in(make_member(clinic, role)) for role in Role.values}
    for name, (methods, roles, needs) in MATRIX.items():
        path = path_of(name, needs, own)
        with subtests.test(name):
            for role in (min(roles), max(EVERYBODY - roles, default=max(roles))):
                for method in set(ALL_METHODS) - methods:
                    assert ask(clients[role], method, path) == 405, (method, role)


@pytest.mark.parametrize("role", Role.values)
def test_another_clinics_object_does_not_exist(
    role: str, foreign: dict[str, Any], clinic, subtests
) -> None:
    """For every role that may: who may not is refused before anything is looked for, above."""
    member = make_member(clinic, role)
    client = signed_in(member)
    for name, (methods, roles, needs) in MATRIX.items():
        if needs and role in roles:
            with subtests.test(name), undone():
                check_foreign_is_unknown(name, methods, needs, foreign, member, as_before(client))


@pytest.fixture
def open_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let PostgreSQL show every clinic's rows: only the code's own choke point stands."""
    closed = told.values_of
    for module in (told, prepared):
        monkeypatch.setattr(
            module, "values_of", lambda scope: closed(scope if scope in told.ROLES else EVERY)
        )


@pytest.mark.usefixtures("open_wall")
def test_another_clinics_object_does_not_exist_with_the_second_wall_open(
    foreign: dict[str, Any], clinic, subtests
) -> None:
    """What `fetch_in_scope` or a queryset forgets, the database would hide above."""
    clients = {role: signed_in(make_member(clinic, role)) for role in Role.values}
    for name, (methods, roles, needs) in MATRIX.items():
        if needs:
            with subtests.test(name), undone():
                client = as_before(clients[min(roles)])
                for method in methods:
                    assert ask(client, method, path_of(name, needs, foreign)) == 404, method


def check_foreign_is_unknown(
    name: str, methods: set[str], needs: str, foreign: dict[str, Any], member: StaffMember,
    client: Client,
) -> None:  # fmt: skip
    """Neither status, length nor work tells an object of another clinic from none at all."""
    client.put(reverse("alerts:contacts"))  # the first request warms what later ones find warm
    AuditEvent.objects.filter(event="access.refused").count()
    for method in methods:
        unknown = 987654321 if needs == "closed_id" else uuid4()
        answers, work = [], []
        for ids in (foreign, {needs: unknown}):
            with CaptureQueriesContext(connection) as queries:
                answers.append(client.generic(method, path_of(name, needs, ids)))
            work.append(len(queries))
        theirs, nowhere = answers
        assert theirs.status_code == nowhere.status_code == 404
        assert len(theirs.content) == len(nowhere.content)
        assert TOKEN.sub("", theirs.text) == TOKEN.sub("", nowhere.text)
        heads = [{**answer.headers, "X-Request-ID": ""} for answer in answers]
        assert heads[0] == heads[1]
        assert work[0] == work[1]
        rows = AuditEvent.objects.filter(event="access.refused").order_by("-pk")[:2]
        assert [refusal(row) for row in rows] == [
            (member.user_id, member.clinic_id, None, None, name, method, 404, 1)
        ] * 2


def refusal(row: AuditEvent) -> tuple[Any, ...]:
    """Return all that the record says of an attempt but the id that was asked for."""
    said = row.details
    return (
        row.actor_id, row.clinic_id, row.patient_id, row.object_id,
        said["url"], said["method"], said["status"], len(said["ids"]),
    )  # fmt: skip


# Every name under which an id might be smuggled in, beside the page's own fields.
ID_NAMES = ("id", "pk", "clinic", "patient", "member", "user", "owner", "to", "alert", "plan")
FIELD = re.compile(r'<(?:input|select|textarea)[^>]*\bname="([^"]+)"')
# The record's own pages show that they were read.
OWN_LOOK = re.compile(r"<tr>(?:(?!</tr>).)*Read the audit record.*?</tr>\s*", re.DOTALL)
# When the board was drawn, when this test itself looked, and how long ago something was.
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.+-]+|\d\d:\d\d(:\d\d)?|\b\d+ (?:min|h)\b")
# New on every page by design.
TOKEN = re.compile(r'name="(?:csrfmiddlewaretoken|submission_id)" value="[^"]+"')


def prints_of(clinic: Clinic) -> dict[str, str]:
    """Return a fingerprint of everything stored for a clinic, model by model, in one question."""
    tenant = [
        model._meta
        for model in apps.get_models()
        if any(field.name == "clinic" for field in model._meta.fields)
        # Derived from the other rows, and brought up to them by whoever looks next.
        and model.__name__ != "PatientState"
    ]
    asked = " UNION ALL ".join(
        f"SELECT '{meta.label}', md5(string_agg(t::text, ' ' ORDER BY t::text)) "
        f"FROM {meta.db_table} t WHERE clinic_id = %(clinic)s"
        for meta in tenant
    )
    with connection.cursor() as cursor:
        cursor.execute(asked, {"clinic": clinic.pk})
        return dict(cursor.fetchall())


def test_ids_of_another_clinic_in_query_and_body_give_and_change_nothing(
    own: dict[str, Any], foreign: dict[str, Any], clinic, other_clinic, subtests
) -> None:
    clients = {role: signed_in(make_member(clinic, role)) for role in Role.values}
    before = prints_of(other_clinic)
    assert len(list(filter(None, before.values()))) > 15, "there is something to change"
    secrets = [p.family_name for p in other_clinic.patients.all()]
    secrets += [m.user.full_name for m in other_clinic.staff.all()] + [other_clinic.name]
    for name, (methods, roles, needs) in MATRIX.items():
        path = path_of(name, needs, own)
        with subtests.test(name), undone():
            client = as_before(clients[min(roles)])
            shown = smuggle(client, path, methods, [other_clinic.pk, *foreign_ids(foreign)])
            assert not [word for word in secrets if re.search(rf"{re.escape(word)}\b", shown)]
            assert prints_of(other_clinic) == before


@pytest.mark.usefixtures("open_wall")
def test_a_patients_id_of_another_clinic_gives_and_changes_nothing_with_the_second_wall_open(
    own: dict[str, Any], foreign: dict[str, Any], clinic, other_clinic, subtests
) -> None:
    """The same with one id for all, so that it takes a third of the time."""
    clients = {role: signed_in(make_member(clinic, role)) for role in Role.values}
    secrets = [theirs.family_name for theirs in other_clinic.patients.all()]
    before = prints_of(other_clinic)
    for name, (methods, roles, needs) in MATRIX.items():
        with subtests.test(name), undone():
            client = as_before(clients[min(roles)])
            shown = smuggle(client, path_of(name, needs, own), methods, [foreign["patient_id"]])
            assert not [word for word in secrets if re.search(rf"{re.escape(word)}\b", shown)]
            if methods != {"GET"}:
                assert prints_of(other_clinic) == before


def foreign_ids(foreign: dict[str, Any]) -> list[Any]:
    return [foreign[key] for key in ("patient_id", "member_id")]


def smuggle(client: Client, path: str, methods: set[str], values: Iterable[Any]) -> str:
    """Ask with each value under every name there is; return all that was answered."""
    names = {*ID_NAMES, *(f"{key}_id" for key in ID_NAMES)}
    if "GET" in methods:
        names |= set(FIELD.findall(client.get(path).content.decode(errors="replace")))
    names -= {*OF_THE_FORM}  # with a wrong clinic there no view would be asked
    shown = ""
    for value in values:
        data = dict.fromkeys(names, str(value))
        for method in methods:
            ask = client.get if method == "GET" else client.post
            answer = ask(f"{path}?{urlencode(data)}", data)
            assert answer.status_code < 500
            shown += unescape(answer.content.decode(errors="replace"))
    return shown


def test_pages_are_the_same_whatever_another_clinic_has(
    own: dict[str, Any], clinic, other_patient, outsider, subtests
) -> None:
    clients = {role: signed_in(make_member(clinic, role)) for role in Role.values}
    pages = {name: row for name, row in MATRIX.items() if "GET" in row[0]}
    looks: list[dict[str, str]] = []
    for _ in range(2):
        looks.append({})
        for name, (_, roles, needs) in pages.items():
            path = path_of(name, needs, own)
            with undone():
                client = as_before(clients[min(roles)])
                client.get(path)  # what a first look writes down is there on the second
                page = TOKEN.sub("", words_on(client.get(path)))
                looks[-1][name] = MOMENT.sub("", OWN_LOOK.sub("", page))
        objects_of(other_patient, outsider)
    for name in pages:
        with subtests.test(name):
            assert looks[0][name] == looks[1][name]


def words_on(answer: Any) -> str:
    """Return what a page or a paper says; a paper also holds the moment it was made."""
    if answer.headers["Content-Type"] == "application/pdf":
        return text_of(answer.content)
    return answer.content.decode(errors="replace")


def test_a_person_without_a_clinic_sees_nothing(own: dict[str, Any], nurse) -> None:
    client = signed_in(nurse)
    nurse.is_active = False
    nurse.save(update_fields=["is_active"])
    for name, (methods, _, needs) in MATRIX.items():
        for method in methods:
            assert ask(client, method, path_of(name, needs, own)) == 403


def test_a_deactivated_user_is_signed_out_at_once(nurse) -> None:
    client = signed_in(nurse)
    nurse.user.is_active = False
    nurse.user.save(update_fields=["is_active"])
    assert client.get(reverse("patients:list")).status_code == 302


def test_lists_never_show_another_clinics_patients(patient, other_patient, nurse) -> None:
    page = signed_in(nurse).post(reverse("dashboard:caseload"), {"q": "Wren"}, follow=True)
    assert patient.family_name in page.text
    assert other_patient.family_name not in page.text
    make_alert(other_patient)
    assert other_patient.family_name not in signed_in(nurse).get("/").text
