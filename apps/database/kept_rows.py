"""Rows that are kept: triggers that refuse to change or remove them, and the one door.

A patient's record is removed by one job alone, when its years are over and the clinical lead has
signed for it (docs/adr/0042). That job takes a role of its own (`scope.as_retention`), which may
read and delete and nothing else; for everybody else, a superuser included, the rows stay.
"""

from typing import Final

import pgtrigger

from apps.database.roles import RETENTION_ROLE

NOT_RETENTION: Final = f"current_user <> '{RETENTION_ROLE}'"


def immutable(name: str) -> pgtrigger.Trigger:
    """Return the trigger that refuses to change or remove rows; the door is for removing."""
    return pgtrigger.Protect(
        name=name,
        operation=pgtrigger.Update | pgtrigger.Delete,
        condition=pgtrigger.Condition(NOT_RETENTION),
    )


def kept(name: str, *, also: str = "") -> pgtrigger.Trigger:
    """Return the trigger that refuses to remove rows.

    `also` is SQL about OLD: rows of which it is true are refused to the door too.
    """
    refused = f"({NOT_RETENTION} OR {also})" if also else NOT_RETENTION
    return pgtrigger.Protect(
        name=name, operation=pgtrigger.Delete, condition=pgtrigger.Condition(refused)
    )
