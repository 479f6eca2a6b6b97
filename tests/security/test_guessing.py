"""A thousand guesses from one address: refused, nothing told, nothing logged, nobody locked out."""

import secrets
from typing import Any

import pytest
from django.contrib.auth.signals import user_login_failed
from django.core import mail
from django.core.cache import cache
from django.core.signing import TimestampSigner, b62_encode
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.known_browser import KNOWN_AT_MOST, cookie_of
from apps.accounts.models import Invitation, User
from apps.alerts.links import token_for
from apps.audit.models import AuditEvent
from apps.checkins.link_actions import create_link
from apps.dashboard.staff_delivery import deliver_due
from tests.accounts.test_sign_in import sign_in
from tests.conftest import signed_in
from tests.factories import code_of, make_alert, make_invitation, put_on_call

pytestmark = pytest.mark.django_db
GUESSES = 1_000
# What a real guesser would love to read: none of it may be in a log line.
PASSWORD = "a long test password"


def guess_passwords(email: str, times: int = GUESSES) -> list[Any]:
    path, client = reverse("account_login"), Client()
    return [
        client.post(path, {"login": email, "password": f"Guess-{number}-{secrets.token_hex(4)}"})
        for number in range(times)
    ]


def test_a_thousand_wrong_passwords(nurse, logs) -> None:
    answers = guess_passwords(nurse.user.email)
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) > GUESSES - 100
    failures = AuditEvent.objects.filter(event="sign_in.failed", object_id=nurse.user.pk)
    assert 1 <= failures.count() <= 5, "a locked door is not knocked at again"
    right = Client().post(
        reverse("account_login"), {"login": nurse.user.email, "password": PASSWORD}
    )
    assert right.status_code == 429, "the right password tells a guesser nothing either"
    written = logs.getvalue()
    assert "Guess-" not in written
    assert nurse.user.email not in written
    assert PASSWORD not in written


def test_a_known_and_an_unknown_address_are_answered_alike(nurse) -> None:
    """Word for word, from the first guess to the lock."""
    client, path, pages = Client(), reverse("account_login"), {}
    for email in (nurse.user.email, "who@clinic.example"):
        pages[email] = [
            [
                (answer.status_code, str(answer.context["form"].errors))
                for answer in [client.post(path, {"login": email, "password": "wrong"})]
            ]
            for _ in range(8)
        ]
    first, second = pages.values()
    assert first == second


def test_the_real_person_still_gets_in_by_mail(nurse) -> None:
    """The password is locked; a reset by mail unlocks it, and the app is asked for as ever."""
    client = Client()
    for _ in range(8):
        client.post(reverse("account_login"), {"login": nurse.user.email, "password": "wrong"})
    Client().post(reverse("account_reset_password"), {"email": nurse.user.email})
    deliver_due(timezone.now)
    (letter,) = mail.outbox
    link = next(word for word in letter.body.split() if "/password/reset/key/" in word)
    browser = Client()
    page = browser.get(link[link.index("/accounts/") :], follow=True)
    new = "quite another long password"
    browser.post(page.redirect_chain[-1][0], {"password1": new, "password2": new})
    answer = Client().post(reverse("account_login"), {"login": nurse.user.email, "password": new})
    assert answer.headers["Location"].startswith(reverse("mfa_authenticate"))


def test_the_real_person_gets_in_where_they_were_before(nurse) -> None:
    """The guesser goes on all the while; a passkey does, too: tests/flows/test_passkey.py."""
    client, email = sign_in(nurse), nurse.user.email
    client.post(reverse("account_logout"))
    guess_passwords(email, 20)
    real = {"login": email, "password": PASSWORD}
    assert Client().post(reverse("account_login"), real).status_code == 200, "elsewhere it is shut"
    answer = client.post(reverse("account_login"), real)
    assert answer.headers["Location"].startswith(reverse("mfa_authenticate"))


