"""The ways to taper: what dose each method asks for next.

A method answers one question, the next dose from the present one, in exact
fractions. What can be handed out, and whether the pace is legal, is decided
elsewhere; so the same method works after a hold, a step back or a new goal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from functools import lru_cache
from types import MappingProxyType

from apps.clinical.errors import RequestError
from apps.clinical.typed_values import check_above_zero, check_falling, check_percent

# Maudsley 2024, ch. 3: occupancy % = 100 * D / (D + 24.7), D in mg diazepam a day
# (guideline, section E2; fitted to the printed tables within 24.695 to 24.704).
ED50_DIAZEPAM_MG = Fraction(247, 10)
# C-01: the final jump to nothing is allowed from 1 mg diazepam-equivalent or less.
FINAL_JUMP_DZE_MG = Fraction(1)
# ASH-04: near the end 0.5 mg steps are enough; do not prolong by crumbs.
CRUMB_FROM_DZE_MG = Fraction(5)
CRUMB_STEP_DZE_MG = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a taper stands: exact milligrams a day now and at the method's start.

    ``asked_mg`` is what was asked for last, which rounding may have missed; the
    dose now where nothing was. ``goal_mg`` is where the plan ends. ``dze_per_mg``
    turns milligrams into the highest diazepam equivalent; None for a drug that
    must not be converted. ``points`` are the doses of a method that follows a
    list, worked out once by ``points_of`` for a whole plan.
    """

    current_mg: Fraction
    asked_mg: Fraction
    start_mg: Fraction
    goal_mg: Fraction
    dze_per_mg: Fraction | None
    points: tuple[Fraction, ...] = ()


@dataclass(frozen=True, slots=True)
class PercentOfCurrent:
    """Cut a share of the present dose each time (ASAM-08, NICE-02): cuts shrink as the dose does.

    Below 5 mg diazepam-equivalent no cut is smaller than 0.5 mg (ASH-04), and
    from 1 mg the next step is the goal (C-01), or the taper would never end.
    """

    percent: Decimal

    def __post_init__(self) -> None:
        """Refuse, with RequestError, a share that is none."""
        check_percent(self.percent)

    def next_mg(self, at: Position) -> Fraction:
        """Return the present dose less its share, in exact milligrams a day.

        From 1 mg diazepam-equivalent it is the goal (C-01); up to 5 mg no cut is
        smaller than 0.5 mg (ASH-04). May lie below the goal.
        """
        cut = at.current_mg * _share(self.percent)
        if at.dze_per_mg is not None:
            current_dze = at.current_mg * at.dze_per_mg
            if current_dze <= FINAL_JUMP_DZE_MG:
                return at.goal_mg
            if current_dze <= CRUMB_FROM_DZE_MG:
                cut = max(cut, CRUMB_STEP_DZE_MG / at.dze_per_mg)
        return at.current_mg - cut


@dataclass(frozen=True, slots=True)
class PercentOfStart:
    """Cut the same share of the starting dose each time: equal cuts."""

    percent: Decimal

    def __post_init__(self) -> None:
        """Refuse, with RequestError, a share that is none."""
        check_percent(self.percent)

    def next_mg(self, at: Position) -> Fraction:
        """Return the present dose less its share of the start, in exact milligrams a day.

        May lie below the goal or below zero, where the plan ends.
        """
        return at.current_mg - at.start_mg * _share(self.percent)


@dataclass(frozen=True, slots=True)
class FixedMg:
    """Cut the same number of milligrams each time."""

    mg: Decimal

    def __post_init__(self) -> None:
        """Refuse, with RequestError, a cut that lowers nothing."""
        check_above_zero("mg", self.mg, "milligrams")

    def next_mg(self, at: Position) -> Fraction:
        """Return the present dose less ``mg``, in exact milligrams a day.

        May lie below the goal or below zero, where the plan ends.
        """
        return at.current_mg - Fraction(self.mg)


@dataclass(frozen=True, slots=True)
class Hyperbolic:
    """Cut equal shares of receptor occupancy, in so many steps to the goal (MAU-01).

    Late cuts are small in milligrams. Drugs other than diazepam go through the
    highest diazepam equivalent, which makes late steps smaller rather than
    larger [proposal].
    """

    steps: int

    def __post_init__(self) -> None:
        """Refuse, with RequestError, a number of steps that reaches no goal."""
        check_above_zero("steps", self.steps, "a whole number")

    def next_mg(self, at: Position) -> Fraction:
        """Return the next of its points below the present dose, in exact milligrams a day (MAU-01).

        Raises RequestError for a drug without a diazepam equivalent.
        """
        return _first_below(at, at.points or self.points(at))

    def points(self, at: Position) -> tuple[Fraction, ...]:
        """Return every dose from start to goal; raises RequestError without an equivalent."""
        per_mg = _needs_equivalent(at)
        start, goal = occupancy(at.start_mg * per_mg), occupancy(at.goal_mg * per_mg)
        # dose_for_occupancy over a common denominator: in fractions one by one these
        # points would cost more than the rest of the plan.
        whole = start.denominator * goal.denominator * self.steps
        top = start.numerator * goal.denominator * self.steps
        fall = start.numerator * goal.denominator - goal.numerator * start.denominator
        scale = ED50_DIAZEPAM_MG / per_mg
        points = []
        for step in range(1, self.steps + 1):
            share = top - fall * step
            points.append(
                Fraction(scale.numerator * share, scale.denominator * (100 * whole - share))
            )
        return tuple(points)


