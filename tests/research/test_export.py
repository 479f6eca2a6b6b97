"""The archive that leaves for research: who is in it, and that nobody can be found in it."""

import csv
import io
import re
import zipfile
from collections import Counter, defaultdict
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.audit.models import AuditEvent
from apps.audit.reading import rows_about
from apps.patients.models import Patient, RiskProfile
from apps.portal.actions import give_consent, withdraw_consent
from apps.portal.research_actions import (
    agree_to_research,
    record_research_paper,
    withdraw_research,
)
from apps.research.actions import take_research_export
from apps.research.anonymity import LEFT_OUT_DAYS, WITHHELD, K, TooFewError
from apps.research.archive import DICTIONARY, research_export
from apps.research.collecting import standing
from apps.retention.actions import set_hold
from tests.conftest import signed_in
from tests.factories import (
    CALM,
    NOW,
    SEIZURE,
    check_in,
    make_active_plan,
    make_patient,
    make_task,
    make_trusted,
)

pytestmark = pytest.mark.django_db

Tables = dict[str, list[dict[str, str]]]
# Years ago, so that no newest day is left out.
THEN = NOW - timedelta(days=3 * 365)
LATER = THEN + timedelta(days=800)
MARK = "Quillfeather"


def opened(body: bytes) -> Tables:
    with zipfile.ZipFile(io.BytesIO(body)) as file:
        assert all(entry.date_time == (1980, 1, 1, 0, 0, 0) for entry in file.infolist())
        return {
            name.removesuffix(".csv"): list(csv.DictReader(io.StringIO(file.read(name).decode())))
            for name in file.namelist()
            if name.endswith(".csv")
        }


def text_of(body: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(body)) as file:
        return "\n".join(name + file.read(name).decode() for name in file.namelist())


def make_course(
    clinic: Any, by: Any, number: int, *, says_yes: bool = True, **more: Any
) -> Patient:
    """A patient with a plan, check-ins a known number of days apart, words and contacts."""
    marks = {
        "given_name": f"Given{MARK}{number}", "family_name": f"Family{MARK}{number}",
        "email": f"mail{number}@{MARK.lower()}.example", "phone": f"555-77{number:03}",
        "emergency_contact": f"Kin {MARK}", "birth_date": date(1981, 3, 4 + number % 20),
        "sex": "female",
    }  # fmt: skip
    patient = make_patient(clinic, now=THEN, **{**marks, **more})
    make_active_plan(patient, by.user, now=THEN, start_on=THEN.date().isoformat())
    for days in (1, 4, 4 + number):
        check_in(patient, CALM, now=THEN + timedelta(days=days))
    if says_yes:
        agree_to_research(patient=patient, language="en", now=THEN)
    return patient


@pytest.fixture
def study(clinic, prescriber) -> list[Patient]:
    return [make_course(clinic, prescriber, number) for number in range(1, 8)]


def gaps(rows: list[dict[str, str]], day: str = "on") -> dict[str, tuple[int, ...]]:
    by_person: defaultdict[str, list[date]] = defaultdict(list)
    for row in rows:
        by_person[row["person"]].append(date.fromisoformat(row[day]))
    return {key: tuple((b - a).days for a, b in pairwise(days)) for key, days in by_person.items()}


def test_nothing_in_the_archive_names_anybody(study, clinic, prescriber) -> None:
    for patient in study:
        make_trusted(patient, name=f"Robin {MARK}")
        make_task(patient)
    text = text_of(research_export(clinic, LATER.date()).body)
    assert MARK.lower() not in text.lower()
    assert clinic.name not in text
    assert prescriber.user.full_name not in text
    for patient in study:
        words = (patient.reference, patient.phone, str(patient.birth_date), str(patient.pk),
                 patient.pk.hex)  # fmt: skip
        assert [word for word in words if word in text] == []
        keys = patient.check_ins.values_list("pk", "submission_id")
        assert [key for pair in keys for key in pair if str(key) in text] == []
    true_days = {str((THEN + timedelta(days=days)).date()) for days in range(30)}
    told = set(re.findall(r"\d{4}-\d\d-\d\d", text))
    assert told
    assert not told & true_days
    assert not re.search(r"\d\d:\d\d", text)


