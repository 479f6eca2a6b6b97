"""Somebody on the staff of two clinics works in one at a time, and says in which."""

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.conf import settings
from django.test import Client
from django.urls import reverse

from apps.accounts import kept
from apps.audit.models import AuditEvent
from apps.patients.drawn_for import FIELD, HEADER, SECRET
from apps.patients.middleware import SESSION_KEY
from apps.patients.models import Patient, Role, StaffMember
from tests.accounts.test_sign_in import sign_in
from tests.conftest import signed_in
from tests.factories import PASSWORD, make_alert
from tests.security.walk import every_stop

pytestmark = pytest.mark.django_db
CHOOSE = reverse("dashboard:clinic")
OTP = "one-time-code"  # how a browser is told of a code
TEMPLATES = Path(settings.BASE_DIR) / "templates"


@pytest.fixture
def both(nurse, other_clinic) -> tuple[StaffMember, StaffMember]:
    """The nurse's memberships, by the names of the clinics."""
    there = StaffMember.objects.create(clinic=other_clinic, user=nurse.user, role=Role.PRESCRIBER)
    first, second = sorted([nurse, there], key=lambda each: each.clinic.name)
    return first, second


def works_in(client: Client) -> Any:
    return client.get(reverse("alerts:rota")).context["site"]["clinic"]


def test_the_header_offers_a_choice_to_who_has_one(both, prescriber) -> None:
    page = signed_in(both[0]).get(reverse("alerts:rota")).text
    assert all(f'<option value="{each.clinic_id}"' in page for each in both)
    assert "Change clinic" not in signed_in(prescriber).get(reverse("alerts:rota")).text


def test_the_choice_holds_for_the_session_and_moves_the_wall(
    both, patient, other_patient, nurse
) -> None:
    first, second = both
    here = {patient.clinic_id: patient, other_patient.clinic_id: other_patient}
    client, elsewhere = sign_in(nurse), sign_in(nurse)
    assert works_in(client) == first.clinic
    assert client.post(CHOOSE, {"clinic": second.clinic_id}).status_code == 302
    assert works_in(client) == second.clinic
    assert works_in(elsewhere) == first.clinic, "another session has its own"
    for member, status in ((second, 200), (first, 404)):
        path = reverse("dashboard:patient", args=[here[member.clinic_id].pk])
        assert client.get(path).status_code == status
    assert list(client.get(reverse("patients:list"), follow=True).context["site"]["clinics"])
    client.post(CHOOSE, {"clinic": first.clinic_id})
    assert works_in(client) == first.clinic
    rows = AuditEvent.objects.filter(event__startswith="clinic.").order_by("pk")
    assert [(row.event, row.clinic_id) for row in rows] == [
        ("clinic.left", first.clinic_id), ("clinic.entered", second.clinic_id),
        ("clinic.left", second.clinic_id), ("clinic.entered", first.clinic_id),
    ]  # fmt: skip


def test_the_role_is_the_one_of_that_clinic(nurse, other_clinic) -> None:
    StaffMember.objects.create(clinic=other_clinic, user=nurse.user, role=Role.CLINIC_ADMIN)
    client, staff = signed_in(nurse), reverse("dashboard:staff")
    client.post(CHOOSE, {"clinic": nurse.clinic_id})
    assert client.get(staff).status_code == 403
    client.post(CHOOSE, {"clinic": other_clinic.pk})
    assert client.get(staff).status_code == 200


@pytest.mark.parametrize("asked", ["", "nonsense", "00000000-0000-0000-0000-000000000001"])
def test_nobody_enters_a_clinic_where_they_do_not_work(asked, nurse, other_clinic) -> None:
    client = signed_in(nurse)
    for clinic in (asked, other_clinic.pk):
        client.post(CHOOSE, {"clinic": clinic})
        assert works_in(client) == nurse.clinic
    refused = AuditEvent.objects.filter(event="access.refused")
    assert str(other_clinic.pk) in refused.latest("pk").details["sent"]
    assert not AuditEvent.objects.filter(event="clinic.entered").exists()


def test_the_same_clinic_again_changes_nothing(both) -> None:
    client = signed_in(both[0])
    client.post(CHOOSE, {"clinic": both[0].clinic_id})
    assert not AuditEvent.objects.filter(event__startswith="clinic.").exists()


