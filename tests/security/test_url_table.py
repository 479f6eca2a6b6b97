"""The URL table by name and path, and what is each person's own, asked for by everybody else.

tests/test_access_matrix.py asks each name once, so each must have one path, and be listed with it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, resolve, reverse
from django.utils import timezone

from apps.alerts.contact_actions import add_contact
from apps.audit.models import AuditEvent
from apps.dashboard.models import SavedView
from apps.dashboard.view_actions import save_view
from apps.patients.models import Role
from apps.programs.models import Program
from tests.accounts.test_sign_in import prove_fully, sign_in
from tests.accounts.test_staff import proven
from tests.conftest import signed_in
from tests.factories import make_member, make_program
from tests.test_access_matrix import (
    ALL_METHODS,
    CARE_TEAM,
    EVERYBODY,
    LIBRARY,
    MATRIX,
    OWN,
    TOKEN,
    objects_of,
    path_of,
)

pytestmark = pytest.mark.django_db

LISTED = Path(__file__).resolve().parent.parent / "urls.txt"


def routes(patterns: Iterable[Any], prefix: str = "", space: str = "") -> Iterator[tuple[str, str]]:
    """Yield name and path pattern of every URL, as often as it is there."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{pattern.namespace}:" if pattern.namespace else ""
            yield from routes(pattern.url_patterns, route, space + inner)
        elif isinstance(pattern, URLPattern):
            yield space + (pattern.name or ""), route


