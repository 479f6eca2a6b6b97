"""A program is let in by an admin, agreed to by its person, and shut out at once by either."""

from base64 import b64encode
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.audit.actions import no_program
from apps.audit.models import AuditEvent
from apps.dashboard.staff_actions import change_role, deactivate_member
from apps.patients.models import Role
from apps.programs import access, actions
from apps.programs.actions import ProgramError, agree_to_program, end_program, let_program_in
from apps.programs.models import AccessToken, Program
from apps.programs.scopes import RIGHT_FOR, Scope
from tests.conftest import signed_in
from tests.factories import NOW, PASSWORD, make_member, make_program, token_for_program

pytestmark = pytest.mark.django_db


@pytest.fixture
def program(nurse):
    return make_program(nurse, Scope.WORKLIST_READ, Scope.ALERTS_READ)


def ask_token(program: Program, secret: str, **more: str):
    form = {"grant_type": "client_credentials", "client_id": str(program.pk)}
    return Client().post(reverse("programs:token"), form | {"client_secret": secret} | more)


def asked(rf, token: str, scope: str = Scope.WORKLIST_READ) -> int:
    """Return how a question with this token is received."""
    request = rf.get("/", headers={"Authorization": f"Bearer {token}"})
    try:
        with no_program():  # as the middleware does
            access.let_in(request, scope)
    except access.ProblemError as problem:
        return problem.status
    return 200


# --- Letting in ---------------------------------------------------------------------------------
def test_every_scope_needs_a_right() -> None:
    assert set(RIGHT_FOR) == set(Scope.values)


def test_the_admin_asks_and_the_person_gets_the_secret(nurse, clinic_admin) -> None:
    admin, mine = signed_in(clinic_admin), signed_in(nurse)
    typed = {"name": "Waiting-room tablet", "member": nurse.pk, "scopes": ["worklist.read"]}
    prove(admin)
    page = admin.post(reverse("programs:list"), typed, follow=True)
    program = Program.objects.get()
    assert "Not agreed to yet" in page.text
    assert not program.works
    assert admin.post(reverse("programs:agree", args=[program.pk])).status_code == 404
    assert "Agree and show the secret" in mine.get(reverse("programs:mine")).text
    # Without a fresh proof of who it is nothing is agreed to.
    assert mine.post(reverse("programs:agree", args=[program.pk])).status_code == 302
    prove(mine)
    shown = mine.post(reverse("programs:agree", args=[program.pk])).text
    secret = shown.split('id="secret" type="text" readonly value="')[1].split('"')[0]
    assert ask_token(program, secret).status_code == 200
    assert secret not in mine.get(reverse("programs:mine")).text
    assert mine.post(reverse("programs:stop", args=[program.pk]), follow=True).status_code == 200
    assert ask_token(program, secret).status_code == 401
    rows = AuditEvent.objects.filter(object_id=program.pk).order_by("pk")
    assert [row.event for row in rows] == [
        "program.let_in", "program.agreed", "program.token_given", "program.ended",
    ]  # fmt: skip


def prove(client: Client) -> None:
    """Let the person prove again who they are."""
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})


def test_a_wrong_form_is_told_and_keeps_what_was_typed(nurse, clinic_admin) -> None:
    admin = signed_in(clinic_admin)
    prove(admin)
    typed = {"name": "Planner", "member": nurse.pk, "scopes": ["plans.preview"]}
    page = admin.post(reverse("programs:list"), typed)
    assert page.status_code == 422
    assert "may not do this, so no program may in their name" in page.text
    assert 'value="Planner"' in page.text
    assert not Program.objects.exists()


def test_nobody_else_sees_or_ends_a_program(program, prescriber, outsider, clinic_admin) -> None:
    for member in (prescriber, outsider):
        client = signed_in(member)
        assert program.name not in client.get(reverse("programs:mine")).text
        for name in ("agree", "stop"):
            assert client.post(reverse(f"programs:{name}", args=[program.pk])).status_code == 404
    page = signed_in(clinic_admin).post(reverse("programs:end", args=[program.pk]), follow=True)
    assert "Ended" in page.text


