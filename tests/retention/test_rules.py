"""When a record's years are over."""

from datetime import date

import pytest

from apps.retention.rules import SHORTEST_YEARS, Kind, birthday, due_on, kind_of

YEARS = {Kind.ADULT: 10, Kind.MINOR: 7, Kind.DECEASED: 8}
DAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("born_on", "deceased", "kind"),
    [
        (date(1980, 1, 1), False, Kind.ADULT),
        (date(2008, 11, 23), False, Kind.ADULT),  # 18 on that very day
        (date(2008, 11, 24), False, Kind.MINOR),
        (date(2015, 1, 1), True, Kind.DECEASED),
    ],
)
def test_the_kind_of_a_record(born_on: date, deceased: bool, kind: Kind) -> None:
    assert kind_of(born_on=born_on, last_on=DAY, deceased=deceased) is kind


@pytest.mark.parametrize(
    ("kind", "born_on", "last_on", "due"),
    [
        (Kind.ADULT, date(1980, 1, 1), DAY, date(2036, 11, 23)),
        (Kind.ADULT, date(1980, 1, 1), date(2028, 2, 29), date(2038, 3, 1)),
        (Kind.DECEASED, date(1980, 1, 1), DAY, date(2034, 11, 23)),
        # A child of eleven: 18 in 2033, and seven years more.
        (Kind.MINOR, date(2015, 5, 5), DAY, date(2040, 5, 5)),
        # Seventeen: the adult's ten years are longer than seven after the birthday.
        (Kind.MINOR, date(2009, 5, 5), DAY, date(2036, 11, 23)),
    ],
)
def test_the_day_from_which_a_record_may_go(kind, born_on, last_on, due) -> None:
    assert due_on(kind=kind, born_on=born_on, last_on=last_on, years=YEARS) == due


def test_the_least_years_keep_no_record_shorter_than_the_laws_they_name() -> None:
    for born_on, last_on in ((date(1970, 2, 28), DAY), (date(2012, 2, 29), date(2020, 1, 1))):
        for deceased in (False, True):
            kind = kind_of(born_on=born_on, last_on=last_on, deceased=deceased)
            due = due_on(kind=kind, born_on=born_on, last_on=last_on, years=SHORTEST_YEARS)
            assert due >= birthday(last_on, 8)
            assert deceased or due >= birthday(born_on, 25)