def unlisted(found: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Return what is there more often than listed (+) or less often (-)."""
    listed = [tuple(line.split(maxsplit=1)) for line in LISTED.read_text().splitlines()]
    there, written = Counter((name, f"/{route}") for name, route in found), Counter(listed)
    return {row: there[row] - written[row] for row in there | written if there[row] != written[row]}


def test_every_name_is_listed_with_its_path() -> None:
    assert unlisted(routes(get_resolver().url_patterns)) == {}


@pytest.mark.parametrize("name", ["checkins:detail", "account_login", "", "new"])
def test_the_instrument_would_see_a_path_that_is_not_listed(name: str) -> None:
    more = [*routes(get_resolver().url_patterns), (name, "patients/<uuid:patient_id>/peek/")]
    assert list(unlisted(more).values()) == [1]


def test_a_name_has_one_path() -> None:
    """A second one would pass every test that asks by name, this table's too."""
    times = Counter(name for name, _ in routes(get_resolver().url_patterns))
    assert "" not in times
    assert [name for name, count in times.items() if count > 1] == []


def test_no_path_is_answered_by_another_name(patient, prescriber) -> None:
    own = objects_of(patient, prescriber)
    for name, (_, _, needs) in MATRIX.items():
        assert resolve(path_of(name, needs, own)).view_name == name


# --- The library's pages ------------------------------------------------------------------------
KEYS = {
    "account_go_on": {"kept_id": UUID(int=1)},
    "account_confirm_email": {"key": "abc"},
    "account_reset_password_from_key": {"uidb36": "1", "key": "abc-def"},
    "mfa_edit_webauthn": {"pk": 987654},
    "mfa_remove_webauthn": {"pk": 987654},
}


@pytest.mark.parametrize("name", LIBRARY)
def test_a_stranger_at_the_librarys_pages(name: str) -> None:
    """One's own pages ask to sign in, by every method; a closed one does not exist."""
    for method in ALL_METHODS:
        answer = Client().generic(method, reverse(name, kwargs=KEYS.get(name)))
        place = answer.headers.get("Location", "")
        if LIBRARY[name] == "own":
            assert (answer.status_code, place.partition("?")[0]) == (302, reverse("account_login"))
        elif LIBRARY[name] == "closed":
            assert answer.status_code == 404
        else:
            assert answer.status_code in (200, 302, 404, 405)
            assert place in ("", reverse("account_login"))


def test_nobody_moves_the_address_of_an_open_browser(nurse) -> None:
    client, before = proven(nurse), nurse.user.email
    for act in ("action_add", "action_primary"):
        data = {"email": "mine@evil.example", act: ""}
        assert client.post(reverse("account_email"), data).status_code == 404
    nurse.user.refresh_from_db()
    assert nurse.user.email == before
    assert not nurse.user.emailaddress_set.filter(email="mine@evil.example").exists()


@pytest.mark.parametrize("name", ["mfa_edit_webauthn", "mfa_remove_webauthn"])
def test_anothers_passkey_does_not_exist(name: str, nurse, prescriber, outsider) -> None:
    client = sign_in(nurse)
    prove_fully(client, nurse)
    mine = Authenticator.objects.create(user=nurse.user, type="webauthn", data={"name": "Mine"})
    assert client.get(reverse(name, args=[mine.pk])).status_code == 200
    for other in (prescriber, outsider):
        key = Authenticator.objects.create(user=other.user, type="webauthn", data={"name": "Key"})
        for method in ("get", "post"):
            asked = [
                getattr(client, method)(reverse(name, args=[pk]), {"name": "Mine now"})
                for pk in (key.pk, 987654)
            ]
            check_alike(*asked)
        key.refresh_from_db()
        assert key.data == {"name": "Key"}


# --- What is each person's own ------------------------------------------------------------------
MAY_HAVE = {"dashboard:view_remove": CARE_TEAM}  # the others may be anybody's of the staff
NEEDS = {"alerts": "contact_id", "programs": "program_id", "dashboard": "view_id"}


def own_things(member: Any) -> dict[str, Any]:
    now = timezone.now()
    contact = add_contact(
        member=member, address=f"{uuid4()}@home.example", gateway=None, by=member.user, now=now
    )
    view = save_view(member=member, name="Mine", chosen={}, now=now)
    return {
        "contact_id": contact.pk,
        "program_id": make_program(member, agreed=False).pk,
        "view_id": view.pk,
    }


def own_path(name: str, things: dict[str, Any]) -> str:
    needs = NEEDS[name.partition(":")[0]]
    return reverse(name, kwargs={needs: things[needs]})


def check_alike(theirs: Any, nowhere: Any) -> None:
    """Another's and none at all: the same page with the same headers."""
    assert theirs.status_code == nowhere.status_code == 404
    assert TOKEN.sub("", theirs.text) == TOKEN.sub("", nowhere.text)
    for answer in (theirs, nowhere):
        answer.headers.pop("X-Request-ID", None)
    assert dict(theirs.headers) == dict(nowhere.headers)


def last_refusals(count: int) -> list[Any]:
    rows = AuditEvent.objects.filter(event="access.refused").order_by("-pk")[:count]
    return [
        (row.actor_id, row.clinic_id, row.patient_id, row.object_id,
         {**row.details, "ids": len(row.details["ids"])})
        for row in rows
    ]  # fmt: skip


@pytest.mark.parametrize("name", sorted(OWN))
def test_the_owner_gets_in(name: str, nurse) -> None:
    things = own_things(nurse)
    client = proven(nurse)
    assert client.post(own_path(name, things)).status_code in (200, 302, 422)
    for method in set(ALL_METHODS) - {"POST"}:
        assert client.generic(method, own_path(name, things)).status_code == 405, method


@pytest.mark.parametrize("role", Role.values)
@pytest.mark.parametrize("name", sorted(OWN))
def test_what_is_anothers_does_not_exist(name: str, role: str, nurse, outsider, clinic) -> None:
    """A colleague's, and one of another clinic: as if it were not there, by work and record too."""
    asking = make_member(clinic, role)
    client = proven(asking)
    allowed = role in MAY_HAVE.get(name, EVERYBODY)
    client.get(reverse("alerts:contacts"))  # shows what the sign-in had to say, and warms caches
    for owner in (nurse, outsider):
        answers, work = [], []
        for things in (own_things(owner), dict.fromkeys(NEEDS.values(), uuid4())):
            with CaptureQueriesContext(connection) as queries:
                answers.append(client.post(own_path(name, things)))
            work.append(len(queries))
        assert work[0] == work[1]
        first, second = last_refusals(2)
        assert first == second
        assert first[:2] == (asking.user_id, clinic.pk)
        assert first[4] == {
            "url": name, "method": "POST", "status": 404 if allowed else 403, "ids": 1,
        }  # fmt: skip
        if allowed:
            check_alike(*answers)
    assert Program.objects.filter(agreed_at=None, revoked_at=None).count() == 2
    assert nurse.contacts.count() == outsider.contacts.count() == 1
    assert SavedView.objects.filter(name="Mine").count() == 2


def test_a_stranger_is_asked_who_they_are(nurse) -> None:
    things = own_things(nurse)
    for name in OWN:
        for method in ALL_METHODS:
            answer = Client().generic(method, own_path(name, things))
            assert answer.status_code == 302, (name, method)
            assert answer.headers["Location"].startswith(reverse("account_login"))
    assert signed_in(nurse).get(reverse("alerts:contacts")).status_code == 200
