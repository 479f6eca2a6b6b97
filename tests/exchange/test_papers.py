"""What is printed and subscribed, read back and added up against the plan's rows."""

import io
import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.urls import reverse
from pypdf import PdfReader

from apps.audit.models import AuditEvent
from apps.exchange.actions import make_feed
from apps.exchange.documents import (
    calendar_data,
    calendar_pdf,
    letter_pdf,
    pharmacy_data,
    pharmacy_pdf,
)
from apps.exchange.feed import calendar_file
from apps.exchange.pharmacy import supply_lines
from apps.tapers.actions import hold_plan
from apps.tapers.schedule import schedule_of
from tests.conftest import signed_in
from tests.exchange.reading import calendar_days, feed_days, text_of
from tests.factories import NOW, make_active_plan, make_patient, make_plan, sign, sign_too

pytestmark = pytest.mark.django_db
START = "2026-11-23"
SWITCH = {
    "kind": "switch", "to_drug": "diazepam", "source": "ashton_low", "swap_days": 7,
    "then": {"kind": "percent_of_current", "percent": "10"},
}  # fmt: skip
LIQUID = [{"strength_mg": "5", "form": "liquid", "smallest_part": "0.1"}]
PLANS = {
    "tablets": ({}, {}),
    "halves at four times": (
        {"slots": {"morning": "1.5", "noon": "0.5", "evening": "0.5", "night": "1.75"}}, {},
    ),
    "a switch": ({}, {"method": SWITCH, "goal_mg": "10"}),
    "a liquid": (
        {"drug_id": "diazepam", "slots": {"night": "10"}}, {"products": LIQUID, "goal_mg": "4"},
    ),
    "two years": (
        {"drug_id": "diazepam", "slots": {"morning": "20", "night": "20"}},
        {"method": {"kind": "percent_of_current", "percent": "4"}, "goal_mg": "5"},
    ),
    "clocks go forward": ({}, {"start_on": "2026-02-23", "goal_mg": "1"}),
}  # fmt: skip


@pytest.fixture(params=PLANS, ids=list(PLANS))
def schedule(request, clinic, prescriber):
    of_patient, of_plan = PLANS[request.param]
    now = NOW if "start_on" not in of_plan else NOW.replace(month=2, day=23)
    patient = make_patient(clinic, **of_patient)
    plan = make_active_plan(patient, prescriber.user, now=now, **{"start_on": START, **of_plan})
    if plan.latest.needs_second:
        raise AssertionError("these plans are to need one signature")
    return schedule_of(patient, now)


def planned(schedule, last: date) -> dict[date, Decimal]:
    """Return each day's milligrams by the stored rows, not by the read model."""
    days: dict[date, Decimal] = {}
    for row in schedule.version.steps.prefetch_related("pieces"):
        mg = sum((piece.mg for piece in row.pieces.all()), Decimal(0))
        assert mg == row.daily_mg
        day = row.start_on
        while day <= (row.end_on or last):
            days[day] = mg
            day += timedelta(days=1)
    return {day: mg for day, mg in days.items() if day <= last}


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_wall_calendar_adds_up_to_the_plan_day_by_day(schedule, language) -> None:
    printed = calendar_days(calendar_pdf(schedule, language), language)
    assert printed == planned(schedule, max(printed))
    assert min(printed) == schedule.day
    year = schedule.day + timedelta(days=334)
    assert max(printed) >= min(schedule.steps[-1].start_on, year)


def test_the_calendar_file_adds_up_to_the_plan_day_by_day(schedule) -> None:
    last = schedule.steps[-1].start_on + timedelta(days=30)
    body = calendar_file(schedule, with_names=True, site="clinic.example")
    assert feed_days(body, last) == planned(schedule, last)


def test_the_pharmacy_sheet_adds_up_per_product(schedule) -> None:
    text = text_of(pharmacy_pdf(schedule, NOW))
    lines = supply_lines(schedule)
    days = planned(schedule, lines[-1].last)
    expected = sum((mg for day, mg in days.items() if day >= schedule.day), Decimal(0))
    printed = Decimal(0)
    together = " ".join(text.split("Uses in all ")[1:])
    for name, strength, uses in re.findall(
        r"(\w+) ([\d.]+) mg(?:/mL)? [a-z ]+?(?= [\d.]+) ([\d.]+)", together
    ):
        assert name
        printed += Decimal(strength) * Decimal(uses)
    assert printed == expected
    assert "as directed" not in text.lower()
    assert text.count("Take ") == len(lines)
    for line in pharmacy_data(schedule, NOW)["lines"]:
        assert all(line[key] for key in ("first", "last", "days", "product", "sig", "quantity"))


