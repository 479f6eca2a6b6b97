"""Totals of the check-in scores and the questionnaires.

The daily withdrawal score is ours and not validated; it has no published
cut-off. Source of every range and band: instruments.md sections 2 to 6.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from apps.clinical.errors import ClinicalError

DWS_KEYS = (
    "s_anx",
    "s_restless",
    "s_shaky",
    "s_sweat",
    "s_stomach",
    "s_jerks",
    "s_senses",
    "s_fog",
    "s_mood",
    "s_sleep",
)
DWS_ITEM_MAX = 4
PHQ9_KEYS = tuple(f"phq9_{number}" for number in range(1, 10))
GAD7_KEYS = tuple(f"gad7_{number}" for number in range(1, 8))
ASQ_KEYS = tuple(f"asq_{number}" for number in range(1, 5))
ASQ_NOW_KEY = "asq_5"
BASELINE_MIN_CHECKINS = 3

PHQ9_BANDS = (
    (4, "minimal"),
    (9, "mild"),
    (14, "moderate"),
    (19, "moderately_severe"),
    (27, "severe"),
)
GAD7_BANDS = ((4, "minimal"), (9, "mild"), (14, "moderate"), (21, "severe"))

# Concept labels only: the wording of the CIWA-B is not free to embed.
CIWA_B_CONCEPTS = (
    "irritable",
    "fatigued",
    "tense",
    "concentration",
    "appetite",
    "numbness or burning",
    "palpitations",
    "head full or achy",
    "muscle aches or stiffness",
    "anxious or jittery",
    "upset",
    "restful sleep",
    "weak",
    "enough sleep",
    "visual disturbance",
    "fearful",
    "worry about misfortunes",
    "restlessness and agitation (observed)",
    "tremor (observed)",
    "sweating (observed)",
)
CIWA_B_REVERSED = frozenset({12, 14})
CIWA_B_ITEM_MAX = 4
# Other band tables are in print, so the version is stored beside each total.
CIWA_B_BAND_TABLES: Mapping[str, tuple[tuple[int, str], ...]] = {
    "form-1": ((0, "none"), (20, "mild"), (40, "moderate"), (60, "severe"), (80, "very_severe")),
}
CIWA_B_BANDS_DEFAULT = "form-1"


class ScoreError(ClinicalError):
    """An item score outside the range its instrument allows."""


@dataclass(frozen=True, slots=True)
class Score:
    """A total with its band. ``complete`` is False while an item is missing.

    An incomplete total is the sum of the answered items, so the true total is
    that or more; it carries no band.
    """

    total: int
    complete: bool
    band: str | None


@dataclass(frozen=True, slots=True)
class AsqResult:
    """Result of the ASQ: ``positive`` any yes to 1-4, ``acute`` yes to 5.

    None means not enough was answered to tell.
    """

    positive: bool | None
    acute: bool | None


@dataclass(frozen=True, slots=True)
class CiwaBScore:
    """A CIWA-B total (0-80) and the band table version it was read with."""

    total: int
    band: str
    band_table: str


def dws(answers: Mapping[str, object]) -> Score | None:
    """Return the daily withdrawal score (0-40), or None if nothing was answered.

    The sum of the ten 0-4 symptom answers. Not validated: no band exists.
    Source: instruments.md section 4.
    """
    return _total(answers, DWS_KEYS, DWS_ITEM_MAX, ())


def phq9(answers: Mapping[str, object]) -> Score | None:
    """Return the PHQ-9 total (0-27) and band, or None if nothing was answered.

    Source: Kroenke 2001, by way of instruments.md section 3.
    """
    return _total(answers, PHQ9_KEYS, 3, PHQ9_BANDS)


def gad7(answers: Mapping[str, object]) -> Score | None:
    """Return the GAD-7 total (0-21) and band, or None if nothing was answered.

    Source: Spitzer 2006, by way of instruments.md section 3.
    """
    return _total(answers, GAD7_KEYS, 3, GAD7_BANDS)


def asq(answers: Mapping[str, object]) -> AsqResult:
    """Return whether the ASQ is positive and whether it is acute.

    One yes to questions 1-4 is positive even if others are unanswered; "not
    positive" needs all four answered. Source: NIMH ASQ toolkit.
    """
    first_four = [answers.get(key) for key in ASQ_KEYS]
    positive: bool | None = None
    if any(answer is True for answer in first_four):
        positive = True
    elif all(answer is False for answer in first_four):
        positive = False
    now = answers.get(ASQ_NOW_KEY)
    return AsqResult(positive=positive, acute=now if isinstance(now, bool) else None)


def ciwa_b(items: Sequence[int], band_table: str = CIWA_B_BANDS_DEFAULT) -> CiwaBScore:
    """Return the CIWA-B total of 20 clinician-entered anchors (0-4 each).

    Items 12 and 14 (sleep) run the other way: their best anchor, 4, scores 0.
    Not validated for choosing a dose. A wrong count, an anchor outside 0-4 or
    an unknown band table raises ``ScoreError``. Source: instruments.md section 2.
    """
    if len(items) != len(CIWA_B_CONCEPTS):
        raise ScoreError(f"The CIWA-B has {len(CIWA_B_CONCEPTS)} scored items, not {len(items)}.")
    if band_table not in CIWA_B_BAND_TABLES:
        raise ScoreError(f"There is no CIWA-B band table {band_table!r}.")
    total = 0
    for number, anchor in enumerate(items, start=1):
        value = _item_score(f"CIWA-B item {number}", anchor, CIWA_B_ITEM_MAX)
        total += CIWA_B_ITEM_MAX - value if number in CIWA_B_REVERSED else value
    return CiwaBScore(total, _band(total, CIWA_B_BAND_TABLES[band_table]), band_table)


def baseline(scores: Iterable[int | None]) -> Decimal | None:
    """Return the median score of the 7 days before a step, or None.

    Takes the complete scores of those check-ins; fewer than three give no
    baseline, and the rules that compare with it cannot fire. Source:
    instruments.md section 6.
    """
    known = sorted(score for score in scores if score is not None)
    if len(known) < BASELINE_MIN_CHECKINS:
        return None
    return Decimal(str(median(known)))


def items_at(answers: Mapping[str, object], level: int) -> int | None:
    """Return how many of the ten symptom answers equal ``level``.

    None if no symptom was answered at all.
    """
    values = _answered(answers, DWS_KEYS, DWS_ITEM_MAX)
    return sum(value == level for value in values) if values else None


def _total(
    answers: Mapping[str, object],
    keys: Sequence[str],
    item_max: int,
    bands: tuple[tuple[int, str], ...],
) -> Score | None:
    values = _answered(answers, keys, item_max)
    if not values:
        return None
    total = sum(values)
    complete = len(values) == len(keys)
    return Score(total, complete, _band(total, bands) if bands and complete else None)


def _answered(answers: Mapping[str, object], keys: Sequence[str], item_max: int) -> list[int]:
    found = ((key, answers.get(key)) for key in keys)
    return [_item_score(key, value, item_max) for key, value in found if value is not None]


def _item_score(name: str, value: object, item_max: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= item_max:
        return value
    raise ScoreError(f"{name} must be a whole number from 0 to {item_max}, not {value!r}.")


def _band(total: int, bands: tuple[tuple[int, str], ...]) -> str:
    return next(name for limit, name in bands if total <= limit)
