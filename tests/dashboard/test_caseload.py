"""The caseload: found, filtered, sorted, paged, exported, remembered; and what it costs."""

import csv
import io
import re
from base64 import urlsafe_b64decode
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.dashboard import caseload as cases
from apps.dashboard.models import PatientState, SavedView
from apps.dashboard.state_actions import refresh_noted
from apps.dashboard.view_actions import VIEWS_AT_MOST
from tests.conftest import signed_in
from tests.factories import CALM, check_in, make_active_plan, make_alert, make_patient

pytestmark = pytest.mark.django_db
URL = "/caseload/"


@pytest.fixture
def client(nurse) -> Client:
    return signed_in(nurse)


def look(client: Client, given: dict[str, str]) -> object:
    """Return the page that a typed search, a filter or an order leads to."""
    return client.post(URL, given, follow=True)


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
    assert AuditEvent.objects.filter(event="caseload.viewed", details__shown=1).count() == 1


@pytest.mark.parametrize("sort", [*cases.SORTS, *(f"-{name}" for name in cases.SORTS)])
def test_every_order_pages_through_everybody_once(client, clinic, monkeypatch, sort) -> None:
    monkeypatch.setattr(cases, "PER_PAGE", 2)
    people = [make_patient(clinic) for _ in range(5)]
    check_in(people[0], CALM, now=timezone.now())
    make_alert(people[1], now=timezone.now())
    seen, query = [], {"sort": sort}
    for _ in range(4):
        page = client.get(URL, query)
        assert "Testperson" not in page.context["next_query"]
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
    page = look(client, given)
    assert page.status_code == 200
    assert client.get(URL, given).status_code == 200
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
        assert names(look(client, given)) == [found.family_name], given


def test_nobody_found_says_how_search_works(client, patient) -> None:
    page = look(client, {"q": "nobodyhere"})
    assert "is found by “nobodyhere”" in page.text


def test_no_address_holds_a_name_a_drug_or_a_state(client, clinic, monkeypatch) -> None:
    """Neither the search, nor its filters, orders and pages, nor the table (design 1.8)."""
    monkeypatch.setattr(cases, "PER_PAGE", 1)
    for name in ("Quillfeather", "Quillworth"):
        make_patient(clinic, family_name=name)
    page = look(client, {"q": "Quill", "drug": "clonazepam", "stage": "no_plan", "sort": "name"})
    assert names(page) == ["Quillfeather"]
    assert 'value="Quill"' in page.text
    visited = [address for address, _ in page.redirect_chain]
    links = re.findall(r'(?:href|action)="([^"]*)"', page.text)
    pages = [address for address in links if "find=" in address]
    assert len(pages) > len(cases.SORTS)
    for address in (*visited, *pages):
        found = urlopened(address)
        assert not re.search("quill|clonazepam|no_plan", found, re.IGNORECASE), address
    following = client.get(f"{URL}?{page.context['next_query']}")
    assert names(following) == ["Quillworth"]
    assert names(client.get(URL, {"find": "rubbish"})) == ["Quillfeather"]


def urlopened(address: str) -> str:
    """Return an address with everything in it that anybody can decode without a key."""
    parts = [address, *(value for values in parse_qs(urlsplit(address).query).values()
                        for value in values)]  # fmt: skip
    opened = [urlsafe_b64decode(part).decode("latin-1") for part in parts[1:] if len(part) > 40]
    return " ".join([*parts, *opened])


def test_a_change_shows_at_once_although_no_job_has_run(client, patient) -> None:
    client.get(URL)
    make_alert(patient, now=timezone.now())
    assert client.get(URL).context["rows"][0].alerts == 1


@pytest.mark.parametrize(
    "given", [{}, {"q": "wren"}, {"sort": "-score"}, {"sort": "next", "stage": "no_plan"}]
)
def test_a_page_costs_twelve_queries_for_one_and_for_fifty_patients(
    client, clinic, django_assert_max_num_queries, given
) -> None:
    for _ in range(60):
        make_patient(clinic)
    client.get(URL)
    address = client.post(URL, given).headers["Location"]
    with django_assert_max_num_queries(12):
        page = client.get(address)
    assert len(page.context["rows"]) == 50


def test_the_table_holds_what_is_shown_and_no_formula(client, clinic) -> None:
    make_patient(clinic, family_name="=HYPERLINK(1)", phone="+1 212 555 0100")
    make_patient(clinic, family_name="Other", drug_id="diazepam")
    client.get(URL)
    PatientState.objects.update(silent_from=timezone.now() - timedelta(hours=1))
    query = look(client, {"drug": "clonazepam"}).context["query_string"]
    answer = client.get(f"/caseload.csv?{query}")
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert "Other" not in answer.content.decode()
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == 2
    assert rows[1][rows[0].index("Silent")] == "silent"
    assert rows[1][1] == "'=HYPERLINK(1)"
    assert rows[1][3] == "'+1 212 555 0100"
    assert not any(cell[:1] in "=+-@" for row in rows for cell in row if cell)
    taken = AuditEvent.objects.get(event="caseload.exported").details
    assert (taken["rows"], len(taken["patients"])) == (1, 1)


def test_the_table_holds_everybody_whatever_page_is_looked_at(client, clinic, monkeypatch) -> None:
    monkeypatch.setattr(cases, "PER_PAGE", 1)
    for _ in range(3):
        make_patient(clinic)
    following = client.get(URL).context["next_query"]
    answer = client.get(f"/caseload.csv?{following}")  # no page has been looked at since a change
    assert len(list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))) == 4


def test_names_are_in_order_whatever_their_accents(client, clinic) -> None:
    for name in ("Zimmer", "Álvarez", "Berg"):
        make_patient(clinic, family_name=name)
    assert names(client.get(URL)) == ["Álvarez", "Berg", "Zimmer"]


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
    page = client.get(URL, {"view": view.pk})
    assert page.context["choice"].filters == {"tier": "high", "flag": "silent"}
    assert page.context["choice"].down
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
    assert client.get(reverse("patients:list")).headers["Location"] == URL


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("(212) 555-0182", "+1 (212) 555-0182"),
        ("(212) 555-0182", "1 212 555 0182"),
        ("+44 20 7946 0123", "020 7946 0123"),
        ("020 7946 0123", "+44 20 7946 0123"),
    ],
)
def test_a_phone_is_found_however_its_country_is_written(nurse, patient, stored, typed) -> None:
    patient.phone = stored
    patient.save()
    refresh_noted(timezone.now())
    assert [row.patient for row in PatientState.objects.matching(typed)] == [patient]


def test_a_view_is_named_in_signs_that_can_be_read(client, nurse) -> None:
    client.post(reverse("dashboard:view_save"), {"name": "a\x00b", "tier": "high"})
    assert SavedView.objects.get().name == "ab"


def test_an_order_can_be_chosen_where_the_table_has_no_heads(client) -> None:
    page = look(client, {"sort": "-score"})
    assert '<option value="-score" selected>Symptoms</option>' in page.text
