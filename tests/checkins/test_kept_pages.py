"""The page after sending is kept in the process: it fits its reader all the same."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from apps.checkins.kept_pages import KEPT_AT_MOST, KeptPages
from apps.checkins.link_actions import create_link
from apps.checkins.pages import DONE, OWN_LINK
from tests.checkins.test_views import posted
from tests.factories import CALM, make_patient

pytestmark = pytest.mark.django_db


def send(patient) -> tuple[str, str]:
    token = create_link(patient=patient, by=None, now=timezone.now())
    page = Client().post(reverse("checkins:create", args=[token]), posted(CALM))
    assert page.status_code == 200
    return token, page.text


def test_two_patients_get_one_kept_page_with_their_own_links(clinic) -> None:
    first, page = send(make_patient(clinic))
    kept = len(DONE.pages)
    second, other = send(make_patient(clinic))
    assert len(DONE.pages) == kept
    assert reverse("checkins:correct", args=[first]) in page
    assert reverse("checkins:correct", args=[second]) in other
    assert page.replace(first, "") == other.replace(second, "")
    assert OWN_LINK not in page + other


def test_a_new_phone_number_of_the_clinic_is_on_the_next_page(clinic) -> None:
    send(make_patient(clinic))
    clinic.phone = "555-0177"
    clinic.save(update_fields=["phone"])
    _, page = send(make_patient(clinic))
    assert "555-0177" in page


def test_each_language_has_its_own_page(clinic) -> None:
    _, english = send(make_patient(clinic))
    _, spanish = send(make_patient(clinic, language="es"))
    assert 'lang="en"' in english
    assert 'lang="es"' in spanish


def test_pages_that_name_a_time_push_each_other_out(clinic) -> None:
    pages = KeptPages("checkins/check_in_link_invalid.html")
    with translation.override("en"):
        for number in range(KEPT_AT_MOST + 5):
            pages.render({"reason": f"reason {number}", "site": {"clinic": None}, "language": "en"})
    assert len(pages.pages) == KEPT_AT_MOST
