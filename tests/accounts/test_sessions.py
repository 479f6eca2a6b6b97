"""Sessions end: by idleness, by age, by hand, and at once when a person loses access."""

import time

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.usersessions.models import UserSession
from django.test import Client
from django.urls import reverse

from apps.accounts.actions import end_all_sessions, set_active
from apps.accounts.middleware import BEGAN, SEEN
from apps.accounts.models import User
from tests.accounts.test_sign_in import prove_fully, sign_in
from tests.conftest import go_on, signed_in
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


def age(client: Client, key: str, seconds: int) -> None:
    """Move one of the session's clocks into the past."""
    session = client.session
    session[key] = int(time.time()) - seconds
    session.save()


def is_in(client: Client, **headers: str) -> bool:
    return client.get(reverse("dashboard:caseload"), headers=headers).status_code == 200


def test_a_session_ends_after_half_an_hour_without_a_click(nurse) -> None:
    client = signed_in(nurse)
    age(client, SEEN, 29 * 60)
    assert is_in(client)
    assert is_in(client)
    age(client, SEEN, 30 * 60)
    assert not is_in(client)
    assert BEGAN not in client.session


def test_a_session_ends_after_a_working_day_however_busy(nurse) -> None:
    client = signed_in(nurse)
    age(client, BEGAN, 12 * 3600)
    assert not is_in(client)


@pytest.mark.parametrize("asked_by", [{"hx_request": "true"}, {"x_board": "1"}])
def test_what_a_page_fetches_by_itself_keeps_no_session_alive(nurse, asked_by) -> None:
    client = signed_in(nurse)
    age(client, SEEN, 29 * 60)
    seen = client.session[SEEN]
    assert is_in(client, **asked_by)
    assert client.session[SEEN] == seen
    assert is_in(client)
    assert client.session[SEEN] > seen


def test_a_session_without_clocks_gets_them(nurse) -> None:
    client = signed_in(nurse)
    session = client.session
    del session[SEEN], session[BEGAN]
    session.save()
    assert is_in(client)
    assert {SEEN, BEGAN} <= set(client.session.keys())


def test_a_person_sees_their_sessions_and_ends_the_others(nurse) -> None:
    here, there = sign_in(nurse), sign_in(nurse)
    page = here.get(reverse("usersessions_list"))
    assert page.text.count('data-label="Since"') == 2
    asked = here.post(reverse("usersessions_list"))
    assert asked.headers["Location"].startswith(reverse("account_reauthenticate"))
    assert is_in(there), "whoever finds an open browser ends no session with it"
    go_on(here, asked)
    assert is_in(here)
    assert not is_in(there)
    assert UserSession.objects.filter(user=nurse.user).count() == 1


def test_every_session_ends_at_once_even_those_no_list_knows(nurse) -> None:
    listed, unlisted = sign_in(nurse), signed_in(nurse)
    end_all_sessions(user=nurse.user)
    assert not is_in(listed)
    assert not is_in(unlisted)
    assert not UserSession.objects.exists()
    assert is_in(sign_in(nurse))


def test_a_session_from_before_a_deactivation_never_comes_back(nurse) -> None:
    client = signed_in(nurse)
    set_active(user=nurse.user, active=False)
    assert not is_in(client)
    set_active(user=User.objects.get(pk=nurse.user.pk), active=True)
    assert not is_in(client)


def test_a_changed_password_ends_the_other_sessions(nurse) -> None:
    client = signed_in(nurse)
    nurse.user.set_password("another long test password")
    nurse.user.save()
    assert not is_in(client)


@pytest.mark.django_db(transaction=True)  # new codes are told of when they are stored
def test_a_factor_taken_away_or_made_anew_ends_the_other_sessions(nurse) -> None:
    """Whoever lost the telephone means the sessions it opened, too."""
    RecoveryCodes.activate(nurse.user)
    here = sign_in(nurse)
    prove_fully(here, nurse)
    for page in ("mfa_generate_recovery_codes", "mfa_deactivate_totp"):
        there = sign_in(nurse)
        assert here.post(reverse(page)).status_code == 302
        assert not is_in(there), page
        assert here.get(reverse("mfa_index")).status_code == 200
    assert UserSession.objects.filter(user=nurse.user).count() == 1


def test_a_proof_changes_the_key_of_the_session(nurse) -> None:
    client = sign_in(nurse)
    before = client.cookies["sessionid"].value
    client.post(reverse("account_reauthenticate"), {"password": "wrong"})
    assert client.cookies["sessionid"].value == before
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    assert client.cookies["sessionid"].value != before
    assert is_in(client)
    thief = Client()
    thief.cookies["sessionid"] = before
    assert not is_in(thief)
    # The open board in another tab may ask once more with the key of before.
    url = reverse("dashboard:board_live")
    late = {"x_board": "1"}
    thief.cookies["sessionid"] = before
    assert "sessionid" not in thief.get(url, headers=late).cookies
    thief.cookies["sessionid"] = before
    assert thief.get(url).cookies["sessionid"].value == ""
    listed = UserSession.objects.get(user=nurse.user)
    assert listed.session_key == client.cookies["sessionid"].value