def test_no_flood_of_guesses_pushes_out_what_was_counted(nurse) -> None:
    """Django's table of counts forgets a third of them above 300 rows, unless it is told."""
    for _ in range(5):
        guess_passwords(nurse.user.email, 1)
    for number in range(2000):
        cache.add(f"a-count-of-another-address-{number}", [1.0], 300)
    right = {"login": nurse.user.email, "password": PASSWORD}
    assert Client().post(reverse("account_login"), right).status_code == 200, "shut as before"


def test_a_known_browser_guesses_no_more_than_any(nurse, prescriber) -> None:
    client = sign_in(nurse)
    client.post(reverse("account_logout"))
    for email in (nurse.user.email, prescriber.user.email):
        for _ in range(5):
            client.post(reverse("account_login"), {"login": email, "password": "wrong"})
        answer = client.post(reverse("account_login"), {"login": email, "password": PASSWORD})
        assert answer.status_code == 200, email


def test_no_browser_makes_itself_known(nurse) -> None:
    """Not by a wrong password, not by a password alone, not by a cookie of its own making."""
    client, email = Client(), nurse.user.email
    client.post(reverse("account_login"), {"login": email, "password": "wrong"})
    client.post(reverse("account_login"), {"login": email, "password": PASSWORD})
    assert cookie_of(email) not in client.cookies
    guess_passwords(email, 20)
    stranger = Client()
    stranger.cookies[cookie_of(email)] = "anything"
    answer = stranger.post(reverse("account_login"), {"login": email, "password": PASSWORD})
    assert answer.status_code == 200
    known = sign_in_anew(nurse).cookies[cookie_of(email)]
    assert (known["httponly"], known["samesite"], known["path"]) == (True, "Lax", "/")
    assert email not in str(known)


def test_a_computer_of_many_knows_who_was_there_last(nurse) -> None:
    """A server refuses more than 8 kB of cookies: of everybody, with nobody signed in."""
    client = sign_in_anew(nurse)
    mine = cookie_of(nurse.user.email)
    signed = TimestampSigner()
    for number in range(KNOWN_AT_MOST + 5):
        signed.timestamp = lambda number=number: b62_encode(1_700_000_000 + number)  # type: ignore[method-assign]
        client.cookies[cookie_of(f"{number}@clinic.example")] = signed.sign("x")
    for number, odd in enumerate(("", "x", "x::y", "x:é1:y", "x:-:y")):  # of somebody's own making
        client.cookies[cookie_of(f"odd{number}@clinic.example")] = odd
    client.post(reverse("account_logout"))
    cache.clear()
    client.post(reverse("account_login"), {"login": nurse.user.email, "password": PASSWORD})
    client.post(reverse("mfa_authenticate"), {"code": code_of(nurse.user)})
    left = [name for name, each in client.cookies.items() if "known_" in name and each.value]
    assert len(left) == KNOWN_AT_MOST
    assert mine in left
    assert cookie_of("0@clinic.example") not in left
    assert cookie_of(f"{KNOWN_AT_MOST + 4}@clinic.example") in left


def sign_in_anew(member: Any) -> Client:
    """Return a browser that signed in; what was counted so far is forgotten with the codes."""
    cache.clear()
    return sign_in(member)


def test_the_session_of_the_real_person_goes_on(nurse) -> None:
    client = signed_in(nurse)
    guess_passwords(nurse.user.email, 40)
    assert client.get(reverse("dashboard:caseload")).status_code == 200


LINKS = {
    "check-in": "checkins:create",
    "take": "alerts:take",
    "invitation": "dashboard:join",
}


@pytest.fixture
def real_token(patient, nurse, clinic_admin) -> dict[str, str]:
    now = timezone.now()
    put_on_call(nurse, now=now)
    delivery = make_alert(patient, now=now).deliveries.get()
    return {
        "check-in": create_link(patient=patient, by=None, now=now),
        "take": token_for(delivery.pk),
        "invitation": make_invitation(clinic_admin, now=now).token,
    }


