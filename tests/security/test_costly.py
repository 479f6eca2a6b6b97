"""What costs much is given so often per person, and nobody else waits for it."""

import pytest
from django.urls import reverse

from apps.accounts import costly
from tests.conftest import signed_in
from tests.factories import make_active_plan
from tests.portal.conftest import signed_in_as, wren

__all__ = ["wren"]
pytestmark = pytest.mark.django_db
FEW = 3


@pytest.fixture(autouse=True)
def few(monkeypatch) -> None:
    monkeypatch.setattr(costly, "LIMIT", {"costly": f"{FEW}/300s/key"})


def test_who_asks_for_too_many_papers_waits_and_nobody_else(patient, prescriber, nurse) -> None:
    plan = make_active_plan(patient, prescriber.user)
    paths = [
        reverse("exchange:pharmacy", args=[plan.pk]),
        reverse("exchange:letter", args=[plan.pk]),
        reverse("exchange:calendar", args=[plan.pk, "en"]),
        reverse("dashboard:caseload_csv"),
        reverse("exchange:record_export", args=[patient.pk]),
    ]
    client = signed_in(prescriber)
    codes = [client.get(path).status_code for path in paths]
    assert codes == [200] * FEW + [429] * 2, "counted together"
    told = client.get(paths[0])
    assert told.headers["Retry-After"] == "300"
    assert "Wait five minutes" in told.text
    assert patient.family_name not in told.text
    assert client.get(reverse("dashboard:patient", args=[patient.pk])).status_code == 200
    # Another browser of the same person is the same person; a colleague is not.
    assert signed_in(prescriber).get(paths[0]).status_code == 429
    assert signed_in(nurse).get(paths[0]).status_code == 200


def test_a_patients_own_download_is_counted_too(wren) -> None:
    codes = [
        signed_in_as(wren).post(reverse("portal:export_file")).status_code for _ in range(FEW + 1)
    ]
    assert codes == [200] * FEW + [429]


def test_a_list_as_a_file_is_counted_and_its_page_is_not(lead, wren) -> None:
    client, path = signed_in(lead), reverse("dashboard:audit")
    files = [client.get(path, {"format": "csv"}).status_code for _ in range(FEW)]
    assert [*files, client.get(reverse("checkins:task_list"), {"format": "csv"}).status_code] == [
        *[200] * FEW, 429,
    ]  # fmt: skip
    assert client.get(path).status_code == 200
    own = [
        signed_in_as(wren).get(reverse("portal:check_ins"), {"format": "csv"}).status_code
        for _ in range(FEW + 1)
    ]
    assert own == [200] * FEW + [429]