def test_every_combination_in_the_archive_is_of_five(study, clinic, prescriber) -> None:
    make_course(clinic, prescriber, 9, birth_date=date(1940, 1, 1), sex="male")
    for number in range(10, 13):
        make_course(clinic, prescriber, number, birth_date=date(1972, 1, 1), sex="male")
    # Alike in all else; the one whose seizures others know of is found by no row.
    RiskProfile.objects.filter(patient=study[1]).update(tier=RiskProfile.Tier.HIGH)
    check_in(study[0], SEIZURE, now=THEN + timedelta(days=40))  # the one emergency
    tables = opened(research_export(clinic, LATER.date()).body)
    alike = Counter(
        tuple(row[name] for name in ("age", "sex", "drug", "indication", "risk"))
        for row in tables["patients"]
    )
    assert WITHHELD in {row["risk"] for row in tables["patients"]}
    assert "high" not in {row["risk"] for row in tables["patients"]}
    assert min(alike.values()) >= K
    assert {row["level"] for row in tables["alerts"]} == {WITHHELD}
    assert "emergency" not in {row["level"] for row in tables["check_ins"]}
    assert "1940" not in str(tables)


def test_days_between_events_of_one_patient_are_true_over_all_tables(study, clinic) -> None:
    tables = opened(research_export(clinic, LATER.date()).body)
    assert sorted(gaps(tables["check_ins"]).values()) == sorted(
        (3, number) for number in range(1, 8)
    )
    first = {row["person"]: row["registered_on"] for row in tables["patients"]}
    for row in tables["doses"]:
        assert row["from_on"] >= first[row["person"]]
    begun = {row["person"]: row["from_on"] for row in reversed(tables["doses"])}
    assert begun == first  # the plan began on the day of registration


def test_two_exports_share_no_name_and_no_day_of_a_patient(study, clinic) -> None:
    one, two = (opened(research_export(clinic, LATER.date()).body) for _ in range(2))
    names = [{row["person"] for row in tables["patients"]} for tables in (one, two)]
    assert len(names[0]) == len(names[1]) == 7
    assert not names[0] & names[1]
    days = []
    for tables in (one, two):
        gap_of = gaps(tables["check_ins"])
        days.append({gap_of[row["person"]]: row["registered_on"] for row in tables["patients"]})
    same = [gap for gap in days[0] if days[0][gap] == days[1][gap]]
    assert len(same) <= 2  # one in 730 by chance; three of seven is none


def test_only_who_said_yes_and_did_not_take_it_back_is_in_it(
    study, clinic, nurse, prescriber, lead, other_clinic, outsider
) -> None:
    make_course(other_clinic, outsider, 50)
    silent = make_course(clinic, prescriber, 51, says_yes=False)
    give_consent(patient=silent, language="en", now=THEN)  # to the own pages: that is no yes
    withdraw_research(patient=study[0], by=nurse.user, now=LATER)
    set_hold(patient=study[1], reason="A complaint.", by=lead.user, now=LATER)
    made = research_export(clinic, LATER.date())
    assert set(made.patients) == {patient.pk for patient in study[2:]}
    found = standing(clinic)
    assert (found.agreed, found.no_yes, found.held, found.all) == (5, 2, 1, 8)
    record_research_paper(
        patient=study[0], signed_on=LATER.date(), by=nurse.user, now=LATER + timedelta(hours=1)
    )
    assert study[0].pk in research_export(clinic, LATER.date()).patients


def test_who_takes_the_own_pages_back_is_not_in_it_either(study, clinic) -> None:
    give_consent(patient=study[0], language="en", now=THEN)
    withdraw_consent(patient=study[0], now=LATER)
    assert study[0].pk not in research_export(clinic, LATER.date()).patients
    give_consent(patient=study[0], language="en", now=LATER)
    assert study[0].pk not in research_export(clinic, LATER.date()).patients, "that is another yes"


