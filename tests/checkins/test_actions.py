"""A check-in and everything that follows from it, in one transaction."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from apps.accounts.tokens import hash_token
from apps.alerts.actions import resolve_alert
from apps.alerts.models import Alert, Delivery
from apps.audit.models import AuditEvent
from apps.checkins.actions import Submission, submit_check_in
from apps.checkins.link_actions import (
    CORRECTIONS,
    LinkUsedError,
    answering,
    create_link,
    revoke_links,
    submit_by_link,
)
from apps.checkins.models import CheckIn, CheckInLink
from apps.clinical.questionnaires import get_questionnaire
from apps.database.scope import every_clinic
from apps.tapers.models import PlanHold
from tests.factories import CALM, NOW, SEIZURE, check_in, make_active_plan, put_on_call

pytestmark = pytest.mark.django_db
DAILY = get_questionnaire("daily", 1)


def test_a_calm_check_in_raises_nothing(patient, nurse) -> None:
    put_on_call(nurse)
    row = check_in(patient, CALM)
    assert (row.triage.level, row.triage.dws, row.is_complete) == ("none", 10, True)
    assert not Alert.objects.exists()


def test_a_seizure_opens_an_emergency_and_tells_the_person_on_call(patient, nurse) -> None:
    put_on_call(nurse)
    row = check_in(patient, SEIZURE)
    assert row.triage.level == "emergency"
    alert = Alert.objects.get(source_id=row.pk)
    assert (alert.level, alert.rules[0]) == ("emergency", "E01_SEIZURE")
    assert alert.deliveries.get().recipient == nurse


@pytest.mark.parametrize(
    ("rule", "answers", "risk"),
    [
        ("E01_SEIZURE", {"seizure": "yes"}, {}),
        ("E01_SEIZURE", {"seizure": "not_sure"}, {}),
        ("E02_CONFUSION", {"red_flags": ("rf_confused",)}, {}),
        ("E03_HALLUCINATION", {"red_flags": ("rf_halluc",)}, {}),
        ("E04_SUICIDE_PLAN", {"si": "plan_or_intent"}, {}),
        ("E04_SUICIDE_PLAN", {"si": "passive", "si_now": True}, {}),
        ("E05_RESP_SEDATION", {"red_flags": ("rf_breath",)}, {}),
        ("E05_RESP_SEDATION", {"red_flags": ("rf_unrousable",)}, {}),
        ("E06_CHEST_PAIN", {"red_flags": ("rf_chest",)}, {}),
        ("E07_FEVER_PLUS", {"red_flags": ("rf_fever",), "s_jerks": 3}, {}),
        ("E08_ABRUPT_STOP_HIGH", {"dose_taken": "ran_out", "s_shaky": 3}, {}),
        ("E08_ABRUPT_STOP_HIGH", {"dose_taken": "stopped"}, {"prior_wd_seizure": True}),
        ("E09_AURA_HIGH", {"red_flags": ("rf_aura",)}, {"epilepsy": True}),
        ("E10_HEAD_FAINT", {"red_flags": ("rf_headhit",)}, {"anticoagulant": True}),
        (
            "E11_VOMIT_GAP_HIGH",
            {"red_flags": ("rf_vomit",), "hours_since_last_dose": 24, "dose_taken": "missed_some"},
            {"prior_wd_seizure": True},
        ),
    ],
)
def test_every_red_flag_rule_reaches_a_person(clinic, nurse, rule, answers, risk) -> None:
    from tests.factories import make_patient

    put_on_call(nurse)
    row = check_in(make_patient(clinic, risk=risk), CALM | answers)
    assert rule in [finding["rule_id"] for finding in row.triage.fired]
    assert Delivery.objects.filter(alert__source_id=row.pk, recipient=nurse).exists()


def test_a_red_flag_holds_the_next_cut_in_the_same_transaction(patient, prescriber) -> None:
    plan = make_active_plan(patient, prescriber.user)
    row = check_in(patient, SEIZURE)
    hold = PlanHold.objects.get(plan=plan)
    assert (hold.source_id, hold.action, hold.released_at) == (
        row.pk, "hold_all_reductions", None,
    )  # fmt: skip


def test_without_a_plan_there_is_nothing_to_hold(patient) -> None:
    check_in(patient, SEIZURE)
    assert not PlanHold.objects.exists()


def test_five_taps_make_one_check_in_one_alert_one_mail(patient, nurse) -> None:
    put_on_call(nurse)
    submission = uuid4()
    rows = {
        submit_check_in(
            patient=patient, questionnaire=DAILY, answers=SEIZURE, submission_id=submission,
            language="en", reported_at=NOW, now=NOW + timedelta(seconds=tap),
        ).pk
        for tap in range(5)
    }  # fmt: skip
    assert len(rows) == 1
    assert (CheckIn.objects.count(), Alert.objects.count(), Delivery.objects.count()) == (1, 1, 1)


def test_everything_is_stored_or_nothing(patient, prescriber, monkeypatch) -> None:
    make_active_plan(patient, prescriber.user)

    def refuse(*args: object, **kwargs: object) -> None:
        raise IntegrityError("no delivery row")

    monkeypatch.setattr("apps.alerts.escalation.tell", refuse)
    with pytest.raises(IntegrityError):
        check_in(patient, SEIZURE)
    assert not CheckIn.objects.exists()
    assert not Alert.objects.exists()
    assert not PlanHold.objects.exists()
    assert not AuditEvent.objects.filter(event="check_in.submitted").exists()


def test_a_check_in_and_its_result_are_never_changed(patient) -> None:
    row = check_in(patient, CALM)
    for rows in (CheckIn.objects.filter(pk=row.pk), type(row.triage).objects.filter(pk=row.pk)):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.update(**{"language": "es"} if rows.model is CheckIn else {"level": "none"})
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.delete()


def test_an_unanswered_mandatory_question_leaves_the_check_in_incomplete(patient) -> None:
    answers = {key: value for key, value in SEIZURE.items() if key != "si"}
    row = check_in(patient, answers)
    assert row.is_complete is False
    assert row.triage.level == "emergency"


def test_the_second_emergency_of_a_day_is_not_swallowed_by_the_first(patient, nurse) -> None:
    put_on_call(nurse)
    check_in(patient, SEIZURE)
    check_in(patient, SEIZURE, now=NOW + timedelta(hours=1))
    assert Delivery.objects.filter(recipient=nurse).count() == 2


def test_a_calm_check_in_closes_no_alert(patient, nurse) -> None:
    check_in(patient, SEIZURE)
    check_in(patient, CALM, now=NOW + timedelta(hours=1))
    assert Alert.objects.get().status == "open"


def use(token: str, submission=None, *, answers=CALM, now=NOW) -> CheckIn:
    sent = Submission(DAILY, answers, submission or uuid4(), "en")
    with every_clinic(), answering(token) as link:
        return submit_by_link(link=link, sent=sent, now=now)


@pytest.fixture
def token(patient) -> str:
    return create_link(patient=patient, by=None, now=NOW)


def test_a_link_serves_for_one_check_in_and_what_follows_corrects_it(token) -> None:
    first = use(token)
    for _ in range(CORRECTIONS):
        assert use(token).corrects == first
    with pytest.raises(LinkUsedError):
        use(token)
    assert CheckIn.objects.count() == 1 + CORRECTIONS


def test_a_red_flag_is_stored_however_often_the_link_was_used(token, nurse) -> None:
    put_on_call(nurse)
    first = use(token)
    for _ in range(CORRECTIONS):
        use(token)
    seizure = use(token, answers=SEIZURE)
    assert (seizure.corrects, seizure.triage.level) == (first, "emergency")
    assert Alert.objects.get().source_id == seizure.pk
    # Whoever goes on is stored and judged, and calls nobody for what they are called for.
    again = [use(token, answers=SEIZURE) for _ in range(3)]
    assert CheckIn.objects.count() == 1 + CORRECTIONS + 4
    alert = Alert.objects.get()
    assert alert.events.filter(text__contains="used very often").count() == len(again)
    assert AuditEvent.objects.filter(event="alert.repeat_noted").count() == len(again)
    use(token, answers=SEIZURE | {"si": "plan_or_intent"})  # another danger is news
    assert Alert.objects.count() == 2
    for each in Alert.objects.all():
        resolve_alert(alert=each, by=nurse.user, outcome="spoke", note="Seen.", now=NOW)
    use(token, answers=SEIZURE)  # and so is the same one after somebody closed it
    assert Alert.objects.count() == 3


def test_the_same_submission_by_the_same_link_is_the_same_check_in(token) -> None:
    submission = uuid4()
    assert use(token, submission) == use(token, submission)


def test_other_answers_under_a_known_id_are_stored_judged_and_alerted(token, nurse) -> None:
    put_on_call(nurse)
    submission = uuid4()
    calm = use(token, submission)
    seizure = [use(token, submission, answers=SEIZURE) for _ in range(5)]
    assert len({row.pk for row in seizure}) == 1
    assert (seizure[0].corrects, seizure[0].triage.level) == (calm, "emergency")
    assert use(token, submission) == calm
    assert (CheckIn.objects.count(), Alert.objects.count()) == (2, 1)
    assert Delivery.objects.count() == 1


def test_other_requests_under_a_known_id_are_heard(patient) -> None:
    common = {
        "patient": patient, "questionnaire": DAILY, "answers": CALM, "submission_id": uuid4(),
        "language": "en", "reported_at": NOW, "now": NOW,
    }  # fmt: skip
    first = submit_check_in(**common)
    asked = [submit_check_in(**common, requests=["call_today"]) for _ in range(2)]
    assert asked[0] == asked[1]
    assert (asked[0].corrects, asked[0].requests) == (first, ["call_today"])
    assert submit_check_in(**common) == first


def test_a_known_id_on_a_new_link_uses_that_link_up(patient, token) -> None:
    submission = uuid4()
    use(token, submission)
    newer = create_link(patient=patient, by=None, now=NOW)
    seizure = use(newer, submission, answers=SEIZURE)
    assert seizure.corrects is None
    assert CheckInLink.objects.get(token_hash=hash_token(newer)).submission_id == (
        seizure.submission_id
    )
    assert Alert.objects.get().source_id == seizure.pk


def test_a_known_id_with_the_same_words_by_another_link_is_another_check_in(patient, token) -> None:
    submission = uuid4()
    first = use(token, submission, answers=SEIZURE)
    newer = create_link(patient=patient, by=None, now=NOW)
    later = NOW + timedelta(days=1)
    second = [use(newer, submission, answers=SEIZURE, now=later) for _ in range(3)]
    assert len({row.pk for row in second}) == 1
    assert second[0].pk != first.pk
    assert second[0].corrects is None
    assert Alert.objects.count() == 2
    assert not CheckInLink.objects.filter(used_at=None).exists()
    assert use(token, submission, answers=SEIZURE) == first


def test_a_link_that_was_taken_back_opens_nothing(patient, token) -> None:
    revoke_links(patient, NOW)
    with every_clinic(), answering(token) as link:
        assert link is None


def test_the_token_itself_is_not_stored(token) -> None:
    link = CheckInLink.objects.get(token_hash=hash_token(token))
    assert len(link.token_hash) == 64
    assert not any(
        "token" in field.name and field.name != "token_hash" for field in link._meta.get_fields()
    )


def test_another_patients_submission_id_cannot_be_reused_to_read_a_result(
    patient, other_patient
) -> None:
    submission = uuid4()
    common = {
        "questionnaire": DAILY, "answers": CALM, "submission_id": submission, "language": "en",
        "reported_at": NOW, "now": NOW,
    }  # fmt: skip
    first = submit_check_in(patient=patient, **common)
    second = submit_check_in(patient=other_patient, **common)
    assert (first.patient, second.patient) == (patient, other_patient)