def fields_of(page: Any) -> dict[str, str]:
    """Return the hidden fields that every form of a page sends, as a browser without a script."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text)
    return {name: value for name, value in found if name in ("csrfmiddlewaretoken", FIELD)}


def test_a_form_of_the_clinic_before_does_nothing_in_the_next(both) -> None:
    """A tab that still shows the first clinic would else register somebody in the second."""
    client, path = Client(enforce_csrf_checks=True), reverse("patients:create")
    client.force_login(both[0].user)
    old = fields_of(client.get(path))
    assert old[FIELD] == str(both[0].clinic_id)
    assert client.post(CHOOSE, {"clinic": both[1].clinic_id, **old}).status_code == 302
    answer = client.post(path, {"family_name": "Elsewhere", "password": "geheim", **old})
    assert answer.status_code == 409
    assert "Nothing was done" in answer.text
    assert "Elsewhere" in answer.text, "what was typed is on the page"
    assert "geheim" not in answer.text
    assert not Patient.objects.filter(family_name="Elsewhere").exists()


def test_a_form_of_another_clinic_is_on_record_as_refused(both, patient) -> None:
    """In the clinic where it came in, by the page's name and ids, without a word that was typed."""
    first, second = both
    here = first if patient.clinic_id == first.clinic_id else second
    there = second if here is first else first
    client, path = sign_in(first), reverse("checkins:task_create", args=[patient.pk])
    client.post(CHOOSE, {"clinic": there.clinic_id})
    for header in ({}, {"HX-Request": "true"}):
        sent = {FIELD: str(here.clinic_id), "note": "Ida Quillfeather"}
        status = client.post(path, sent, headers=header).status_code
        row = AuditEvent.objects.filter(event="access.refused").latest("pk")
        assert (row.actor_id, row.clinic_id) == (first.user_id, there.clinic_id)
        assert row.details == {
            "url": "checkins:task_create", "method": "POST", "ids": [str(patient.pk)],
            "status": status, "sent": [str(here.clinic_id)], "why": "a page of another clinic",
        }  # fmt: skip
    client.post(path, {"note": "Ida Quillfeather"})
    assert AuditEvent.objects.filter(event="access.refused").count() == 3, "nor without its clinic"


def test_only_what_is_secret_is_left_out_of_what_is_shown_again(both) -> None:
    """A field that is only called alike holds somebody's work: it is shown and goes on."""
    client, path = sign_in(both[0]), reverse("patients:create")
    typed = {
        "postcode": "90210", "codeine_mg": "30", "token_of_thanks": "a card", "url_of_nothing": "x",
        "secretary": "Kim", "2-zip_code": "10001",
    }  # fmt: skip
    hidden = {"password": "geheim1", "code": "geheim2", "2-secret": "geheim3", "url": "geheim4"}
    answer = client.post(path, {**typed, **hidden, FIELD: str(both[1].clinic_id)})
    assert answer.status_code == 409
    assert [value for _, value in answer.context["typed"]] == list(typed.values())
    client.post(CHOOSE, {"clinic": both[1].clinic_id})
    request = answer.wsgi_request
    assert dict(kept.find(request, answer.context["kept_id"]).fields) == typed
    assert "geheim" not in answer.text


def test_every_field_that_a_page_masks_is_among_the_secret_ones() -> None:
    """A new form with a secret in it stands in no list by itself."""
    masked = set()
    for form in every_form(forms.BaseForm):
        for name, field in form.base_fields.items():
            attrs = field.widget.attrs
            if isinstance(field.widget, forms.PasswordInput) or attrs.get("autocomplete") == OTP:
                masked.add(name)
    assert {"password", "code", "secret", "url"} <= masked
    assert masked <= SECRET


def every_form(form: type) -> Iterator[Any]:
    """Yield the classes of our own forms; the library's stand at addresses of the person."""
    for each in form.__subclasses__():
        if each.__module__.startswith("apps.") and hasattr(each, "base_fields"):
            yield each
        yield from every_form(each)


def test_an_older_cookie_that_comes_back_takes_no_form_either(both) -> None:
    """An answer of the first clinic, slow on its way, sets again what the browser had before."""
    client, path = Client(enforce_csrf_checks=True), reverse("patients:create")
    client.force_login(both[0].user)
    old, jar = fields_of(client.get(path)), dict(client.cookies)
    client.post(CHOOSE, {"clinic": both[1].clinic_id, **old})
    client.get(path)
    client.cookies.update(jar)
    answer = client.post(path, {"family_name": "Elsewhere", **old})
    assert answer.status_code == 409
    assert not Patient.objects.filter(family_name="Elsewhere").exists()


def test_a_session_that_an_older_request_wrote_back_takes_no_form(both) -> None:
    """Two requests at once save one session: the later one brings the first clinic back."""
    client, path = sign_in(both[0]), reverse("patients:create")
    client.post(CHOOSE, {"clinic": both[1].clinic_id})
    new = fields_of(client.get(path))
    session = client.session
    session[SESSION_KEY] = str(both[0].clinic_id)
    session.save()
    assert client.post(path, {"family_name": "Elsewhere", **new}).status_code == 409


