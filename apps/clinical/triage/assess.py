"""Judge a check-in, or its absence, by every rule.

Answers never cancel out: the level is the highest of all rules that fire, and
all of them are kept with their evidence.
"""

from collections.abc import Iterable, Mapping

from apps.clinical.profile import Context, Profile
from apps.clinical.texts import NOTHING_FIRED, key_for
from apps.clinical.triage.facts import Facts, build_facts
from apps.clinical.triage.rule import Fired, Level, Rule, TaperAction, Triage
from apps.clinical.triage.rules_emergency import EMERGENCY_RULES
from apps.clinical.triage.rules_urgent import URGENT_RULES
from apps.clinical.triage.rules_watch import WATCH_RULES

# Raised by one whenever a rule, a derived value or a text changes.
RULES_VERSION = "2026-11-23.3"

RULES: tuple[Rule, ...] = (*EMERGENCY_RULES, *URGENT_RULES, *WATCH_RULES)
RULES_BY_ID: Mapping[str, Rule] = {rule.rule_id: rule for rule in RULES}

SILENCE_RULES = tuple(
    RULES_BY_ID[rule_id]
    for rule_id in ("U24_NO_CHECKIN_HIGH", "U25_NO_CHECKIN_MOD", "W10_NO_CHECKIN")
)
TAKE_NO_MORE_PILLS = "E05_RESP_SEDATION"


def assess(
    answers: Mapping[str, object],
    profile: Profile | None = None,
    context: Context | None = None,
) -> Triage:
    """Return the most urgent level that any single answer calls for.

    Takes cleaned answers of a daily or weekly form, complete or not. Answers
    never cancel out, and a missing one never fires a threshold nor counts as
    "no": whether the check-in is complete is ``missing_mandatory``'s question.
    An answer no form can give raises ``ClinicalError``. Source: triage.md.
    """
    facts = build_facts(answers, profile or Profile(), context or Context())
    return _triage(RULES, facts, otherwise=(_fitting(NOTHING_FIRED, facts),))


def assess_silence(profile: Profile, context: Context) -> Triage:
    """Return what a missing check-in calls for, by tier and days since the step.

    For a clock job: looks only at the silence rules U24, U25 and W10, with the
    hours since the last complete check-in in ``context``. When nothing fires
    there is no text to show.
    """
    return _triage(SILENCE_RULES, build_facts({}, profile, context), otherwise=())


def _triage(rules: Iterable[Rule], facts: Facts, otherwise: tuple[str, ...]) -> Triage:
    fired = tuple(_fired(rule, facts) for rule in rules if rule.test(facts))
    return Triage(
        level=max((each.level for each in fired), default=Level.NONE),
        fired=fired,
        taper_action=max((each.taper_action for each in fired), default=TaperAction.NONE),
        minutes=min((each.minutes for each in fired), default=None),
        text_keys=_text_keys(fired) or otherwise,
        rules_version=RULES_VERSION,
        dws=facts.dws if facts.dws_complete else None,
    )


def _fired(rule: Rule, facts: Facts) -> Fired:
    return Fired(
        rule_id=rule.rule_id,
        level=rule.level,
        group=rule.group,
        evidence=rule.evidence(facts),
        source=rule.source,
        minutes=rule.minutes,
        taper_action=rule.taper_action,
        text_key=_fitting(rule.text_key, facts),
        plain=rule.plain,
    )


def _fitting(text_key: str, facts: Facts) -> str:
    """Return the text for somebody who takes a dose, or who says nothing of one after the last.

    Who reports a dose after the last one takes some, whatever the record says.
    """
    return key_for(
        text_key, takes_none=facts.days_since_stop is not None and facts.dose_taken is None
    )


def _text_keys(fired: tuple[Fired, ...]) -> tuple[str, ...]:
    """Return the advice to show, most severe first, one text per group.

    Ties go to the shorter time, then to the order of the rule table. Two texts
    are left out because they would contradict a graver one [proposal]: the plain
    thanks beside any other text, and everything below emergency beside "take no
    more pills" (E05), since several of those say to keep taking the dose.
    """
    ranked = sorted(fired, key=lambda each: (-each.level.rank, each.minutes))
    if any(each.rule_id == TAKE_NO_MORE_PILLS for each in fired):
        ranked = [each for each in ranked if each.level is Level.EMERGENCY]
    first_of_group: dict[str, str] = {}
    for each in ranked:
        first_of_group.setdefault(each.group, each.text_key)
    keys = dict.fromkeys(first_of_group.values())
    return tuple(key for key in keys if not key.startswith(NOTHING_FIRED))
