"""The formulary: what the engine may use, and the one write that changes what is in stock."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.clinical.doses import plain
from apps.clinical.products import PART_NAMES, Form, Product, marketed_products
from apps.patients.models import Clinic
from apps.tapers.models import FormularyChange, FormularyItem

PART_TEXT: Final = {"whole": "1", "half": "1/2", "quarter": "1/4"}
OUT: Final = "not in stock"


class FormularyConflictError(ValueError):
    """Somebody else saved the formulary since it was opened; the text is for the reader."""


def stocked_products(clinic_id: UUID, drug_id: str) -> list[Product]:
    """Return a clinic's own products of a drug; none means that it has not said."""
    items = FormularyItem.objects.stocked().filter(clinic_id=clinic_id, drug_id=drug_id)
    return [item.product for item in items]


def engine_products(clinic_id: UUID, drug_ids: Iterable[str]) -> list[dict[str, str]]:
    """Return the products a plan may use, as the engine takes them; empty when nothing is stocked.

    A drug of which the clinic stocks nothing is given what is on sale: half a formulary
    must not make a switch impossible.
    """
    wanted = list(dict.fromkeys(drug_ids))
    own = {drug_id: stocked_products(clinic_id, drug_id) for drug_id in wanted}
    if not any(own.values()):
        return []
    return [
        as_json(product)
        for drug_id in wanted
        for product in own[drug_id] or marketed_products(drug_id)
    ]


def as_json(product: Product) -> dict[str, str]:
    """Return a product as a request of the engine takes it: strings, not floats."""
    return {
        "drug": product.drug_id,
        "strength_mg": plain(product.strength_mg),
        "form": product.form.value,
        "smallest_part": part_text(product),
    }


def product_of(listed: dict[str, str]) -> Product:
    """Return the product that `as_json` wrote down."""
    part = listed["smallest_part"].removesuffix(" mL")
    return Product(
        listed["drug"], Decimal(listed["strength_mg"]), Form(listed["form"]),
        Decimal(Fraction(part).numerator) / Fraction(part).denominator,
    )  # fmt: skip


def part_text(product: Product) -> str:
    """Return the smallest part as the engine takes it: 1, 1/2, 1/4 or millilitres."""
    if product.is_liquid:
        return f"{plain(product.smallest_part)} mL"
    return PART_TEXT[PART_NAMES[product.smallest_part]]


def part_words(product: Product) -> str:
    """Return the smallest part in words."""
    if product.is_liquid:
        return f"in stock, to {plain(product.smallest_part)} mL"
    return f"in stock, {PART_NAMES[product.smallest_part]}"


@transaction.atomic
def save_formulary(
    *, clinic: Clinic, stocked: Sequence[Product], based_on: int, by: User, now: datetime
) -> FormularyChange | None:
    """Make `stocked` what the clinic has; everything else is no longer in stock.

    Rows, history and audit row together or not at all; the same again changes nothing
    and returns None. Raises `FormularyConflictError` when somebody else saved since
    change number `based_on`.
    """
    Clinic.objects.select_for_update().get(pk=clinic.pk)
    before = {item.product.name: item for item in clinic.formulary.all()}
    changes = changes_of(before, stocked)
    if not changes:
        return None
    last = clinic.formulary_changes.first()
    if last is not None and last.number > based_on:
        raise FormularyConflictError(
            f"{last.saved_by or 'Somebody'} saved the formulary while you worked on it. What you "
            "ticked is still below; look at the history, then save again."
        )
    store(clinic, before, stocked)
    change = FormularyChange.objects.create(
        clinic=clinic, number=(last.number if last else 0) + 1, changes=changes, saved_at=now,
        saved_by=by,
    )  # fmt: skip
    record("formulary.changed", by=by, now=now, clinic_id=clinic.pk, obj=change,
           number=change.number, products=len(changes))  # fmt: skip
    return change


def changes_of(before: dict[str, FormularyItem], stocked: Sequence[Product]) -> list[list[str]]:
    """Return [product, before, after] in words for each product that differs."""
    was = {name: part_words(i.product) if i.is_stocked else OUT for name, i in before.items()}
    now = {product.name: part_words(product) for product in stocked}
    return [
        [name, was.get(name, OUT), now.get(name, OUT)]
        for name in dict.fromkeys([*was, *now])
        if was.get(name, OUT) != now.get(name, OUT)
    ]


def store(clinic: Clinic, before: dict[str, FormularyItem], stocked: Sequence[Product]) -> None:
    """Write the rows; part of the caller's transaction."""
    names = [product.name for product in stocked]
    gone = [item.pk for name, item in before.items() if name not in names]
    FormularyItem.objects.filter(pk__in=gone).update(is_stocked=False)
    for product in stocked:
        values: dict[str, Any] = {"smallest_part": product.smallest_part, "is_stocked": True}
        FormularyItem.objects.update_or_create(
            clinic=clinic, drug_id=product.drug_id, strength_mg=product.strength_mg,
            form=product.form.value, defaults=values,
        )  # fmt: skip
