"""A thousand guesses at whatever is not a password or a link: codes, secrets, calendars.

Each time the same four things: refused or slowed, nothing told, nothing logged, and who holds the
right thing, or another one of their own, still gets in.
"""

import secrets
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.exchange.actions import make_feed, revoke_feed
from apps.portal.actions import give_consent
from apps.portal.models import SignInCode
from apps.programs.actions import agree_to_program
from tests.accounts.test_passkey_ceremony import FLAG, Key
from tests.accounts.test_sign_in import sign_in
from tests.factories import code_of, make_program
from tests.portal.conftest import newest_code, signed_in_as
from tests.security.test_guessing import GUESSES, PASSWORD

pytestmark = pytest.mark.django_db


def at_the_second_step(member: Any) -> Client:
    """Return a browser of who knows the password, where the code is asked for."""
    client = Client()
    answer = client.post(
        reverse("account_login"), {"login": member.user.email, "password": PASSWORD}
    )
    assert answer.headers["Location"].startswith(reverse("mfa_authenticate"))
    return client


def by_passkey(key: Key, member: Any) -> Client:
    """Return a browser in which the holder of the key signed in at the door with it alone."""
    client, path = Client(), reverse("mfa_login_webauthn")
    client.get(path, headers={"x-requested-with": "XMLHttpRequest"})
    challenge = str(client.session["mfa.webauthn.state"]["challenge"])
    answer = key.answer(challenge, FLAG.UP | FLAG.UV, of=member.user.pk.hex)
    client.post(path, {"credential": answer})
    return client


def is_in(client: Client) -> bool:
    return client.get(reverse("dashboard:caseload")).status_code == 200


@pytest.mark.parametrize("kind", ["of the app", "of recovery"])
def test_a_thousand_codes_by_who_knows_the_password(kind, nurse, logs) -> None:
    key = Key(nurse.user)
    RecoveryCodes.activate(nurse.user)
    recovery = RecoveryCodes(Authenticator.objects.get(user=nurse.user, type="recovery_codes"))
    right = recovery.get_unused_codes()[0] if kind == "of recovery" else code_of(nurse.user)
    size = len(right)
    guesses = [secrets.token_hex(8)[:size] for _ in range(GUESSES)]
    if kind == "of the app":
        guesses = [f"{number:06d}" for number in range(GUESSES) if f"{number:06d}" != right]
    client, path = at_the_second_step(nurse), reverse("mfa_authenticate")
    pages = [client.post(path, {"code": guess}) for guess in guesses]
    told = ["Too many failed login attempts" in page.text for page in pages]
    assert told.index(True) == 5, "five are looked at, and none after"
    assert all(told[5:])
    assert {page.status_code for page in pages} == {200}
    failed = AuditEvent.objects.filter(event="sign_in.failed", object_id=nurse.user.pk)
    assert failed.count() <= 5
    assert not is_in(client)
    client.post(path, {"code": right})
    assert not is_in(client), "the right one tells a guesser nothing either"
    written = logs.getvalue()
    assert not [code for code in (*guesses[:20], right, PASSWORD) if f" {code}" in written]
    assert nurse.user.email not in written
    assert is_in(by_passkey(key, nurse)), "the real person has another factor"


def test_who_knows_the_password_keeps_nobody_from_their_codes(nurse) -> None:
    """Five wrong codes shut the door elsewhere; a browser that they used has its own count."""
    own, path = sign_in(nurse), reverse("mfa_authenticate")
    own.post(reverse("account_logout"))
    thief = at_the_second_step(nurse)
    for number in range(20):
        page = thief.post(path, {"code": f"{number:06d}"})
    assert "Too many failed login attempts" in page.text
    cache_forgets_used_codes(nurse)
    stranger = at_the_second_step(nurse)
    stranger.post(path, {"code": code_of(nurse.user)})
    assert not is_in(stranger), "elsewhere it is shut, for the right code as well"
    own.post(reverse("account_login"), {"login": nurse.user.email, "password": PASSWORD})
    own.post(path, {"code": code_of(nurse.user)})
    assert is_in(own)


