"""From the invitation to the own pages, without a password."""

import re
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.portal.actions import (
    INVITATION_LIFETIME,
    InviteError,
    begin,
    give_consent,
    invite_patient,
    withdraw_consent,
)
from apps.portal.models import Consent, Invitation, PatientSession, PortalMail, SignInCode
from apps.portal.models.entry import ABSOLUTE, CODE_LIFETIME, CODE_TRIES, IDLE
from tests.conftest import signed_in
from tests.factories import NOW, make_patient
from tests.portal.conftest import (
    invited_link,
    link_in,
    newest_code,
    sign_in_by_mail,
    signed_in_as,
)

pytestmark = pytest.mark.django_db
HOME = reverse("portal:home")
SIGN_IN, CODE = reverse("portal:sign_in"), reverse("portal:code")
WISHES = {
    "language": "en", "time_zone": "America/New_York", "wants_mail": "on", "remind_at": "08:30",
}  # fmt: skip


def test_the_whole_way_from_the_mail_to_the_first_page(clinic, nurse, mail) -> None:
    patient = make_patient(clinic, language="es")
    page = signed_in(nurse).post(
        reverse("portal:access", args=[patient.pk]), {"email": "wren@home.example"}, follow=True
    )
    assert "on its way to wren@home.example" in page.text
    (letter,) = mail()
    assert letter.recipients == ("wren@home.example",)
    assert "le invita" in letter.message["Subject"]
    assert patient.given_name not in letter.message.as_string()
    phone = Client()
    path = link_in(letter, "/me/")
    door = phone.get(path)
    assert patient.given_name not in door.text
    assert patient.family_name not in door.text
    assert not PatientSession.objects.exists()
    page = phone.post(path, follow=True)
    assert page.redirect_chain[-1][0] == reverse("portal:consent")
    page = phone.post(reverse("portal:consent"), {"agree": "on"}, follow=True)
    assert page.redirect_chain[-1][0] == reverse("portal:settings")
    assert phone.get(HOME).headers["Location"] == SIGN_IN
    page = phone.post(reverse("portal:settings"), WISHES | {"language": "es"}, follow=True)
    assert page.redirect_chain[-1][0] == CODE
    letter = mail()[-1]
    digits = re.search(r"^(\d{4} \d{4})\s*$", letter.text, re.MULTILINE)[1]
    assert digits.replace(" ", "") not in letter.message["Subject"]
    page = phone.post(CODE, {"code": digits}, follow=True)
    assert page.status_code == 200
    assert f"Hola, {patient.given_name}" in page.text
    events = list(AuditEvent.objects.filter(patient_id=patient.pk).values_list("event", flat=True))
    for event in ("portal.invited", "portal.begun", "consent.given", "portal.signed_in"):
        assert events.count(event) == 1


def test_a_mail_scanner_that_opens_the_link_changes_nothing(patient) -> None:
    path = invited_link(patient)
    counts = AuditEvent.objects.count()
    for method in ("get", "head"):
        assert getattr(Client(), method)(path).status_code == 200
    assert Invitation.objects.get().begun_at is None
    assert AuditEvent.objects.count() == counts


def test_an_unknown_an_old_and_a_replaced_link_say_so(patient) -> None:
    assert Client().get(reverse("portal:invited", args=["nonsense"])).status_code == 404
    old = invited_link(patient)
    new = invited_link(patient)
    page = Client().post(old)
    assert page.status_code == 410
    assert "This link has ended" in page.text
    Invitation.objects.live().update(
        created_at=timezone.now() - INVITATION_LIFETIME * 2,
        expires_at=timezone.now() - timedelta(minutes=1),
    )
    assert Client().post(new).status_code == 410
    assert not PatientSession.objects.exists()


def test_after_consent_the_link_alone_opens_nothing(wren) -> None:
    path = invited_link(wren)
    page = Client().post(path)
    assert page.headers["Location"] == SIGN_IN
    assert not PatientSession.objects.exists()


def test_who_has_not_agreed_sees_no_dose(patient) -> None:
    phone = Client()
    phone.post(invited_link(patient))
    for name in ("home", "trend", "check_ins", "trusted", "withdraw", "export"):
        page = phone.get(reverse(f"portal:{name}"))
        assert page.status_code == 302, name
    assert phone.post(reverse("portal:export_file")).status_code == 302
    page = phone.post(reverse("portal:consent"), {})
    assert page.status_code == 422
    assert "Please tick the box if you agree" in page.text
    assert not Consent.objects.exists()


