"""Every page of a patient, for everybody: one's own, another's, a stranger, staff, nobody."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.checkins.models import CareTask
from apps.portal.actions import give_consent, revoke_everything, withdraw_consent
from apps.portal.models import PatientSession, TrustedPerson
from tests.conftest import signed_in
from tests.factories import CALM, check_in, make_patient, make_trusted
from tests.portal.conftest import signed_in_as
from tests.test_access_matrix import ALL_METHODS, PATIENTS

pytestmark = pytest.mark.django_db

# url name -> (methods it takes, what its path needs, whether it opens without consent)
MATRIX: dict[str, tuple[set[str], str, bool]] = {
    "portal:home": ({"GET"}, "", False),
    "portal:trend": ({"GET"}, "", False),
    "portal:far": ({"GET"}, "", False),
    "portal:coping": ({"GET"}, "", False),
    "portal:coping_edit": ({"GET", "POST"}, "", False),
    "portal:plan": ({"GET"}, "", False),
    "portal:check_ins": ({"GET"}, "", False),
    "portal:check_in": ({"GET"}, "check_in_id", False),
    "portal:check_in_now": ({"POST"}, "", False),
    "portal:ask": ({"POST"}, "kind", False),
    "portal:settings": ({"GET", "POST"}, "", False),
    "portal:withdraw": ({"GET", "POST"}, "", False),
    "portal:consent": ({"GET", "POST"}, "", True),
    "portal:research": ({"GET", "POST"}, "", False),
    "portal:research_no": ({"POST"}, "", False),
    "portal:trusted": ({"GET", "POST"}, "", False),
    "portal:trusted_end": ({"POST"}, "person_id", False),
    "portal:trusted_dose": ({"POST"}, "person_id", False),
    "portal:calendar": ({"GET", "POST"}, "", False),
    "portal:calendar_stop": ({"POST"}, "", False),
    "portal:export": ({"GET"}, "", True),
    "portal:export_file": ({"POST"}, "", True),
    "portal:sign_out": ({"POST"}, "", True),
}
SIGN_IN = reverse("portal:sign_in")


def things_of(patient: Any) -> dict[str, Any]:
    return {
        "check_in_id": check_in(patient, CALM, now=timezone.now()).pk,
        "person_id": make_trusted(patient).pk,
        "kind": "stay",
    }


def path_of(name: str, things: dict[str, Any]) -> str:
    needs = MATRIX[name][1]
    return reverse(name, kwargs={needs: things[needs]} if needs else {})


def test_every_own_page_is_listed() -> None:
    assert set(MATRIX) == PATIENTS


@pytest.mark.parametrize("name", MATRIX)
def test_the_patient_may_do_exactly_what_the_matrix_says(name, wren) -> None:
    path = path_of(name, things_of(wren))
    for method in ALL_METHODS:
        status = signed_in_as(wren).generic(method, path).status_code
        if method in MATRIX[name][0]:
            assert status in (200, 302, 422), (method, status)
        else:
            assert status == 405, (method, status)


@pytest.mark.parametrize("name", MATRIX)
def test_nobody_else_gets_in(name, wren, nurse) -> None:
    path = path_of(name, things_of(wren))
    ended = signed_in_as(wren)
    PatientSession.objects.update(ended_at=timezone.now())
    looks = AuditEvent.objects.filter(event__startswith="portal.").count()
    for client in (Client(), signed_in(nurse), ended):
        for method in MATRIX[name][0]:
            page = client.generic(method, path)
            assert (page.status_code, page.headers["Location"]) == (302, SIGN_IN)
    assert AuditEvent.objects.filter(event__startswith="portal.").count() == looks


@pytest.mark.parametrize("name", [name for name, row in MATRIX.items() if row[1][-3:] == "_id"])
def test_another_patients_things_do_not_exist(name, wren, clinic) -> None:
    other = make_patient(clinic, email="other@home.example")
    theirs, nowhere = things_of(other), dict.fromkeys(("check_in_id", "person_id"), uuid4())
    client = signed_in_as(wren)
    for method in MATRIX[name][0]:
        found = client.generic(method, path_of(name, theirs))
        missing = client.generic(method, path_of(name, nowhere))
        assert found.status_code == missing.status_code == 404
        assert found.content == missing.content
    assert TrustedPerson.objects.live().filter(patient=other).count() == 1


@pytest.mark.parametrize("name", [name for name in MATRIX if name != "portal:sign_out"])
def test_without_consent_only_what_needs_none(name, wren) -> None:
    things = things_of(wren)
    withdraw_consent(patient=wren, now=timezone.now())
    client = signed_in_as(wren)
    for method in MATRIX[name][0]:
        page = client.generic(method, path_of(name, things))
        if MATRIX[name][2]:
            assert page.status_code in (200, 422)
        else:
            assert page.headers["Location"] == reverse("portal:consent")


@pytest.mark.parametrize("name", MATRIX)
def test_an_invitation_opens_consent_and_preferences_alone(name, wren) -> None:
    things = things_of(wren)
    client = signed_in_as(wren)
    PatientSession.objects.update(kind=PatientSession.Kind.ENROL)
    for method in MATRIX[name][0]:
        page = client.generic(method, path_of(name, things))
        if name in ("portal:consent", "portal:settings", "portal:sign_out"):
            assert page.status_code in (200, 302, 422)
            assert page.headers.get("Location") in (None, SIGN_IN)
        else:
            assert page.headers["Location"] == SIGN_IN


@pytest.mark.parametrize("name", MATRIX)
def test_after_everything_was_revoked_the_next_click_is_the_sign_in_page(name, wren) -> None:
    things = things_of(wren)
    client = signed_in_as(wren)
    revoke_everything(patient=wren, by=None, now=timezone.now())
    for method in MATRIX[name][0]:
        page = client.generic(method, path_of(name, things))
        assert page.headers["Location"] == SIGN_IN


@pytest.mark.parametrize("name", MATRIX)
def test_who_holds_the_phone_of_the_dead_reads_kind_words_and_no_data(name, wren) -> None:
    things = things_of(wren)
    type(wren).objects.filter(pk=wren.pk).update(status="deceased")
    for method in MATRIX[name][0]:
        page = signed_in_as(wren).generic(method, path_of(name, things))
        assert page.status_code == 410
        assert "we are very sorry" in page.text
        assert wren.given_name not in page.text
        assert " mg" not in page.text


def test_a_wish_nobody_knows_does_not_exist(own) -> None:
    assert own.post(reverse("portal:ask", args=["consent"])).status_code == 404
    assert own.post(reverse("portal:ask", args=["pizza"])).status_code == 404
    assert not CareTask.objects.exists()


def test_two_patients_signed_in_at_once_see_their_own(wren, clinic) -> None:
    other = make_patient(clinic, given_name="Juniper", email="juniper@home.example")
    give_consent(patient=other, language="en", now=timezone.now())
    pages = [signed_in_as(each).get(reverse("portal:home")).text for each in (wren, other)]
    assert "Hello Wren" in pages[0]
    assert "Hello Juniper" in pages[1]
    assert "Juniper" not in pages[0]
