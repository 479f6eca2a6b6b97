"""The state machines of referrals and stays, as tables; PostgreSQL's triggers are made of them.

Plain Python, as apps.alerts.states is: `python -m apps.detox.states` writes docs/detox-states.md.
"""

from enum import StrEnum
from pathlib import Path
from typing import Final

from apps.alerts.states import TransitionError, diagram

DIAGRAMS: Final = Path(__file__).resolve().parents[2] / "docs" / "detox-states.md"


class ReferralStatus(StrEnum):
    """Where a referral to a detox unit stands."""

    SENT = "sent"
    ACCEPTED = "accepted"
    ADMITTED = "admitted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    DISCHARGED = "discharged"


class StayStatus(StrEnum):
    """Where a stay in a bed of the clinic's own stands."""

    CURRENT = "current"
    DISCHARGED = "discharged"
    WITHDRAWN = "withdrawn"


S = ReferralStatus
# from -> {to: why}
REFERRAL_TRANSITIONS: Final[dict[ReferralStatus, dict[ReferralStatus, str]]] = {
    S.SENT: {
        S.ACCEPTED: "the unit will take the patient",
        S.ADMITTED: "the patient was taken in at once",
        S.DECLINED: "the unit cannot take the patient",
        S.WITHDRAWN: "the patient or the clinic decided otherwise",
    },
    S.ACCEPTED: {
        S.ADMITTED: "the patient is in the unit",
        S.DECLINED: "the unit cannot take the patient after all",
        S.WITHDRAWN: "the patient or the clinic decided otherwise",
    },
    S.ADMITTED: {
        S.DISCHARGED: "the patient is home, and the discharge is recorded",
        S.WITHDRAWN: "the patient was never in the unit",
    },
    S.DECLINED: {},
    S.WITHDRAWN: {},
    S.DISCHARGED: {},
}
STAY_TRANSITIONS: Final[dict[StayStatus, dict[StayStatus, str]]] = {
    StayStatus.CURRENT: {
        StayStatus.DISCHARGED: "the discharge is recorded",
        StayStatus.WITHDRAWN: "the patient was never in this bed",
    },
    StayStatus.DISCHARGED: {},
    StayStatus.WITHDRAWN: {},
}
LIVE: Final = (S.SENT, S.ACCEPTED, S.ADMITTED)


def check_referral_transition(current: str, target: str) -> None:
    """Raise `TransitionError` unless a referral may go from `current` to `target`."""
    if target not in REFERRAL_TRANSITIONS[ReferralStatus(current)]:
        raise TransitionError(f"This referral is {current}; it cannot become {target}.")


def diagrams() -> str:
    """Return the page of diagrams, as it stands in docs."""
    return (
        "# State diagrams of referrals and stays\n\n"
        "Made from `apps/detox/states.py` by `python -m apps.detox.states`; a test fails when\n"
        "this page is older than the tables. PostgreSQL refuses every other change of state.\n\n"
        f"## Referral\n\n```mermaid\n{diagram(REFERRAL_TRANSITIONS)}\n```\n\n"
        f"## Stay\n\n```mermaid\n{diagram(STAY_TRANSITIONS)}\n```\n"
    )


if __name__ == "__main__":
    DIAGRAMS.write_text(diagrams())