def test_the_consent_is_kept_with_its_version_and_never_changed(wren) -> None:
    consent = Consent.objects.get()
    assert (consent.version, consent.language) == ("2026-11-23", "en")
    for change in ({"version": "2030-01"}, {"given_at": NOW}):
        with pytest.raises(Exception, match="consent_as_given"), transaction.atomic():
            Consent.objects.filter(pk=consent.pk).update(**change)
    with pytest.raises(Exception, match="consent_kept"), transaction.atomic():
        Consent.objects.all().delete()


def test_who_agreed_before_reads_the_words_of_then(patient, monkeypatch) -> None:
    """New words are asked for when somebody agrees next; nobody said yes to them before."""
    monkeypatch.setattr("apps.portal.actions.VERSION", "2026-11")
    give_consent(patient=patient, language="en", now=timezone.now())
    phone, path = signed_in_as(patient), reverse("portal:consent")
    assert "When there is danger" in phone.get(path).text
    assert "Not for emergencies" not in phone.get(path).text
    withdraw_consent(patient=patient, now=timezone.now())
    assert "Not for emergencies" in phone.get(path).text


def test_an_invitation_is_all_or_nothing_and_ends_the_one_before(patient, monkeypatch) -> None:
    first = invite_patient(patient=patient, address="a@home.example", by=None, now=NOW)
    second = invite_patient(patient=patient, address="a@home.example", by=None, now=NOW)
    first.refresh_from_db()
    assert first.revoked_at == NOW
    assert list(Invitation.objects.live()) == [second]
    states = PortalMail.objects.order_by("created_at", "state").values_list("state", flat=True)
    assert sorted(states) == ["cancelled", "pending"]

    def fail(*args, **kwargs):
        raise IntegrityError("no audit")

    monkeypatch.setattr("apps.portal.actions.record", fail)
    with pytest.raises(IntegrityError), transaction.atomic():
        invite_patient(patient=patient, address="b@home.example", by=None, now=NOW)
    patient.refresh_from_db()
    assert patient.email == "a@home.example"
    assert list(Invitation.objects.live()) == [second]


def test_two_patients_of_a_clinic_never_share_an_address(wren, clinic, nurse) -> None:
    other = make_patient(clinic)
    with pytest.raises(InviteError, match="Another patient of this clinic"):
        invite_patient(patient=other, address="WREN@home.example", by=None, now=NOW)
    page = signed_in(nurse).post(
        reverse("portal:access", args=[other.pk]), {"email": "wren@home.example"}
    )
    assert page.status_code == 422
    assert 'value="wren@home.example"' in page.text
    assert wren.given_name not in page.text.replace(other.given_name, "")


def test_the_dead_are_not_invited(patient) -> None:
    patient.status = "deceased"
    patient.save()
    with pytest.raises(InviteError, match="deceased"):
        invite_patient(patient=patient, address="a@home.example", by=None, now=NOW)


def test_beginning_twice_opens_two_doors_to_consent_and_no_more(patient) -> None:
    row = invite_patient(patient=patient, address="a@home.example", by=None, now=NOW)
    sessions = [begin(invitation=row, now=NOW) for _ in range(2)]
    assert {session.kind for session in sessions if session} == {"enrol"}
    row.refresh_from_db()
    assert row.begun_at == NOW


def test_a_code_opens_the_pages_once(wren) -> None:
    phone = Client()
    assert sign_in_by_mail(phone, " WREN@home.example ").status_code == 200
    other = Client()
    other.post(SIGN_IN, {"email": wren.email})
    code = newest_code()
    assert other.post(CODE, {"code": code}).headers["Location"] == HOME
    session = other.session
    session["patient_codes"] = [[str(SignInCode.objects.latest("created_at").pk)], ""]
    session.save()
    page = other.post(CODE, {"code": code})
    assert page.status_code == 422
    assert "spent or too old" in page.text


def test_a_code_works_only_in_the_browser_that_asked(wren) -> None:
    Client().post(SIGN_IN, {"email": wren.email})
    code = newest_code()
    thief = Client()
    assert thief.post(CODE, {"code": code}).headers["Location"] == SIGN_IN
    thief.post(SIGN_IN, {"email": "nobody@else.example"})
    assert thief.post(CODE, {"code": code}).status_code == 422


