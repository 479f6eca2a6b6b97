"""Check-ins: how many a second, whether a long history slows them, how heavy the page is."""

import os
import random
import re
import socket
import statistics
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode, urljoin
from uuid import UUID, uuid4

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.accounts.tokens import hash_token, new_token
from apps.checkins.actions import as_json
from apps.checkins.models import CheckIn, CheckInLink, TriageResult
from apps.checkins.reminder_actions import plan_window
from apps.database.roles import APP_ROLE, SETTING
from apps.patients.models import Patient, Role, StaffMember
from config.embedded.postgres_files import find_binaries
from tests.bench.registry import Figure, machine, measures
from tests.bench.stage import Stage, analyze, share
from tests.factories import (
    CALM,
    SEIZURE,
    make_active_plan,
    make_clinic,
    make_member,
    make_patient,
    put_on_call,
)
from tests.harness.database import run_url

PATIENTS, ROUNDS, CLIENTS = 60, 9, 8
SECONDS = 3  # of each side in a round: both in the same moment of a machine that others use too
RED_ONE_IN = 20
SCRIPTED = 20  # patients whose rows pgbench writes: one alone would be a queue for its row
THREE_YEARS = 3 * 365
PAIRS = 100
QUOTED_ID = re.compile(
    r"'([0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12})'::uuid"
)
TIME = re.compile(r"\d\d:\d\d:\d\d(?:\.\d+)?[+-]\d\d:\d\d")
HASH = re.compile(r"'([0-9a-f]{52})[0-9a-f]{12}'")
REFERENCE = re.compile(r"'A-[A-Z0-9]{6}'")
# The verb of a statement, behind what tells the server its scope.
VERB = re.compile(r"^(?:SET [^;]*; )*\(?(\w+)")


# --- People, links and their past, written in bulk -----------------------------------------------
def staffed() -> StaffMember:
    """Return a prescriber of a new clinic with somebody on call."""
    clinic, now = make_clinic("Bench Clinic"), timezone.now()
    put_on_call(make_member(clinic, Role.NURSE), now=now)
    return make_member(clinic, Role.PRESCRIBER)


def on_a_plan(member: StaffMember, days: int) -> Patient:
    """Return a patient on an active plan who has checked in on each of the last days."""
    now = timezone.now()
    patient = make_patient(member.clinic, now=now)
    start = (now - timedelta(days=20)).date().isoformat()
    make_active_plan(patient, member.user, now=now, start_on=start)
    rows = [
        CheckIn(
            clinic_id=patient.clinic_id, patient=patient, submission_id=uuid4(),
            questionnaire="daily", questionnaire_version=1, answers=as_json(CALM),
            reported_at=now - timedelta(days=day + 1), received_at=now - timedelta(days=day + 1),
        )
        for day in range(days)
    ]  # fmt: skip
    CheckIn.objects.bulk_create(rows, batch_size=500)
    TriageResult.objects.bulk_create(
        [
            TriageResult(check_in=row, level="none", dws=10, taper_action="none", rules_version="1")
            for row in rows
        ],
        batch_size=500,
    )
    plan_window(patient.pk, now)
    return patient


def links_for(patient: Patient, count: int) -> list[str]:
    """Return the paths of new links of a patient."""
    now, tokens = timezone.now(), [new_token() for _ in range(count)]
    CheckInLink.objects.bulk_create(
        CheckInLink(
            clinic_id=patient.clinic_id, patient=patient, token_hash=hash_token(token),
            created_at=now, expires_at=now + timedelta(days=1),
        )
        for token in tokens
    )  # fmt: skip
    return [reverse("checkins:create", args=[token]) for token in tokens]


def body_of(answers: dict[str, object]) -> dict[str, object]:
    """Return what a phone posts."""
    values = {key: list(v) if isinstance(v, tuple) else v for key, v in answers.items()}
    return values | {"submission_id": str(uuid4()), "version": "1"}


# --- A phone that costs little: the machine is for the server ------------------------------------
class Line:
    """One kept connection; requests are bytes made before the clock runs."""

    def __init__(self, port: int) -> None:
        self.port, self.socket = port, socket.create_connection(("127.0.0.1", port))

    def post(self, path: str, answers: dict[str, object]) -> None:
        """Send a check-in and read its page; anything but "saved" is an error."""
        body = urlencode(body_of(answers), doseq=True).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost:{self.port}\r\nAccept-Encoding: gzip\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        answer = self.ask(head.encode() + body)
        assert answer.startswith(b"HTTP/1.1 200"), answer[:200]
        assert b"checkin-saved:" in answer[:2000].lower()

    def get(self, path: str) -> bytes:
        """Return the whole answer to a request as a phone makes it."""
        head = (
            f"GET {path} HTTP/1.1\r\nHost: localhost:{self.port}\r\nAccept-Encoding: gzip\r\n\r\n"
        )
        return self.ask(head.encode())

    def ask(self, request: bytes) -> bytes:
        """Return head and body."""
        try:
            self.socket.sendall(request)
            return self.read()
        except (ConnectionError, EOFError):  # the server closed a connection that was idle
            self.socket = socket.create_connection(("127.0.0.1", self.port))
            self.socket.sendall(request)
            return self.read()

    def read(self) -> bytes:
        """Return one answer, by its length or its chunks."""
        data = b""
        while True:
            head, found, body = data.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            if found and (
                (length and len(body) >= int(length[1]))
                or (not length and body.endswith(b"0\r\n\r\n"))
            ):
                return data
            part = self.socket.recv(65536)
            if not part:
                raise EOFError
            data += part


