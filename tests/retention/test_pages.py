"""The clinical lead's pages about records: years, holds, what is due, signing, the report."""

import os
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.patients.actions import change_status
from apps.retention.actions import BEGINS_AFTER, set_rules
from apps.retention.erasing import erase_due
from apps.retention.models import ErasureDecision, LegalHold, RetentionRules, rules_of
from apps.retention.rules import USUAL_YEARS
from tests.conftest import signed_in
from tests.factories import NOW, PASSWORD, make_patient, proof_of

pytestmark = pytest.mark.django_db
YEARS = {"adult_years": "10", "minor_years": "10", "deceased_years": "10", "version": "0"}


@pytest.fixture
def gone(clinic: Any) -> Any:
    """A patient who left in 2010."""
    then = NOW.replace(year=2010)
    patient = make_patient(clinic, now=then, given_name="Zephyrine")
    return change_status(patient=patient, status="ended", by=None, now=then)


@pytest.fixture
def rules(clinic: Any, lead: Any) -> Any:
    return set_rules(clinic=clinic, years=USUAL_YEARS, version=0, by=lead.user, now=timezone.now())


def proved(client: Any) -> Any:
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    return client


def test_the_years_are_set_after_a_proof_and_within_their_limits(clinic, lead) -> None:
    client, url = signed_in(lead), reverse("retention:records")
    assert "nothing is ever removed" in client.get(url).text
    assert client.get(reverse("retention:due")).headers["Location"] == url
    asked = client.post(url, YEARS)
    assert asked.headers["Location"].startswith(reverse("account_reauthenticate"))
    assert not RetentionRules.objects.exists()
    client = proved(signed_in(lead))
    low = client.post(url, YEARS | {"adult_years": "7"})
    assert low.status_code == 422
    assert "greater than or equal to 8" in low.context["form"].errors["adult_years"][0]
    assert client.post(url, YEARS).status_code == 302
    assert client.post(url, YEARS | {"adult_years": "12"}).status_code == 422, "version 0 is old"
    assert rules_of(clinic.pk).adult_years == 10
    assert AuditEvent.objects.filter(event="retention_rules.changed").count() == 1


def test_what_is_due_is_shown_signed_and_reported(rules, gone, lead, settings, tmp_path) -> None:
    settings.ERASURE_LIST = os.fspath(tmp_path / "erased.txt")
    client, url = signed_in(lead), reverse("retention:due")
    page = client.get(url)
    assert "Zephyrine" in page.text
    assert len(AuditEvent.objects.get(event="retention.viewed").details["patients"]) == 1
    data = {"patients": [str(gone.pk)], "note": "No complaint is known."}
    for lacking in ({"password": "wrong"}, {"code": ""}, {"note": ""}, {"patients": []}):
        refused = client.post(url, data | proof_of(lead) | lacking)
        assert refused.status_code == 422
        assert next(iter(lacking)) in refused.context["form"].errors
        assert lacking.get("note") == "" or "No complaint is known." in refused.text
    assert not ErasureDecision.objects.exists()
    report = client.post(url, data | proof_of(lead), follow=True)
    assert "It begins on" in report.text
    assert "Zephyrine" not in client.get(url).text, "it waits already"
    decision = ErasureDecision.objects.get()
    assert decision.method == "two_factors"
    erase_due(timezone.now() + BEGINS_AFTER + timedelta(minutes=1))
    report = client.get(reverse("retention:decision", args=[decision.pk]))
    assert "1 removed, 0 kept" in report.text
    assert gone.reference in report.text
    assert "Zephyrine" not in report.text
    assert client.get(reverse("dashboard:patient", args=[gone.pk])).status_code == 404
    assert client.get(reverse("dashboard:audit")).status_code == 200


def test_somebody_elses_patient_or_one_on_hold_cannot_be_signed_away(
    rules, gone, other_patient, lead
) -> None:
    client = signed_in(lead)
    client.post(reverse("retention:hold", args=[gone.pk]), {"reason": "A lawsuit is pending."})
    for patient in (gone, other_patient):
        data = {"patients": [str(patient.pk)], "note": "No complaint is known."} | proof_of(lead)
        page = client.post(reverse("retention:due"), data)
        assert "The list has changed" in page.context["form"].errors["patients"][0]
    assert not ErasureDecision.objects.exists()


def test_a_hold_is_set_seen_and_ended_after_a_proof(gone, lead) -> None:
    client, url = signed_in(lead), reverse("retention:hold", args=[gone.pk])
    assert client.post(url, {"reason": "short"}).status_code == 422
    for _ in range(2):
        client.post(url, {"reason": "A lawsuit is pending.", "hold": "set"})
    assert LegalHold.objects.in_force().count() == 1
    assert "A lawsuit is pending." in client.get(reverse("retention:records")).text
    ended = {"reason": "It was settled in court.", "hold": "end"}
    asked = client.post(url, ended)
    assert asked.headers["Location"].startswith(reverse("account_reauthenticate"))
    proved(client)
    for _ in range(2):
        client.post(url, ended)
    assert not LegalHold.objects.in_force().exists()
    assert "It was settled in court." in client.get(url).text
    events = AuditEvent.objects.filter(patient_id=gone.pk, event__startswith="legal_hold.")
    assert {"legal_hold.set", "legal_hold.ended"} <= set(events.values_list("event", flat=True))


def test_a_decision_is_withdrawn_on_its_page(rules, gone, lead) -> None:
    client = signed_in(lead)
    data = {"patients": [str(gone.pk)], "note": "No complaint is known."} | proof_of(lead)
    url = client.post(reverse("retention:due"), data).headers["Location"]
    decision = ErasureDecision.objects.get()
    client.post(reverse("retention:withdraw", args=[decision.pk]))
    assert "Withdrawn by" in client.get(url).text
    assert "Zephyrine" in client.get(reverse("retention:due")).text


def test_the_preview_costs_the_same_for_many_records(
    rules, clinic, lead, django_assert_max_num_queries
) -> None:
    then = NOW.replace(year=2010)
    for _ in range(12):
        change_status(patient=make_patient(clinic, now=then), status="ended", by=None, now=then)
    client = signed_in(lead)
    with django_assert_max_num_queries(16):
        page = client.get(reverse("retention:due"))
    assert len(page.context["may_go"]) == 12
    with django_assert_max_num_queries(16):
        client.get(reverse("retention:records"))
