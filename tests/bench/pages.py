"""Asks the staff pages of one prepared clinic, as a signed-in nurse, and times each.

`python -m tests.bench.pages` reads lines "NAME TIMES" and answers each with a line of JSON:
the milliseconds of each request, or with 0 times how many queries one takes. A process of its
own, so that two clinics of different size are asked in turn on the same machine.
"""

import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

Asked = Iterator[str]
# The board of whoever comes first after a restart, when no line of it is drawn yet: shown in the
# table beside the others. A process answers one such request in its life.
DRAWN_ANEW = "first board of a process"


def stand_still_since(built: Any) -> None:
    """Let the product's clock go on from when the clinic was made: it is as it was then."""
    from django.utils import timezone

    started, real = timezone.now(), timezone.now

    def now() -> Any:
        return built + (real() - started)

    timezone.now = now  # type: ignore[assignment]


def addresses(client: Any) -> dict[str, Asked]:
    """Return for every page an endless line of addresses to ask for."""
    from apps.dashboard import caseload as cases
    from apps.dashboard.models import PatientState
    from apps.patients.models import Patient

    clinic = client.member.clinic_id
    states = PatientState.objects.filter(clinic_id=clinic)
    half = Patient.objects.filter(clinic_id=clinic).order_by("id")
    ids = list(half.filter(plans__isnull=False).values_list("id", flat=True)[:2_000:37])
    known = half.exclude(phone="555-0123")[7]

    def found(**typed: str) -> str:
        answer = client.post("/caseload/", typed)
        return str(answer.headers["Location"])

    def deep(sort: str) -> str:
        order = cases.SORTS[sort.lstrip("-")]
        rows = states.annotate(sort_key=order.by).order_by("sort_key", "patient_id")
        row = rows[states.count() * 9 // 10]
        return f"/caseload/?sort={sort}&after={cases.cursor_after(row)}"

    one: dict[str, str] = {
        "board": "/",
        DRAWN_ANEW: "/",
        "board_live": "/board/live/",
        "caseload first": "/caseload/",
        "caseload deep": deep("name"),
        "caseload deep, by score": deep("score"),
        "search name": found(q=known.family_name),
        "search two names": found(q=f"{known.given_name} {known.family_name[:4]}"),
        "search two letters": found(q=known.family_name[:2]),
        "search one letter": found(q="s"),
        "search reference": found(q=known.reference),
        "search phone": found(q=known.phone[-7:]),
        "search nobody": found(q="qqqq"),
        **{f"sort {way}{name}": f"/caseload/?sort={way}{name}"
           for name in cases.SORTS for way in ("", "-")},
        **{f"filter {flag}": found(flag=flag, sort="-score") for flag in cases.FLAGS},
        "filter high risk, next": found(tier="high", sort="next"),
        "filter rare": found(stage="left", sort="-score"),
        "overview": "/overview/?days=91",
        "overview, a year": "/overview/?days=364",
    }  # fmt: skip
    found_lines: dict[str, Asked] = {name: itertools.repeat(path) for name, path in one.items()}
    found_lines["patient page"] = itertools.cycle(f"/patients/{key}/" for key in ids)
    found_lines["patient page, all of it"] = itertools.cycle(
        f"/patients/{key}/?weeks=all" for key in ids
    )
    return found_lines


def queries_of(ask: Callable[[str], Any], path: str) -> int:
    """Return how many queries a page takes."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        assert ask(path).status_code == 200, path
        return len(queries)  # the next request forgets them


def measure(ask: Callable[[str], Any], lines: Asked, times: int, before: Callable[[], Any]) -> Any:
    """Return the milliseconds of so many requests; `before` each, which is not timed."""
    took = []
    for path in itertools.islice(lines, times):
        before()
        begun = time.perf_counter()
        answer = ask(path)
        took.append((time.perf_counter() - begun) * 1000)
        assert answer.status_code == 200, path
    return took


def main() -> int:
    """Answer until nobody asks any more."""
    import django

    django.setup()
    from django.db import connection
    from django.test import Client
    from django.utils import timezone

    from apps.alerts.sweep import beat
    from apps.dashboard.board_lines import kept
    from apps.patients.models import StaffMember
    from config.memory import settle

    settle()  # as the web server does
    with connection.cursor() as cursor:
        cursor.execute("SELECT nurse_id, now FROM bench_clinic")
        nurse_id, built = cursor.fetchone()
    stand_still_since(built)
    for name in ("dispatcher", "sweep", "worker", "beat"):
        beat(name, timezone.now())
    client = Client(SERVER_NAME="localhost")
    client.member = StaffMember.objects.select_related("user").get(user_id=nurse_id)  # type: ignore[attr-defined]
    client.force_login(client.member.user)  # type: ignore[attr-defined]
    lines = addresses(client)
    print(json.dumps(list(lines)), flush=True)
    for line in sys.stdin:
        name, _, times = line.rpartition(" ")
        if times.strip() == "0":
            answer: Any = queries_of(client.get, next(lines[name]))
        else:
            before = kept.cache_clear if name == DRAWN_ANEW else int
            answer = measure(client.get, lines[name], int(times), before)
        print(json.dumps(answer), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
