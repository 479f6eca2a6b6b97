"""What the staff pages cost at 100,000 patients and 5 million check-ins, beside 1,000 patients.

Both clinics are kept in .artifacts (BENCH_CLINICS names another folder) and made anew only
when what makes them, or the schema, has changed. Pages are asked in turn in both, so that
whatever else the machine does meets both alike; on kept clinics it takes under three minutes.
"""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

from config.embedded.postgres import PostgresServer
from tests.bench.registry import Figure, machine, measures
from tests.bench.stage import Stage, share

PROJECT: Final = Path(__file__).resolve().parent.parent.parent
SIZES: Final = {"small": 1_000, "large": int(os.environ.get("BENCH_PATIENTS", "100000"))}
# Requests of each page in each clinic: five a round, until the time is over.
TIMES: Final = 5
ROUNDS: Final = 8
FEWEST_ROUNDS: Final = 4
SECONDS: Final = 120
P95_MUST, P95_AIM = 120, 60  # ms
RATIO_MUST, RATIO_AIM = 1.5, 1.1
MOST_QUERIES: Final = 12
CHUNK: Final = 1 << 22  # bytes
MADE_BY: Final = ("tests/bench/clinic.py", "tests/factories.py")


class Clinics:
    """Two databases of one durable cluster that outlives this run."""

    def __init__(self) -> None:
        self.folder = Path(os.environ.get("BENCH_CLINICS", PROJECT / ".artifacts" / "clinics"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.server = self.cluster(durable=True)

    def cluster(self, *, durable: bool) -> PostgresServer:
        """Return the cluster; it is built without fsync, and measured with it."""
        return PostgresServer(self.folder / "data", log=self.folder / "log", durable=durable)

    def prepare(self) -> None:
        """Start the cluster; make the clinics first unless they are there already."""
        made = self.folder / "made-by"
        if not made.exists() or made.read_text() != self.recipe():
            made.unlink(missing_ok=True)
            with self.cluster(durable=False) as server:
                for name, patients in SIZES.items():
                    print(f"  making a clinic of {patients:,} patients …", flush=True)
                    psql(server.url, f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
                    run_module("tests.bench.clinic", server.database_url(name), str(patients))
            made.write_text(self.recipe())
        self.read_once()
        self.server.start()

    def read_once(self) -> None:
        """Have the files in the machine's memory, as on a server that has been at work for a day.

        Else what is measured is the disk: the first look at a patient read 170 blocks of 0.3 ms.
        """
        for path in (self.folder / "data" / "base").rglob("*"):
            if path.is_file():
                with path.open("rb") as file:
                    while file.read(CHUNK):
                        pass

    def recipe(self) -> str:
        """Return what changes when the clinics must be made anew."""
        from django.apps import apps

        found = hashlib.sha256(str(SIZES).encode())
        for name in MADE_BY:
            found.update((PROJECT / name).read_bytes())
        for label in sorted(app.label for app in apps.get_app_configs()):
            for path in sorted((PROJECT / "apps" / label / "migrations").glob("0*.py")):
                found.update(path.read_bytes())
        return found.hexdigest()


def psql(url: str, *statements: str) -> None:
    """Run statements outside a transaction."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def environment(url: str) -> dict[str, str]:
    """Return the environment of a process that works on one of the databases."""
    return {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings_test"}


def run_module(module: str, url: str, *arguments: str) -> None:
    """Run a module on a database; it shows its progress itself."""
    command = [sys.executable, "-m", module, *arguments]
    subprocess.run(command, cwd=PROJECT, env=environment(url), check=True)


class Asker:
    """A process that asks the pages of one clinic."""

    def __init__(self, url: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.pages"], cwd=PROJECT, env=environment(url),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.pages: list[str] = self.answer()

    def answer(self) -> Any:
        """Return the next line that it says."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the process that asks the pages has died; see above"
        return json.loads(line)

    def ask(self, page: str, times: int) -> Any:
        """Let it ask a page so many times; return the ms of each, or for 0 its queries."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{page} {times}\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self) -> None:
        """End it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


Times = dict[str, dict[str, list[float]]]


def ask_in_turn(askers: dict[str, Asker]) -> tuple[Times, dict[str, int]]:
    """Return the times of each page in each clinic, and the most queries each page took."""
    times: Times = defaultdict(lambda: defaultdict(list))
    pages, begun = askers["large"].pages, time.monotonic()
    # The first request of each counts the queries, and warms up.
    queries = {page: max(asker.ask(page, 0) for asker in askers.values()) for page in pages}
    for number in range(1, ROUNDS + 1):
        for page in pages:
            for size, asker in askers.items():
                times[page][size] += asker.ask(page, TIMES)
        spent = time.monotonic() - begun
        print(f"  round {number} of {len(pages)} pages in both clinics, {spent:.0f} s", flush=True)
        if number >= FEWEST_ROUNDS and spent * (number + 1) / number > SECONDS:
            break
    return times, queries


def report(times: Times, queries: dict[str, int]) -> None:
    """Print the table of all pages, and what each misses of its musts."""
    print(
        f"  {'page':<28}{'queries':>8}{'p50':>8}{'p95':>8}   {'at 1,000':>8}{'p95':>8}  ratio\n"
        f"  {'must be at most':<28}{MOST_QUERIES:>8}{'':>8}{P95_MUST:>8}   {'':>16}{RATIO_MUST:>7}"
    )
    for page, by_size in times.items():
        large, small = by_size["large"], by_size["small"]
        missed = [
            name
            for name, value, must in (
                ("queries", queries[page], MOST_QUERIES),
                ("p95", share(large, 0.95), P95_MUST),
                ("ratio", ratio(by_size), RATIO_MUST),
            )
            if value > must
        ]
        print(
            f"  {page:<28}{queries[page]:>8}{share(large, 0.5):>8.1f}{share(large, 0.95):>8.1f}   "
            f"{share(small, 0.5):>8.1f}{share(small, 0.95):>8.1f}  {ratio(by_size):>5.2f}"
            + (f"  MISSED: {', '.join(missed)}" if missed else ""),
            flush=True,
        )


def ratio(by_size: dict[str, list[float]]) -> float:
    """Return how many times slower a page is in the large clinic, at the median."""
    return share(by_size["large"], 0.5) / share(by_size["small"], 0.5)


def of(times: Times, *begins: str) -> Times:
    """Return the pages whose names begin so."""
    return {page: found for page, found in times.items() if page.startswith(begins)}


@measures("board", "caseload", "patient_page", "overview", "board_growth", "caseload_growth")
def board(stage: Stage) -> list[Figure]:
    """Measure board, caseload, patient page and overview; the worst page of each counts."""
    clinics = Clinics()
    clinics.prepare()
    try:
        askers = {name: Asker(clinics.server.database_url(name)) for name in SIZES}
        times, queries = ask_in_turn(askers)
        for asker in askers.values():
            asker.close()
    finally:
        clinics.server.stop()
    report(times, queries)
    groups = {
        "board": of(times, "board"), "caseload": of(times, "caseload", "search", "sort", "filter"),
        "patient_page": of(times, "patient"), "overview": of(times, "overview"),
    }  # fmt: skip
    figures = [slowest(name, pages, queries) for name, pages in groups.items()]
    grown = {
        "board_growth": groups["board"] | groups["patient_page"] | groups["overview"],
        "caseload_growth": groups["caseload"],
    }
    return figures + [growth(name, pages) for name, pages in grown.items()]


def slowest(name: str, pages: Times, queries: dict[str, int]) -> Figure:
    """Return the worst p95 of some pages; a page with too many queries misses in any case."""
    worst = max(pages, key=lambda page: share(pages[page]["large"], 0.95))
    most = max(queries[page] for page in pages)
    value = share(pages[worst]["large"], 0.95) if most <= MOST_QUERIES else float("inf")
    conditions = (
        f"worst of {len(pages)} at {SIZES['large']:,} patients: {worst}, p50 "
        f"{share(pages[worst]['large'], 0.5):.1f} ms; at most {most} queries; "
        f"{len(pages[worst]['large'])} requests each, files in memory; {machine()}"
    )
    return Figure(name, value, "ms", P95_MUST, P95_AIM, False, conditions)


def growth(name: str, pages: Times) -> Figure:
    """Return by how much the page that grows most is slower in the large clinic."""
    worst = max(pages, key=lambda page: ratio(pages[page]))
    conditions = (
        f"worst of {len(pages)}: {worst}, median {share(pages[worst]['large'], 0.5):.1f} ms at "
        f"{SIZES['large']:,} patients and {share(pages[worst]['small'], 0.5):.1f} ms at "
        f"{SIZES['small']:,}, asked in turn; {machine()}"
    )
    return Figure(name, ratio(pages[worst]), "ratio", RATIO_MUST, RATIO_AIM, False, conditions)
