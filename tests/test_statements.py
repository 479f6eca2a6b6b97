"""Statements worked out once: they find, store and change what the ORM does."""

import importlib
import pkgutil
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection
from django.db.models import QuerySet, Value
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import apps
from apps.accounts.tokens import hash_token
from apps.alerts.rota import ON_CALL
from apps.audit.models import AuditEvent, UnsealedEvent
from apps.checkins.assessment import LAST, LAST_AND_WEEK_BEFORE
from apps.checkins.link_actions import LOCKED_LINK, USE_LINK, create_link
from apps.checkins.models import CheckIn, CheckInLink
from apps.checkins.reminder_actions import LOCKED_PATIENT, plan_window
from apps.checkins.views import LINK
from apps.database.statements import Change, Insert, Read, ReadRows, Statement
from apps.patients.models import Patient
from apps.tapers.models import TaperStep
from apps.tapers.today import ACTIVE_PLAN, OPEN_HOLDS, STEPS
from tests.factories import CALM, SEIZURE, check_in, make_active_plan, put_on_call

pytestmark = pytest.mark.django_db


def every_statement() -> dict[str, Statement | Insert]:
    """Find the statements of all modules of the product."""
    found = {}
    for module in pkgutil.walk_packages(apps.__path__, "apps."):
        if ".migrations" not in module.name and not module.name.endswith("__main__"):
            for name, value in vars(importlib.import_module(module.name)).items():
                if isinstance(value, Statement | Insert):
                    found[f"{module.name}.{name}"] = value
    return found


def as_rows(objects: list, deep: int = 3) -> list:
    """Return what objects say, with the objects they were fetched with and their annotations."""
    return [
        {
            key: as_rows([value], deep - 1) if deep and hasattr(value, "_meta") else value
            for key, value in {**vars(each), **vars(each)["_state"].fields_cache}.items()
            if key != "_state"
        }
        for each in objects
        if each is not None
    ]


@pytest.fixture
def followed(patient, prescriber, nurse) -> Patient:
    """Return a patient on a plan, with a history, a hold, a due window and somebody on call."""
    now = timezone.now()
    start = (now - timedelta(days=20)).date().isoformat()
    make_active_plan(patient, prescriber.user, now=now, start_on=start)
    for days in range(12, 2, -1):
        check_in(patient, CALM, now=now - timedelta(days=days))
    check_in(patient, SEIZURE, now=now - timedelta(hours=2))
    put_on_call(nurse, now=now)
    plan_window(patient.pk, now)
    return patient


def test_every_statement_of_the_product_reads_what_its_queryset_reads(followed) -> None:
    now, plan = timezone.now(), followed.plans.get()
    token = create_link(patient=followed, by=None, now=now)
    week = {"begin": now - timedelta(days=14), "end": now - timedelta(days=7)}
    reads = [
        (LINK, {"token_hash": hash_token(token)}),
        (LOCKED_LINK, {"token_hash": hash_token(token)}),
        (LOCKED_PATIENT, {"key": followed.pk}),
        (ACTIVE_PLAN, {"patient_id": followed.pk}),
        (STEPS, {"version_id": plan.in_force_id}),
        (OPEN_HOLDS, {"plan_id": plan.pk}),
        (ON_CALL, {"clinic_id": followed.clinic_id, "now": now}),
        (LAST, {"patient_id": followed.pk, "now": now}),
        (LAST_AND_WEEK_BEFORE, {"patient_id": followed.pk, "now": now} | week),
    ]
    for statement, values in reads:
        wanted = list(statement.build(**values))
        assert wanted, statement
        if isinstance(statement, ReadRows):
            assert sorted(statement.all(**values)) == sorted(wanted)
        else:
            assert as_rows(statement.all(**values)) == as_rows(wanted)


@pytest.mark.parametrize("name", every_statement())
def test_every_statement_of_the_product_can_be_made(name) -> None:
    statement = every_statement()[name]
    if isinstance(statement, Insert):
        assert statement.compile(1, statement.model()).startswith("INSERT INTO")
    else:
        text = statement.text if isinstance(statement, Change) else statement.compiled[0]
        assert all(f"%({value})s" in text for value in statement.stand_ins)


