"""A whole night in which nobody acts, also the nights on which the clocks change.

What `tests/faults` shows for some rungs with real processes killed in between, here for each.
"""

import random
from datetime import UTC, datetime, time, timedelta

import pytest

from apps.alerts.rota_actions import add_turns
from apps.alerts.sweep import sweep
from tests.alerts.clocks import MINUTE, SECOND
from tests.factories import make_alert, make_member, put_on_call

pytestmark = pytest.mark.django_db
SATURDAY = 5


def test_every_rung_of_a_night_is_climbed_on_its_minute(nurse, backup, lead, patient) -> None:
    opened = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
    for member, rung in ((nurse, "on_call"), (backup, "backup"), (lead, "lead")):
        put_on_call(member, rung, now=opened)
    alert, seeded = make_alert(patient, now=opened), random.Random(6)
    for rung in range(1, 12 * 12 + 1):
        due = opened + 5 * MINUTE * rung
        sweep(due - SECOND)
        sweep(due + 3 * SECOND * seeded.random())  # a sweep comes every three seconds
    first = {row.round: row for row in alert.deliveries.order_by("-created_at")}
    assert set(first) == {0, 1, 2, 3}  # who is still being tried gets no second message
    late = [row.created_at - opened - 5 * MINUTE * number for number, row in first.items()]
    assert all(timedelta() <= each < 5 * SECOND for each in late)
    alert.refresh_from_db()
    assert (alert.next_rung, alert.status) == (12 * 12 + 1, "open")
    assert abs(alert.next_rung_at - opened - 5 * MINUTE * (12 * 12 + 1)) < 5 * SECOND


@pytest.mark.parametrize(
    ("opened", "told"),
    [
        (datetime(2026, 11, 1, 5, 58, tzinfo=UTC), "late"),  # 1:58, and five minutes on it is 1:03
        (datetime(2026, 11, 1, 6, 58, tzinfo=UTC), "early"),  # 1:58 again, then 2:03
        (datetime(2027, 3, 14, 6, 53, tzinfo=UTC), "late"),  # 1:53, then 1:58
        (datetime(2027, 3, 14, 6, 58, tzinfo=UTC), "early"),  # 1:58, and five minutes on it is 3:03
    ],
)
def test_the_backup_is_whose_hours_those_are_when_the_clocks_change(
    clinic, nurse, patient, opened, told
) -> None:
    people = {name: make_member(clinic) for name in ("late", "early")}
    put_on_call(nurse, now=opened)
    hours = {"late": (SATURDAY, time(20), time(2)), "early": (SATURDAY + 1, time(2), time(8))}
    for name, (day, starts, ends) in hours.items():
        add_turns(
            member=people[name], rung="backup", weekdays=[day], starts=starts, ends=ends,
            by=nurse.user, now=opened - timedelta(days=2),
        )  # fmt: skip
    alert = make_alert(patient, now=opened)
    sweep(opened + 5 * MINUTE)
    assert alert.deliveries.get(rung="backup").recipient == people[told]
