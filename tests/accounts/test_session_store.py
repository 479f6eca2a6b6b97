"""A session that several requests write at once: each writes what it changed, and no more."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth import SESSION_KEY as WHO
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as Before
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.models import Session
from django.db import connection
from django.urls import reverse

from apps.accounts import middleware
from apps.accounts.actions import end_other_sessions
from apps.accounts.sessions import SessionStore, merged
from tests.accounts.test_sign_in import sign_in
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


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
    key = stored(clinic="one", proof="unused", tabs={"a": 1, "b": 2}, list=[1])
    first, second = two(key)
    del first["proof"]
    first["clinic"] = "two"
    first["tabs"] = {"b": 2, "c": 3}
    first.save()
    second["seen"] = 7
    second["tabs"] = {"a": 1, "b": 2, "d": 4}
    second["list"].append(2)
    second.save()
    found = dict(SessionStore(key).items())
    assert found == {"clinic": "two", "tabs": {"b": 2, "c": 3, "d": 4}, "seen": 7, "list": [1, 2]}
    second["seen"] = 8
    second.save()
    assert dict(SessionStore(key).items()) == found | {"seen": 8}, "a request may save twice"


def test_of_two_that_change_one_value_the_later_counts() -> None:
    assert merged({"a": 1, "b": {"x": 1}}, {"a": 2}, {"a": 3, "b": {"x": 2}}) == {"a": 2}
    assert merged({}, {"a": {"x": 1}}, {"a": {"y": 2}}) == {"a": {"x": 1, "y": 2}}
    assert merged({"a": 1}, {"a": {"x": 1}}, {"a": 2}) == {"a": {"x": 1}}


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
        first, second = two(stored(who="a nurse"))
        first.flush()
        second["seen"] = 7
        with pytest.raises(error):
            getattr(second, act)()
        assert not Session.objects.exists()


def test_who_was_signed_out_elsewhere_during_a_proof_stays_out(clinic_admin, monkeypatch) -> None:
    """The proof gives the session another key at its end, and would give it another life."""
    client, change = sign_in(clinic_admin), middleware.change_key

    def ended_before(request: Any) -> None:
        Session.objects.all().delete()
        change(request)

    monkeypatch.setattr(middleware, "change_key", ended_before)
    client.raise_request_exception = False
    answer = client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
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
            path = reverse("account_reauthenticate")
            return client.post(path, {"password": PASSWORD}).status_code
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


def test_sessions_of_before_the_upgrade_go_on(clinic_admin) -> None:
    store = Before()
    store["a"] = 1
    store.save()
    assert SessionStore(store.session_key)["a"] == 1
