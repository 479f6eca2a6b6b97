"""The builder's page: every method, live without a script too, wrong values told in place."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from apps.audit.models import AuditEvent
from apps.clinical.methods import PRESETS
from apps.clinical.requests import parse_request, plan_to_json
from apps.clinical.taper import build_plan
from apps.patients.models import Medication
from apps.tapers.actions import steps_hash
from apps.tapers.actions_drafts import discard_draft, edit_draft
from apps.tapers.models import TaperPlan
from apps.tapers.repeated import steps_words
from apps.tapers.signable import ActivationError
from tests.conftest import signed_in
from tests.factories import NOW, make_patient, make_plan, sign, sign_too, today

pytestmark = pytest.mark.django_db
BASE = {
    "start_on": (today() + timedelta(days=9)).isoformat(),
    "interval_days": "14", "goal_mg": "0",
    "method": "percent_of_current", "percent": "10", "swap_days": "7", "then": "percent_of_current",
    "reason": "Wishes to sleep without it.",
}  # fmt: skip
# Locale commas, other scripts' digits, signs, exponents, spaces inside, a letter for a digit.
NOT_A_NUMBER = (
    "1,5", "1٫5", "١", "１", "1e1", "+1", "-1", ".5", "1.", "01", "1·5", "½", "O.5", "0.33333",
    "1.00001", "1 mg",
)  # fmt: skip
SWITCH = {"method": "switch", "to_drug": "diazepam", "source": "ashton_low"}


def post(member, patient, button="preview", **changes):
    url = reverse("tapers:create", args=[patient.pk])
    return signed_in(member).post(url, BASE | {button: "1"} | changes)


def seen(page, **changes):
    """Return what the shown page posts besides what was typed: its table and its steps."""
    shown, other = page.context["shown"], page.context["other"]
    doses = {f"edit_{row.number}": row.typed for row in shown.rows if row.number in shown.editable}
    kept = {}
    if other:
        kept = {f"a-{name}": other.form[name].value() or "" for name in other.form.fields}
        kept["a-seen"] = other.seen
    return kept | doses | dict(shown.table) | {"seen": shown.seen} | changes


def save(member, patient, button="save", **changes):
    """Preview, then press the button that saves."""
    page = post(member, patient, **changes)
    return post(member, patient, button, **changes | seen(page))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"method": "percent_of_start"},
        {"method": "fixed_mg", "mg": "0.25"},
        {"method": "hyperbolic", "steps": "12"},
        {"method": "custom", "daily_mg": "1.75\n1.5\n1.25"},
        SWITCH,
        SWITCH | {"then": "preset:ashton"},
    ],
)
def test_every_method_is_previewed_and_saved(patient, prescriber, changes) -> None:
    page = post(prescriber, patient, **changes)
    assert page.status_code == 200, page.context["form"].errors
    assert all(chart.points for chart in page.context["charts"])
    assert not TaperPlan.objects.exists()
    assert save(prescriber, patient, **changes).status_code == 302
    steps = TaperPlan.objects.get().version.steps
    assert steps.count() == len(page.context["preview"]["steps"])


@pytest.mark.parametrize("name", PRESETS)
def test_every_published_method_is_offered(clinic, prescriber, name) -> None:
    patient = make_patient(clinic, drug_id="diazepam", slots={"morning": "10", "night": "10"})
    page = post(prescriber, patient, method=f"preset:{name}", interval_days="")
    assert page.status_code == 200, page.context["form"].errors
    assert page.context["preview"]["steps"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"percent": "7,5"}, "percent"),
        ({"percent": "١٠"}, "percent"),
        ({"percent": ""}, "percent"),
        ({"percent": "150"}, "percent"),
        ({"goal_mg": "0,5"}, "goal_mg"),
        ({"goal_mg": "20"}, "goal_mg"),
        ({"interval_days": "3"}, "interval_days"),
        ({"start_on": "tomorrow"}, "start_on"),
        ({"start_on": "2020-01-01"}, "start_on"),
        ({"start_on": "2190-01-01"}, "start_on"),
        ({"method": "fixed_mg", "mg": "0.333"}, "mg"),
        ({"method": "custom", "daily_mg": "1,75 1.5"}, "daily_mg"),
        ({"method": "custom", "daily_mg": "17.5 1.5"}, "daily_mg"),
        ({"method": "custom", "daily_mg": "1.5 1.75"}, "daily_mg"),
        ({"method": "switch", "to_drug": "diazepam"}, "source"),
        (SWITCH | {"to_drug": ""}, "to_drug"),
        (SWITCH | {"to_drug": "clonazepam"}, "to_drug"),
        ({"method": "preset:ashton"}, "method"),
        *(({"percent": typed}, "percent") for typed in NOT_A_NUMBER),
        *(({"goal_mg": typed}, "goal_mg") for typed in NOT_A_NUMBER),
        *(({"method": "fixed_mg", "mg": typed}, "mg") for typed in NOT_A_NUMBER),
        *(({"method": "custom", "daily_mg": typed}, "daily_mg") for typed in NOT_A_NUMBER),
    ],
)
def test_a_wrong_value_is_told_at_its_field_and_kept(patient, prescriber, changes, field) -> None:
    page = post(prescriber, patient, "save", **changes)
    assert page.status_code == 422
    form = page.context["form"]
    assert form.errors[field]
    for name, value in changes.items():
        assert form[name].value() == value
    assert not TaperPlan.objects.exists()


def test_a_switch_has_no_source_by_default(patient, prescriber) -> None:
    page = signed_in(prescriber).get(reverse("tapers:create", args=[patient.pk]))
    assert not page.context["form"]["source"].value()


def test_the_present_dose_is_shown_by_every_source(patient, prescriber) -> None:
    page = signed_in(prescriber).get(reverse("tapers:create", args=[patient.pk]))
    table = page.context["equivalents"]
    assert [row.source for row in table.rows if not row.may_choose] == ["NHS Scotland", "ClinCalc"]
    assert (len(table.rows), table.spread) == (5, "5 to 40 mg")
    assert "the sources disagree" in page.text


def test_the_preview_is_live_and_nothing_is_evaluated(patient, prescriber) -> None:
    page = signed_in(prescriber).get(reverse("tapers:create", args=[patient.pk]))
    assert "htmx-2.min.js" in page.text
    assert '"allowEval":false' in page.text
    assert "unsafe" not in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize("button", ["save", "preview", "keep", "swap", "drop", "edit"])
@pytest.mark.parametrize("is_aside", [False, True])
def test_a_typed_dose_survives_every_button(patient, prescriber, button, is_aside) -> None:
    kept = {f"a-{name}": value for name, value in BASE.items()} if is_aside else {}
    before = post(prescriber, patient, goal_mg="1", percent="5", **kept)
    low = {f"edit_{n}": "1.25" for n in before.context["shown"].editable if n > 2}
    # The method above was changed too: the typed doses go first, with the table's own days.
    more = {"goal_mg": "1", "percent": "7", "interval_days": "28"}
    page = post(prescriber, patient, button, **seen(before, edit_2="1.5", **low), **more)
    assert page.status_code == (422 if button == "save" else 200)
    assert not TaperPlan.objects.exists(), "nobody has seen these steps yet"
    has_moved = button == "swap" and is_aside
    typed = page.context["other"].form if has_moved else page.context["form"]
    assert typed["daily_mg"].value().split()[:2] == ["1.5", "1.25"]
    assert (typed["method"].value(), typed["interval_days"].value()) == ("custom", "14")
    shown = page.context["other"] if has_moved else page.context["shown"]
    assert [row.dose for row in shown.rows[1:3]] == ["1.5", "1.25"]
    assert "The doses typed in the table are used" in page.text
    dropped = post(prescriber, patient, "untype", **seen(before, edit_2="1.5", **low), **more)
    assert dropped.context["form"]["method"].value() == "percent_of_current"


def test_doses_of_one_drug_are_never_read_as_anothers(patient, prescriber) -> None:
    before = post(prescriber, patient, goal_mg="1", percent="5")
    all_of_them = {f"edit_{number}": "1.5" for number in before.context["shown"].editable}
    page = post(prescriber, patient, "save", **seen(before, **all_of_them), **SWITCH)
    assert page.context["form"]["method"].value() == "custom"
    assert page.context["form"].engine_request()["drug"] == "clonazepam"


def test_only_what_was_seen_is_saved(patient, prescriber, lead) -> None:
    unseen = post(prescriber, patient, "save")
    assert unseen.status_code == 422
    assert "nothing is saved unseen" in unseen.text
    assert unseen.context["preview"]
    page = post(prescriber, patient)
    update_slots(patient, morning="0.5")
    refused = post(prescriber, patient, "save", **seen(page))
    assert refused.status_code == 422
    assert "not the steps you saw" in refused.text
    assert not TaperPlan.objects.exists()
    assert post(prescriber, patient, "save", **seen(refused)).status_code == 302
    assert TaperPlan.objects.get().latest.steps.first().daily_mg == Decimal("1.5")


def update_slots(patient, **slots):
    Medication.objects.filter(patient=patient).update(
        **{f"{slot}_mg": Decimal(mg) for slot, mg in slots.items()}
    )


def test_a_plan_is_saved_with_the_reason_that_was_typed(patient, prescriber) -> None:
    page = post(prescriber, patient)
    silent = post(prescriber, patient, "save", **seen(page), reason=" ")
    assert silent.status_code == 422
    assert "Say why" in silent.context["form"].errors["reason"][0]
    post(prescriber, patient, "save", **seen(page))
    assert TaperPlan.objects.get().latest.reason == "Wishes to sleep without it."


def test_a_draft_is_made_again_and_keeps_its_history(patient, prescriber, lead) -> None:
    save(prescriber, patient, **SWITCH | {"goal_mg": "20"})
    plan = TaperPlan.objects.get()
    url, client = reverse("tapers:edit", args=[plan.pk]), signed_in(prescriber)
    page = client.get(url)
    assert [row.dose for row in page.context["shown"].rows][-1] == "20 mg diazepam"
    typed = {name: page.context["form"][name].value() for name in page.context["form"].fields}
    typed |= {"goal_mg": "10", "reason": "Wants to go lower."}
    page = client.post(url, typed | {"preview": "1"})
    done = client.post(url, typed | seen(page) | {"save": "1"})
    assert done.status_code == 302, done.context["form"].errors
    assert [version.number for version in plan.versions.all()] == [1, 2]
    assert plan.latest.reason == "Wants to go lower."
    # A colleague who had version 1 open does not overwrite it.
    late = signed_in(lead).post(url, typed | seen(page) | {"save": "1", "reason": "Other."})
    assert late.status_code == 409
    assert "What" in late.text
    assert late.context["form"]["reason"].value() == "Other."
    assert late.context["form"]["based_on"].value() == "2"


def test_a_signed_draft_is_not_made_again_but_put_away(patient, prescriber, lead) -> None:
    plan = make_plan(patient, prescriber.user, goal_mg="0")
    sign(plan, prescriber.user, breach_reason="His wish.")
    client = signed_in(lead)
    page = client.get(reverse("tapers:edit", args=[plan.pk]), follow=True)
    assert "has signed this draft" in page.text
    url = reverse("tapers:discard", args=[plan.pk])
    assert client.post(url, {"reason": ""}).status_code == 422
    client.post(url, {"reason": "Too fast for him."})
    plan.refresh_from_db()
    assert (plan.status, plan.left_reason) == ("discarded", "Too fast for him.")
    with pytest.raises(ActivationError, match="put away already"):
        sign_too(plan, lead.user)


@pytest.mark.parametrize("act", ["edit", "discard"])
def test_a_draft_is_changed_whole_or_not_at_all_and_once(
    patient, prescriber, monkeypatch, act
) -> None:
    plan = make_plan(patient, prescriber.user)
    request = plan.latest.request | {"goal_mg": "1.5"}
    steps = steps_hash(plan_to_json(build_plan(parse_request(request))))
    asked = {"plan": plan, "reason": "Her wish.", "by": prescriber.user, "now": NOW}

    def go():
        if act == "discard":
            return discard_draft(**asked)
        return edit_draft(request=request, seen=steps, based_on=1, **asked)

    with monkeypatch.context() as patch:
        patch.setattr("apps.tapers.actions_drafts.record", failing)
        with pytest.raises(IntegrityError), transaction.atomic():
            go()
    plan.refresh_from_db()
    assert (plan.status, plan.versions.count()) == ("draft", 1)
    go()
    go()
    plan.refresh_from_db()
    assert (plan.status, plan.versions.count()) == (
        ("discarded", 1) if act == "discard" else ("draft", 2)
    )
    assert AuditEvent.objects.filter(event__startswith="plan.draft_").count() == 1


def failing(*args, **kwargs):
    raise IntegrityError("forced")


def test_a_single_step_is_typed_over_and_checked_again(patient, prescriber) -> None:
    before = post(prescriber, patient, goal_mg="1", percent="5")
    assert not before.context["shown"].needs_second
    page = post(prescriber, patient, "edit", goal_mg="1", percent="5", **seen(before, edit_3="1"))
    shown, old = page.context["shown"], before.context["shown"]
    assert page.status_code == 422
    assert "above the 1 mg before it" in page.context["form"].errors["daily_mg"][0]
    assert page.context["form"]["daily_mg"].value().split()[1] == "1"
    rest = {f"edit_{row.number}": "1" for row in old.rows if row.number > 3}
    page = post(prescriber, patient, "edit", goal_mg="1", **seen(before, edit_3="1", **rest))
    shown = page.context["shown"]
    assert page.status_code == 200, page.context["form"].errors
    assert page.context["form"]["method"].value() == "custom"
    assert [row.dose for row in shown.rows[:3]] == [old.rows[0].dose, old.rows[1].dose, "1"]
    assert shown.needs_second
    assert "too fast" in page.text


def test_untouched_steps_stay_what_they_were(patient, prescriber) -> None:
    before = post(prescriber, patient, goal_mg="1", percent="5", interval_days="21")
    page = post(prescriber, patient, "edit", **seen(before))
    was, now = before.context["shown"].rows, page.context["shown"].rows
    assert [(r.start_on, r.dose) for r in now] == [(r.start_on, r.dose) for r in was]


def test_a_blank_step_is_refused_and_not_skipped(patient, prescriber) -> None:
    before = post(prescriber, patient, goal_mg="1")
    page = post(prescriber, patient, "edit", **seen(before, edit_4=""))
    assert page.status_code == 422
    assert "A step has no dose." in page.context["form"].errors["daily_mg"][0]


@pytest.mark.parametrize("typed", ["1,75", "١", "17.5", "-1", "1e1"])
def test_a_slip_in_the_table_is_told_by_its_place(patient, prescriber, typed) -> None:
    before = post(prescriber, patient, goal_mg="1")
    page = post(prescriber, patient, "edit", **seen(before, edit_3=typed))
    assert page.status_code == 422
    assert "ose" in page.context["form"].errors["daily_mg"][0]
    assert not TaperPlan.objects.exists()


def test_after_a_switch_the_new_drugs_steps_may_be_typed_over(patient, prescriber) -> None:
    before = post(prescriber, patient, goal_mg="20", **SWITCH)
    editable = before.context["shown"].editable
    rows = before.context["shown"].rows
    assert {tuple(row.by_drug) for row in rows if row.number in editable} == {("diazepam",)}
    page = post(prescriber, patient, "edit", **SWITCH, **seen(before))
    assert page.status_code == 200, page.context["form"].errors
    assert page.context["form"]["method"].value() == "switch"
    assert page.context["form"]["then"].value() == "custom"
    assert [r.dose for r in page.context["shown"].rows] == [r.dose for r in rows]


def test_two_plans_stand_side_by_side_and_both_keep_what_was_typed(patient, prescriber) -> None:
    first = post(prescriber, patient, "keep", percent="5", goal_mg="1")
    assert first.context["other"].preview
    kept = {f"a-{name}": value for name, value in BASE.items()} | {
        "a-percent": "5", "a-goal_mg": "1",
    }  # fmt: skip
    for name, value in kept.items():
        assert f'name="{name}"' in first.text, name
        assert first.context["other"].form[name[2:]].value() == value
    page = post(prescriber, patient, method="fixed_mg", mg="0.25", goal_mg="1", **kept)
    assert page.context["other"].form["percent"].value() == "5"
    assert page.context["form"]["mg"].value() == "0.25"
    facts = (dict(page.context["other"].facts), dict(page.context["shown"].facts))
    assert facts[0]["Method"] == "5 % of the current dose every 14 days, to 1 mg a day"
    assert facts[1]["Method"] == "0.25 mg every 14 days, to 1 mg a day"
    assert all(chart.other for chart in page.context["charts"])
    assert any(row.is_changed for row in page.context["compared"])


def test_a_wrong_value_in_the_second_plan_keeps_the_first(patient, prescriber) -> None:
    kept = {f"a-{name}": value for name, value in BASE.items()}
    page = post(prescriber, patient, "save", percent="7,5", **kept)
    assert page.status_code == 422
    assert page.context["other"].preview
    assert page.context["form"]["percent"].value() == "7,5"
    assert 'name="a-percent"' in page.text


@pytest.mark.parametrize(("button", "percent"), [("choose_aside", "5"), ("save", "8")])
def test_either_of_two_plans_is_chosen(patient, prescriber, button, percent) -> None:
    kept = {f"a-{name}": value for name, value in BASE.items()} | {"a-percent": "5"}
    assert save(prescriber, patient, button, percent="8", **kept).status_code == 302
    assert TaperPlan.objects.get().version.request["method"]["percent"] == percent


def test_two_plans_swap_and_one_is_dropped(patient, prescriber) -> None:
    kept = {f"a-{name}": value for name, value in BASE.items()} | {"a-percent": "5"}
    page = post(prescriber, patient, "swap", percent="8", **kept)
    assert page.context["form"]["percent"].value() == "5"
    assert page.context["other"].form["percent"].value() == "8"
    assert post(prescriber, patient, "drop", **kept).context["other"] is None


def test_a_live_preview_is_only_the_panel(patient, prescriber) -> None:
    url = reverse("tapers:create", args=[patient.pk])
    page = signed_in(prescriber).post(url, BASE, headers={"HX-Request": "true"})
    assert page.text.lstrip().startswith('<section class="panel')
    assert "<html" not in page.text
    assert "10 % of the current dose every 14 days, to 0 mg a day" in page.text


def test_two_drugs_are_drawn_and_said_apart(patient, prescriber) -> None:
    page = post(prescriber, patient, **SWITCH)
    assert [chart.drug_id for chart in page.context["charts"]] == ["clonazepam", "diazepam"]
    both = [row for row in page.context["shown"].rows if len(row.by_drug) == 2]
    assert both
    assert {row.dose for row in both} == {"1 mg clonazepam + 20 mg diazepam"}
    # Clonazepam 1 mg is 10 mg diazepam by VA/DoD and 20 by Ashton; with the 20 taken as such.
    assert both[0].equivalents == [("VA/DoD", "30"), ("Ashton", "40")]


def test_each_step_says_its_equivalent_by_every_source(patient, prescriber) -> None:
    page = post(prescriber, patient)
    assert page.context["shown"].rows[0].equivalents == [("VA/DoD", "20"), ("Ashton", "40")]


def test_findings_stand_at_the_step_they_concern_and_many_are_said_once(
    patient, prescriber
) -> None:
    page = post(prescriber, patient)
    rows, findings = page.context["shown"].rows, page.context["preview"]["findings"]
    found = [(row.number, item["step"]) for row in rows for item in row.findings]
    assert all(row == step for row, step in found)
    faster = [item["step"] for item in findings if item["rule"] == "ASAM-08"]
    assert len(faster) >= 3
    assert page.text.count("above the usual 10 %.") == 1
    assert {row.number for row in rows if row.verdict == "warn"} == set(faster)
    # Said once above, and in a few words at each step it concerns.
    assert {row.number for row in rows if row.brief} == set(faster)
    assert page.text.count("above the usual 10 % (ASAM-08)") == len(faster)
    marks = {(mark.number, mark.verdict) for mark in page.context["charts"][0].marks}
    assert marks == {(r.number, r.verdict) for r in rows if r.verdict in ("warn", "block")}
    facts = dict(page.context["shown"].facts)
    assert rows[-1].cut_pct == "100 %" != facts["Largest cut above 0 mg"]
    first = next(row for row in rows if row.verdict == "block")
    assert facts["Too fast at"].startswith(f"step {first.number}, {first.start}")
    blocked = {item["step"] for item in findings if item["level"] == "block"}
    assert blocked == {row.number for row in rows if row.verdict == "block"}
    assert blocked <= {step for _, step in found}, "what stops a plan is never folded away"


def test_numbers_of_steps_are_said_as_people_do() -> None:
    assert steps_words([3, 4, 5, 9]) == "steps 3 to 5 and 9"
    assert steps_words([1, 3, 4, 8]) == "steps 1, 3 to 4 and 8"
    assert steps_words([2, 3, 4]) == "steps 2 to 4"