@contextmanager
def pages(stage: Stage) -> Iterator[int]:
    """Run the web server as the image does; give its port."""
    with stage.parts("deployed_web"):
        yield stage.rig.parts.listener.getsockname()[1]


# --- The share -----------------------------------------------------------------------------------
def posts_per_second(port: int, paths: list[str]) -> float:
    """Return how many check-ins a second all clients together get saved."""
    until = time.monotonic() + SECONDS
    random.shuffle(paths)

    def client(_: int) -> int:
        line, count = Line(port), 0
        while time.monotonic() < until:
            red = random.randrange(RED_ONE_IN) == 0
            line.post(paths.pop(), SEIZURE if red else CALM)
            count += 1
        return count

    begun = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        done = sum(pool.map(client, range(CLIENTS)))
    return done / (time.monotonic() - begun)


def script_of(patient: Patient, answers: dict[str, object]) -> tuple[str, str]:
    """Return the INSERTs of one check-in for pgbench, with new ids each time, and what a POST asks.

    Its other statements, the UPDATEs and SELECTs, are counted and not given to pgbench.
    """
    (path,) = links_for(patient, 1)
    known = {str(pk).replace("-", "") for pk in ids_before(patient)}
    with CaptureQueriesContext(connection) as asked:
        page = Client(SERVER_NAME="localhost").post(path, body_of(answers))
    assert "Checkin-Saved" in page.headers
    inserts = [row["sql"] for row in asked if row["sql"].startswith("INSERT")]
    text = ";\n".join(inserts)
    new = {key for key in QUOTED_ID.findall(text) if key.replace("-", "") not in known}
    lines = []
    for number, key in enumerate(sorted(new)):
        lines.append(f"\\set u{number} random(1, 1000000000000)")
        made = f"lpad(to_hex(:u{number}::bigint), 12, '0')"
        text = text.replace(f"'{key}'::uuid", f"('{key.replace('-', '')[:20]}' || {made})::uuid")
    if REFERENCE.search(text):
        lines.append("\\set reference random(1, 2000000000)")
        text = REFERENCE.sub("'A-' || to_hex(:reference::bigint)", text)
        text = HASH.sub(r"('\1' || lpad(to_hex(:reference::bigint), 12, '0'))", text)
    script = "\n".join([*lines, "BEGIN;", text + ";", "COMMIT;"])
    verbs = Counter(found[1] for row in asked if (found := VERB.match(row["sql"])))
    return script, ", ".join(f"{count} {verb}" for verb, count in verbs.most_common())


def ids_before(patient: Patient) -> Iterator[object]:
    """Yield the ids that a check-in refers to and does not make."""
    yield from (patient.pk, patient.clinic_id)
    for rows in (
        StaffMember.objects.filter(clinic=patient.clinic).values_list("pk", "user_id"),
        patient.plans.values_list("pk"),
        patient.check_in_links.values_list("pk"),
        patient.reminders.values_list("pk"),
    ):
        yield from (key for row in rows for key in row)


def inserts_per_second(stage: Stage, scripts: dict[str, int], clinic_id: UUID) -> float:
    """Return how many check-ins' INSERTs a second pgbench commits on the same server.

    By the login of a running clinic, in its role and scope: the owner passes every policy, which
    no POST does.
    """
    scope = f"-c role={APP_ROLE} -c {SETTING}={clinic_id}"
    with tempfile.TemporaryDirectory() as folder:
        files: list[str] = []
        for number, (text, weight) in enumerate(scripts.items()):
            path = Path(folder) / f"{number}.sql"
            path.write_text(text)
            files += ["-f", f"{path}@{weight}"]
        done = subprocess.run(
            [
                find_binaries() / "pgbench", "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2",
                "-T", str(SECONDS), *files, run_url(stage.rig.database.url),
            ],
            capture_output=True, text=True, check=False, env={**os.environ, "PGOPTIONS": scope},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-1000:]
    failed = re.search(r"number of failed transactions: (\d+)", done.stdout)
    assert failed is None or failed[1] == "0", done.stdout
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    return float(found[1])


