"""A yes to research: never by default, by its own words, on the own pages or paper, and its end."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.patients.actions import change_status
from apps.patients.models import Patient
from apps.portal.actions import give_consent, withdraw_consent
from apps.portal.models import ResearchConsent
from apps.portal.research_actions import (
    ResearchConsentError,
    agree_to_research,
    record_research_paper,
    withdraw_research,
)
from apps.portal.research_consent import LINE, TEXTS, VERSION, research_hash, research_text
from tests.conftest import signed_in
from tests.factories import make_patient, today
from tests.portal.conftest import signed_in_as

pytestmark = pytest.mark.django_db

# Words that somebody has said yes to are never other words: a new text is a new version.
PUBLISHED = {
    "2026-11-23": {
        "en": "c25cf87f7fec19e24f972f118df9aa2109eada1925735d2fb7c82351f09a6328",
        "es": "e4efacf89a36579f777f33a3c9510ce3c51814a24d965927c862acd3c80d887a",
    }
}


def agreed(patient: Any) -> bool:
    return ResearchConsent.objects.in_force().filter(patient=patient).exists()


def rows_of(event: str) -> Any:
    return AuditEvent.objects.filter(event=f"research.consent_{event}")


def test_words_that_were_published_never_change() -> None:
    found = {
        version: {language: research_hash(language, version=version) for language in texts}
        for version, texts in TEXTS.items()
    }
    assert found == PUBLISHED
    assert VERSION in TEXTS
    assert set(LINE) == set(TEXTS[VERSION]) == {"en", "es"}
    assert research_text("fr") == research_text("en")


def test_a_yes_to_the_own_pages_is_none_to_research(wren, own) -> None:
    page = own.get(reverse("portal:research")).text
    assert "So far it is a no." in page
    assert "checked" not in page
    assert not agreed(wren)


def test_the_patient_says_yes_and_takes_it_back(wren, own) -> None:
    path = reverse("portal:research")
    assert own.post(path, {}).status_code == 422
    assert not agreed(wren)
    for _ in range(2):
        assert "You said yes on" in own.post(path, {"agree": "on"}, follow=True).text
    row = ResearchConsent.objects.get(patient=wren)
    assert (row.version, row.text_hash) == (VERSION, research_hash(wren.language))
    assert (row.recorded_by, row.signed_on, row.clinic_id) == (None, None, wren.clinic_id)
    said = rows_of("given").get()
    assert (said.actor_id, said.patient_id, said.details["paper"]) == (wren.pk, wren.pk, False)
    for _ in range(2):
        assert "So far it is a no." in own.post(reverse("portal:research_no"), follow=True).text
    assert not agreed(wren)
    assert rows_of("withdrawn").get().actor_id == wren.pk
    own.post(path, {"agree": "on"})
    assert ResearchConsent.objects.filter(patient=wren).count() == 2, "each yes is kept"


def test_spanish_pages_ask_in_spanish(wren, own) -> None:
    Patient.objects.filter(pk=wren.pk).update(language="es")
    page = own.get(reverse("portal:research")).text
    assert research_text("es")[0][1] in page
    assert research_text("en")[0][1] not in page
    own.post(reverse("portal:research"), {"agree": "on"})
    assert ResearchConsent.objects.get().text_hash == research_hash("es")


def test_who_is_under_18_says_yes_on_paper_only(clinic, nurse) -> None:
    young = make_patient(clinic, birth_date=today() - timedelta(days=17 * 365))
    now = timezone.now()
    give_consent(patient=young, language="en", now=now)
    client = signed_in_as(young)
    page = client.get(reverse("portal:research")).text
    assert "You are not 18 yet." in page
    assert 'name="agree"' not in page
    client.post(reverse("portal:research"), {"agree": "on"})
    assert not agreed(young)
    with pytest.raises(ResearchConsentError):
        agree_to_research(patient=young, language="en", now=now)
    paper = signed_in(nurse).get(reverse("portal:research_paper", args=[young.pk])).text
    assert "see who must sign for them" in paper


def test_taking_the_own_pages_back_ends_the_yes(wren) -> None:
    now = timezone.now()
    agree_to_research(patient=wren, language="en", now=now)
    withdraw_consent(patient=wren, now=now)
    assert not agreed(wren)
    assert rows_of("withdrawn").count() == 1


def test_staff_enter_a_paper_and_its_end(wren, own, nurse) -> None:
    client, path = signed_in(nurse), reverse("portal:research_paper", args=[wren.pk])
    assert research_text(wren.language)[3][1] in client.get(path).text
    day = (today() - timedelta(days=2)).isoformat()
    assert client.post(path, {"signed_on": day}).status_code == 422, "the paper was not seen"
    assert client.post(path, {"signed_on": "soon", "seen": "on"}).status_code == 422
    tomorrow = (today() + timedelta(days=2)).isoformat()
    assert "has not come yet" in client.post(path, {"signed_on": tomorrow, "seen": "on"}).text
    assert not agreed(wren)
    for _ in range(2):
        assert "on paper" in client.post(path, {"signed_on": day, "seen": "on"}, follow=True).text
    row = ResearchConsent.objects.get()
    assert (row.recorded_by_id, row.signed_on.isoformat()) == (nurse.user_id, day)
    said = rows_of("given").get()
    assert (said.actor_id, said.details["paper"]) == (nurse.user_id, True)
    assert "You said yes on paper on" in own.get(reverse("portal:research")).text
    end = reverse("portal:research_end", args=[wren.pk])
    assert "Taken back" in client.post(end, follow=True).text
    assert "There was no yes" in client.post(end, follow=True).text
    assert rows_of("withdrawn").get().actor_id == nurse.user_id
    assert ResearchConsent.objects.get().withdrawn_by_id == nurse.user_id


def test_an_old_paper_does_not_undo_what_was_taken_back(wren, nurse) -> None:
    now = timezone.now()
    agree_to_research(patient=wren, language="en", now=now)
    withdraw_research(patient=wren, by=None, now=now)
    with pytest.raises(ResearchConsentError, match="Only a new paper"):
        record_research_paper(
            patient=wren, signed_on=today() - timedelta(days=1), by=nurse.user, now=now
        )
    record_research_paper(patient=wren, signed_on=today(), by=nurse.user, now=now)
    assert agreed(wren)


def test_nobody_says_yes_for_the_dead(wren, prescriber) -> None:
    now = timezone.now()
    change_status(patient=wren, status=Patient.Status.DECEASED, by=prescriber.user, now=now)
    with pytest.raises(ResearchConsentError, match="deceased"):
        record_research_paper(patient=wren, signed_on=today(), by=prescriber.user, now=now)


def test_a_yes_and_its_row_of_the_record_come_together(wren, monkeypatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("no disk")

    monkeypatch.setattr("apps.portal.research_actions.record", fail)
    with pytest.raises(RuntimeError):
        agree_to_research(patient=wren, language="en", now=timezone.now())
    assert not ResearchConsent.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": "2030"}, {"language": "es"}, {"text_hash": "0"},
        {"signed_on": date(2026, 1, 1)}, {"given_at": timezone.now() - timedelta(days=9)},
    ],
)  # fmt: skip
def test_postgresql_keeps_a_yes_as_it_was_given(wrong, wren) -> None:
    row = agree_to_research(patient=wren, language="en", now=timezone.now())
    rows = ResearchConsent.objects.filter(pk=row.pk)
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.update(**wrong)
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.delete()


def test_postgresql_refuses_two_at_once_and_an_end_before_its_beginning(wren, nurse) -> None:
    now = timezone.now()
    row = agree_to_research(patient=wren, language="en", now=now)
    rows = ResearchConsent.objects.filter(pk=row.pk)
    copy = {"clinic_id": wren.clinic_id, "patient": wren, "version": "1", "language": "en"}
    for wrong in (
        {"given_at": now},
        {"given_at": now, "withdrawn_at": now - timedelta(days=1)},
        {"given_at": now, "withdrawn_at": now, "signed_on": today()},
        {"given_at": now, "withdrawn_at": now, "recorded_by": nurse.user},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            ResearchConsent.objects.create(**copy, **wrong)
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(withdrawn_by=nurse.user)
    rows.update(withdrawn_at=now)
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.update(withdrawn_at=None)
