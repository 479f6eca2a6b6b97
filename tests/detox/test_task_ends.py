"""What a clock waits for ends its task: no outcome chosen in its place may silence the clock."""

from datetime import timedelta

import pytest
from django.urls import reverse

from apps.alerts.actions import resolve_alert
from apps.alerts.models import Alert
from apps.audit.models import AuditEvent
from apps.checkins.models import CareTask
from apps.checkins.task_actions import TaskClosedError, close_task
from apps.checkins.task_ends import CONTACT_STAYS, ENDS_BY, REACHES, SAY_WHETHER
from apps.detox.clocks import sweep_detox, warn_of_task
from apps.detox.referral_actions import move_referral
from tests.conftest import signed_in
from tests.detox.test_discharge import HOME, go_home
from tests.factories import (
    CALM,
    NOW,
    check_in,
    make_active_plan,
    make_facility,
    make_referral,
    make_stay,
)

pytestmark = pytest.mark.django_db
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SOON = NOW + HOUR
ALERTS = {
    "referral": "D01_REFERRAL_UNANSWERED", "arrival": "D02_NOT_ARRIVED",
    "new_plan": "D07_NO_PLAN_AFTER", "care_level": "D08_CARE_LEVEL_OPEN",
    "second": "D12_SECOND_UNSIGNED",
}  # fmt: skip


@pytest.fixture(params=sorted(ALERTS))
def task(request, patient, prescriber) -> CareTask:
    """An open task of a clock that one act ends."""
    kind = request.param
    make_active_plan(patient, prescriber.user)
    if kind in ("referral", "arrival"):
        unit = make_facility(patient.clinic, prescriber.user, is_own=False)
        sent = make_referral(patient, prescriber.user, facility=unit)
        if kind == "arrival":
            move_referral(referral=sent, to="accepted", note="", by=prescriber.user, now=NOW)
    elif kind == "care_level":
        check_in(patient, CALM | {"seizure": "yes"}, now=SOON)
        sweep_detox(SOON)
    else:
        none = {"left": "none", "taken": "", "last_dose_on": SOON.date()}
        short = none | {"short_because": "Left."} if kind == "second" else {}
        go_home(make_stay(patient, prescriber.user), prescriber, now=SOON, **short)
    return CareTask.objects.get(kind=kind)


def due_today(task: CareTask) -> None:
    """Let the task be on today's board, whatever the clock of the test says."""
    CareTask.objects.filter(pk=task.pk).update(created_at=NOW - 2 * DAY, due_at=NOW - DAY)


def told() -> set[str]:
    return {rule for alert in Alert.objects.all() for rule in alert.rules}


def test_no_nurse_ends_it_and_its_alert_comes(task, nurse) -> None:
    for outcome in CareTask.Outcome.for_people():
        with pytest.raises(TaskClosedError, match=ENDS_BY[task.kind]):
            close_task(task=task, by=nurse.user, outcome=outcome[0], note="So.", now=SOON)
    client, url = signed_in(nurse), reverse("checkins:task", args=[task.pk])
    page = client.get(url).text
    assert ENDS_BY[task.kind] in page.replace("&#x27;", "'")
    assert "Close the task" not in page
    typed = {"outcome": "no_answer", "note": "Rang."}
    assert client.post(url, typed).status_code == 422
    due_today(task)
    board = client.get(reverse("dashboard:board")).text
    assert ENDS_BY[task.kind] in board.replace("&#x27;", "'")
    done = reverse("dashboard:board_task_done", args=[task.pk])
    assert done not in board
    refused = client.post(done, typed, headers={"X-Board": "1"})
    assert refused.status_code == 422
    for hours in range(1, 24 * 5, 6):
        sweep_detox(NOW + hours * HOUR)
    assert ALERTS[task.kind] in told()


def test_a_prescriber_ends_it_otherwise_and_says_why(task, prescriber) -> None:
    client, url = signed_in(prescriber), reverse("checkins:task", args=[task.pk])
    page = client.get(url).text
    assert '<option value="other">' in page
    assert '<option value="no_answer">' not in page
    for wrong in ({"outcome": "done", "note": "x"}, {"outcome": "other", "note": " "}):
        assert client.post(url, wrong).status_code == 422
    assert client.post(url, {"outcome": "other", "note": "Moved away."}).status_code == 302
    task.refresh_from_db()
    assert (task.outcome, task.done_by) == ("other", prescriber.user)