def test_a_program_gets_no_more_than_its_person_has(nurse, clinic_admin) -> None:
    for member, scope in ((nurse, Scope.PLANS_PREVIEW), (clinic_admin, Scope.WORKLIST_READ)):
        with pytest.raises(ProgramError, match="may not do this"):
            let_program_in(member=member, name="x", scopes=[scope], by=clinic_admin.user, now=NOW)


def test_one_name_once_and_nobody_who_has_left(program, nurse, clinic_admin) -> None:
    values = {"scopes": [Scope.ALERTS_READ], "by": clinic_admin.user, "now": NOW}
    with pytest.raises(ProgramError, match="already"):
        let_program_in(member=nurse, name=program.name, **values)
    end_program(program=program, by=clinic_admin.user, now=NOW)
    assert let_program_in(member=nurse, name=program.name, **values).pk
    nurse.is_active = False
    with pytest.raises(ProgramError, match="does not work here"):
        let_program_in(member=nurse, name="Other", **values)


def test_agreeing_and_ending_twice_is_safe(program, nurse, prescriber, clinic_admin) -> None:
    with pytest.raises(ProgramError, match="somebody else"):
        agree_to_program(program=program, by=prescriber.user, now=NOW)
    old = token_for_program(program)
    first = agree_to_program(program=program, by=nurse.user, now=NOW)
    second = agree_to_program(program=program, by=nurse.user, now=NOW)
    assert first != second
    assert not AccessToken.objects.filter(program=program).exists(), old
    assert ask_token(program, first).status_code == 401
    assert ask_token(program, second).status_code == 200
    for _ in range(2):
        end_program(program=program, by=clinic_admin.user, now=NOW)
    assert AuditEvent.objects.filter(event="program.ended").count() == 1
    with pytest.raises(ProgramError, match="was ended"):
        agree_to_program(program=program, by=nurse.user, now=NOW)


@pytest.mark.parametrize("act", ["let_program_in", "agree_to_program", "end_program", "give_token"])
def test_without_its_audit_row_nothing_is_changed(act, program, nurse, monkeypatch) -> None:
    def fail(*args, **kwargs) -> None:
        raise RuntimeError

    before = list(Program.objects.values()), list(AccessToken.objects.values())
    monkeypatch.setattr(actions, "record", fail)
    values = {
        "let_program_in": {
            "member": nurse, "name": "New", "scopes": [Scope.ALERTS_READ], "by": nurse.user,
        },
        "agree_to_program": {"program": program, "by": nurse.user},
        "end_program": {"program": program, "by": nurse.user},
        "give_token": {"program": program, "scopes": program.scopes},
    }[act]  # fmt: skip
    with pytest.raises(RuntimeError):
        getattr(actions, act)(now=NOW, **values)
    assert (list(Program.objects.values()), list(AccessToken.objects.values())) == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""}, {"scopes": []}, {"scopes": ["everything"]}, {"secret_hash": ""},
        {"agreed_at": None}, {"revoked_at": NOW},
    ],
)  # fmt: skip
def test_the_database_refuses_an_impossible_program(wrong, program) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Program.objects.filter(pk=program.pk).update(**wrong)


