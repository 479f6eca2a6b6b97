"""What fired, in plain words for staff."""

from collections.abc import Iterable

from apps.clinical.detox import CLOCK_RULES
from apps.clinical.supply import SUPPLY_GAP
from apps.clinical.triage import RULES_BY_ID


def rule_words(rule_ids: Iterable[str]) -> list[str]:
    """Return what fired in plain words; an id of an older rules version is shown as it is."""
    known = {SUPPLY_GAP.rule_id: SUPPLY_GAP.plain, **CLOCK_RULES}
    known |= {rule_id: rule.plain for rule_id, rule in RULES_BY_ID.items()}
    return [known.get(rule_id, rule_id) for rule_id in rule_ids]
