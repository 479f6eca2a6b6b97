"""Signing in: two factors for staff, no self-registration, nothing told to a guesser."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.utils import decrypt
from cryptography.fernet import InvalidToken
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.accounts.starting import nothing_is_weak
from tests.factories import code_of

pytestmark = pytest.mark.django_db


def login(email: str, password: str):
    return Client().post(reverse("account_login"), {"login": email, "password": password})


def sign_in(member) -> Client:
    """Return a browser in which this person signed in by password and app, as people do."""
    client = Client(headers={"user-agent": "Test browser"})
    client.post(
        reverse("account_login"), {"login": member.user.email, "password": "a long test password"}
    )
    cache.clear()  # a code is good for one sign-in; a test signs in more than once within 30 s
    response = client.post(reverse("mfa_authenticate"), {"code": code_of(member.user)})
    assert response.status_code == 302, response.text
    return client


def prove_fully(client: Client, member) -> None:
    """Type the password and a code once more."""
    client.post(reverse("account_reauthenticate"), {"password": "a long test password"})
    cache.clear()  # the code of the sign-in is used up
    client.post(reverse("mfa_reauthenticate"), {"code": code_of(member.user)})


def test_password_and_app_together_open_the_door(nurse) -> None:
    assert sign_in(nurse).get(reverse("dashboard:caseload")).status_code == 200


def test_a_recovery_code_opens_the_door_once(nurse) -> None:
    (code, *_) = RecoveryCodes.activate(nurse.user).get_unused_codes()
    for expected in (302, 200):
        client = Client()
        client.post(
            reverse("account_login"),
            {"login": nurse.user.email, "password": "a long test password"},
        )
        assert client.post(reverse("mfa_authenticate"), {"code": code}).status_code == expected


def test_a_password_alone_is_not_enough(nurse) -> None:
    client = Client()
    data = {"login": nurse.user.email, "password": "a long test password"}
    response = client.post(reverse("account_login"), data)
    assert response.headers["Location"].startswith(reverse("mfa_authenticate"))
    assert client.get(reverse("dashboard:caseload")).status_code == 302


def test_someone_without_a_second_factor_sees_only_the_page_to_set_one_up(nurse) -> None:
    Authenticator.objects.filter(user=nurse.user).delete()
    client = Client()
    client.force_login(nurse.user)
    for name in ("dashboard:board", "patients:list", "patients:create"):
        response = client.get(reverse(name))
        assert response.headers["Location"] == reverse("mfa_index")


def test_recovery_codes_alone_do_not_count_as_a_second_factor(nurse) -> None:
    Authenticator.objects.filter(user=nurse.user).update(type="recovery_codes")
    client = Client()
    client.force_login(nurse.user)
    assert client.get(reverse("dashboard:caseload")).status_code == 302


def test_a_wrong_password_and_an_unknown_address_look_the_same(nurse) -> None:
    wrong, unknown = login(nurse.user.email, "nope"), login("who@clinic.example", "nope")
    assert wrong.status_code == unknown.status_code
    assert wrong.context["form"].errors == unknown.context["form"].errors


def test_guessing_is_slowed(nurse) -> None:
    pages = [login(nurse.user.email, f"guess number {number}").text for number in range(12)]
    assert "Too many" in pages[-1]


def test_nobody_registers_themselves() -> None:
    response = Client().post(
        reverse("account_signup"), {"email": "me@there.example", "password1": "a long password 1"}
    )
    assert not User.objects.filter(email="me@there.example").exists()
    assert response.status_code in (200, 302, 403)


def test_addresses_are_kept_in_lower_case() -> None:
    user = User.objects.create_user(email="A.Person@Clinic.Example", full_name="A Person")
    assert user.email == "a.person@clinic.example"
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=user.pk).update(email="A@Clinic.Example")


def test_the_deploy_check_refuses_demo_mode(settings) -> None:
    settings.DEMO_MODE = True
    assert [error.id for error in nothing_is_weak(None)] == ["accounts.E001"]
    settings.DEMO_MODE = False
    assert nothing_is_weak(None) == []


def test_outside_demo_mode_there_is_no_one_click_entry() -> None:
    assert Client().get("/demo/").status_code == 404


def test_the_database_alone_makes_no_code(nurse, settings) -> None:
    row = Authenticator.objects.get(user=nurse.user, type="totp")
    secret = decrypt(row.data["secret"])
    assert secret not in str(row.data)
    assert RecoveryCodes.activate(nurse.user).generate_codes()
    codes = Authenticator.objects.get(user=nurse.user, type="recovery_codes")
    assert codes.data["seed"].startswith("sealed:")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another" * 9, [settings.SECRET_KEY]
    assert decrypt(row.data["secret"]) == secret, "a changed key opens what the old one sealed"
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(InvalidToken):
        decrypt(row.data["secret"])
    assert decrypt("plain of before") == "plain of before"
