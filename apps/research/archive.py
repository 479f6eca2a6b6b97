"""The file of a research export: tables without identities, and a dictionary of them."""

import csv
import io
import secrets
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from random import SystemRandom
from typing import Any, Final
from uuid import UUID

from apps.patients.lists import disarmed
from apps.patients.models import Clinic
from apps.research import collecting
from apps.research.anonymity import LEFT_OUT_DAYS, WITHHELD, K, Moved, settle, withhold_rare

# When the archive was made is no one's business: the newest days are left out at random.
NO_TIME: Final = (1980, 1, 1, 0, 0, 0)
Rows = list[dict[str, Any]]
# File, column, what it says, its unit or values. The order of the columns, too.
DICTIONARY: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("patients", "person", "Random in each export; the same in all its files", "16 signs"),
    ("patients", "age", "Age when registered", "years, in bands"),
    ("patients", "sex", "Sex as the record has it", "female, male, other, not asked"),
    ("patients", "drug", "Benzodiazepine or Z-drug at registration", "name of the ingredient"),
    ("patients", "indication", "Why it was first prescribed", "categories of the intake"),
    ("patients", "risk", "Seizure-risk tier of now", "words"),
    ("patients", "registered_on", "First day", "date, moved"),
    ("patients", "last_dose_on", "Day of the last dose, if there was one", "date, moved"),
    ("doses", "person", "As in patients", ""),
    ("doses", "from_on", "First day of this dose by the plan, once begun", "date, moved"),
    ("doses", "drug", "What is taken; a step of two drugs is two lines", "name of the ingredient"),
    ("doses", "mg_a_day", "Dose of a day by the plan", "mg"),
    ("check_ins", "person", "As in patients", ""),
    ("check_ins", "on", "Day of the check-in", "date, moved"),
    ("check_ins", "kind", "Which form", "daily, weekly"),
    ("check_ins", "by", "Who answered", "patient, trusted"),
    ("check_ins", "level", "Urgency by the rules of triage", "none, watch, urgent, emergency"),
    ("check_ins", "score", "Daily withdrawal score; empty when incomplete", "0 to 40"),
    ("check_ins", "phq9", "PHQ-9 total (LOINC 44261-6); empty when incomplete", "0 to 27"),
    ("check_ins", "gad7", "GAD-7 total (LOINC 70274-6); empty when incomplete", "0 to 21"),
    ("alerts", "person", "As in patients", ""),
    ("alerts", "on", "Day on which it was raised", "date, moved"),
    ("alerts", "level", "How severe", "watch, urgent, emergency"),
)  # fmt: skip
ABOUT: Final = f"""\
Tables of one clinic that tapers people off benzodiazepines, without identities.

- Only patients are in it who said yes to research, on their own pages or on paper. Who says yes
  differs from who does not: what is true of these is not true of all.
- Each patient's days are moved back by a number of days of their own, the same for all their
  rows: the days between two rows of one patient are true, everything else about a day is not.
  The number is random and kept nowhere. Up to {max(LEFT_OUT_DAYS)} of the newest days are left
  out, at random for each patient.
- Every combination of age, sex, drug, indication and risk is shared by {K} patients at least.
  Where it was not, "{WITHHELD}" stands in place of the risk, then of the indication, too; then the
  age is told in wider bands, then no sex, no age, no drug; who was left alone is left out. Who is
  at a risk that few have is told less or left out more often: count no risk by these rows.
- Of the other categories a value that fewer than {K} patients have is "{WITHHELD}".
- No name, no contact, no words of patients or staff, no id of the clinic's own, no time of day.

A course of doses and scores is as rare as a fingerprint to somebody who has the record itself,
or two exports. Give this file only to those who have signed not to look for anybody in it, and
not to join it with another.
"""


@dataclass(frozen=True, slots=True)
class Export:
    """The archive, whom it holds, and how many were left out because too few are like them."""

    body: bytes
    patients: list[UUID]
    left_out: int


def research_export(clinic: Clinic, today: date) -> Export:
    """Return the archive of a clinic. Raises `TooFewError` when hardly anybody is in it."""
    chance = SystemRandom()
    people = collecting.people_of(clinic)
    moved = {one.id: Moved.at_random(today, chance) for one in people}
    # Who came to the clinic after their own end of the record has nothing to tell.
    told = [one for one in people if moved[one.id].told(one.registered_on)]
    traits = settle({one.id: one.traits for one in told})
    told = [one for one in told if one.id in traits]
    chance.shuffle(told)
    names = dict(zip((one.id for one in told), random_names(len(told)), strict=True))
    patients: Rows = [
        {
            "person": names[one.id],
            **asdict(traits[one.id]),
            "registered_on": moved[one.id].told(one.registered_on),
            "last_dose_on": moved[one.id].told(one.last_dose_on),
        }
        for one in told
    ]  # fmt: skip
    tables = {
        "patients": patients,
        "doses": rows_of(collecting.doses_of(clinic), "from_on", names, moved),
        "check_ins": rows_of(collecting.check_ins_of(clinic), "on", names, moved),
        "alerts": rows_of(collecting.alerts_of(clinic), "on", names, moved),
    }
    hide_rare(tables, {names[key]: traits[key].drug for key in names})
    return Export(zipped(tables), [one.id for one in told], len(people) - len(told))


def random_names(number: int) -> list[str]:
    """Return so many different names that mean nothing."""
    found: set[str] = set()
    while len(found) < number:
        found.add(secrets.token_hex(8))
    return list(found)


def rows_of(
    found: Iterable[tuple[UUID, date, dict[str, Any]]], day: str,
    names: Mapping[UUID, str], moved: Mapping[UUID, Moved],
) -> Rows:  # fmt: skip
    """Return the rows of those who are in the export, on their moved days, by person and day."""
    rows = [
        {"person": names[key], day: on, **row}
        for key, true_day, row in found
        if key in names and (on := moved[key].told(true_day)) is not None
    ]
    return sorted(rows, key=lambda row: (row["person"], row[day]))


def hide_rare(tables: Mapping[str, Rows], drugs: Mapping[str, str]) -> None:
    """Take out what too few have; and a drug that was withheld, of its doses too."""
    for table, column in (
        ("check_ins", "by"), ("check_ins", "level"), ("alerts", "level"),
    ):  # fmt: skip
        withhold_rare(tables[table], column)
    for row in tables["doses"]:
        if drugs[row["person"]] == WITHHELD:
            row["drug"] = WITHHELD
    withhold_rare(tables["doses"], "drug")


def zipped(tables: Mapping[str, Rows]) -> bytes:
    """Return the archive: a CSV for each table, the dictionary, and what it is."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for name, rows in tables.items():
            columns = [column for table, column, _, _ in DICTIONARY if table == name]
            lines = [[row[column] for column in columns] for row in rows]
            add(file, f"{name}.csv", csv_of(columns, lines))
        add(file, "dictionary.csv", csv_of(["file", "column", "says", "values"], DICTIONARY))
        add(file, "read-me.txt", ABOUT)
    return content.getvalue()


def add(file: zipfile.ZipFile, name: str, text: str) -> None:
    """Put a text into the archive, without the time at which that was done."""
    entry = zipfile.ZipInfo(name, NO_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    file.writestr(entry, text)


def csv_of(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table as CSV."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(heads)
    for row in rows:
        table.writerow(["" if cell is None else disarmed(str(cell)) for cell in row])
    return out.getvalue()
