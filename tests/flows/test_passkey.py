"""A passkey in a real browser: set up under the strict CSP, and the way past a locked password."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.patients.models import Role
from tests.factories import make_clinic, make_member
from tests.harness.marks import BROWSER_FLOW
from tests.harness.waiting import wait_until

pytestmark = BROWSER_FLOW
PASSWORD = "a long test password"


@pytest.fixture
def url(site: Any) -> str:
    """The web part; browsers make passkeys for names such as localhost, never for numbers."""
    return str(site.url).replace("127.0.0.1", "localhost")


@pytest.fixture
def key(desktop_page: Any) -> None:
    """Plug a key into the browser that knows its owner."""
    tools = desktop_page.context.new_cdp_session(desktop_page)
    tools.send("WebAuthn.enable")
    tools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )


def test_a_passkey_is_set_up_and_opens_the_door_that_guessing_locked(
    url: str, key: None, desktop_page: Any
) -> None:
    nurse = make_member(make_clinic(), Role.NURSE)
    client = Client()
    client.force_login(nurse.user)
    session = client.cookies["sessionid"].value
    desktop_page.context.add_cookies([{"name": "sessionid", "value": session, "url": url}])
    add_passkey(desktop_page, url)
    guesser = Client(headers={"host": urlsplit(url).netloc})
    for _ in range(10):
        guesser.post(reverse("account_login"), {"login": nurse.user.email, "password": "guess"})
    desktop_page.context.clear_cookies()
    desktop_page.goto(url + reverse("account_login"))
    type_password(desktop_page, nurse.user)
    desktop_page.get_by_text("Too many").first.wait_for()
    desktop_page.get_by_role("button", name="Sign in with a passkey").click()
    desktop_page.get_by_role("heading", name="Board").wait_for()
    events = AuditEvent.objects.filter(actor_id=nurse.user_id).values_list("event", flat=True)
    assert {"second_factor.added", "sign_in.done"} <= set(events)


def add_passkey(page: Any, url: str) -> None:
    """Prove who one is, name the key, and let the browser make it."""
    page.goto(url + reverse("mfa_add_webauthn"))
    if page.locator("input[type=password]").count():
        page.locator("input[type=password]").fill(PASSWORD)
        page.keyboard.press("Enter")
    page.get_by_label("Name").fill("My phone")
    page.get_by_label("Passwordless").check()
    page.locator("#mfa_webauthn_add").click()
    wait_until(lambda: Authenticator.objects.filter(type="webauthn").exists(), 30, page.content)


def type_password(page: Any, user: User) -> None:
    """Try the right password."""
    page.locator("input[name=login]").fill(user.email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
