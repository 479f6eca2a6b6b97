"""The caseload: found, filtered, sorted, paged, exported, remembered; and what it costs."""

import csv
import io
from datetime import timedelta
from urllib.parse import parse_qs

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.dashboard import caseload as cases
from apps.dashboard.models import PatientState, SavedView
from apps.dashboard.view_actions import VIEWS_AT_MOST
from tests.conftest import signed_in
from tests.factories import CALM, check_in, make_active_plan, make_alert, make_patient

pytestmark = pytest.mark.django_db
URL = "/caseload/"


@pytest.fixture
def client(nurse) -> Client:
    return signed_in(nurse)


def names(page: object) -> list[str]:
    return [row.patient.family_name for row in page.context["rows"]]


def test_an_empty_caseload_says_how_to_begin(client) -> None:
    page = client.get(URL)
    assert "No patients yet" in page.text
    assert reverse("patients:create") in page.text


def test_a_line_says_where_a_patient_is_and_what_blocks_the_next_step(
    client, patient, prescriber
) -> None:
    make_active_plan(patient, prescriber.user)
    make_alert(patient, now=timezone.now())
    page = client.get(URL)
    assert "step 2 of" in page.text
    assert "No check-in came since the present step began." in page.text
    assert AuditEvent.objects.filter(event="caseload.viewed", details={"shown": 1}).count() == 1


@pytest.mark.parametrize("sort", [*cases.SORTS, *(f"-{name}" for name in cases.SORTS)])
def test_every_order_pages_through_everybody_once(client, clinic, monkeypatch, sort) -> None:
    monkeypatch.setattr(cases, "PER_PAGE", 2)
    people = [make_patient(clinic) for _ in range(5)]
    check_in(people[0], CALM, now=timezone.now())
    make_alert(people[1], now=timezone.now())
    seen, query = [], {"sort": sort}
    for _ in range(4):
        page = client.get(URL, query)
        seen += names(page)
        if not page.context["next_query"]:
            break
        query = {key: value[0] for key, value in parse_qs(page.context["next_query"]).items()}
    assert sorted(seen) == sorted(person.family_name for person in people)
    keys = [row.sort_key for row in cases_in_order(client, sort)]
    assert keys == sorted(keys, reverse=sort.startswith("-"))


def cases_in_order(client: Client, sort: str) -> list[object]:
    cases.PER_PAGE = 50
    return client.get(URL, {"sort": sort}).context["rows"]


@pytest.mark.parametrize(
    "given",
    [
        {"sort": "patient_id; drop table"},
        {"sort": "-"},
        {"stage": "x' or 1=1"},
        {"after": "rubbish"},
        {"after": "WyJhIl0="},
        {"flag": "none", "tier": "9", "drug": "../"},
        {"q": "\x00 %_'"},
    ],
)
def test_what_is_not_in_the_lists_is_left_out(client, patient, given) -> None:
    page = client.get(URL, given)
    assert page.status_code == 200
    if "q" not in given:
        assert names(page) == [patient.family_name]


def test_filters_choose_by_what_the_row_says(client, clinic, prescriber) -> None:
    red, calm = make_patient(clinic), make_patient(clinic, drug_id="diazepam")
    make_alert(red, now=timezone.now())
    make_active_plan(calm, prescriber.user, goal_mg="1")
    client.get(URL)
    PatientState.objects.filter(pk=calm.pk).update(
        trend="worse", tier="high", silent_from=timezone.now() - timedelta(hours=1)
    )
    for given, found in (
        ({"flag": "alerts"}, red),
        ({"flag": "blocked"}, calm),
        ({"flag": "silent"}, calm),
        ({"flag": "worse"}, calm),
        ({"stage": "no_plan"}, red),
        ({"tier": "high"}, calm),
        ({"drug": "diazepam"}, calm),
        ({"drug": "diazepam", "q": calm.family_name[:8]}, calm),
    ):
        assert names(client.get(URL, given)) == [found.family_name], given


def test_nobody_found_says_how_search_works(client, patient) -> None:
    page = client.get(URL, {"q": "nobodyhere"})
    assert "is found by “nobodyhere”" in page.text


def test_a_change_shows_at_once_although_no_job_has_run(client, patient) -> None:
    client.get(URL)
    make_alert(patient, now=timezone.now())
    assert client.get(URL).context["rows"][0].alerts == 1


@pytest.mark.parametrize("query", ["", "q=wren", "sort=-score", "sort=next&stage=no_plan"])
def test_a_page_costs_twelve_queries_for_one_and_for_fifty_patients(
    client, clinic, django_assert_max_num_queries, query
) -> None:
    for _ in range(60):
        make_patient(clinic)
    client.get(URL)
    with django_assert_max_num_queries(12):
        page = client.get(f"{URL}?{query}")
    assert len(page.context["rows"]) == 50


def test_the_table_holds_what_is_shown_and_no_formula(client, clinic) -> None:
    make_patient(clinic, family_name="=HYPERLINK(1)", phone="+1 212 555 0100")
    make_patient(clinic, family_name="Other", drug_id="diazepam")
    client.get(URL)
    answer = client.get("/caseload.csv", {"drug": "clonazepam"})
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert "Other" not in answer.content.decode()
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == 2
    assert rows[1][1] == "'=HYPERLINK(1)"
    assert rows[1][3] == "'+1 212 555 0100"
    assert not any(cell[:1] in "=+-@" for row in rows for cell in row if cell)
    assert AuditEvent.objects.get(event="caseload.exported").details == {"shown": 1}


def test_a_saved_view_keeps_filters_and_order_and_never_a_search(client, nurse, backup) -> None:
    typed = {
        "name": "Silent high risk",
        "tier": "high",
        "flag": "silent",
        "sort": "-heard",
        "q": "Wren",
    }
    for _ in range(2):  # saving twice is once
        assert client.post("/caseload/views/", typed).status_code == 302
    view = SavedView.objects.get()
    assert view.chosen == {"tier": "high", "flag": "silent", "sort": "-heard"}
    assert "Silent high risk" in client.get(URL).text
    assert "Silent high risk" not in signed_in(backup).get(URL).text
    remove = reverse("dashboard:view_remove", args=[view.pk])
    assert signed_in(backup).post(remove).status_code == 404
    assert client.post(remove).status_code == 302
    assert not SavedView.objects.exists()
    assert client.post(remove).status_code == 404


def test_a_view_needs_a_name_and_there_are_not_too_many(client, nurse) -> None:
    page = client.post("/caseload/views/", {"name": " "}, follow=True)
    assert "Give the view a name" in page.text
    for number in range(VIEWS_AT_MOST):
        client.post("/caseload/views/", {"name": f"View {number}"})
    page = client.post("/caseload/views/", {"name": "One more"}, follow=True)
    assert "Remove one first" in page.text


def test_old_links_to_the_list_lead_to_the_caseload(client) -> None:
    answer = client.get(reverse("patients:list"), {"q": "Wren"})
    assert answer.headers["Location"] == "/caseload/?q=Wren"
    assert client.get(reverse("patients:list")).headers["Location"] == URL
