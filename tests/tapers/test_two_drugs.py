"""While a switch runs, no page, paper or file adds milligrams of two drugs into one number.

On the ninth day of the plan the patient takes 1.25 mg clonazepam and 25 mg diazepam. Their
sum, 26.25, is a number that no clinician and no patient may ever meet.
"""

import io
import re
import zipfile
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.alerts.models import Alert
from apps.checkins.assessment import assessment_of
from apps.dashboard.state_actions import refresh_noted
from apps.portal.actions import give_consent
from apps.portal.export import export_zip
from apps.tapers.models import TaperPlan
from tests.conftest import signed_in
from tests.factories import CALM, SEIZURE, check_in, make_active_plan, make_patient
from tests.portal.conftest import signed_in_as

BOTH = "1.25 mg clonazepam + 25 mg diazepam"
SUM = re.compile(r"(?<![\d.,-])26\.250*(?![\d,])")
SWITCH = {
    "kind": "switch", "to_drug": "diazepam", "source": "ashton_low", "swap_days": 7,
    "then": {"kind": "percent_of_current", "percent": "10"},
}  # fmt: skip


@pytest.fixture
def plan(clinic: Any, prescriber: Any) -> TaperPlan:
    """A plan in the middle of its switch, with a check-in and an alert."""
    now = timezone.now()
    patient = make_patient(
        clinic, now=now, email="wren@home.example", slots={"morning": "1.25", "night": "1.25"}
    )
    start = timezone.localdate(timezone=patient.tz) - timedelta(days=8)
    plan = make_active_plan(
        patient, prescriber.user, now=now, start_on=start.isoformat(), method=SWITCH, goal_mg="10"
    )
    give_consent(patient=patient, language="en", now=now)
    check_in(patient, CALM, now=now - timedelta(days=1))
    check_in(patient, SEIZURE, now=now)
    refresh_noted(now)
    return plan


def text_of(page: Any) -> str:
    """Return a page as its reader has it: no scripts of the head, spaces that do not break."""
    found = page.content.decode() if hasattr(page, "content") else page
    return str(found).replace("\u00a0", " ").replace("&nbsp;", " ")


def never_a_sum(name: str, text: str) -> None:
    """Fail with the words around a sum."""
    found = SUM.search(text)
    assert not found, f"{name}: …{text[max(0, found.start() - 120) : found.end() + 40]}…"


def test_no_staff_page_prints_a_sum(plan: TaperPlan, prescriber: Any) -> None:
    client, alert = signed_in(prescriber), Alert.objects.get()
    day = timezone.localdate(timezone=plan.patient.tz).isoformat()
    says_both = {
        "patient": reverse("dashboard:patient", args=[plan.patient_id]),
        "caseload": reverse("dashboard:caseload"),
        "alert": reverse("dashboard:alert", args=[alert.pk]),
        "review": reverse("dashboard:review", args=[plan.pk]),
        "plan": reverse("tapers:detail", args=[plan.pk]),
        "on_day": f"{reverse('tapers:on_day', args=[plan.pk])}?day={day}",
        "hold": reverse("tapers:hold", args=[plan.pk]),
        "goal": reverse("tapers:goal", args=[plan.pk]),
        "csv": reverse("dashboard:caseload_csv"),
    }
    for name, url in says_both.items():
        text = text_of(client.get(url))
        assert BOTH in text, name
        never_a_sum(name, text)
    for name in ("exchange:schedule", "tapers:end", "tapers:inpatient"):
        never_a_sum(name, text_of(client.get(reverse(name, args=[plan.pk]))))
    never_a_sum("board", text_of(client.get(reverse("dashboard:board"))))
    ended = client.post(reverse("tapers:end", args=[plan.pk]), {"reason": "Wants to stop."})
    assert BOTH in text_of(ended)
    never_a_sum("end", text_of(ended))


def test_no_page_of_the_patient_prints_a_sum(plan: TaperPlan) -> None:
    client: Client = signed_in_as(plan.patient)
    trend = text_of(client.get(reverse("portal:trend")))
    assert BOTH in trend
    assert "Your diazepam; the top is 25 mg a day" in trend
    never_a_sum("trend", trend)
    for name in ("portal:home", "portal:check_ins", "portal:settings"):
        never_a_sum(name, text_of(client.get(reverse(name))))
    with zipfile.ZipFile(io.BytesIO(export_zip(patient=plan.patient, now=timezone.now()))) as file:
        read_me, data = file.read("read-me.html").decode(), file.read("data.json").decode()
    assert BOTH in read_me
    never_a_sum("read-me.html", read_me)
    assert "26.25" not in data


def test_no_report_of_one_number_is_compared_with_two_drugs(plan: TaperPlan) -> None:
    now = timezone.now()
    assert assessment_of(plan.patient, now).context.planned_daily_mg is None
    before = assessment_of(plan.patient, now - timedelta(days=7)).context
    assert before.planned_daily_mg == Decimal("2.5")