def test_the_newest_days_are_not_told(study, clinic) -> None:
    newest = THEN + timedelta(days=100)
    for patient in study:
        check_in(patient, CALM, now=newest)
    tables = opened(research_export(clinic, (newest + timedelta(days=1)).date()).body)
    assert max(LEFT_OUT_DAYS) > 50
    assert len(tables["check_ins"]) < 4 * 7


def test_the_dictionary_says_every_column(study, clinic) -> None:
    tables = opened(research_export(clinic, LATER.date()).body)
    said = {(row["file"], row["column"]) for row in tables.pop("dictionary")}
    assert said == {(name, column) for name, column, _, _ in DICTIONARY}
    for name, rows in tables.items():
        for row in rows:
            assert {(name, column) for column in row} == {pair for pair in said if pair[0] == name}
    assert {"phq9", "gad7"} <= set(tables["check_ins"][0])


def test_an_export_asks_as_often_whatever_the_size(study, clinic, prescriber) -> None:
    asked = []
    for more in (0, 6):
        for number in range(more):
            make_course(clinic, prescriber, 20 + number)
        with CaptureQueriesContext(connection) as queries:
            research_export(clinic, LATER.date())
        asked.append(len(queries))
    assert asked[0] == asked[1] <= 6


# --- The act and its page -------------------------------------------------------------------------
ASKED = {"purpose": "research", "approval": "IRB 2026-0417", "agreed": "on"}


def test_each_patient_in_it_has_it_in_their_trail(study, clinic, lead, prescriber) -> None:
    make_course(clinic, prescriber, 51, says_yes=False)
    made = take_research_export(
        clinic=clinic, purpose="research", approval="IRB 1", by=lead.user, now=LATER
    )
    row = AuditEvent.objects.get(event="research.exported")
    assert (row.actor_id, row.details["rows"]) == (lead.user_id, 7)
    assert (row.details["purpose"], row.details["approval"]) == ("research", "IRB 1")
    assert row.details["left_out"] == {"no_yes": 1, "held": 0, "too_few_alike": 0}
    assert set(row.details["patients"]) == {str(key) for key in made.patients}
    assert row in rows_about(study[0].pk, clinic.pk)


def test_too_few_leave_nothing_and_nothing_is_written(clinic, lead, prescriber) -> None:
    for number in range(1, K):
        make_course(clinic, prescriber, number)
    with pytest.raises(TooFewError):
        take_research_export(
            clinic=clinic, purpose="research", approval="IRB 1", by=lead.user, now=LATER
        )
    answer = signed_in(lead).post(reverse("research:export"), ASKED)
    assert answer.status_code in (302, 422)
    assert not AuditEvent.objects.filter(event="research.exported").exists()


def test_the_page_asks_for_a_proof_and_then_gives_the_file(study, lead, settings) -> None:
    client, path = signed_in(lead), reverse("research:export")
    page = client.get(path)
    assert page.status_code == 200
    assert re.search(r"Said yes</th><td>7</td>", page.text)
    asked = client.post(path, ASKED)
    assert asked.status_code == 302
    assert "reauthenticate" in asked.headers["Location"]
    assert not AuditEvent.objects.filter(event="research.exported").exists()
    settings.DEMO_MODE = True  # has no passwords and asks for none
    answer = client.post(path, ASKED)
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="research.zip"'
    assert set(opened(answer.content)) >= {"patients", "doses", "check_ins", "alerts"}


@pytest.mark.parametrize(
    "wrong",
    [{"purpose": "curiosity"}, {"approval": ""}, {"approval": "=1+1"}, {"agreed": ""},
     {"approval": "a\r\nb: c"}],
)  # fmt: skip
def test_without_purpose_approval_and_agreement_nothing_leaves(
    wrong, study, lead, settings
) -> None:
    settings.DEMO_MODE = True
    answer = signed_in(lead).post(reverse("research:export"), ASKED | wrong)
    assert answer.status_code == 422
    assert not AuditEvent.objects.filter(event="research.exported").exists()
