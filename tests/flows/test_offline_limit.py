"""Ten notes of a day are kept; the eleventh stays on the phone, to copy or to read out."""

from datetime import timedelta
from urllib.parse import urlencode
from urllib.request import urlopen
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.checkins.link_actions import create_link
from apps.checkins.models import CheckIn, CheckInLink
from tests.factories import CALM as CALM_POST
from tests.flows.test_offline import AGE, KEPT, fill, network, open_form, phone
from tests.flows.test_offline_tabs import CALM, send
from tests.harness.marks import BROWSER_FLOW

__all__ = ["network", "phone"]  # fixtures
pytestmark = BROWSER_FLOW
AS_TEXT = "The same as text, for you to copy and keep"


@pytest.fixture
def refused(network, people, marked_patient, phone):
    """Return a phone whose answers, sent by an old link, were one more than a day's notes."""
    open_form(phone, network, marked_patient)
    long_ago = timezone.now() - timedelta(days=90)
    token = create_link(patient=marked_patient, by=None, now=long_ago)
    for fog in range(10):
        answers = CALM_POST | {"s_fog": fog % 3, "s_sleep": fog // 3 % 3, "s_senses": fog // 9}
        sent = {**answers, "submission_id": str(uuid4())}
        body = urlencode(sent, doseq=True).encode()
        with urlopen(network.url + reverse("checkins:create", args=[token]), body) as page:
            assert page.status == 200
    assert CheckIn.as_given.filter(counts=False).count() == 10
    CheckInLink.objects.update(created_at=long_ago, expires_at=long_ago + timedelta(days=2))
    fill(phone, CALM)
    send(phone)
    phone.get_by_text(AS_TEXT).wait_for()
    return phone


def test_answers_sent_by_the_pages_script_can_be_copied(refused) -> None:
    refused.get_by_role("button", name="Copy my answers").click()
    refused.get_by_text("Your answers are marked.").or_(refused.get_by_text("Copied.")).wait_for()


def test_the_phone_keeps_them_until_they_are_forgotten_by_hand(refused, network) -> None:
    assert refused.evaluate(KEPT) == 1
    refused.evaluate(AGE)  # thirteen hours
    refused.goto(network.url + "/c/")
    forget = refused.locator("[data-news-forget]")
    forget.wait_for()
    assert refused.evaluate(KEPT) == 1
    forget.click()  # asks once more
    assert refused.evaluate(KEPT) == 1
    forget.click()
    forget.wait_for(state="detached")
    assert refused.evaluate(KEPT) == 0