# --- Tokens -------------------------------------------------------------------------------------
def test_a_token_is_as_oauth_wants_it_and_only_its_hash_is_stored(program, nurse) -> None:
    secret = agree_to_program(program=program, by=nurse.user, now=NOW)
    answer = ask_token(program, secret, scope="alerts.read")
    found = answer.json()
    assert answer.headers["Cache-Control"] == "no-store"
    assert (found["token_type"], found["scope"]) == ("Bearer", "alerts.read")
    assert found["expires_in"] == 900
    row = AccessToken.objects.get()
    assert found["access_token"] not in (row.token_hash, secret)
    assert row.scopes == ["alerts.read"]


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "no id"}, 401, "invalid_client"),
        ({"client_id": "00000000-0000-4000-8000-000000000000"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"scope": "alerts.act"}, 400, "invalid_scope"),
    ],
)
def test_a_wrong_request_for_a_token(program, nurse, changes, status, error) -> None:
    right = {"secret": agree_to_program(program=program, by=nurse.user, now=NOW)}
    answer = ask_token(program, **(right | changes))
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_credentials_may_stand_in_the_header(program, nurse) -> None:
    secret = agree_to_program(program=program, by=nurse.user, now=NOW)
    headers = Client().post(
        reverse("programs:token"), {"grant_type": "client_credentials"},
        headers={"Authorization": basic(f"{program.pk}:{secret}")},
    )  # fmt: skip
    assert headers.status_code == 200
    for broken in ("Basic !!!", "Basic /w==", "Basic", "Basic é"):
        answer = Client().post(reverse("programs:token"), headers={"Authorization": broken})
        assert answer.status_code == 401


def basic(text: str) -> str:
    return f"Basic {b64encode(text.encode()).decode()}"


def test_guessing_is_slowed_and_the_right_secret_still_works(program, nurse) -> None:
    secret = agree_to_program(program=program, by=nurse.user, now=NOW)
    statuses = [ask_token(program, f"guess {number}").status_code for number in range(25)]
    assert statuses == [401] * 20 + [429] * 5
    assert ask_token(program, secret).status_code == 200


def test_a_token_that_nobody_got_is_slowed_too(program, rf) -> None:
    assert [asked(rf, f"guess {n}") for n in range(22)] == [401] * 20 + [429] * 2
    assert asked(rf, token_for_program(program)) == 200


# --- At once ------------------------------------------------------------------------------------
def test_a_token_ends_by_itself(program, rf) -> None:
    old = token_for_program(program, now=timezone.now() - timedelta(minutes=16))
    assert asked(rf, old) == 401
    assert asked(rf, token_for_program(program)) == 200


def test_old_tokens_are_swept(program) -> None:
    token_for_program(program, now=timezone.now() - timedelta(days=2))
    token_for_program(program)
    assert AccessToken.objects.count() == 1


def test_who_is_deactivated_or_loses_the_right_stops_the_program_at_once(
    program, nurse, clinic_admin, rf
) -> None:
    token = token_for_program(program)
    assert asked(rf, token) == 200
    change_role(member=nurse, role=Role.CLINIC_ADMIN, by=clinic_admin.user, now=NOW)
    assert asked(rf, token) == 403
    change_role(
        member=nurse, role=Role.NURSE, by=clinic_admin.user, now=NOW, agreement="The director."
    )
    deactivate_member(member=nurse, by=clinic_admin.user, now=NOW)
    assert asked(rf, token) == 401


def test_an_ended_program_and_a_missing_scope_are_refused(program, nurse, rf) -> None:
    token = token_for_program(program, Scope.ALERTS_READ)
    assert asked(rf, token) == 403
    assert asked(rf, token, Scope.ALERTS_READ) == 200
    end_program(program=program, by=nurse.user, now=NOW)
    assert asked(rf, token, Scope.ALERTS_READ) == 401


def test_a_program_that_asks_too_often_waits_for_the_next_minute(program, rf, monkeypatch) -> None:
    monkeypatch.setattr(access, "PER_MINUTE", 3)
    token = token_for_program(program)
    moment = timezone.now().replace(second=30)
    monkeypatch.setattr(access.timezone, "now", lambda: moment)
    assert [asked(rf, token) for _ in range(5)] == [200] * 3 + [429] * 2
    later = moment + timedelta(minutes=1)
    monkeypatch.setattr(access.timezone, "now", lambda: later)
    assert asked(rf, token) == 200


def test_the_pages_cost_the_same_whatever_the_number(clinic, clinic_admin) -> None:
    counts = []
    for _ in range(2):
        for _ in range(3):
            make_program(make_member(clinic), Scope.ALERTS_READ)
        client = signed_in(clinic_admin)
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("programs:list"))
        counts.append(len(queries))
    assert counts[0] == counts[1]