@measures("checkin_share_of_pgbench")
def checkin_share_of_pgbench(stage: Stage) -> list[Figure]:
    """Measure check-ins over HTTP beside the same INSERTs by pgbench, in turn."""
    member = staffed()
    patients = [on_a_plan(member, 30) for _ in range(PATIENTS)]
    scripts: dict[str, int] = {}
    asked: list[str] = []
    # Nobody posts for these: thousands of alerts and holds of one patient are no patient's history.
    for patient in [on_a_plan(member, 30) for _ in range(SCRIPTED)]:
        for answers, weight in ((CALM, RED_ONE_IN - 1), (SEIZURE, 1)):
            script, statements = script_of(patient, answers)
            scripts[script] = weight
            asked.append(statements)
    analyze()
    with pages(stage) as port:
        posts_per_second(port, fresh_links(patients, 60))  # the first ones load code
        rows = [
            (
                posts_per_second(port, fresh_links(patients, 60)),
                inserts_per_second(stage, scripts, member.clinic_id),
            )
            for _ in range(ROUNDS)
        ]
    count = [text.count("INSERT INTO") for text in list(scripts)[:2]]
    conditions = (
        f"medians of {ROUNDS} rounds in turn of {SECONDS} s by {CLIENTS} clients, beside "
        f"{statistics.median(row[1] for row in rows):.0f} transactions/s of pgbench "
        f"(-M prepared -c {CLIENTS}, the same {count[0]} INSERTs, {count[1]} for 1 red flag in "
        f"{RED_ONE_IN}, as {APP_ROLE} in the clinic's scope; a POST asks {asked[0]}, with a red "
        f"flag {asked[1]}); each patient on a plan with 30 days of check-ins; "
        f"{os.cpu_count()} workers, client on the same machine; {machine()}; rounds of POSTs and "
        f"pgbench {', '.join('/'.join(f'{each:.0f}' for each in row) for row in rows)}"
    )
    part = 100 * statistics.median(posts / inserts for posts, inserts in rows)
    told = f"{statistics.median(posts for posts, _ in rows):.0f} POSTs/s, {conditions}"
    return [Figure("checkin_share_of_pgbench", part, "%", 15, 30, True, told)]


def fresh_links(patients: list[Patient], each: int) -> list[str]:
    """Return unused links of all patients."""
    return [path for patient in patients for path in links_for(patient, each)]


# --- The history ---------------------------------------------------------------------------------
@measures("checkin_history_ratio")
def checkin_history_ratio(stage: Stage) -> list[Figure]:
    """Measure a POST with three years of daily check-ins behind it beside one with none."""
    member = staffed()
    old = [on_a_plan(member, THREE_YEARS) for _ in range(15)]
    new = [on_a_plan(member, 0) for _ in range(PAIRS)]
    analyze()
    times: dict[str, list[float]] = {"old": [], "new": []}
    with pages(stage) as port:
        line = Line(port)
        for path in links_for(new[0], 10):
            line.post(path, CALM)
        for pair in range(PAIRS):
            for name, patient in (("old", old[pair % len(old)]), ("new", new[pair])):
                (path,) = links_for(patient, 1)
                begun = time.perf_counter()
                line.post(path, CALM)
                times[name].append((time.perf_counter() - begun) * 1000)
    old_ms, new_ms = (share(times[name], 0.5) for name in ("old", "new"))
    conditions = (
        f"{PAIRS} POSTs of each by HTTP, in turn; median {old_ms:.1f} ms with {THREE_YEARS:,} "
        f"check-ins behind them, {new_ms:.1f} ms with none; {machine()}"
    )
    return [Figure("checkin_history_ratio", old_ms / new_ms, "ratio", 1.2, 1.1, False, conditions)]


# --- The page ------------------------------------------------------------------------------------
@measures("checkin_page_kb")
def checkin_page_kb(stage: Stage) -> list[Figure]:
    """Measure everything a phone fetches for a check-in the first time, heads included."""
    (path,) = links_for(make_patient(staffed().clinic, now=timezone.now()), 1)
    with pages(stage) as port:
        line = Line(port)
        sizes = {"page": len(line.get(path))}
        html = Client(SERVER_NAME="localhost").get(path).content.decode()
        for link in re.findall(r'(?:src|href)="(/[^"]+\.(?:css|js|svg|png|webmanifest))"', html):
            sizes[link.rsplit("/", 1)[1]] = len(line.get(link))
        worker = urljoin(path, "../worker.js")
        for link in (worker, "/static/js/worker.js", path):
            sizes[f"installing {link.rsplit('/', 1)[1] or 'form'}"] = len(line.get(link))
    total = sum(sizes.values()) / 1000
    parts = ", ".join(f"{name} {size / 1000:.1f}" for name, size in sizes.items())
    return [
        Figure(
            "checkin_page_kb", total, "kB", 60, 25, False,
            f"gzip, heads included, first visit with what makes it work offline: {parts}",
        )
    ]  # fmt: skip