def test_five_wrong_tries_spend_a_code(wren) -> None:
    phone = Client()
    phone.post(SIGN_IN, {"email": wren.email})
    code = newest_code()
    wrong = f"{(int(code) + 1) % 10**8:08d}"
    for left in range(CODE_TRIES - 1, 0, -1):
        page = phone.post(CODE, {"code": wrong})
        assert page.status_code == 422
        assert (f"{left} more tries" if left > 1 else "one more try") in page.text
    assert "spent" in phone.post(CODE, {"code": wrong}).text
    page = phone.post(CODE, {"code": code})
    assert "spent" in page.text
    assert not PatientSession.objects.exists()


def test_an_old_code_opens_nothing(wren) -> None:
    phone = Client()
    phone.post(SIGN_IN, {"email": wren.email})
    long_ago = timezone.now() - CODE_LIFETIME - timedelta(seconds=1)
    SignInCode.objects.update(created_at=long_ago, expires_at=timezone.now())
    assert phone.post(CODE, {"code": newest_code()}).status_code == 422


def test_a_code_sent_to_an_address_that_was_corrected_since_opens_nothing(wren) -> None:
    phone = Client()
    phone.post(SIGN_IN, {"email": wren.email})
    code = newest_code()
    type(wren).objects.filter(pk=wren.pk).update(email="new@home.example")
    assert phone.post(CODE, {"code": code}).status_code == 422


@pytest.mark.parametrize("status", ["active", "deceased"])
def test_who_asks_cannot_tell_a_patient_from_a_stranger(wren, patient, status) -> None:
    type(patient).objects.filter(pk=patient.pk).update(email="uninvited@home.example")
    type(wren).objects.filter(pk=wren.pk).update(status=status)
    seen = []
    for address in ("wren@home.example", "stranger@home.example", "uninvited@home.example"):
        phone = Client()
        with CaptureQueriesContext(
            connection,
        ) as asked:
            page = phone.post(SIGN_IN, {"email": address})
        page_after = phone.get(CODE)
        wrong = phone.post(CODE, {"code": "0000 0000"})
        shape = [re.sub(r"'[^']*'|\d+", "?", query["sql"])[:30] for query in asked.captured_queries]
        texts = [re.sub(r'value="[^"]{20,}"', "", p.text) for p in (page_after, wrong)]
        seen.append((page.status_code, page.headers["Location"], shape, texts))
    assert seen[0] == seen[1] == seen[2]


def test_no_code_is_stored(wren) -> None:
    Client().post(SIGN_IN, {"email": wren.email})
    row = SignInCode.objects.get()
    stored = " ".join(str(getattr(row, field.attname)) for field in row._meta.fields)
    assert newest_code() not in stored
    assert wren.email not in stored


def test_brute_force_is_locked_and_the_patient_still_gets_in(wren) -> None:
    phone = Client()
    sign_in_by_mail(phone, wren.email)
    phone.post(reverse("portal:sign_out"))
    thief, refused, tries = Client(), 0, 0
    for _ in range(40):
        page = thief.post(SIGN_IN, {"email": wren.email})
        refused += page.status_code == 429
        while page.status_code == 302:
            page = thief.post(CODE, {"code": "1234 5678"})
            tries += 1
            if "spent" in page.text:
                break
    assert refused > 30
    assert tries <= 5 * CODE_TRIES
    # The same place on the network, the patient's own browser.
    page = sign_in_by_mail(phone, wren.email)
    assert page.redirect_chain[-1][0] == HOME
    assert f"Hello {wren.given_name}" in page.text


def test_codes_for_many_addresses_from_one_place_are_locked_too(wren) -> None:
    thief = Client()
    answers = [
        thief.post(SIGN_IN, {"email": f"guess{n}@home.example"}).status_code for n in range(14)
    ]
    assert answers.count(429) == 4
    page = thief.post(SIGN_IN, {"email": "guess99@home.example"})
    assert "Too many codes were asked for" in page.text
    assert "guess99@home.example" in page.text


def test_one_person_in_two_clinics_opens_the_one_whose_code_is_typed(wren, other_patient) -> None:
    from apps.portal.tokens import code_digits

    type(other_patient).objects.filter(pk=other_patient.pk).update(email=wren.email)
    give_consent(patient=other_patient, language="en", now=timezone.now())
    phone = Client()
    phone.post(SIGN_IN, {"email": wren.email})
    theirs = SignInCode.objects.get(patient=other_patient)
    page = phone.post(CODE, {"code": code_digits(theirs.pk)}, follow=True)
    assert other_patient.clinic.name in page.text
    assert PatientSession.objects.get().patient == other_patient