@dataclass(frozen=True, slots=True)
class OccupancyPoints:
    """Cut so many points of occupancy each time (Maudsley regimens B and C)."""

    points: Fraction

    def next_mg(self, at: Position) -> Fraction:
        """Return the dose with ``points`` less occupancy, in exact milligrams a day; never under 0.

        Raises RequestError for a drug without a diazepam equivalent.
        """
        per_mg = _needs_equivalent(at)
        below = occupancy(at.current_mg * per_mg) - self.points
        return dose_for_occupancy(below) / per_mg if below > 0 else Fraction(0)


@dataclass(frozen=True, slots=True)
class DoseTable:
    """Follow a printed table of diazepam doses from wherever the patient stands in it."""

    doses_dze_mg: tuple[Decimal, ...]

    def next_mg(self, at: Position) -> Fraction:
        """Return the table's next dose below the present one, in exact milligrams of this drug.

        Raises RequestError for a drug without a diazepam equivalent.
        """
        return _first_below(at, at.points or self.points(at))

    def points(self, at: Position) -> tuple[Fraction, ...]:
        """Return the table's doses in this drug; raises RequestError without an equivalent."""
        per_mg = _needs_equivalent(at)
        return tuple(Fraction(dose) / per_mg for dose in self.doses_dze_mg)


@dataclass(frozen=True, slots=True)
class Band:
    """From above ``to_mg`` up to ``from_mg`` of diazepam a day, cut ``cut_mg`` each time."""

    from_mg: Decimal
    to_mg: Decimal
    cut_mg: Decimal


@dataclass(frozen=True, slots=True)
class Bands:
    """Cut by the band the present dose is in; only for diazepam, as the bands are printed.

    Above the highest band one tenth of the dose goes each time (ASH-01).
    """

    bands: tuple[Band, ...]

    def next_mg(self, at: Position) -> Fraction:
        """Return the present dose less the cut of its band, in exact milligrams a day.

        Above the highest band nine tenths of it (ASH-01).
        """
        for band in self.bands:
            if band.to_mg < at.current_mg <= band.from_mg:
                return at.current_mg - Fraction(band.cut_mg)
        return at.current_mg * 9 / 10


@dataclass(frozen=True, slots=True)
class Custom:
    """Follow the daily doses a prescriber typed, in milligrams, one per step.

    A dose equal to the one before is a hold of one interval. The list may begin
    with the present dose, which is then step 1.
    """

    daily_mg: tuple[Decimal, ...]

    def __post_init__(self) -> None:
        """Refuse, with RequestError, a list without a dose, below zero or with a rise."""
        check_falling(self.daily_mg)

    def next_mg(self, at: Position) -> Fraction:
        """Return the first typed dose below the present one, or the goal."""
        return _first_below(at, tuple(map(Fraction, self.daily_mg)))


@dataclass(frozen=True, slots=True)
class Switch:
    """Replace the drug by another, one time of day at a time, then taper that (ASH-02).

    ``source`` names whose equivalence is used and is kept with the plan; doses a
    person typed in ``to_slots`` go before it. ``swap_days`` lie between swaps.
    """

    to_drug: str
    source: str
    swap_days: int
    then: "Taper"
    to_slots: tuple[tuple[str, Decimal], ...] = ()


Taper = (
    PercentOfCurrent
    | PercentOfStart
    | FixedMg
    | Hyperbolic
    | OccupancyPoints
    | DoseTable
    | Bands
    | Custom
)
Method = Taper | Switch


@dataclass(frozen=True, slots=True)
class Preset:
    """A published way to taper: its method and the days between its steps."""

    name: str
    label: str
    method: Taper
    interval_days: int
    only_drug: str | None
    source: str


def points_of(method: Taper, at: Position) -> tuple[Fraction, ...]:
    """Return the doses of a method that follows a list; empty for any other.

    Raises RequestError where the method needs an equivalent and there is none.
    """
    return method.points(at) if isinstance(method, Hyperbolic | DoseTable) else ()


def occupancy(diazepam_mg: Fraction) -> Fraction:
    """Return receptor occupancy in percent for a daily dose of diazepam in milligrams.

    A shape for making late steps small, not a measured quantity: see the doubt
    in section E2 of the guideline file. Source: Maudsley 2024, ch. 3, fitted.
    """
    return 100 * diazepam_mg / (diazepam_mg + ED50_DIAZEPAM_MG)


def dose_for_occupancy(percent: Fraction) -> Fraction:
    """Return the daily milligrams of diazepam for an occupancy in percent, below 100."""
    return ED50_DIAZEPAM_MG * percent / (100 - percent)