def test_the_letter_says_every_step_as_the_plan_does(schedule) -> None:
    text = text_of(letter_pdf(schedule, NOW))
    for row in schedule.version.steps.all():
        day = f"{row.start_on.day} {row.start_on:%b %Y}"
        drugs = {piece.product.split()[0] for piece in row.pieces.all()}
        last = r"(?:\d+ \w+ \d+|goes on)"
        dose = r"(.*? mg(?: [a-z]+)?) [A-Z]\w+ [\d¼½¾]"
        found = re.search(rf"\b{row.number} {day} {last} {dose}", text)
        assert found, row
        sums = sum(map(Decimal, re.findall(r"([\d.]+) mg", found[1])), Decimal(0))
        assert sums == row.daily_mg, row
        assert found[1].count("mg") == len(drugs)
        solid = [piece.product for piece in row.pieces.all() if "mg/mL" not in piece.product]
        assert all(product in text for product in solid), row


@pytest.mark.parametrize("paper", ["calendar", "pharmacy", "letter"])
def test_a_paper_is_tagged_for_those_who_do_not_see_it(patient, prescriber, paper) -> None:
    make_active_plan(patient, prescriber.user, start_on=START)
    found = schedule_of(patient, NOW)
    body = {
        "calendar": lambda: calendar_pdf(found, "es"),
        "pharmacy": lambda: pharmacy_pdf(found, NOW),
        "letter": lambda: letter_pdf(found, NOW),
    }[paper]()
    reader = PdfReader(io.BytesIO(body))
    catalog = reader.trailer["/Root"]
    assert catalog["/MarkInfo"]["/Marked"] == True  # noqa: E712 - pypdf has booleans of its own
    assert str(catalog["/Lang"]).startswith("es" if paper == "calendar" else "en")
    assert b"pdfuaid:part" in body
    assert reader.metadata is not None
    assert reader.metadata.title
    fonts = {
        str(font.get_object()["/BaseFont"])
        for page in reader.pages
        for font in page["/Resources"]["/Font"].values()
    }
    assert fonts
    assert all("Libertinus" in font for font in fonts), fonts


def test_sigs_are_written_out(clinic, prescriber) -> None:
    patient = make_patient(clinic, slots={"morning": "0.75", "night": "0.25"})
    scored = [{"strength_mg": "0.5", "form": "tablet", "smallest_part": "1/2"}]
    make_active_plan(patient, prescriber.user, start_on=START, goal_mg="0.75", products=scored)
    text = text_of(pharmacy_pdf(schedule_of(patient, NOW), NOW))
    assert "one and one-half tablets by mouth in the morning" in text
    assert "one-half tablet by mouth at night, every day." in text


def test_a_locked_plan_promises_no_date_on_paper(patient, prescriber) -> None:
    make_active_plan(patient, prescriber.user, start_on=START)
    hold_plan(
        patient=patient, action="hold_next", rules=[], source_type="check_in", source_id=uuid4(),
        by=None, now=NOW,
    )  # fmt: skip
    later = NOW + timedelta(days=40)
    schedule = schedule_of(patient, later)
    dose = schedule.today.daily_mg
    assert set(calendar_days(calendar_pdf(schedule, "en")).values()) == {dose}
    body = calendar_file(schedule, with_names=False, site="clinic.example")
    assert set(feed_days(body, schedule.day + timedelta(days=200)).values()) == {dose}
    (line,) = {(row.step, row.goes_on) for row in supply_lines(schedule)}
    assert line == (1, True)
    assert "until changed" in text_of(pharmacy_pdf(schedule, later))
    assert "waits for the prescriber" in text_of(letter_pdf(schedule, later))