def test_what_was_typed_is_sent_where_it_was_meant(both, prescriber) -> None:
    first, second = both
    client, path = sign_in(first), reverse("alerts:contacts")
    old = fields_of(client.get(path))
    client.post(CHOOSE, {"clinic": second.clinic_id})
    typed = {"kind": "mail", "address": "night@clinic.example"}
    answer = client.post(path, typed | old)
    assert answer.status_code == 409
    assert f"Change to {first.clinic.name} and send it there" in answer.text
    waits = answer.context["kept_id"]
    page = client.post(CHOOSE, {"clinic": first.clinic_id, "goes_on": waits})
    assert page.headers["Location"] == reverse("account_go_on", args=[waits])
    page = client.post(client.get(page.headers["Location"]).headers["Location"],
                       {"password": PASSWORD}, follow=True)  # fmt: skip
    assert dict(page.context["kept"].fields) == typed
    assert works_in(client) == first.clinic
    sent = client.post(path, typed | {kept.FIELD: waits} | fields_of(page))
    assert sent.status_code != 409


def test_what_says_nothing_of_its_clinic_is_taken_from_who_has_one_only(both, prescriber) -> None:
    path = reverse("patients:create")
    assert signed_in(both[0]).post(path, {}).status_code == 409
    assert signed_in(prescriber).post(path, {}).status_code != 409


def test_an_empty_id_of_a_kept_request_goes_round_no_door(both, nurse) -> None:
    client, there = sign_in(nurse), str(both[1].clinic_id)  # works in the first by its name
    sent = {FIELD: there, kept.FIELD: ""}
    assert client.post(reverse("patients:create"), sent).status_code == 409


def test_a_script_is_answered_in_a_sentence_and_nothing_is_kept(both) -> None:
    client, path = signed_in(both[0]), reverse("patients:create")
    wrong = {HEADER: str(both[1].clinic_id)}
    part = client.post(path, headers=wrong | {"HX-Request": "true", "HX-Target": "preview-panel"})
    assert part.status_code == 422
    assert '<section id="preview-panel"' in part.text
    assert client.post(path, headers=wrong | {"X-Board": "1"}).status_code == 409
    assert kept.SESSION_KEY not in client.session
    right = {HEADER: str(both[0].clinic_id)}
    assert client.post(path, headers=right).status_code != 409


def test_who_signs_out_is_signed_out_from_any_page(both) -> None:
    client = signed_in(both[0])
    old = fields_of(client.get(reverse("patients:create")))
    client.post(CHOOSE, {"clinic": both[1].clinic_id})
    client.post(reverse("account_logout"), old)
    assert client.get(reverse("alerts:rota")).status_code == 302


def test_no_page_writes_the_key_of_a_form_in_another_way() -> None:
    """Only `{% csrf_token %}` says for which clinic the page is."""
    pages = [
        page for page in TEMPLATES.rglob("*.html") if "csrfmiddlewaretoken" in page.read_text()
    ]
    assert pages == []


def test_a_clinic_that_ended_leaves_its_forms_dead(both) -> None:
    first, second = both
    client, path = Client(enforce_csrf_checks=True), reverse("patients:create")
    client.force_login(first.user)
    old = fields_of(client.get(path)) | {"family_name": "Elsewhere"}
    StaffMember.objects.filter(pk=first.pk).update(is_active=False)
    for _ in range(2):
        answer = client.post(path, old)
        assert answer.status_code == 409
        assert "Elsewhere" in answer.text
        assert "send it there" not in answer.text, "they do not work there any more"
    assert works_in(client) == second.clinic


def test_a_clinic_that_comes_first_by_its_name_moves_no_session(nurse, other_clinic) -> None:
    client = signed_in(nurse)
    other_clinic.name = "A" + other_clinic.name
    other_clinic.save()
    StaffMember.objects.create(clinic=other_clinic, user=nurse.user, role=Role.NURSE)
    assert works_in(client) == nurse.clinic


def test_an_open_board_of_the_clinic_before_says_so(both, patient) -> None:
    make_alert(patient)
    client, live = signed_in(both[0]), reverse("dashboard:board_live")
    header = {"X-Board": str(both[0].clinic_id)}
    assert client.get(live, headers=header).status_code == 200
    client.post(CHOOSE, {"clinic": both[1].clinic_id})
    assert client.get(live, headers=header).status_code == 409
    assert client.get(live, headers={"X-Board": str(both[1].clinic_id)}).status_code == 200


def test_no_walk_over_the_pages_stops_at_this_door(patient, prescriber) -> None:
    """Else the leak test, the fuzzer and the matrix would see the refusal and nothing behind it."""
    stops = (stop for stop in every_stop(patient, prescriber) if stop.name.startswith("patients:"))
    for stop in islice(stops, 5):
        assert FIELD not in stop.fields(), stop.name
        if "POST" in stop.methods:
            sent = dict.fromkeys(stop.fields(), "x")
            assert "another clinic" not in stop.client.post(stop.path, sent).text