def test_a_read_costs_one_statement_and_shows_it_with_its_values(followed) -> None:
    with CaptureQueriesContext(connection) as asked:
        (patient,) = LOCKED_PATIENT.all(key=followed.pk)
        assert patient.risk.patient_id == patient.medication.patient_id == followed.pk
    assert len(asked) == 1
    assert followed.pk.hex in asked[0]["sql"].replace("-", "")


def test_constants_are_part_of_the_text_with_their_percent_signs() -> None:
    odd = "50 %s of 'it'"
    statement = ReadRows(
        lambda name: Patient.objects.filter(address=odd, given_name=name).values_list("pk"),
        name=str,
    )
    assert "50 %%s of ''it''" in statement.compiled[0]
    assert statement.all(name="Nobody") == []


def test_rows_have_their_columns_in_the_order_that_was_asked_for(followed) -> None:
    def rows(key: UUID) -> QuerySet:
        return Patient.objects.filter(pk=key).annotate(word=Value("a word"))

    columns = ("word", "pk", "clinic__name", "given_name")
    wanted = ("a word", followed.pk, followed.clinic.name, followed.given_name)
    one = ReadRows(lambda key: rows(key).values_list(*columns), key=UUID)
    both = ReadRows(
        lambda key: (
            rows(key).values_list(*columns).union(rows(key).values_list(*columns), all=True)
        ),
        key=UUID,
    )
    assert one.all(key=followed.pk) == [wanted]
    assert both.all(key=followed.pk) == [wanted, wanted]


def test_a_value_that_goes_nowhere_is_refused() -> None:
    statement = Read[Patient](
        lambda name, day: Patient.objects.filter(given_name=name), name=str, day=date
    )
    with pytest.raises(LookupError, match="day"):
        statement.all(name="x", day=date(2026, 1, 1))


def test_an_insert_stores_rows_and_tells_them_their_keys(followed) -> None:
    rows = [AuditEvent(at=timezone.now(), event="x.y", details={"n": n}) for n in range(3)]
    Insert(AuditEvent).run(*rows)
    stored = AuditEvent.objects.in_bulk([row.pk for row in rows])
    assert [stored[row.pk].details for row in rows] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert UnsealedEvent.objects.filter(event_id__in=stored).count() == 3


def test_an_insert_obeys_the_constraints_of_its_table(followed) -> None:
    first = CheckIn.objects.first()
    with pytest.raises(IntegrityError):
        Insert(CheckIn).run(first)


def test_an_insert_that_skips_what_is_taken_says_so_and_changes_nothing(followed) -> None:
    first = CheckIn.objects.first()
    again = CheckIn.objects.get(pk=first.pk)
    again.pk, again.language = uuid4(), "es"
    assert Insert(CheckIn, skip_taken=True).run(again) is False
    assert as_rows([CheckIn.objects.get(submission_id=first.submission_id)]) == as_rows([first])
    again.submission_id = uuid4()
    assert Insert(CheckIn, skip_taken=True).run(again) is True
    assert CheckIn.objects.get(submission_id=again.submission_id).language == "es"


def test_a_change_changes_its_rows_only(followed) -> None:
    now = datetime(2027, 1, 1, tzinfo=UTC)
    tokens = [create_link(patient=followed, by=None, now=now) for _ in range(2)]
    mine, other = (CheckInLink.objects.get(token_hash=hash_token(token)) for token in tokens)
    key = uuid4()
    assert USE_LINK.run(key=mine.pk, used_at=now, submission_id=key, weekly=None) == 1
    mine.refresh_from_db()
    other.refresh_from_db()
    assert (mine.used_at, mine.submission_id, mine.weekly_submission_id) == (now, key, None)
    assert (other.used_at, other.submission_id) == (None, None)


def test_a_plan_kept_by_the_server_sees_what_is_new(followed) -> None:
    version = followed.plans.get().in_force
    before = len(STEPS.all(version_id=version.pk))
    for _ in range(8):  # beyond the point where PostgreSQL keeps a plan for every value
        STEPS.all(version_id=version.pk)
    last = version.steps.last()
    TaperStep.objects.create(
        version=version, number=last.number + 1, start_on=last.start_on + timedelta(days=900),
        daily_mg=0, cut_pct=0, fall_14d_pct=0, verdict="ok",
    )  # fmt: skip
    assert len(STEPS.all(version_id=version.pk)) == before + 1
