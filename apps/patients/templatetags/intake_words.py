"""Filters of the intake pages: values to words. Pure: no database, no request."""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from django import template

from apps.clinical.doses import plain
from apps.clinical.risk import tier_from_factors
from apps.patients.intake_words import months_words
from apps.patients.intake_words import regularity as regularity_words
from apps.patients.models import Medication

register = template.Library()


@register.filter
def months(count: int) -> str:
    """Return a number of months as people say it."""
    return months_words(count)


@register.filter
def regularity(medication: Medication) -> str:
    """Return how regularly it is taken, inside a sentence."""
    words = regularity_words(medication)
    return words[0].lower() + words[1:]


@register.filter
def diazepam_mg(value: Fraction) -> str:
    """Return milligrams of diazepam with one decimal at most."""
    return plain(round(Decimal(value.numerator) / value.denominator, 1))


@register.filter
def factor_notes(factors: Iterable[str]) -> str:
    """Return what risk factors say in words."""
    return "; ".join(reason.note for reason in tier_from_factors(factors).reasons)