def test_signing_in_makes_the_session_anew(wren, nurse) -> None:
    browser = signed_in(nurse)
    before = browser.session.session_key
    sign_in_by_mail(browser, wren.email)
    assert browser.session.session_key != before
    assert "_auth_user_id" not in browser.session
    assert browser.get("/").status_code == 302
    assert browser.get(HOME).status_code == 200


def test_staff_who_sign_in_in_a_patients_browser_end_the_patients_session(own, nurse) -> None:
    assert own.get(HOME).status_code == 200
    own.force_login(nurse.user)
    assert own.get(HOME).headers["Location"] == SIGN_IN
    own.logout()
    assert own.get(HOME).headers["Location"] == SIGN_IN


def test_a_patient_reaches_no_staff_page(own, wren) -> None:
    for path in ("/", "/patients/", f"/patients/{wren.pk}/", f"/patients/{wren.pk}/own-pages/"):
        page = own.get(path)
        assert page.status_code == 302
        assert page.headers["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("limit", ["idle", "absolute"])
def test_a_session_ends_when_idle_and_after_half_a_day(own, limit) -> None:
    now = timezone.now()
    if limit == "idle":
        PatientSession.objects.update(last_seen_at=now - IDLE)
    else:
        PatientSession.objects.update(created_at=now - ABSOLUTE)
    assert own.get(HOME).headers["Location"] == SIGN_IN


def test_reading_keeps_a_session_alive(own) -> None:
    earlier = timezone.now() - IDLE / 2
    PatientSession.objects.update(last_seen_at=earlier)
    own.get(HOME)
    assert PatientSession.objects.get().last_seen_at > earlier + timedelta(minutes=1)


def test_signing_out_ends_it_here_and_in_the_database(own) -> None:
    copy = Client()
    copy.cookies = own.cookies.copy()
    assert copy.get(HOME).status_code == 200
    own.post(reverse("portal:sign_out"))
    assert own.get(HOME).status_code == 302
    assert copy.get(HOME).status_code == 302
    assert AuditEvent.objects.filter(event="portal.signed_out").count() == 1


def test_the_cookies_are_out_of_reach(wren, settings) -> None:
    settings.SESSION_COOKIE_SECURE = True
    phone = Client()
    sign_in_by_mail(phone, wren.email)
    for name in (settings.SESSION_COOKIE_NAME, "patient_device"):
        cookie = phone.cookies[name]
        assert cookie["httponly"]
        assert cookie["secure"]
        assert cookie["samesite"] == "Lax"
    assert phone.cookies["patient_device"]["path"] == "/", "as a name of this host alone needs"
    assert wren.email not in phone.cookies["patient_device"].value


def test_a_wrong_address_is_said_beside_the_field_and_kept(db) -> None:
    page = Client().post(SIGN_IN, {"email": "wren at home"})
    assert page.status_code == 422
    assert "This is not a mail address" in page.text
    assert 'value="wren at home"' in page.text


def test_a_door_speaks_the_language_that_was_chosen(db) -> None:
    phone = Client()
    assert "Abra sus páginas" in phone.get(SIGN_IN, {"lang": "es"}).text
    assert "Abra sus páginas" in phone.get(SIGN_IN).text
    page = Client().get(SIGN_IN, headers={"Accept-Language": "es-MX"})
    assert 'lang="es"' in page.text


@pytest.mark.parametrize("language", ["en", "es"])
def test_what_goes_wrong_is_told_to_a_patient_in_a_sentence_of_their_own(wren, language) -> None:
    said = {
        "en": ("Nothing was sent. Go back: what you typed", "Please check the link", "too long"),
        "es": ("No se envió nada. Vuelva atrás: lo que", "Revise el enlace", "mucho tiempo"),
    }[language]
    phone = Client(headers={"Accept-Language": language}, enforce_csrf_checks=False)
    stale = Client(headers={"Accept-Language": language}, enforce_csrf_checks=True)
    answers = [
        (400, phone.post(SIGN_IN, {"email": "x" * 10_000_000})),
        (404, phone.get("/me/nothing-of-the-kind/")),
        (403, stale.post(SIGN_IN, {"email": wren.email})),
    ]
    for (status, page), sentence in zip(answers, said, strict=True):
        assert page.status_code == status
        assert sentence in page.text
        assert f'lang="{language}"' in page.text
        assert "board" not in page.text
    assert not SignInCode.objects.exists()
    assert "Check the address" in phone.get("/nothing-of-the-kind/").text


def test_two_browsers_are_two_sessions(wren) -> None:
    first, second = signed_in_as(wren), signed_in_as(wren)
    first.post(reverse("portal:sign_out"))
    assert second.get(HOME).status_code == 200
