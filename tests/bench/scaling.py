"""What one, two and four processes do, weigh and cost: the tables of docs/scaling.md.

`python -m tests.bench scaling` prints them. No promise is measured, so nothing can be missed. The
cost of an act is in milliseconds of one core, by the kernel's counters of our own processes: it
holds when something else runs on the machine, where a rate does not.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any

import psutil
from django.db import connection
from django.test import Client
from django.utils import timezone

from apps.audit.actions import seal_events
from apps.database.scope import as_owner
from tests.bench.alerts import delays, post
from tests.bench.checkins import Line, fresh_links, on_a_plan, staffed
from tests.bench.registry import Figure, machine, measures
from tests.bench.stage import Stage, analyze, share
from tests.factories import CALM, SEIZURE, check_in, make_patient
from tests.faults.mailserver import SLOW_SECONDS
from tests.faults.trials import hire
from tests.harness.processes import Parts, WorkerProcess

STEPS = (1, 2, 4)
CLIENTS, SECONDS, PATIENTS = 16, 8, 80
RED_ONE_IN = 20
ALONE, AT_ONCE = 40, 40  # red flags
SIZED = 1_500  # check-ins after which tables are weighed


# --- What the kernel counts ----------------------------------------------------------------------
def family(pid: int) -> list[psutil.Process]:
    """Return a process and all below it."""
    top = psutil.Process(pid)
    return [top, *top.children(recursive=True)]


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process and of all below it, ended ones included."""
    total = 0.0
    for process in family(pid):
        with suppress(psutil.NoSuchProcess):  # it ended: its parent has its time
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def megabytes(processes: list[psutil.Process]) -> list[float]:
    """Return each process's memory, what it shares counted by parts (PSS)."""
    sizes = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            sizes.append(process.memory_full_info().pss / 1e6)
    return sizes


def machine_seconds() -> tuple[float, float]:
    """Return the machine's busy and whole processor time."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - times.iowait, sum(times)


@dataclass
class Cost:
    """Processor time of some processes over a block, and how busy the machine was."""

    seconds: dict[str, float] = field(default_factory=dict)
    busy: float = 0.0
    lasted: float = 0.0

    def each(self, name: str, acts: int) -> str:
        """Return milliseconds of one core per act."""
        return f"{1000 * self.seconds[name] / max(acts, 1):.1f}"


@contextmanager
def counted(**pids: int) -> Iterator[Cost]:
    """Count what the processes under each name use inside the block."""
    cost, begun, before = Cost(), time.monotonic(), {n: cpu_seconds(p) for n, p in pids.items()}
    busy, whole = machine_seconds()
    yield cost
    busy_then, whole_then = machine_seconds()
    cost.busy = (busy_then - busy) / (whole_then - whole)
    cost.lasted = time.monotonic() - begun
    cost.seconds = {name: cpu_seconds(pid) - before[name] for name, pid in pids.items()}


def sessions(stage: Stage) -> Counter[str]:
    """Return how many database sessions each kind of process has now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT application_name FROM pg_stat_activity WHERE usename LIKE '%%run'")
        return Counter(name.split()[1] for (name,) in cursor.fetchall() if name[:5] == "test ")


def postgres(stage: Stage) -> int:
    """Return the process that all sessions belong to."""
    process = stage.rig.database.process
    assert process is not None
    return process.pid


# --- Check-ins -----------------------------------------------------------------------------------
def post_for(port: int, paths: list[str], seconds: float) -> tuple[int, list[float]]:
    """Let all phones post for so long; return how many were saved and how long each took."""
    until, times = time.monotonic() + seconds, list[float]()
    random.shuffle(paths)

    def phone(_: int) -> None:
        line = Line(port)
        while time.monotonic() < until:
            begun = time.perf_counter()
            line.post(paths.pop(), SEIZURE if random.randrange(RED_ONE_IN) == 0 else CALM)
            times.append(time.perf_counter() - begun)

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(phone, range(CLIENTS)))
    return len(times), times


