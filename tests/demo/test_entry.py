"""The door of the demo: in as anybody invented, as nobody else, and never outside demo mode."""

import os
import subprocess
import sys

import pytest
from django.conf import settings as current
from django.core.management import get_commands
from django.test import Client
from django.urls import Resolver404, resolve, reverse

from apps.checkins.models import CheckInLink
from apps.patients.models import Clinic, Patient, Role, StaffMember
from tests.factories import make_alert, make_member, make_patient

pytestmark = pytest.mark.django_db


@pytest.fixture
def door(demo_mode) -> Client:
    return Client()


def enter(client: Client, member: StaffMember, query: str = ""):
    return client.post(reverse("demo:enter_staff", args=[member.user_id]) + query)


def test_entry_offers_staff_and_patients_of_each_clinic(door, clinic, other_clinic) -> None:
    nurse = make_member(clinic, Role.NURSE)
    email = "marisol@patients.example"
    make_patient(clinic, given_name="Marisol", family_name="Arroyoclaro", email=email)
    groups = door.get(reverse("demo:entry")).context["groups"]
    assert {group["clinic"] for group in groups} == {clinic, other_clinic}
    group = next(group for group in groups if group["clinic"] == clinic)
    assert [(e["user"], e["role_label"]) for e in group["staff"]] == [(nurse.user, "Nurse")]
    assert [e["note"] for e in group["patients"]] == ["Speaks Spanish"]


@pytest.mark.parametrize("role", Role.values)
def test_every_role_enters_with_one_click(door, clinic: Clinic, role: str) -> None:
    member = make_member(clinic, role)
    answer = enter(door, member)
    assert answer.url == reverse("dashboard:board")
    assert door.session["clinic_id"] == str(clinic.pk)
    landing = door.get(answer.url, follow=True)
    assert landing.status_code == 200
    assert landing.request["PATH_INFO"] == ("/rota/" if role == Role.CLINIC_ADMIN else "/")


def test_entering_as_another_person_leaves_the_first(door, nurse, outsider) -> None:
    enter(door, nurse)
    enter(door, outsider)
    assert door.session["_auth_user_id"] == str(outsider.user_id)
    assert door.session["clinic_id"] == str(outsider.clinic_id)


def test_a_patient_comes_to_a_check_in_of_their_own(door, clinic: Clinic) -> None:
    patient = make_patient(clinic, email="wren@patients.example")
    answer = door.post(reverse("demo:enter_patient", args=[patient.pk]))
    link = CheckInLink.objects.get(patient=patient)
    assert answer.url.startswith("/c/")
    assert link.used_at is None
    assert door.get(answer.url).status_code == 200


def test_who_is_not_signed_in_is_led_to_the_door_and_then_on(door, nurse, patient) -> None:
    wanted = reverse("dashboard:alert", args=[make_alert(patient).pk])
    page = door.get(door.get(wanted).url)
    urls = [e["url"] for g in page.context["groups"] for e in g["staff"]]
    assert door.post(next(url for url in urls if str(nurse.user_id) in url)).url == wanted


def test_another_site_is_never_the_next_page(door, nurse) -> None:
    for bad in ("https://evil.example/", "//evil.example/", "javascript:alert(1)"):
        page = door.get(reverse("demo:entry"), {"next": bad})
        assert "next" not in page.context["groups"][0]["staff"][0]["url"]
        assert enter(door, nurse, f"?next={bad}").url == reverse("dashboard:board")


def test_nobody_real_and_nobody_deactivated_is_entered(door, clinic, nurse, lead) -> None:
    lead.user.email = "lead@hospital.org"
    lead.user.save()
    nurse.is_active = False
    nurse.save()
    assert enter(door, nurse).status_code == 404
    assert enter(door, lead).status_code == 404
    patient = make_patient(clinic, email="wren@mail.org")
    url = reverse("demo:enter_patient", args=[patient.pk])
    assert door.post(url).status_code == 404
    assert not CheckInLink.objects.filter(patient=patient).exists()
    assert door.get(reverse("demo:entry")).context["groups"][0]["staff"] == []


def test_looking_at_an_entry_address_enters_nobody(door, nurse) -> None:
    assert door.get(reverse("demo:enter_staff", args=[nurse.user_id])).status_code == 405
    assert "_auth_user_id" not in door.session


def test_entering_needs_the_form_of_our_own_page(demo_mode, nurse) -> None:
    assert enter(Client(enforce_csrf_checks=True), nurse).status_code == 403


def test_an_empty_database_has_an_entry_page(door) -> None:
    assert not Patient.objects.exists()
    assert door.get(reverse("demo:entry")).status_code == 200


def test_outside_demo_mode_nothing_of_it_exists() -> None:
    for path in ("/demo/", "/demo/mail/"):
        with pytest.raises(Resolver404):
            resolve(path)
    assert "config.demo" not in current.INSTALLED_APPS
    assert not hasattr(current, "DEMO_MAIL_DIR")
    assert current.LOGIN_URL == "account_login"
    assert "load_demo" not in get_commands()


@pytest.mark.slow
def test_in_demo_mode_the_real_settings_and_urls_have_it() -> None:
    program = (
        "import django; django.setup()\n"
        "from django.conf import settings\n"
        "from django.core.management import get_commands\n"
        "from django.urls import reverse\n"
        "print(reverse(settings.LOGIN_URL), get_commands()['load_demo'], settings.DEMO_MAIL_DIR)"
    )
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings_test",
        "GLIDEPATH_DEMO": "1",
        "DEMO_MAIL_DIR": "kept",
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment, cwd=current.BASE_DIR, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["/demo/", "config.demo", "kept"], done.stderr
