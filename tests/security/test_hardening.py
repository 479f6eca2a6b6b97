"""What every answer of every URL tells the browser, and what no page may hold."""

import re
from contextlib import closing
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.accounts.test_sign_in import sign_in
from tests.conftest import signed_in
from tests.security.walk import every_stop

pytestmark = pytest.mark.django_db

CSP = {
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "form-action 'self'",
    "frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'", "connect-src 'self'",
}  # fmt: skip
HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
}
INLINE_SCRIPT = re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>", re.IGNORECASE)
INLINE_STYLE = re.compile(r"<style|\sstyle=\"", re.IGNORECASE)
HANDLER = re.compile(r"<[^>]+\son[a-z]+=\"", re.IGNORECASE)
ELSEWHERE = re.compile(r'(?:src|href|action)="(?:https?:)?//([^/"]+)')
# A word in the page for a person to follow, not a request: numbers to call, places to read.
LINKS_OUT = {"testserver", "localhost:8000"}


def check_headers(answer: Any, name: str) -> None:
    for header, value in HEADERS.items():
        assert answer.headers.get(header) == value, (name, header)
    policy = {part.strip() for part in answer.headers["Content-Security-Policy"].split(";")}
    assert policy >= CSP, name
    assert not [part for part in policy if "unsafe" in part or "*" in part or "http" in part], name
    assert "camera=()" in answer.headers["Permissions-Policy"], name
    assert (
        "no-store" in answer.headers["Cache-Control"]
        or "private" in answer.headers["Cache-Control"]
    ), name
    assert "Server" not in answer.headers
    assert "X-Powered-By" not in answer.headers


def check_page(text: str, name: str) -> None:
    for pattern in (INLINE_SCRIPT, INLINE_STYLE, HANDLER):
        assert not pattern.search(text), (name, pattern.pattern, pattern.search(text))
    assert not set(ELSEWHERE.findall(text)) - LINKS_OUT, (name, ELSEWHERE.findall(text))


def test_every_url_sets_every_header_and_holds_no_inline_script(patient, prescriber) -> None:
    seen = set()
    for stop in every_stop(patient, prescriber):
        for client in (stop.client, Client()):
            for method in ("GET", "POST"):
                answer = client.generic(method, stop.path)
                check_headers(answer, stop.name)
                if answer.headers.get("Content-Type", "").startswith("text/html"):
                    check_page(answer.content.decode(), stop.name)
        seen.add(stop.name)
    assert len(seen) > 80


LIBRARY = (
    "account_login", "account_reset_password", "account_reauthenticate", "mfa_index",
    "mfa_activate_totp", "mfa_add_webauthn", "mfa_generate_recovery_codes", "usersessions_list",
    "account_change_password",
)  # fmt: skip


@pytest.mark.parametrize("name", LIBRARY)
def test_the_librarys_pages_are_as_strict(name: str, nurse) -> None:
    for client in (Client(), signed_in(nurse)):
        answer = client.get(reverse(name), follow=True)
        check_headers(answer, name)
        check_page(answer.text, name)


@pytest.mark.parametrize(
    ("path", "status", "more"),
    [
        ("/nowhere/", 404, {}),
        ("/", 400, {"headers": {"host": "evil.example"}}),
        ("/accounts/login/", 403, {"method": "POST"}),
        ("/patients/%00/", 404, {}),
    ],
)
def test_error_pages_are_as_strict_and_say_nothing(path: str, status: int, more: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.generic(more.pop("method", "GET"), path, **more)
    assert answer.status_code == status
    check_headers(answer, path)
    check_page(answer.text, path)
    for word in ("Traceback", "Django", "DEBUG", "apps.", "settings"):
        assert word not in answer.text


def test_cookies_are_for_this_site_and_no_script(nurse) -> None:
    client = sign_in(nurse)
    client.get(reverse("patients:create"))
    for name in ("sessionid", "csrftoken"):
        cookie = client.cookies[name]
        assert cookie["samesite"] == "Lax", name
        assert cookie["httponly"], name


def test_no_cookie_holds_what_a_page_tells(nurse) -> None:
    """Such a sentence names the patient; it waits sealed in the session for the next page."""
    client, said = signed_in(nurse), "You do not work in that clinic"
    assert client.post(reverse("dashboard:clinic"), {"clinic": "x"}).status_code == 302
    assert set(client.cookies) <= {"csrftoken", "sessionid"}
    assert said not in str(list(client.session.items()))
    page = reverse("alerts:rota")
    assert [said in client.get(page).text for _ in range(2)] == [True, False]


def test_files_and_redirects_say_what_they_may_load(settings) -> None:
    """A picture that is opened by itself is a page, too."""
    settings.SECURE_SSL_REDIRECT = True
    for path, secure, status in (("/static/img/mark.svg", True, 200), ("/", False, 301)):
        with closing(Client().get(path, secure=secure)) as answer:
            assert answer.status_code == status, path
            policy = answer.headers["Content-Security-Policy"]
        assert "object-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("word", ["a\r\nSet-Cookie: x=1", "a\nLocation: //evil.example"])
def test_no_header_is_made_of_what_somebody_typed(word: str, nurse) -> None:
    for answer in (
        signed_in(nurse).post(reverse("dashboard:caseload"), {"q": word}),
        Client().get(reverse("account_login"), {"next": word}),
        Client().post(reverse("account_login"), {"login": word, "password": "x", "next": word}),
    ):
        assert not [value for value in answer.headers.values() if "\n" in value or "\r" in value]
        assert "x" not in answer.cookies
        assert "//evil.example" not in answer.headers.get("Location", "")


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:1"])
def test_nobody_is_sent_elsewhere_after_signing_in(target: str, nurse) -> None:
    answer = signed_in(nurse).get(reverse("account_login"), {"next": target})
    assert "evil" not in answer.headers.get("Location", "")
    assert "javascript" not in answer.headers.get("Location", "")