def test_a_thousand_guessed_links(real_token, logs) -> None:
    client, rows = Client(), AuditEvent.objects.count()
    kinds = [kind for kind in LINKS for _ in ("get", "post")]
    tokens = [secrets.token_urlsafe(32) for _ in range(GUESSES)]
    answers = [
        client.generic(
            ("GET", "POST")[number % 2], reverse(LINKS[kinds[number % len(kinds)]], args=[token])
        )
        for number, token in enumerate(tokens)
    ]
    codes = [answer.status_code for answer in answers]
    assert codes == [404] * 20 + [429] * (GUESSES - 20)
    assert AuditEvent.objects.count() == rows
    assert not any(token in logs.getvalue() for token in tokens)
    # From the very same address, the ones that were really sent work.
    for kind, name in LINKS.items():
        assert client.get(reverse(name, args=[real_token[kind]])).status_code == 200


def test_what_is_stored_of_a_link_does_not_open_it(real_token) -> None:
    stored = Invitation.objects.get().token_hash
    assert Client().get(reverse("dashboard:join", args=[stored])).status_code == 404


@pytest.mark.parametrize(
    ("proxies", "forwarded", "peer", "source"),
    [
        (0, "6.6.6.6", "203.0.113.9", "203.0.113.0/24"),
        (1, "6.6.6.6, 203.0.113.9", "10.0.0.1", "203.0.113.0/24"),
        (1, "", "198.51.100.7", "198.51.100.0/24"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.2", "10.0.0.1", "203.0.113.0/24"),
        (2, "6.6.6.6", "10.0.0.1", None),
        (0, "", "2001:db8:1:2::9", "2001:db8:1::/48"),
        (1, "6.6.6.6, ::ffff:203.0.113.9", "10.0.0.1", "203.0.113.0/24"),
        (1, "6.6.6.6, nonsense", "10.0.0.1", None),
    ],
)
def test_from_where_somebody_signs_in_is_on_record_and_cannot_be_forged(
    proxies, forwarded, peer, source, nurse, settings, rf
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    headers = {"x-forwarded-for": forwarded} if forwarded else {}
    request = rf.post("/", headers=headers, REMOTE_ADDR=peer)
    user_login_failed.send(None, credentials={"email": nurse.user.email}, request=request)
    row = AuditEvent.objects.get(event="sign_in.failed")
    assert row.details.get("source") == source
    assert "6.6.6" not in str(row.details)


def test_sign_in_and_out_say_from_where_and_the_lead_reads_it(nurse, lead) -> None:
    client = sign_in(nurse)
    client.post(reverse("account_logout"))
    rows = AuditEvent.objects.filter(event__startswith="sign_in.", actor_id=nurse.user_id)
    assert [(row.event, row.details["source"]) for row in rows.order_by("pk")] == [
        ("sign_in.done", "127.0.0.0/24"), ("sign_in.ended", "127.0.0.0/24"),
    ]  # fmt: skip
    page = signed_in(lead).get(reverse("dashboard:audit_person", args=[nurse.pk]))
    assert "source: 127.0.0.0/24" in page.text


def test_sign_ins_are_on_record_and_hold_nothing_typed(nurse) -> None:
    sign_in(nurse)
    Client().post(reverse("account_login"), {"login": nurse.user.email, "password": "Guess-1"})
    Client().post(reverse("account_login"), {"login": "who@there.example", "password": "Guess-2"})
    rows = AuditEvent.objects.filter(event__startswith="sign_in.").order_by("pk")
    assert [(row.event, row.clinic_id) for row in rows] == [
        ("sign_in.done", nurse.clinic_id),
        ("sign_in.failed", nurse.clinic_id),
    ]
    assert "Guess" not in str(list(rows.values()))
    assert User.objects.filter(email="who@there.example").count() == 0
