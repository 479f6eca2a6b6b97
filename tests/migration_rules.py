"""What a migration may ask of a table that is in use; `tests/test_migrations.py` applies it.

Read from the SQL that a migration sends, so that it holds for every way to write one. A table that
the same migration makes is nobody's yet: anything may be done to it.
"""

import re
from typing import Final

# A row or more per check-in, look or message: what rewrites or reads all of them takes minutes.
BIG: Final = {
    "alerts_alert", "alerts_alertevent", "alerts_delivery", "audit_auditevent", "audit_auditseal",
    "checkins_checkin", "checkins_checkinlink", "checkins_reminder", "checkins_triageresult",
}  # fmt: skip
NAME: Final = r'(?:ONLY )?(?:"?public"?\.)?"?(?P<table>\w+)"?'
ALTER: Final = rf"ALTER TABLE (?:IF EXISTS )?{NAME} .*?\b"
# (pattern, sentence, whether only for tables of many rows)
RULES: Final[tuple[tuple[str, str, bool], ...]] = (
    (ALTER + r"DROP COLUMN", "takes a column from the previous release", False),
    (ALTER + r"RENAME (?!CONSTRAINT)", "takes a name from the previous release", False),
    (rf"DROP TABLE (?:IF EXISTS )?{NAME}", "takes a table from the previous release", False),
    (
        ALTER + r"ADD COLUMN (?:(?!DEFAULT|GENERATED)[^,])* NOT NULL(?![^,]*(?:DEFAULT|GENERATED))",
        "rows of the previous release have no value for it", False,
    ),
    (
        ALTER + r"ALTER COLUMN \S+ SET NOT NULL",
        "reads every row while nobody may write: CHECK … NOT VALID first", True,
    ),
    (ALTER + r"ALTER COLUMN \S+ TYPE", "writes every row anew while nobody may read", True),
    (
        ALTER + r"ADD CONSTRAINT \S+ (?:CHECK|FOREIGN KEY)(?!.*\bNOT VALID)",
        "reads every row while nobody may write: NOT VALID, then VALIDATE in another migration",
        True,
    ),
    (
        ALTER + r"ADD (?:CONSTRAINT \S+ )?(?:UNIQUE|PRIMARY KEY)(?! USING INDEX)",
        "builds an index while nobody may write: USING INDEX, of one that is there", True,
    ),
    (
        rf"CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY)[^;]*? ON {NAME}",
        "builds an index while nobody may write: CONCURRENTLY", True,
    ),
    (rf"(?:CLUSTER|VACUUM FULL|REINDEX TABLE) {NAME}", "nobody may read meanwhile", False),
)  # fmt: skip
MADE: Final = re.compile(rf"CREATE TABLE (?:IF NOT EXISTS )?{NAME}", re.IGNORECASE)
TAKES: Final = re.compile(
    rf"(?:ALTER TABLE|TRUNCATE|CREATE (?:OR REPLACE )?TRIGGER [^;]*? ON|DROP TRIGGER [^;]*? ON)"
    rf" (?:IF EXISTS )?{NAME}|DROP INDEX (?!CONCURRENTLY)\"?(?P<index>\w+)",
    re.IGNORECASE,
)
LOCKS: Final = re.compile(r"\bLOCK TABLE\b", re.IGNORECASE)


def faults(text: str) -> list[str]:
    """Return a sentence for each thing in the SQL that stops somebody or breaks old code."""
    made = {found["table"].lower() for found in MADE.finditer(text)}
    found = []
    for statement in text.split(";"):
        line = " ".join(statement.split())
        for pattern, sentence, only_big in RULES:
            hit = re.search(pattern, line, re.IGNORECASE)
            table = hit["table"].lower() if hit else ""
            if hit and table not in made and (table in BIG or not only_big):
                found.append(f"{table}: {sentence}: {line[:120]}")
    if LOCKS.search(text) and "lock_timeout" not in text:
        found.append("takes a lock without lock_timeout: who comes later waits behind it")
    return found


def busy(text: str) -> set[str]:
    """Return the tables of many rows that the SQL takes for itself, and did not make."""
    made = {found["table"].lower() for found in MADE.finditer(text)}
    taken = set()
    for found in TAKES.finditer(text):
        # Django begins the name of an index with that of its table.
        name = (found["table"] or found["index"]).lower()
        taken |= {table for table in BIG - made if name == table or name.startswith(f"{table}_")}
    return taken
