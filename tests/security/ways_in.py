"""Every way in that somebody may hold in their hand, and which of them a database opens.

`python -m tests.security.ways_in` reads them from standard input and prints the names of those that
open the database of DATABASE_URL: a process of its own, as a restored installation is.
"""

import json
import sys
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Way:
    """One request that its holder may make, and a word that only an open door shows."""

    path: str
    shows: str
    cookies: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    data: dict[str, str] | None = None

    def opens(self) -> bool:
        """Ask, and answer whether the door opened."""
        from django.test import Client

        client = Client()
        for name, value in self.cookies.items():
            client.cookies[name] = value
        ask = {"headers": self.headers, "follow": True}
        answer = client.post(self.path, self.data, **ask) if self.data else client.get(
            self.path, **ask
        )  # fmt: skip
        return answer.status_code == 200 and self.shows in answer.content.decode()


def every_way(patient: Any, member: Any, admin: Any) -> dict[str, Way]:
    """Return one of each kind, all of them open now."""
    from django.conf import settings
    from django.urls import reverse
    from django.utils import timezone

    from apps.accounts.models import StaffMail
    from apps.dashboard.staff_emails import reset
    from apps.dashboard.staff_outbox import ask_for_reset
    from apps.exchange.actions import make_feed
    from apps.portal.actions import give_consent
    from apps.portal.trusted_actions import DOOR
    from apps.programs.actions import agree_to_program
    from apps.programs.scopes import Scope
    from tests.conftest import signed_in
    from tests.factories import make_invitation, make_patient, make_program, make_trusted
    from tests.portal.conftest import invited_link, signed_in_as
    from tests.security.walk import link_token, real_token

    now, cookie = timezone.now(), settings.SESSION_COOKIE_NAME
    give_consent(patient=patient, language="en", now=now)
    # Of a role that waits for nobody's word.
    invited = make_invitation(admin, role="clinic_admin", now=now)
    program = make_program(member, Scope.WORKLIST_READ, agreed=False, now=now)
    secret = agree_to_program(program=program, by=member.user, now=now)
    client = {"client_id": str(program.pk), "client_secret": secret}
    ask = {"grant_type": "client_credentials", **client}
    token = Way("/oauth/token", "access_token", data=ask)
    ways = {
        "session of staff": Way(
            reverse("dashboard:caseload"), "nav-main",
            {cookie: signed_in(member).cookies[cookie].value},
        ),
        "session of a patient": Way(
            reverse("portal:settings"), reverse("portal:withdraw"),
            {cookie: signed_in_as(patient).cookies[cookie].value},
        ),
        "invitation of staff": Way(
            reverse("dashboard:join", args=[invited.token]),
            'name="full_name"',
        ),
        "invitation of a patient": Way(
            invited_link(make_patient(patient.clinic, email="new@home.example")), "<form"
        ),
        "calendar": Way(
            reverse("exchange:feed", args=[
                make_feed(patient=patient, with_names=False, by=None, now=now)
            ]),
            "BEGIN:VCALENDAR",
        ),
        "program": token,
        "check-in": Way(
            reverse("checkins:create", args=[real_token("checkins:create", patient, member)]),
            "<form",
        ),
        "trusted person": Way(
            reverse("portal:trusted_door", args=[link_token(DOOR, make_trusted(patient).pk)]),
            "<form",
        ),
    }  # fmt: skip
    # Last: a sign-in ends links that were asked for before.
    mail = ask_for_reset(address=member.user.email, now=now)
    link = str(reset(StaffMail.objects.select_related("user").get(pk=mail.pk))[2]["url"])
    ways["new password"] = Way(link.removeprefix(settings.SITE_URL), 'name="password1"')
    return ways


def open_ones(ways: dict[str, Way]) -> set[str]:
    """Return the names of the ways that open this process's database."""
    return {name for name, way in ways.items() if way.opens()}


def as_text(ways: dict[str, Way]) -> str:
    """Return them as another process reads them."""
    return json.dumps({name: asdict(way) for name, way in ways.items()})


if __name__ == "__main__":
    import django

    django.setup()
    from django.test.utils import setup_test_environment

    setup_test_environment()
    given = {name: Way(**fields) for name, fields in json.load(sys.stdin).items()}
    sys.stdout.write(json.dumps(sorted(open_ones(given))))
