"""The person a patient trusts: their link, what they see, and what their word sets off."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.alerts.models import Alert, Delivery
from apps.audit.models import AuditEvent
from apps.checkins.models import CheckIn
from apps.patients.models import StaffMember
from apps.portal.forms import SIGNS
from apps.portal.models import PortalMail, TrustedPerson
from apps.portal.trusted_actions import (
    TrustedError,
    allow_dose,
    invite_trusted,
    report,
    revoke_trusted,
)
from apps.tapers.models import PlanHold
from tests.conftest import signed_in
from tests.factories import make_trusted, put_on_call
from tests.portal.conftest import link_in, trusted_link

pytestmark = pytest.mark.django_db


def send(person: TrustedPerson, *signs: str, client: Client | None = None, **extra: str):
    data = {"signs": list(signs), "submission_id": str(uuid4())} | extra
    return (client or Client()).post(trusted_link(person, "trusted_report"), data)


def test_the_patient_names_somebody_and_a_mail_without_a_name_leaves(own, wren, mail) -> None:
    page = own.post(
        reverse("portal:trusted"),
        {"name": "Robin", "email": "Robin@Home.example", "language": "es"},
        follow=True,
    )
    assert "Robin" in page.text
    assert "Does not see my dose." in page.text
    (letter,) = mail()
    assert letter.recipients == ("robin@home.example",)
    assert "Un enlace para usted" in letter.message["Subject"]
    text = letter.message.as_string()
    assert wren.given_name not in text
    assert "Robin" not in text.replace("robin@home.example", "")
    door = Client().get(link_in(letter, "/t/"))
    assert "Alguien confía en usted" in door.text


def test_a_mail_scanner_changes_nothing_and_learns_nothing(robin, wren) -> None:
    events = AuditEvent.objects.count()
    for name in ("trusted_door", "trusted_report"):
        for method in ("get", "head"):
            page = getattr(Client(), method)(trusted_link(robin, name))
            assert page.status_code == 200
            for word in (wren.given_name, wren.family_name, "clonazepam", "Robin"):
                assert word not in page.text
    assert AuditEvent.objects.count() == events
    assert not CheckIn.objects.exists()


def test_the_dose_is_shown_only_if_the_patient_allows_it(robin, wren) -> None:
    page = Client().post(trusted_link(robin)).text
    assert f"You help {wren.given_name}" in page
    assert "clonazepam" in page
    allow_dose(person=robin, sees_dose=False, now=timezone.now())
    page = Client().post(trusted_link(robin)).text
    assert "clonazepam" not in page
    assert "The dose is not shared with you" in page
    seen = AuditEvent.objects.filter(event="trusted.opened").order_by("pk")
    assert [row.details["saw_dose"] for row in seen] == [True, False]
    assert {row.actor_id for row in seen} == {robin.pk}


@pytest.mark.parametrize("status", ["in_hospital", "ended"])
def test_no_dose_where_the_patient_sees_none(robin, wren, status) -> None:
    type(wren).objects.filter(pk=wren.pk).update(status=status)
    page = Client().post(trusted_link(robin)).text
    assert "There is no dose to show today" in page
    assert "clonazepam" not in page


def test_a_seizure_is_triaged_like_the_patients_own_word_and_marked(robin, wren, nurse) -> None:
    put_on_call(nurse, now=timezone.now())
    page = send(robin, "seizure")
    assert page.status_code == 200
    assert "Call 911 now" in page.text
    assert "We are telling the person on call now" in page.text
    row = CheckIn.objects.get()
    assert (row.reporter, row.reporter_name, row.answers) == (
        "trusted", "Robin", {"seizure": "yes"},
    )  # fmt: skip
    alert = Alert.objects.get()
    assert (alert.level, alert.rules[0]) == ("emergency", "E01_SEIZURE")
    assert Delivery.objects.get().recipient == nurse
    assert PlanHold.objects.open().count() == 1
    staff = signed_in(nurse)
    for path in ("/", reverse("dashboard:alert", args=[alert.pk]), f"/patients/{wren.pk}/"):
        assert "trusted person" in staff.get(path).text
    assert AuditEvent.objects.filter(event="trusted.reported").get().actor_id == robin.pk


@pytest.mark.parametrize("sign", SIGNS)
def test_every_sign_on_the_page_is_an_emergency(robin, sign) -> None:
    send(robin, sign)
    assert Alert.objects.get().level == "emergency"


def test_nobody_is_said_to_be_told_when_nobody_was(robin) -> None:
    StaffMember.objects.update(is_active=False)
    page = send(robin, "seizure").text
    assert "We could not reach anyone at the clinic yet" in page
    assert "Your care team has been told" not in page


def test_five_taps_make_one_report_and_one_alert(robin) -> None:
    same = str(uuid4())
    pages = [send(robin, "seizure", submission_id=same) for _ in range(5)]
    assert {page.status_code for page in pages} == {200}
    assert (CheckIn.objects.count(), Alert.objects.count()) == (1, 1)
    assert AuditEvent.objects.filter(event="trusted.reported").count() == 1


def test_other_signs_under_the_same_id_are_another_report(robin) -> None:
    same = str(uuid4())
    for sign in ("rf_confused", "seizure", "seizure"):
        assert send(robin, sign, submission_id=same).status_code == 200
    rows = CheckIn.objects.order_by("received_at")
    assert [row.answers for row in rows] == [{"red_flags": ["rf_confused"]}, {"seizure": "yes"}]
    assert {row.corrects for row in rows} == {None}
    assert Alert.objects.count() == 2
    assert AuditEvent.objects.filter(event="trusted.reported").count() == 2


def test_a_report_needs_no_cookie_and_sets_none(robin) -> None:
    client = Client(enforce_csrf_checks=True)
    assert send(robin, "seizure", client=client).status_code == 200
    assert Alert.objects.get().level == "emergency"
    client.get(trusted_link(robin, "trusted_report"))
    assert not client.cookies


def test_a_red_flag_is_never_refused_for_its_number(robin) -> None:
    client = Client()
    assert {send(robin, "seizure", client=client).status_code for _ in range(25)} == {200}
    assert Alert.objects.count() == 25


def test_a_report_is_all_or_nothing(robin, monkeypatch) -> None:
    def fail(*args, **kwargs):
        raise IntegrityError("no audit")

    monkeypatch.setattr("apps.portal.actions.record", fail)
    with pytest.raises(IntegrityError), transaction.atomic():
        report(person=robin, signs=["seizure"], submission_id=uuid4(), now=timezone.now())
    assert not CheckIn.objects.exists()
    assert not Alert.objects.exists()


def test_nothing_tapped_is_said_in_a_sentence(robin) -> None:
    page = send(robin)
    assert page.status_code == 422
    assert "Please tap what you saw" in page.text
    page = send(robin, "rf_pizza")
    assert page.status_code == 422
    assert not CheckIn.objects.exists()


def test_what_was_tapped_stays_when_the_id_is_broken(robin) -> None:
    assert send(robin, "rf_breath", submission_id="not an id").status_code == 200
    assert CheckIn.objects.get().answers == {"red_flags": ["rf_breath"]}


@pytest.mark.parametrize("how", ["patient", "staff", "expired", "unknown"])
def test_a_link_that_ended_says_so_and_names_the_number(robin, own, nurse, how) -> None:
    link = trusted_link(robin)
    if how == "patient":
        own.post(reverse("portal:trusted_end", args=[robin.pk]))
    elif how == "staff":
        signed_in(nurse).post(reverse("portal:trusted_revoke", args=[robin.pk]))
    elif how == "expired":
        TrustedPerson.objects.update(
            created_at=timezone.now() - timedelta(days=300), expires_at=timezone.now()
        )
    else:
        link = reverse("portal:trusted_door", args=["nonsense"])
    for path in (link, f"{link}report/"):
        for method in ("get", "post"):
            page = getattr(Client(), method)(path, {"signs": ["seizure"]})
            assert page.status_code == (404 if how == "unknown" else 410)
            assert how == "unknown" or "tel:911" in page.text
    assert not CheckIn.objects.exists()


def test_every_act_is_safe_to_repeat(robin) -> None:
    now = timezone.now()
    assert allow_dose(person=robin, sees_dose=False, now=now)
    assert not allow_dose(person=robin, sees_dose=False, now=now)
    assert revoke_trusted(person=robin, by=None, now=now)
    assert not revoke_trusted(person=robin, by=None, now=now)
    assert not allow_dose(person=robin, sees_dose=True, now=now)
    events = AuditEvent.objects.filter(event__startswith="trusted.")
    assert sorted(events.values_list("event", flat=True)) == [
        "trusted.dose_allowed", "trusted.invited", "trusted.revoked",
    ]  # fmt: skip
    assert PortalMail.objects.get(trusted=robin).state == "cancelled"


@pytest.mark.parametrize("act", ["invite", "allow", "revoke"])
def test_every_act_is_all_or_nothing(wren, robin, monkeypatch, act) -> None:
    def fail(*args, **kwargs):
        raise IntegrityError("no audit")

    monkeypatch.setattr("apps.portal.actions.record", fail)
    before = list(TrustedPerson.objects.values())
    now = timezone.now()
    acts = {
        "invite": lambda: make_trusted(wren),
        "allow": lambda: allow_dose(person=robin, sees_dose=False, now=now),
        "revoke": lambda: revoke_trusted(person=robin, by=None, now=now),
    }
    with pytest.raises(IntegrityError), transaction.atomic():
        acts[act]()
    assert list(TrustedPerson.objects.values()) == before


def test_three_people_at_most_and_nobody_twice(own, wren, robin) -> None:
    with pytest.raises(TrustedError, match="twice"):
        invite_trusted(
            patient=wren, name="Robin", email="ROBIN@home.example", language="en",
            sees_dose=False, now=timezone.now(),
        )  # fmt: skip
    page = own.post(
        reverse("portal:trusted"), {"name": "Rob", "email": robin.email, "language": "en"}
    )
    assert page.status_code == 422
    assert "has a link already" in page.text
    assert 'value="Rob"' in page.text
    make_trusted(wren)
    make_trusted(wren)
    with pytest.raises(TrustedError, match="many"):
        make_trusted(wren)
    assert "Add a person" not in own.get(reverse("portal:trusted")).text


def test_after_a_death_the_page_is_kind_and_a_report_still_counts(robin, wren) -> None:
    type(wren).objects.filter(pk=wren.pk).update(status="deceased")
    page = Client().post(trusted_link(robin))
    assert "we are very sorry" in page.text
    assert wren.given_name not in page.text
    assert send(robin, "seizure").status_code == 200
    assert Alert.objects.count() == 1
