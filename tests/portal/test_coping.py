"""The patient writes their own coping plan, and reads it at night with the network switched off."""

from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.detox.models import CopingPlan
from apps.patients.models import Patient
from tests.factories import make_patient, write_plan
from tests.harness.barriers import barriers
from tests.harness.waiting import wait_until
from tests.portal.conftest import signed_in_as

KEPT = "async (path) => (await (await caches.open('coping')).match(path)).text()"
COPING, EDIT = reverse("portal:coping"), reverse("portal:coping_edit")


@pytest.mark.django_db
def test_the_patient_writes_the_plan_and_an_empty_one_teaches(own, wren, clinic) -> None:
    other = make_patient(clinic, email="other@home.example")
    foreign = write_plan(other, other, helps="Of somebody else.")
    assert "How to start" in own.get(COPING).text
    empty = own.post(EDIT, {"helps": "", "people": "Ada 555-0100"})
    assert empty.status_code == 422
    assert "Please write one thing that helps you." in empty.text
    assert "Ada 555-0100" in empty.text
    long = own.post(EDIT, {"helps": "a" * 2001}).text
    assert "This is too long to keep." in long
    sent = {"helps": "Cold water.", "people": "Ada", "based_on": str(foreign.pk)}
    for _ in range(2):
        assert own.post(EDIT, sent).headers["Location"] == COPING
    plan = wren.coping_plans.get()
    assert (plan.helps, plan.by_the_patient) == ("Cold water.", True)
    (event,) = AuditEvent.objects.filter(event="coping.written", patient_id=wren.pk)
    assert event.actor_id == wren.pk
    assert "You wrote this on" in own.get(COPING).text
    assert other.coping_plans.get() == foreign


@pytest.mark.django_db
def test_what_the_team_wrote_meanwhile_stands_beside_the_own_words(own, wren, nurse) -> None:
    Patient.objects.filter(pk=wren.pk).update(language="es")
    first = write_plan(wren, wren, now=timezone.now())
    theirs = write_plan(wren, nurse.user, helps="The radio.", now=timezone.now())
    page = own.post(EDIT, {"helps": "A walk.", "based_on": str(first.pk)})
    assert page.status_code == 422
    for words in ("Todavía no se guardó", "Su equipo lo escribió", "The radio.", "A walk."):
        assert words in page.text
    assert f'value="{theirs.pk}"' in page.text
    assert CopingPlan.objects.count() == 2
    assert own.post(EDIT, {"helps": "A walk.", "based_on": str(theirs.pk)}).status_code == 302
    assert CopingPlan.objects.filter(patient=wren).first().helps == "A walk."


@pytest.mark.django_db(transaction=True)
@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.xdist_group("browser")
def test_at_3_am_without_network_it_is_there_as_last_changed(
    browser: Any, live_server: Any, wren: Patient, screenshot: Any, monkeypatch: Any
) -> None:
    """Nor does a server that is there and answers with an error take the kept copy's place."""
    cookie = signed_in_as(wren).cookies[settings.SESSION_COOKIE_NAME]
    context = browser.new_context(viewport={"width": 390, "height": 844})
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    page = context.new_page()
    page.goto(live_server.url + COPING)
    for name, words in (("Write my plan", "Cold water."), ("Change my plan", "The radio.")):
        page.get_by_role("link", name=name).click()
        assert barriers(page) == []
        screenshot(page, name)
        page.get_by_label("What helps me").fill(words)
        page.get_by_role("button", name="Save").click()
        page.get_by_text(words, exact=True).first.wait_for()
        if name == "Write my plan":
            page.get_by_role("button", name="Keep it on this phone").click()
            page.get_by_role("button", name="Take it off this phone").wait_for()
    wait_until(lambda: "The radio." in page.evaluate(KEPT, COPING), message="the old copy stays")
    context.set_offline(True)
    page.goto(live_server.url + COPING)
    page.get_by_text("The radio.", exact=True).wait_for()
    page.get_by_text("This copy is kept on your phone.").wait_for()
    screenshot(page, "offline")
    assert "Cold water." not in page.content()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    context.set_offline(False)
    broken = HttpResponse("Bad gateway", status=502)
    monkeypatch.setattr("apps.portal.coping_views.show", lambda *args: broken)
    assert page.request.get(live_server.url + COPING).status == 502
    page.goto(live_server.url + COPING)
    page.get_by_text("This copy is kept on your phone.").wait_for()
    page.get_by_text("The radio.", exact=True).wait_for()
    context.close()
