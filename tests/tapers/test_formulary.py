"""The formulary: what is in stock, what may be split, and a builder that uses only that."""

from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.urls import reverse

from apps.audit.models import AuditEvent
from apps.clinical.products import Form, Product
from apps.tapers.formulary_actions import (
    FormularyConflictError,
    engine_products,
    save_formulary,
)
from apps.tapers.formulary_forms import FormularyForm
from apps.tapers.models import FormularyChange, FormularyItem, SlotPiece
from tests.conftest import signed_in
from tests.factories import NOW, today

pytestmark = pytest.mark.django_db

HALF_MG = Product("clonazepam", Decimal("0.5"), Form.TABLET, Decimal("0.5"))
LIQUID = Product("clonazepam", Decimal("0.1"), Form.LIQUID, Decimal("0.1"))


def save(clinic, member, *stocked, based_on=0):
    return save_formulary(
        clinic=clinic, stocked=stocked, based_on=based_on, by=member.user, now=NOW
    )


def test_a_saved_formulary_has_history_and_audit_row(clinic, lead) -> None:
    save(clinic, lead, HALF_MG)
    save(clinic, lead, LIQUID, based_on=1)
    last, first = FormularyChange.objects.all()
    assert first.changes == [["clonazepam 0.5 mg tablet", "not in stock", "in stock, half"]]
    assert last.changes == [
        ["clonazepam 0.5 mg tablet", "in stock, half", "not in stock"],
        ["clonazepam 0.1 mg/mL oral liquid", "not in stock", "in stock, to 0.1 mL"],
    ]
    assert AuditEvent.objects.filter(event="formulary.changed").count() == 2


def test_the_same_again_changes_nothing(clinic, lead) -> None:
    assert save(clinic, lead, HALF_MG) is not None
    assert save(clinic, lead, HALF_MG) is None


def test_a_formulary_is_saved_with_its_audit_row_or_not_at_all(clinic, lead, monkeypatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise IntegrityError("audit row refused")

    monkeypatch.setattr("apps.tapers.formulary_actions.record", refuse)
    with pytest.raises(IntegrityError), transaction.atomic():
        save(clinic, lead, HALF_MG)
    assert not FormularyItem.objects.exists()


def test_two_editors_see_each_other(clinic, lead, clinic_admin) -> None:
    save(clinic, lead, HALF_MG)
    with pytest.raises(FormularyConflictError, match=str(lead.user)):
        save(clinic, clinic_admin, LIQUID)


@pytest.mark.parametrize(
    "form", ["xr_tablet", "xr_capsule", "capsule", "film", "odt", "sublingual"]
)
def test_postgresql_refuses_to_split_what_is_never_split(clinic, form) -> None:
    with pytest.raises(IntegrityError, match="only_tablets_are_split"), transaction.atomic():
        FormularyItem.objects.create(
            clinic=clinic, drug_id="alprazolam_xr", strength_mg=1, form=form,
            smallest_part=Decimal("0.5"),
        )  # fmt: skip


def test_a_change_is_never_changed(clinic, lead) -> None:
    save(clinic, lead, HALF_MG)
    with pytest.raises(DatabaseError), transaction.atomic():
        FormularyChange.objects.update(number=9)


def test_an_empty_formulary_leaves_what_is_on_sale(clinic) -> None:
    assert engine_products(clinic.pk, ["clonazepam"]) == []


def test_a_drug_that_is_not_stocked_is_given_what_is_on_sale(clinic, lead) -> None:
    save(clinic, lead, HALF_MG)
    found = engine_products(clinic.pk, ["clonazepam", "diazepam"])
    assert [each["strength_mg"] for each in found if each["drug"] == "clonazepam"] == ["0.5"]
    assert len([each for each in found if each["drug"] == "diazepam"]) > 3


def test_a_clinics_formulary_is_its_own(clinic, other_clinic, lead) -> None:
    save(clinic, lead, HALF_MG)
    assert engine_products(other_clinic.pk, ["clonazepam"]) == []


def test_only_tablets_and_liquids_offer_parts(clinic) -> None:
    form = FormularyForm(clinic=clinic)
    parts = {p.name: [c[0] for c in form.fields[f"{key}_part"].choices]
             for key, p in form.products.items()}  # fmt: skip
    assert parts["clonazepam 0.5 mg tablet"] == ["1", "0.5", "0.25"]
    for name, choices in parts.items():
        if not name.endswith((" tablet", "liquid")) or "extended" in name or "disint" in name:
            assert choices == ["1"], name


def plan_sent() -> dict[str, str]:
    return {"start_on": "", "interval_days": "14", "goal_mg": "1", "method": "percent_of_current",
            "percent": "10"}  # fmt: skip


def test_the_builder_uses_the_stock_and_says_so(patient, prescriber, lead, clinic) -> None:

    client, path = signed_in(prescriber), reverse("tapers:create", args=[patient.pk])
    assert "every product on sale is used" in client.get(path).text
    save(clinic, lead, HALF_MG)
    assert "Only products this clinic stocks are used." in client.get(path).text
    sent = plan_sent() | {"start_on": today().isoformat(), "save": "1"}
    sent |= {"reason": "Wishes to."}
    seen = client.post(path, sent).context["shown"].seen
    assert client.post(path, sent | {"seen": seen}).status_code == 302
    assert set(SlotPiece.objects.values_list("product", flat=True)) == {"clonazepam 0.5 mg tablet"}


def test_an_admin_ticks_what_is_in_stock(clinic_admin, clinic) -> None:
    client, path = signed_in(clinic_admin), reverse("tapers:formulary_edit")
    form = client.get(path).context["form"]
    key = next(k for k, p in form.products.items() if p.name == "diazepam 5 mg tablet")
    sent = {"based_on": "0", f"{key}_stocked": "on", f"{key}_part": "0.5", "own_part": "1"}
    assert client.post(path, sent).status_code == 302
    page = client.get(reverse("tapers:formulary")).text
    assert "Diazepam 5 mg tablet" in page
    stale = client.post(path, {"based_on": "0", "own_part": "1"})
    assert stale.status_code == 422
    assert "saved the formulary while you worked" in stale.text


@pytest.mark.parametrize(
    ("own", "field"),
    [
        ({"own_drug": "clonazepam"}, "own_strength"),
        ({"own_drug": "clonazepam", "own_strength": "0,1", "own_form": "liquid"}, "own_strength"),
        ({"own_drug": "clonazepam", "own_strength": "0.1", "own_form": "odt", "own_part": "0.5"},
         "own_part"),
    ],
)  # fmt: skip
def test_a_product_that_cannot_exist_is_refused_beside_its_field(clinic_admin, own, field) -> None:
    sent = {"based_on": "0", "own_part": "1"} | own
    response = signed_in(clinic_admin).post(reverse("tapers:formulary_edit"), sent)
    assert response.status_code == 422
    assert response.context["form"].errors[field]


def test_a_compounded_liquid_is_added(clinic_admin, clinic) -> None:
    sent = {"based_on": "0", "own_drug": "clonazepam", "own_strength": "0.1",
            "own_form": "liquid", "own_part": "0.1"}  # fmt: skip
    client = signed_in(clinic_admin)
    assert client.post(reverse("tapers:formulary_edit"), sent).status_code == 302
    assert engine_products(clinic.pk, ["clonazepam"])[0]["smallest_part"] == "0.1 mL"