def micro_taper(from_mg: Decimal, to_mg: Decimal, days: int) -> tuple[Decimal, Decimal]:
    """Return the cut per day, and per dose when taken twice daily, in milligrams.

    Rounded as the book prints them: the day to one decimal, and the dose as
    half of that to two (MAU-05, vector MA04). Needs a liquid.
    """
    per_day = ((from_mg - to_mg) / days).quantize(Decimal("0.1"), ROUND_HALF_EVEN)
    return per_day, (per_day / 2).quantize(Decimal("0.01"), ROUND_HALF_EVEN)


@lru_cache(maxsize=256)
def _share(percent: Decimal) -> Fraction:
    return Fraction(percent) / 100


def _needs_equivalent(at: Position) -> Fraction:
    if at.dze_per_mg is None:
        raise RequestError(
            "method: needs a diazepam equivalent, and this drug must not be converted."
        )
    return at.dze_per_mg


def _first_below(at: Position, doses: Sequence[Fraction]) -> Fraction:
    """Return the first of falling doses that is below the present one, or the goal.

    A dose already asked for is passed, so that one rounded up does not add a step.
    """
    # Whole numbers compare ten times faster than fractions, and this runs for every step.
    top, bottom = min(at.current_mg, at.asked_mg).as_integer_ratio()
    low, high = 0, len(doses)
    while low < high:
        middle = (low + high) // 2
        numerator, denominator = doses[middle].as_integer_ratio()
        if numerator * bottom < top * denominator:
            high = middle
        else:
            low = middle + 1
    return doses[low] if low < len(doses) else at.goal_mg


def _bands(*rows: tuple[str, str, str]) -> Bands:
    return Bands(tuple(Band(*map(Decimal, row)) for row in rows))


# MA01: Maudsley 2024, ch. 3, regimen A "faster", as transcribed.
_MAUDSLEY_A_HIGH = (60, 55, 50, 45, 40, 36, 32, 28, 24, 20, 18, 16, 14, 12, 10)
_MAUDSLEY_A_LOW = (8, 7, 6, 5, 4, 3, 2, 1, 0)
MAUDSLEY_A_MG = tuple(map(Decimal, _MAUDSLEY_A_HIGH + _MAUDSLEY_A_LOW))
# MAU-02 prints a largest step of 2.5 and 1.3 points, and 44 and 86 rows from 60 mg.
# The tables themselves are not in the sources at hand, so the fall from 60 mg is
# shared equally over the printed number of steps, which stays below both limits
# [proposal].
_FROM_60_MG = 100 * Fraction(60) / (60 + ED50_DIAZEPAM_MG)
MAUDSLEY_B_POINTS = _FROM_60_MG / 43
MAUDSLEY_C_POINTS = _FROM_60_MG / 85

# ASH-03: 2 mg a step from 40 to 20 mg, then 1 mg.
ASHTON_BANDS = _bands(("40", "20", "2"), ("20", "0", "1"))
# CKS-02 gives each band a range; one preset takes the small end, one the large.
CKS_BANDS = _bands(("40", "20", "2"), ("20", "10", "1"), ("10", "5", "1"), ("5", "0", "0.5"))
CKS_FASTER_BANDS = _bands(("40", "20", "4"), ("20", "10", "2"), ("10", "5", "1"), ("5", "0", "1"))

_CKS_SOURCE = "NICE CKS after Ashton (CKS-02)"
_MAUDSLEY = "Maudsley Deprescribing Guidelines 2024, ch. 3 (MAU-02)"
_TEN = PercentOfCurrent(Decimal(10))
_FIVE = PercentOfCurrent(Decimal(5))
PRESETS = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            Preset("asam_default", "ASAM, 10 % every 2 weeks", _TEN, 14, None, "ASAM-08, C-02"),
            Preset("asam_slow", "ASAM slow, 5 % every 4 weeks", _FIVE, 28, None, "ASAM-08, C-02"),
            Preset(
                "ashton", "Ashton", ASHTON_BANDS, 14, "diazepam", "Ashton Manual ch. II (ASH-03)"
            ),
            Preset("cks", "NICE CKS", CKS_BANDS, 14, "diazepam", _CKS_SOURCE),
            Preset("cks_faster", "NICE CKS, faster", CKS_FASTER_BANDS, 14, "diazepam", _CKS_SOURCE),
            Preset(
                "maudsley_a", "Maudsley A, faster", DoseTable(MAUDSLEY_A_MG), 14, None, _MAUDSLEY
            ),
            Preset(
                "maudsley_b",
                "Maudsley B, moderate",
                OccupancyPoints(MAUDSLEY_B_POINTS),
                14,
                None,
                _MAUDSLEY,
            ),
            Preset(
                "maudsley_c",
                "Maudsley C, slower",
                OccupancyPoints(MAUDSLEY_C_POINTS),
                14,
                None,
                _MAUDSLEY,
            ),
        )
    }
)