def test_a_known_browser_guesses_no_more_codes_than_any(nurse) -> None:
    own, path = sign_in(nurse), reverse("mfa_authenticate")
    own.post(reverse("account_logout"))
    own.post(reverse("account_login"), {"login": nurse.user.email, "password": PASSWORD})
    pages = [own.post(path, {"code": f"{number:06d}"}) for number in range(8)]
    told = ["Too many failed login attempts" in page.text for page in pages]
    assert told == [False] * 5 + [True] * 3
    cache_forgets_used_codes(nurse)
    own.post(path, {"code": code_of(nurse.user)})
    assert not is_in(own)


def cache_forgets_used_codes(member: Any) -> None:
    """Let the code of the same half minute be used again, as if it were the next one."""
    row = Authenticator.objects.get(user=member.user, type="totp").wrap()
    cache.delete(row._get_used_cache_key(code_of(member.user)))


def test_a_thousand_codes_of_a_patient(patient, logs) -> None:
    patient.email = "wren@home.example"
    patient.save(update_fields=["email"])
    own = signed_in_as(patient)  # on their other phone
    give_consent(patient=patient, language="en", now=timezone.now())
    thief, path = Client(), reverse("portal:code")
    thief.post(reverse("portal:sign_in"), {"email": patient.email})
    right = newest_code()
    guesses = [f"{number:08d}" for number in range(GUESSES) if f"{number:08d}" != right]
    for guess in guesses:
        thief.post(path, {"code": guess})
    assert SignInCode.objects.get().tries == 5
    thief.post(path, {"code": right})
    assert thief.get(reverse("portal:home")).status_code == 302, "spent for the right one too"
    assert not [code for code in (*guesses[:50], right) if code in logs.getvalue()]
    assert patient.email not in logs.getvalue()
    assert own.get(reverse("portal:settings")).status_code == 200
    asked = Client()  # their own browser asks for a code of its own
    asked.post(reverse("portal:sign_in"), {"email": patient.email})
    asked.post(path, {"code": newest_code()})
    assert asked.get(reverse("portal:settings")).status_code == 200


def test_a_thousand_secrets_of_a_program(prescriber, logs) -> None:
    program = make_program(prescriber, agreed=False, now=timezone.now())
    secret = agree_to_program(program=program, by=prescriber.user, now=timezone.now())
    client, path = Client(), reverse("programs:token")
    form = {"grant_type": "client_credentials", "client_id": str(program.pk)}
    guesses = [secrets.token_urlsafe(32) for _ in range(GUESSES)]
    answers = [client.post(path, form | {"client_secret": guess}) for guess in guesses]
    assert [answer.status_code for answer in answers] == [401] * 20 + [429] * (GUESSES - 20)
    known = answers[0].content
    assert client.post(path, form | {"client_id": "x", "client_secret": "y"}).status_code == 429
    unknown = Client(REMOTE_ADDR="192.0.2.7").post(
        path, form | {"client_id": str(prescriber.pk), "client_secret": guesses[0]}
    )
    assert unknown.content == known, "whether there is such a program is not told"
    assert not [guess for guess in (*guesses, secret) if guess in logs.getvalue()]
    assert client.post(path, form | {"client_secret": secret}).status_code == 200


def test_a_thousand_tokens_of_the_interface(prescriber, logs) -> None:
    client = Client()
    guesses = [secrets.token_urlsafe(32) for _ in range(GUESSES)]
    codes = [
        client.get("/api/v1/me", headers={"authorization": f"Bearer {guess}"}).status_code
        for guess in guesses
    ]
    assert codes == [401] * 20 + [429] * (GUESSES - 20)
    assert not [guess for guess in guesses if guess in logs.getvalue()]


def test_a_thousand_addresses_of_calendars(patient, logs) -> None:
    right = make_feed(patient=patient, with_names=False, by=None, now=timezone.now())
    client = Client()
    guesses = [secrets.token_urlsafe(32) for _ in range(GUESSES)]
    codes = [client.get(reverse("exchange:feed", args=[guess])).status_code for guess in guesses]
    assert codes == [404] * 20 + [429] * (GUESSES - 20)
    path = reverse("exchange:feed", args=[right])
    assert client.get(path).status_code == 200
    assert not [guess for guess in (*guesses, right) if guess in logs.getvalue()]
    revoke_feed(patient=patient, by=None, now=timezone.now())
    assert client.get(path).status_code in (404, 429)
