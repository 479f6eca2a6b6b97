"""The two state machines, as tables. Nothing else in the project names a transition.

Plain Python: no Django, so that a reviewer can read it alone and a test can walk it.
PostgreSQL's triggers are made from the same tables, and so is docs/state-diagrams.md:
`python -m apps.alerts.states` writes it.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

S = TypeVar("S", bound=StrEnum)
DIAGRAMS: Final = Path(__file__).resolve().parents[2] / "docs" / "state-diagrams.md"


class AlertStatus(StrEnum):
    """Where an alert stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class DeliveryStatus(StrEnum):
    """Where one message to one person stands."""

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"


# from -> {to: why}
ALERT_TRANSITIONS: Final[dict[AlertStatus, dict[AlertStatus, str]]] = {
    AlertStatus.OPEN: {
        AlertStatus.ACKNOWLEDGED: "somebody took it",
        AlertStatus.RESOLVED: "documented at once",
    },
    AlertStatus.ACKNOWLEDGED: {
        AlertStatus.OPEN: "the ack clock ran out without a documented act, or its owner cannot act",
        AlertStatus.RESOLVED: "outcome and note documented",
    },
    AlertStatus.RESOLVED: {
        AlertStatus.ACKNOWLEDGED: "a person opened it again with a reason, and owns it",
    },
}

DELIVERY_TRANSITIONS: Final[dict[DeliveryStatus, dict[DeliveryStatus, str]]] = {
    DeliveryStatus.PENDING: {
        DeliveryStatus.SENDING: "claimed under a lease",
        DeliveryStatus.CANCELLED: "the alert was taken first, or the recipient left",
    },
    DeliveryStatus.SENDING: {
        DeliveryStatus.SENT: "the server accepted it",
        DeliveryStatus.PENDING: "temporary failure, or the lease ran out",
        DeliveryStatus.FAILED: "permanent failure, or attempts used up",
        DeliveryStatus.CANCELLED: "not accepted, and the alert was taken meanwhile",
    },
    DeliveryStatus.SENT: {},
    DeliveryStatus.FAILED: {},
    DeliveryStatus.CANCELLED: {},
}


class TransitionError(ValueError):
    """A change of state that the table does not allow; the text is for the reader."""


def check_alert_transition(current: AlertStatus, target: AlertStatus) -> None:
    """Raise `TransitionError` unless an alert may go from `current` to `target`."""
    if target not in ALERT_TRANSITIONS[current]:
        raise TransitionError(f"This alert is {current}; it cannot become {target}.")


def check_delivery_transition(current: DeliveryStatus, target: DeliveryStatus) -> None:
    """Raise `TransitionError` unless a delivery may go from `current` to `target`."""
    if target not in DELIVERY_TRANSITIONS[current]:
        raise TransitionError(f"This delivery is {current}; it cannot become {target}.")


def pairs(table: Mapping[S, Mapping[S, str]]) -> list[tuple[str, str]]:
    """Return every allowed (from, to) of a table, as the database trigger takes them."""
    return [(str(old), str(new)) for old, targets in table.items() for new in targets]


def diagram(table: Mapping[S, Mapping[S, str]]) -> str:
    """Return a table as a Mermaid state diagram; its first state is the start."""
    lines = ["stateDiagram-v2", f"    [*] --> {next(iter(table))}"]
    for old, targets in table.items():
        lines += [f"    {old} --> {new}: {why}" for new, why in targets.items()]
        lines += [] if targets else [f"    {old} --> [*]"]
    return "\n".join(lines)


def diagrams() -> str:
    """Return the whole page of diagrams, as it stands in docs."""
    return (
        "# State diagrams\n\n"
        "Made from `apps/alerts/states.py` by `python -m apps.alerts.states`; a test fails when\n"
        "this page is older than the tables. PostgreSQL refuses every other change of state.\n\n"
        f"## Alert\n\n```mermaid\n{diagram(ALERT_TRANSITIONS)}\n```\n\n"
        f"## Delivery\n\n```mermaid\n{diagram(DELIVERY_TRANSITIONS)}\n```\n"
    )


if __name__ == "__main__":
    DIAGRAMS.write_text(diagrams())
