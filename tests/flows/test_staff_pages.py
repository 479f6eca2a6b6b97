"""Every staff page of the access matrix, in one sitting: no barrier, and fit for a phone."""

from typing import Any

from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from apps.alerts.models import Alert
from apps.dashboard.count_actions import count_due
from apps.patients.models import Role
from tests.factories import SEIZURE, check_in, make_active_plan, make_member, make_patient
from tests.harness.barriers import barriers
from tests.harness.marks import BROWSER_FLOW
from tests.test_access_matrix import MATRIX, objects_of, path_of

pytestmark = BROWSER_FLOW
# Files, and a part of a page that is looked at as a whole.
NO_PAGES = {
    "dashboard:board_live", "dashboard:caseload_csv", "exchange:calendar", "exchange:pharmacy",
    "exchange:letter", "exchange:referral_pdf", "exchange:referral_bundle",
}  # fmt: skip
OF_A_DRAFT = {"tapers:edit", "tapers:discard", "tapers:sign_second"}
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1440, "height": 900}
PREFERRED = (Role.CLINICAL_LEAD, Role.CLINIC_ADMIN)


def session_of(member: Any) -> dict[str, str]:
    """Return the cookie of somebody who is signed in."""
    client = Client()
    client.force_login(member.user)
    assert Session.objects.exists()
    return {"name": "sessionid", "value": client.cookies["sessionid"].value, "path": "/"}


def test_no_staff_page_has_a_barrier_and_none_is_wider_than_a_phone(parts, people, browser) -> None:
    """Wide and light, then as wide as a phone and dark: axe looks at both."""
    parts.web()
    lead = people["lead"]
    patient = make_patient(lead.clinic, now=timezone.now(), risk={"prior_wd_seizure": True})
    plan = make_active_plan(patient, lead.user, now=timezone.now())
    check_in(patient, SEIZURE, now=timezone.now())
    alert = Alert.objects.get()
    ids = objects_of(patient, lead)
    in_force = ids | {"plan_id": plan.pk, "alert_id": alert.pk}
    count_due(timezone.now())
    members = {role: make_member(lead.clinic, role) for role in PREFERRED}
    wrong: list[Any] = []
    for role, member in members.items():
        context = browser.new_context(
            viewport=DESK, locale="en-US", reduced_motion="reduce"
        )  # a colour in transition has no contrast yet
        context.add_cookies([session_of(member) | {"domain": "localhost"}])
        page = context.new_page()
        page.set_default_timeout(30_000)
        for name, (methods, roles, needs) in MATRIX.items():
            first = next(one for one in PREFERRED if one in roles) if roles else None
            if "GET" not in methods or first != role or name in NO_PAGES:
                continue
            path = path_of(name, needs, ids if name in OF_A_DRAFT else in_force)
            for size, scheme in ((DESK, "light"), (PHONE, "dark")):
                page.set_viewport_size(size)
                page.emulate_media(color_scheme=scheme)
                if scheme == "light":
                    answer = page.goto(parts.url + path)
                    assert answer.status in (200, 422), (name, answer.status)
                wrong += [(name, scheme, found) for found in barriers(page)]
        context.close()
    assert wrong == []