@pytest.mark.parametrize("where", ["checkins:task", "dashboard:board_task_done"])
def test_a_first_contact_without_an_answer_is_noted_and_stays_open(
    where, patient, nurse, prescriber
) -> None:
    make_active_plan(patient, prescriber.user)
    go_home(make_stay(patient, prescriber.user), prescriber)
    task, client = CareTask.objects.get(kind="contact"), signed_in(nurse)
    due_today(task)
    assert CONTACT_STAYS in client.get(reverse("dashboard:board")).text
    for _ in range(2):
        page = client.post(
            reverse(where, args=[task.pk]), {"outcome": "no_answer", "note": "Rang."}, follow=True
        )
        assert CONTACT_STAYS in page.text
    assert task.comments.get().text == "Tried, no answer: Rang."
    assert AuditEvent.objects.filter(event="task.tried").count() == 1
    sweep_detox(HOME + timedelta(hours=73))
    assert "D04_NO_CONTACT_72H" in told()
    close_task(task=task, by=nurse.user, outcome="spoke", note="Well.", now=HOME + 4 * DAY)
    task.refresh_from_db()
    assert task.outcome == "spoke"


@pytest.mark.parametrize("kind", REACHES)
def test_a_contact_ends_only_by_a_word_whether_the_patient_was_reached(
    kind, patient, nurse, prescriber
) -> None:
    make_active_plan(patient, prescriber.user)
    go_home(make_stay(patient, prescriber.user), prescriber)
    sweep_detox(HOME + 2 * DAY)
    task = CareTask.objects.get(kind=kind)
    client, url = signed_in(nurse), reverse("checkins:task", args=[task.pk])
    page = client.get(url)
    assert [key for key, _ in page.context["form"].fields["outcome"].choices] == [
        "", "spoke", "no_answer",
    ]  # fmt: skip
    assert SAY_WHETHER in page.text
    later = HOME + 2 * DAY
    for outcome in ("read", "done", "arranged", "held", "goes_on", "other"):
        with pytest.raises(TaskClosedError, match="Say whether the patient was reached"):
            close_task(task=task, by=nurse.user, outcome=outcome, note="So.", now=later)
        assert client.post(url, {"outcome": outcome, "note": "So."}).status_code == 422
    assert close_task(
        task=task, by=nurse.user, outcome="no_answer", note="", now=later
    ).done_at is None  # fmt: skip
    due_today(task)
    board = client.get(reverse("dashboard:board")).text
    line = board.split(f'id="o-task-{task.pk}"')[1].split("</select>")[0]
    assert '"spoke"' in line
    assert '"read"' not in line
    assert close_task(
        task=task, by=prescriber.user, outcome="other", note="Moved away.", now=later
    ).done_at == later  # fmt: skip


def test_an_alert_comes_again_each_day_in_as_many_queries_after_a_year(
    patient, nurse, prescriber, django_assert_max_num_queries
) -> None:
    make_active_plan(patient, prescriber.user)
    go_home(make_stay(patient, prescriber.user), prescriber)
    task = CareTask.objects.get(kind="contact")
    late = task.due_at + HOUR
    for day in (0, 1, 2, 400):
        at = late + day * DAY
        assert [warn_of_task(task.pk, at) for _ in range(2)] == [True, False]
        alert = Alert.objects.get(rules=["D04_NO_CONTACT_72H"], resolved_at__isnull=True)
        assert warn_of_task(task.pk, at + DAY) is False, "one is open"
        resolve_alert(alert=alert, by=nurse.user, outcome="spoke", note="x", now=at + HOUR)
        assert warn_of_task(task.pk, at + 2 * HOUR) is False, "told today"
    with django_assert_max_num_queries(6):
        assert warn_of_task(task.pk, at + 2 * HOUR) is False
    assert Alert.objects.filter(rules=["D04_NO_CONTACT_72H"]).count() == 4
