"""A session that several requests write at once: each writes what it changed, and no more."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from typing import Any
from uuid import uuid4

import pytest
from allauth.account.signals import authentication_step_completed
from allauth.usersessions.models import UserSession
from asgiref.sync import async_to_sync
from django.contrib.auth import SESSION_KEY as WHO
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as Before
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models.signals import post_save
from django.test import Client, RequestFactory
from django.urls import reverse

from apps.accounts.actions import end_other_sessions
from apps.accounts.kept import SESSION_KEY as TABS
from apps.accounts.sessions import SessionStore, merged
from apps.checkins.models import CheckInLink
from apps.portal.entry_views import LANGUAGE_KEY
from apps.portal.error_views import bad_request
from tests.accounts.test_sign_in import sign_in
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db
PROOF = reverse("account_reauthenticate")


def stored(**values: Any) -> str:
    store = SessionStore()
    store.update(values)
    store.save()
    assert store.session_key
    return store.session_key


def two(key: str) -> tuple[SessionStore, SessionStore]:
    """Return the session as two requests at once have read it."""
    first, second = SessionStore(key), SessionStore(key)
    assert dict(first.items()) == dict(second.items())
    return first, second


def test_what_was_added_and_taken_meanwhile_stays_so() -> None:
    key = stored(clinic="one", proof="unused", list=[1], **{TABS: {"a": 1, "b": 2}})
    first, second = two(key)
    del first["proof"]
    first["clinic"] = "two"
    first[TABS] = {"b": 2, "c": 3}
    first.save()
    second["seen"] = 7
    second[TABS] = {"a": 1, "b": 2, "d": 4}
    second["list"].append(2)
    second.save()
    found = dict(SessionStore(key).items())
    assert found == {"clinic": "two", TABS: {"b": 2, "c": 3, "d": 4}, "seen": 7, "list": [1, 2]}
    second["seen"] = 8
    second.save()
    assert dict(SessionStore(key).items()) == found | {"seen": 8}, "a request may save twice"


def test_of_two_that_change_one_value_the_later_counts() -> None:
    assert merged({"a": 1, "b": {"x": 1}}, {"a": 2}, {"a": 3, "b": {"x": 2}}) == {"a": 2}
    assert merged({"a": 1}, {"a": {"x": 1}}, {"a": 2}) == {"a": {"x": 1}}


def test_only_what_waits_for_a_proof_is_merged_entry_by_entry() -> None:
    """A sign-in of one person mixed with another's would be nobody's."""
    mine, theirs = {"user": "X", "passed": True}, {"user": "Y", "asked": True}
    assert merged({"login": {"user": "X"}}, {"login": mine}, {"login": theirs}) == {"login": mine}
    assert merged({}, {TABS: {"x": 1}}, {TABS: {"y": 2}}) == {TABS: {"x": 1, "y": 2}}
    assert merged({TABS: {"a": 1}}, {TABS: {"a": 1, "b": 2}}, {}) == {TABS: {"b": 2}}
    assert merged({TABS: {"a": 1}}, {}, {TABS: {"a": 1, "b": 2}}) == {}


def test_what_was_cleared_unread_is_gone() -> None:
    store = SessionStore(stored(who="a nurse"))
    store.clear()
    store["new"] = 1
    store.save()
    assert dict(SessionStore(store.session_key).items()) == {"new": 1}


def test_the_half_that_merges_nothing_is_refused() -> None:
    store = SessionStore(stored(a=1))
    with pytest.raises(NotImplementedError):
        async_to_sync(store.asave)()


def test_another_key_takes_along_what_was_written_meanwhile() -> None:
    key = stored(clinic="one")
    first, second = two(key)
    first["typed"] = "a lot"
    first.save()
    second["proved"] = True
    second.cycle_key()
    second.save()
    assert second.session_key != key
    found = dict(SessionStore(second.session_key).items())
    assert found == {"clinic": "one", "typed": "a lot", "proved": True}
    assert not Session.objects.filter(pk=key).exists()


def test_a_session_that_was_ended_lives_on_under_no_key() -> None:
    for act, error in (("save", UpdateError), ("cycle_key", SessionInterrupted)):
        first, second = two(stored(**{WHO: str(uuid4())}))
        first.flush()
        second["seen"] = 7
        with pytest.raises(error):
            getattr(second, act)()
        assert not Session.objects.exists()


def test_who_was_signed_out_elsewhere_during_a_proof_stays_out(clinic_admin, monkeypatch) -> None:
    """The proof gives the session another key at its end, and would give it another life."""
    client, change = sign_in(clinic_admin), SessionStore.cycle_key

    def ended_before(session: SessionStore) -> None:
        Session.objects.all().delete()
        change(session)

    monkeypatch.setattr(SessionStore, "cycle_key", ended_before)
    client.raise_request_exception = False
    answer = client.post(PROOF, {"password": PASSWORD})
    assert answer.status_code == 400
    held = [row.get_decoded() for row in Session.objects.all()]
    assert not any(WHO in data for data in held)


@pytest.mark.django_db(transaction=True)
def test_a_session_that_changes_its_key_while_it_is_ended_ends(clinic_admin, monkeypatch) -> None:
    """Its owner signs out everywhere else while somebody in it types the password."""
    client, end, late = sign_in(clinic_admin), UserSession.end, []
    client.raise_request_exception = False

    def proves() -> int:
        try:
            return client.post(PROOF, {"password": PASSWORD}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:

        def ends_late(session: UserSession) -> None:
            """The list is read; the key changes now, if nothing holds it back."""
            late.append(threads.submit(proves))
            with suppress(TimeoutError):
                late[0].result(timeout=2)
            end(session)

        monkeypatch.setattr(UserSession, "end", ends_late)
        end_other_sessions(user=clinic_admin.user, kept=None)
        assert late[0].result(timeout=20) == 400
    held = [row.get_decoded() for row in Session.objects.all()]
    assert not any(WHO in data for data in held)


@pytest.mark.django_db(transaction=True)
def test_two_clicks_on_confirm_leave_the_person_signed_in(clinic_admin, monkeypatch) -> None:
    """The browser takes the cookie of the later answer, whichever that is."""
    client, change = sign_in(clinic_admin), SessionStore.cycle_key
    former, both = client.session.session_key, Barrier(2, timeout=15)

    def together(session: SessionStore) -> None:
        with suppress(BrokenBarrierError):
            both.wait()
        change(session)

    def click() -> tuple[int, Client]:
        try:
            browser = Client(headers={"user-agent": "Test browser"}, raise_request_exception=False)
            browser.cookies.load({name: each.value for name, each in client.cookies.items()})
            return browser.post(PROOF, {"password": PASSWORD}).status_code, browser
        finally:
            connection.close()

    monkeypatch.setattr(SessionStore, "cycle_key", together)
    with ThreadPoolExecutor(2) as threads:
        got = [each.result(timeout=40) for each in [threads.submit(click) for _ in range(2)]]
    assert [status for status, _ in got] == [302, 302]
    keys = {browser.session.session_key for _, browser in got}
    assert len(keys) == 1
    assert former not in keys
    assert all(browser.get(reverse("dashboard:staff")).status_code == 200 for _, browser in got)
    assert set(UserSession.objects.values_list("session_key", flat=True)) == keys
    assert client.get(reverse("dashboard:staff")).status_code == 302, "the former key opens nothing"


def test_a_sign_in_that_was_clicked_twice_is_one_all_the_same() -> None:
    first, second = two(stored(language="es"))
    first.cycle_key()
    second.cycle_key()
    assert second.session_key not in (None, first.session_key)


def test_a_proof_whose_page_fails_leaves_the_session_as_it_was(clinic_admin) -> None:
    client = sign_in(clinic_admin)
    client.raise_request_exception = False

    def fails(**_: Any) -> None:
        raise RuntimeError("The proof was noted already.")

    authentication_step_completed.connect(fails)
    try:
        assert client.post(PROOF, {"password": PASSWORD}).status_code == 500
    finally:
        authentication_step_completed.disconnect(fails)
    assert client.get(reverse("dashboard:staff")).status_code == 200


def test_after_a_rotation_of_keys_the_list_still_ends_sessions(clinic_admin, settings) -> None:
    """Django gives a session another key by itself when it meets one of the former secret."""
    one, two_ = sign_in(clinic_admin), sign_in(clinic_admin)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another secret, as long as it has to be, of 50 letters and more"
    for client in (one, two_):
        assert client.get(reverse("dashboard:staff")).status_code == 200
    end_other_sessions(user=clinic_admin.user, kept=one.session.session_key)
    assert two_.get(reverse("dashboard:staff")).status_code == 302
    assert one.get(reverse("dashboard:staff")).status_code == 200


def test_what_may_have_been_done_is_not_told_as_not_done(nurse, patient) -> None:
    client = sign_in(nurse)
    client.raise_request_exception = False
    key = client.session.session_key

    def proved_in_another_tab(**_: Any) -> None:
        SessionStore(key).cycle_key()

    post_save.connect(proved_in_another_tab, sender=CheckInLink)
    try:
        answer = client.post(reverse("checkins:link_create", args=[patient.pk]))
    finally:
        post_save.disconnect(proved_in_another_tab, sender=CheckInLink)
    assert CheckInLink.objects.exists()
    assert answer.status_code == 400
    assert "may have been done" in answer.text
    assert "nothing was done" not in answer.text


@pytest.mark.parametrize(
    ("language", "words"), [("en", "may have come in"), ("es", "Puede que sí haya llegado")]
)
def test_a_patient_reads_so_in_their_language(language, words) -> None:
    request = RequestFactory().post("/me/", headers={"accept-language": language})
    request.session = SessionStore(stored(**{LANGUAGE_KEY: language}))
    answer = bad_request(request, SessionInterrupted("It ended."))
    assert answer.status_code == 400
    assert words in answer.content.decode()


def test_sessions_of_before_the_upgrade_go_on(clinic_admin) -> None:
    store = Before()
    store["a"] = 1
    store.save()
    assert SessionStore(store.session_key)["a"] == 1