def check_ins(stage: Stage) -> list[str]:
    """Measure check-ins a second by the number of web processes."""
    member = staffed()
    patients = [on_a_plan(member, 30) for _ in range(PATIENTS)]
    analyze()
    lines = [
        "| web processes | check-ins/s | p50 ms | p95 ms | web core-ms | PostgreSQL core-ms | "
        "sessions | machine busy |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for number in STEPS:
        os.environ["WEB_CONCURRENCY"] = str(number)
        with stage.parts("web") as parts:
            port = stage.rig.parts.listener.getsockname()[1]
            post_for(port, fresh_links(patients, 10), 1)  # the first ones load code
            paths = fresh_links(patients, 60)
            with counted(web=parts["web"].process.pid, postgres=postgres(stage)) as cost:
                done, times = post_for(port, paths, SECONDS)
            held = sessions(stage)["web"]
        lines.append(
            f"| {number} | {done / cost.lasted:.0f} | {1000 * share(times, 0.5):.0f} | "
            f"{1000 * share(times, 0.95):.0f} | {cost.each('web', done)} | "
            f"{cost.each('postgres', done)} | {held} | {cost.busy:.0%} |"
        )
    del os.environ["WEB_CONCURRENCY"]
    return lines


# --- Open boards ---------------------------------------------------------------------------------
def boards(stage: Stage) -> list[str]:
    """Measure what an open board asks every other second, where nothing has changed."""
    member = staffed()
    for _ in range(100):
        on_a_plan(member, 5)
    analyze()
    client = Client(SERVER_NAME="localhost")
    client.force_login(member.user)
    os.environ["WEB_CONCURRENCY"] = "2"
    with stage.parts("web") as parts:
        port = stage.rig.parts.listener.getsockname()[1]
        headers = {
            "Host": f"localhost:{port}",
            "Cookie": f"sessionid={client.cookies['sessionid'].value}",
        }
        headers["If-None-Match"] = look(port, headers, 1)[1]
        with (
            counted(web=parts["web"].process.pid, postgres=postgres(stage)) as cost,
            ThreadPoolExecutor(CLIENTS // 2) as pool,
        ):
            seen = list(pool.map(lambda _: look(port, headers, SECONDS), range(CLIENTS // 2)))
    del os.environ["WEB_CONCURRENCY"]
    done = sum(count for count, _ in seen)
    return [
        f"{done / cost.lasted:.0f} looks a second with 2 web processes, a clinic of 100 patients; "
        f"each costs {cost.each('web', done)} core-ms of the web process and "
        f"{cost.each('postgres', done)} of PostgreSQL (machine busy {cost.busy:.0%})."
    ]


def look(port: int, headers: dict[str, str], seconds: float) -> tuple[int, str]:
    """Ask for so long what an open board asks; return how often, and the tag of what it shows."""
    line, until, count = (
        HTTPConnection("127.0.0.1", port, timeout=30),
        time.monotonic() + seconds,
        0,
    )
    while time.monotonic() < until:
        line.request("GET", "/board/live/", headers=headers)
        answer = line.getresponse()
        answer.read()
        expected = 304 if "If-None-Match" in headers else 200
        assert answer.status == expected, answer.status
        tag, count = answer.headers["ETag"], count + 1
    line.close()
    return count, tag


# --- Alerts --------------------------------------------------------------------------------------
class SingleWorker(WorkerProcess):
    """A Celery worker that does one task at a time, so that workers can be counted."""

    arguments = tuple("1" if word == "2" else word for word in WorkerProcess.arguments)


def add_workers(parts: Parts, number: int) -> None:
    """Start so many workers of one task each."""
    for _ in range(number):
        parts._start(SingleWorker(**parts._all({})))


def add_dispatchers(parts: Parts, number: int) -> None:
    """Start so many dispatchers."""
    for _ in range(number):
        parts.dispatcher()


def at_once(stage: Stage) -> list[float]:
    """Store red flags together; return the seconds until each mail was kept by a slow server."""
    cast = hire(0)
    patients = [make_patient(cast.nurse.clinic, now=timezone.now()) for _ in range(AT_ONCE)]
    stage.rig.mail.behave("slow")
    begun = time.monotonic()
    keys = [str(check_in(each, SEIZURE, now=timezone.now()).submission_id) for each in patients]
    times = delays(stage, [(key, begun, begun) for key in keys], 120)
    stage.rig.mail.behave("accept")
    return times


def alerts(stage: Stage, kind: str, add: Callable[[Parts, int], None]) -> list[str]:
    """Measure red flags by the number of senders of one kind, and nobody else."""
    from tests.harness.broker import use_broker

    lines = []
    for number in STEPS:
        cast = hire(ALONE + 5)
        with stage.parts("web"), use_broker(stage.rig.redis.url):
            add(stage.rig.parts, number)
            for path in cast.paths[:5]:
                post(stage, path, SEIZURE)
            sent = []
            for path in cast.paths[5:]:
                sent.append(post(stage, path, SEIZURE))
                time.sleep(random.uniform(0.05, 0.2))
            alone = delays(stage, sent, 30)
            together = at_once(stage)
            held = sessions(stage)[kind] / number
        lines.append(
            f"| {number} {kind}{'s' * (number > 1)} | {share(alone, 0.5):.3f} | "
            f"{share(alone, 0.95):.3f} | {share(together, 0.5):.1f} | {max(together):.1f} | "
            f"{held:g} |"
        )
    return lines


# --- Weight --------------------------------------------------------------------------------------
def weights(stage: Stage) -> list[str]:
    """Weigh every kind of process after it has worked."""
    os.environ["WEB_CONCURRENCY"] = "2"
    cast = hire(60)
    lines = ["| process | MB | of which its children |", "|---|---|---|"]
    with stage.parts("web", "worker", "beat", "dispatcher") as parts:
        for path in cast.paths:
            post(stage, path, SEIZURE)
        time.sleep(3)
        for name, part in parts.items():
            sizes = megabytes(family(part.process.pid))
            each = ", ".join(f"{size:.0f}" for size in sizes[1:]) or "none"
            lines.append(f"| {name} | {sum(sizes):.0f} | {each} |")
        backends = megabytes(family(postgres(stage))[1:])
        lines.append(
            f"| PostgreSQL | {sum(backends):.0f} | {len(backends)}, the heaviest "
            f"{max(backends):.0f} |"
        )
    del os.environ["WEB_CONCURRENCY"]
    return lines


# --- Rows ----------------------------------------------------------------------------------------
def table_sizes() -> dict[str, tuple[int, int]]:
    """Return rows and bytes, indexes included, of every table."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, pg_total_relation_size(c.oid) FROM pg_class c JOIN pg_namespace n "
            "ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind = 'r'"
        )
        sizes = dict(cursor.fetchall())
        found = {}
        for name, size in sizes.items():
            cursor.execute(f'SELECT count(*) FROM "{name}"')
            found[name] = (cursor.fetchone()[0], size)
        return found


def log_position() -> int:
    """Return how many bytes of write-ahead log PostgreSQL has written."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")
        return int(cursor.fetchone()[0])


def rows(stage: Stage, what: str, answers: dict[str, Any], number: int) -> list[str]:
    """Return what so many check-ins left behind, by table."""
    member = staffed()
    patients = [on_a_plan(member, 30) for _ in range(PATIENTS)]
    before, log = table_sizes(), log_position()
    paths = fresh_links(patients, number // PATIENTS + 1)[:number]  # a link for each, as in a mail
    with stage.parts("web"):
        line = Line(stage.rig.parts.listener.getsockname()[1])
        for path in paths:
            line.post(path, answers)
    while seal_events():
        pass
    after, log = table_sizes(), log_position() - log
    lines = [
        f"One {what} ({number} posted, {log / number / 1000:.1f} kB of write-ahead log each):", "",
        "| table | rows | bytes a row, indexes included |", "|---|---|---|",
    ]  # fmt: skip
    for name in sorted(after):
        new, grown = (now - then for now, then in zip(after[name], before[name], strict=True))
        if new > number / 20:
            lines.append(f"| {name} | {new / number:.2f} | {grown / new:.0f} |")
    windows, size = after["checkins_reminder"]
    lines.append(f"| checkins_reminder | one a day asked | {size / windows:.0f} |")
    total = sum(after[name][1] - before[name][1] for name in after)
    return [*lines, f"| all tables | | {total / number:.0f} for one {what} |"]


@measures("scaling")
def scaling(stage: Stage) -> list[Figure]:
    """Print the tables; there is no bar, so no figure."""
    senders = [
        "| senders | alone p50 s | p95 s | "
        f"{AT_ONCE} at once, {SLOW_SECONDS} s a mail: p50 s | last s | sessions of each |",
        "|---|---|---|---|---|---|",
        *alerts(stage, "worker", add_workers),
        *alerts(stage, "dispatcher", add_dispatchers),
    ]
    tables = {
        "Check-ins": check_ins(stage),
        "Open boards": boards(stage),
        "Alerts": senders,
        "Memory": weights(stage),
        "Rows": [*rows(stage, "calm check-in", CALM, SIZED), "",
                 *rows(stage, "red flag", SEIZURE, SIZED // 10)],
    }  # fmt: skip
    print(f"\n{machine()}, {os.getloadavg()[0]:.1f} after")
    for name, lines in tables.items():
        print("\n".join(["", f"### {name}", "", *lines]))
    return []
