"""Which single answers call for advice at the tap.

Derived by running the rules on one answer at a time, so a web form can show the
advice before anything is submitted and can never disagree with triage.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from apps.clinical.profile import Profile
from apps.clinical.questionnaires import LATEST, Item, Questionnaire, get_questionnaire
from apps.clinical.triage.assess import assess
from apps.clinical.triage.rule import Level


@dataclass(frozen=True, slots=True)
class EmergencyOption:
    """An answer option that by itself fires an urgent or emergency rule.

    ``text_key`` is the advice to show at the tap; ``rule_ids`` the rules that
    fire on this answer alone, most severe first.
    """

    questionnaire: str
    item_key: str
    value: str | int | bool
    level: Level
    text_key: str
    rule_ids: tuple[str, ...]


def emergency_options(
    questionnaires: Iterable[Questionnaire] | None = None, profile: Profile | None = None
) -> tuple[EmergencyOption, ...]:
    """Return every answer option that alone is urgent or an emergency.

    Looks at the latest daily and weekly form unless others are given, in the
    order the questions are asked. Every ``si`` answer but "no" is among them,
    so the crisis text is shown at once (instruments.md section 4). Leave
    ``profile`` out on a page that must not reveal anything about the patient.
    """
    if questionnaires is None:
        questionnaires = [get_questionnaire(kind, version) for kind, version in LATEST.items()]
    who = profile or Profile()
    return tuple(
        option
        for questionnaire in questionnaires
        for item in questionnaire.items
        for option in _of_item(questionnaire.kind, item, who)
    )


def _of_item(kind: str, item: Item, profile: Profile) -> Iterable[EmergencyOption]:
    for option in item.options:
        answer = (option.value,) if item.kind == "multi" else option.value
        result = assess({item.key: answer}, profile)
        severe = [each for each in result.fired if each.level >= Level.URGENT]
        if severe:
            yield EmergencyOption(
                questionnaire=kind,
                item_key=item.key,
                value=option.value,
                level=result.level,
                text_key=result.text_keys[0],
                rule_ids=tuple(each.rule_id for each in severe),
            )
