"""What waits for a fresh proof: several at once, sealed, bound to its act, used once."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any
from unittest import mock

import pytest
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts import kept
from apps.accounts.models import Invitation
from apps.audit.models import AuditEvent
from apps.patients.lists import UNPROVED_AT_MOST
from apps.patients.middleware import SESSION_KEY as CLINIC
from apps.patients.models import Role, StaffMember
from tests.accounts.test_passkey_ceremony import Key
from tests.accounts.test_sign_in import sign_in
from tests.conftest import go_on
from tests.detox.test_discharge import stay  # noqa: F401 - pytest finds fixtures by name
from tests.factories import PASSWORD, code_of, make_patient, make_task

pytestmark = pytest.mark.django_db
STAFF = reverse("dashboard:staff")


def invite(client: Client, email: str, **more: Any) -> Any:
    return client.post(STAFF, {"email": email, "role": Role.CLINIC_ADMIN} | more)


def invited() -> list[str]:
    return sorted(Invitation.objects.values_list("email", flat=True))


def page_after(client: Client, asked: Any) -> Any:
    return client.post(asked.headers["Location"], {"password": PASSWORD}, follow=True)


def test_the_page_that_asks_names_the_act_and_leads_back_to_it(clinic_admin) -> None:
    client = sign_in(clinic_admin)
    asked = invite(client, "one@clinic.example")
    page = client.get(asked.headers["Location"])
    assert "Invite one@clinic.example to the staff" in page.text
    other_way = client.get(page.context["reauthentication_alternatives"][0]["url"])
    assert "Invite one@clinic.example to the staff" in other_way.text
    answer = go_on(client, asked)
    assert answer.headers["Location"] == STAFF
    assert invited() == ["one@clinic.example"]


def test_two_tabs_lose_nothing(clinic_admin) -> None:
    client = sign_in(clinic_admin)
    first, second = (invite(client, f"{name}@clinic.example") for name in ("one", "two"))
    go_on(client, first)
    assert invited() == ["one@clinic.example"]
    go_on(client, second)
    assert invited() == ["one@clinic.example", "two@clinic.example"]
    assert client.session[kept.SESSION_KEY] == {}


def test_the_page_goes_on_once_and_changes_nothing_by_itself(clinic_admin) -> None:
    client = sign_in(clinic_admin)
    page = page_after(client, invite(client, "one@clinic.example"))
    assert f'action="{STAFF}"' in page.text
    assert "go_on" in page.text
    assert client.get(page.request["PATH_INFO"]).status_code == 200, "to look uses nothing up"
    assert invited() == []
    sent = dict(page.context["kept"].fields) | {kept.FIELD: page.context["kept_id"]}
    assert client.post(STAFF, sent).status_code == 302
    assert client.post(STAFF, sent).status_code == 409
    assert client.get(page.request["PATH_INFO"]).status_code == 410
    assert AuditEvent.objects.filter(event="staff.invited").count() == 1


def test_it_goes_nowhere_else(clinic_admin, nurse) -> None:
    client = sign_in(clinic_admin)
    page = page_after(client, invite(client, "one@clinic.example"))
    elsewhere = reverse("dashboard:staff_access", args=[nurse.pk])
    answer = client.post(elsewhere, {"access": "end", kept.FIELD: page.context["kept_id"]})
    assert answer.status_code == 409
    assert StaffMember.objects.get(pk=nurse.pk).is_active


def test_it_does_not_outlive_its_minutes(clinic_admin, monkeypatch) -> None:
    client = sign_in(clinic_admin)
    page = page_after(client, invite(client, "one@clinic.example"))
    monkeypatch.setattr(kept, "KEPT_FOR", timedelta(seconds=-1))
    assert client.get(page.request["PATH_INFO"]).status_code == 410
    sent = dict(page.context["kept"].fields) | {kept.FIELD: page.context["kept_id"]}
    assert client.post(STAFF, sent).status_code == 409
    assert invited() == []


def test_without_a_proof_nobody_sees_what_was_typed(clinic_admin) -> None:
    client = sign_in(clinic_admin)
    asked = invite(client, "one@clinic.example")
    key = next(iter(client.session[kept.SESSION_KEY]))
    answer = client.get(reverse("account_go_on", args=[key]))
    assert answer.headers["Location"] == asked.headers["Location"]


def test_another_session_of_the_same_person_finds_nothing(clinic_admin) -> None:
    here, there = sign_in(clinic_admin), sign_in(clinic_admin)
    page = page_after(here, invite(here, "one@clinic.example"))
    assert there.get(page.request["PATH_INFO"]).status_code == 410


def test_a_dump_of_the_sessions_shows_nothing_of_it(stay, prescriber) -> None:  # noqa: F811
    client = sign_in(prescriber)
    path = reverse("detox:discharge", args=[stay.referral_id])
    home = timezone.localtime(timezone=stay.patient.clinic.tz)
    client.post(path, {"discharged_at": f"{home:%Y-%m-%dT%H:%M}", "left": "some",
                       "taken": "diazepam 5 mg", "summary": "Calm, and slept."})  # fmt: skip
    dump = json.dumps([row.get_decoded() for row in Session.objects.all()])
    assert kept.SESSION_KEY in dump
    for word in ("diazepam", "Calm", str(stay.referral_id), stay.patient.reference):
        assert word not in dump


def test_it_goes_on_in_the_clinic_in_which_it_was_begun(
    clinic_admin, other_clinic, outsider
) -> None:
    """Else somebody is invited by the clinic to which another tab has changed meanwhile."""
    StaffMember.objects.create(clinic=other_clinic, user=clinic_admin.user, role="clinic_admin")
    client = sign_in(clinic_admin)
    set_clinic(client, clinic_admin.clinic_id)
    drawn = {kept.DRAWN_FOR: clinic_admin.clinic_id}
    page = page_after(client, invite(client, "one@clinic.example", **drawn))
    set_clinic(client, other_clinic.pk)
    answer = client.get(page.request["PATH_INFO"])
    assert answer.status_code == 409
    assert "another clinic" in answer.text
    sent = dict(page.context["kept"].fields) | {kept.FIELD: page.context["kept_id"]}
    assert client.post(STAFF, sent).status_code == 409
    assert invited() == []
    set_clinic(client, clinic_admin.clinic_id)
    assert client.post(STAFF, sent).status_code == 302, "nothing that was typed is lost by it"


def test_of_many_the_oldest_goes_first(clinic_admin) -> None:
    client = sign_in(clinic_admin)
    asked = [invite(client, f"{number}@clinic.example") for number in range(kept.AT_MOST + 1)]
    assert len(client.session[kept.SESSION_KEY]) == kept.AT_MOST
    assert page_after(client, asked[0]).status_code == 410
    go_on(client, asked[1])
    assert invited() == ["1@clinic.example"]


def test_a_file_leaves_the_page_with_a_way_back(patient, prescriber) -> None:
    client = sign_in(prescriber)
    path = reverse("exchange:record_export", args=[patient.pk])
    page = page_after(client, client.post(path, {"why": "transfer"}))
    assert f"Take the whole record of {patient.reference} along" in page.text
    assert f'href="{path}">Back to the page' in page.text


@pytest.fixture
def export(clinic_admin, nurse) -> tuple[Client, str, dict[str, str]]:
    """A file that is asked for by GET and waits for a proof: the client, its path, what to send."""
    for _ in range(UNPROVED_AT_MOST + 1):
        make_task(make_patient(nurse.clinic))
    client, path = sign_in(nurse), reverse("checkins:task_list")
    page = page_after(client, client.get(path, {"format": "csv"}))
    sent = dict(page.context["kept"].fields) | {kept.FIELD: str(page.context["kept_id"])}
    return client, path, sent


def files() -> int:
    return AuditEvent.objects.filter(event="tasks.exported").count()


def test_a_file_that_waited_is_handed_out_once(export) -> None:
    client, path, sent = export
    answer = client.get(path, sent)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    again = client.get(path, sent)
    assert (again.status_code, files()) == (409, 1)
    assert "It was done already" in again.text


def test_a_file_that_waited_comes_from_no_other_clinic(export, nurse, other_clinic) -> None:
    """The act named the patients of the one; another tab has changed the clinic meanwhile."""
    client, path, sent = export
    StaffMember.objects.create(clinic=other_clinic, user=nurse.user, role=Role.NURSE)
    set_clinic(client, other_clinic.pk)
    assert (client.get(path, sent).status_code, files()) == (409, 0)
    row = AuditEvent.objects.get(event="access.refused")
    assert (row.clinic_id, row.details["why"]) == (other_clinic.pk, "kept for another clinic")
    set_clinic(client, nurse.clinic_id)
    assert (client.get(path, sent).status_code, files()) == (200, 1)


def test_the_way_back_from_a_file_that_waited_twice_is_alive(export, nurse) -> None:
    """The proof grew old on the page: the file waits anew, without the key that it used up."""
    client, path, sent = export
    forget_proof(client)
    page = page_after(client, client.get(path, sent))
    assert kept.FIELD not in page.context["kept"].address
    assert client.get(page.context["kept"].page).status_code == 200
    assert f'action="{path}"' in page.text


def set_clinic(client: Client, clinic_id: Any) -> None:
    session = client.session
    session[CLINIC] = str(clinic_id)
    session.save()


def forget_proof(client: Client) -> None:
    session = client.session
    for row in session[AUTHENTICATION_METHODS_SESSION_KEY]:
        row["at"] -= 3600
    session.save()


def test_the_librarys_own_pages_wait_the_same_way(nurse) -> None:
    client = sign_in(nurse)
    asked = client.get(reverse("mfa_add_webauthn"))
    assert "change how you sign in" in client.get(asked.headers["Location"]).text
    assert "account_reauthentication_state" not in client.session
    page = go_on(client, asked)
    assert page.headers["Location"] == reverse("mfa_add_webauthn"), "which may be loaded again"
    cache.clear()  # a code is good for one proof
    client.post(reverse("mfa_reauthenticate"), {"code": code_of(nurse.user)})
    for _ in range(2):
        assert client.get(page.headers["Location"]).status_code == 200


def test_a_passkey_that_failed_leads_back_to_the_same_question(clinic_admin) -> None:
    Key(clinic_admin.user)
    client = sign_in(clinic_admin)
    asked = invite(client, "one@clinic.example")
    goes_on = asked.headers["Location"].partition("next=")[2]
    path = f"{reverse('mfa_reauthenticate_webauthn')}?next={goes_on}"
    client.get(path)
    failed = client.post(path, {"credential": "{}"})
    assert failed.headers["Location"] == path
    assert "Invite one@clinic.example" in client.get(path).text


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_do_it_once(clinic_admin) -> None:
    """Both have read the session, with what is kept in it, before either writes it."""
    client = sign_in(clinic_admin)
    page = page_after(client, invite(client, "one@clinic.example"))
    sent = dict(page.context["kept"].fields) | {kept.FIELD: page.context["kept_id"]}
    both, found = Barrier(2, timeout=20), kept.find

    def waits(request: Any, key: str) -> Any:
        there = found(request, key)
        both.wait()
        return there

    def click(_: int) -> int:
        twin = Client()
        twin.cookies.update(client.cookies)
        try:
            return twin.post(STAFF, sent).status_code
        finally:
            connection.close()

    with mock.patch.object(kept, "find", waits), ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(click, range(2))) == [302, 409]
    assert AuditEvent.objects.filter(event="staff.invited").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_tabs_that_ask_at_once_lose_nothing(clinic_admin) -> None:
    """Both have read the session before either writes it; each keeps what was typed in it."""
    client, both, keep = sign_in(clinic_admin), Barrier(2, timeout=20), kept.keep

    def waits(*args: Any, **kwargs: Any) -> str:
        both.wait()
        return keep(*args, **kwargs)

    def ask(name: str) -> Any:
        twin = Client()
        twin.cookies.update(client.cookies)
        try:
            return invite(twin, f"{name}@clinic.example")
        finally:
            connection.close()

    with mock.patch.object(kept, "keep", waits), ThreadPoolExecutor(2) as threads:
        asked = list(threads.map(ask, ("one", "two")))
    for each in asked:
        assert go_on(client, each).headers["Location"] == STAFF
    assert invited() == ["one@clinic.example", "two@clinic.example"]


def test_what_failed_in_the_program_may_be_sent_again(clinic_admin, monkeypatch) -> None:
    client = sign_in(clinic_admin)
    page = page_after(client, invite(client, "one@clinic.example"))
    sent = dict(page.context["kept"].fields) | {kept.FIELD: page.context["kept_id"]}
    client.raise_request_exception = False

    def fails(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("in the middle")

    with monkeypatch.context() as broken:
        broken.setattr("apps.dashboard.staff_actions.invite_staff", fails)
        assert client.post(STAFF, sent).status_code == 500
    assert invited() == []
    assert client.post(STAFF, sent).status_code == 302
    assert invited() == ["one@clinic.example"]