@pytest.mark.parametrize(
    ("last_day", "takes_some", "is_told"),
    [
        (date(2027, 10, 25), False, False),  # the last of the twelve months that are printed
        (date(2027, 11, 8), False, True),  # 350 days, and a thirteenth month
        (date(2027, 2, 1), True, True),  # a goal above zero goes on
    ],
)
def test_a_calendar_that_ends_before_the_plan_says_so(
    patient, prescriber, last_day, takes_some, is_told
) -> None:
    make_active_plan(patient, prescriber.user, start_on=START)
    found = schedule_of(patient, NOW)
    first = replace(found.steps[0], end_on=last_day - timedelta(days=1))
    last = replace(
        found.steps[1], start_on=last_day, end_on=None,
        slots=found.steps[1].slots if takes_some else (),
    )  # fmt: skip
    notes = calendar_data(replace(found, steps=(first, last)), "en")["notes"]
    assert any("goes on after this calendar" in note for note in notes) is is_told


def test_an_unsigned_plan_reaches_nobody(patient, prescriber) -> None:
    plan = make_plan(patient, prescriber.user, start_on=START)
    client = signed_in(prescriber)
    for name in ("schedule", "pharmacy", "letter"):
        answer = client.get(reverse(f"exchange:{name}", args=[plan.pk]))
        assert answer.status_code == 302, name
    assert client.get(reverse("exchange:calendar", args=[plan.pk, "en"])).status_code == 302
    assert not AuditEvent.objects.filter(event="plan.paper_taken").exists()
    token = make_feed(patient=patient, with_names=True, by=None, now=NOW)
    feed = client.get(reverse("exchange:feed", args=[token])).content
    assert feed_days(feed, date(2030, 1, 1)) == {}


def test_a_breach_with_one_signature_reaches_nobody(patient, prescriber, lead) -> None:
    plan = make_plan(patient, prescriber.user, start_on=START, goal_mg="0")
    plan = sign(plan, prescriber.user, breach_reason="Wishes to be done before the birth.")
    url = reverse("exchange:calendar", args=[plan.pk, "en"])
    assert signed_in(prescriber).get(url).status_code == 302
    sign_too(plan, lead.user)
    schedule = schedule_of(patient, NOW)
    printed = calendar_days(calendar_pdf(schedule, "en"))
    assert printed == planned(schedule, max(printed))
    assert printed[max(printed)] == 0
    body = calendar_file(schedule, with_names=False, site="clinic.example")
    assert feed_days(body, max(printed))[schedule.steps[-1].start_on] == 0


def test_each_download_is_on_record(patient, nurse, prescriber) -> None:
    plan = make_active_plan(patient, prescriber.user, start_on=START)
    client = signed_in(nurse)
    paths = [
        reverse("exchange:schedule", args=[plan.pk]),
        reverse("exchange:calendar", args=[plan.pk, "es"]),
        reverse("exchange:pharmacy", args=[plan.pk]),
        reverse("exchange:letter", args=[plan.pk]),
    ]
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 200
        assert patient.family_name not in answer.headers.get("Content-Disposition", "")
    rows = AuditEvent.objects.filter(event="plan.paper_taken", actor_id=nurse.user.pk)
    papers = ["page", "calendar.es", "pharmacy", "letter"]
    assert [row.details["paper"] for row in rows.order_by("at")] == papers
    assert client.get(reverse("exchange:calendar", args=[plan.pk, "fr"])).status_code == 404


def test_what_a_person_typed_stays_text(clinic, prescriber) -> None:
    patient = make_patient(clinic, given_name='#read("base.typ")', family_name="$x$ *b* <l> @r")
    make_active_plan(patient, prescriber.user, start_on=START)
    text = text_of(letter_pdf(schedule_of(patient, NOW), NOW))
    assert '#read("base.typ") $x$ *b* <l> @r' in text


@pytest.mark.parametrize("name", ["王小明", "محمد", "Łukasz Ñandú", "Ωμέγα Иван", "😀", "\u0301"])
def test_a_name_in_any_script_gives_its_paper(clinic, prescriber, name) -> None:
    patient = make_patient(clinic, given_name=name)
    make_active_plan(patient, prescriber.user, start_on=START)
    schedule = schedule_of(patient, NOW)
    assert patient.reference in text_of(letter_pdf(schedule, NOW))
    assert patient.reference in text_of(calendar_pdf(schedule, "en"))
