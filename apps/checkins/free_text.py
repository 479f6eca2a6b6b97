"""The patient's own words: found, never judged. A hit makes a person read them today."""

from collections.abc import Mapping
from dataclasses import dataclass

from apps.clinical.freetext import PhraseHit, flag_free_text
from apps.clinical.questionnaires import Questionnaire


@dataclass(frozen=True, slots=True)
class OwnWords:
    """What a patient wrote to one question, word for word, and the phrases that stand out."""

    question: str
    text: str
    hits: tuple[PhraseHit, ...]

    @property
    def phrases(self) -> list[str]:
        """The patient's own wording of each hit."""
        return [hit.text for hit in self.hits]


def own_words(questionnaire: Questionnaire, answers: Mapping[str, object]) -> list[OwnWords]:
    """Return every free text of a check-in, in page order."""
    return [
        OwnWords(item.wording["en"], text, flag_free_text(text))
        for item in questionnaire.items
        if item.kind == "text" and isinstance(text := answers.get(item.key), str) and text
    ]


def must_be_read_today(questionnaire: Questionnaire, answers: Mapping[str, object]) -> bool:
    """Answer whether the patient's own words affirm a red-flag phrase."""
    return any(words.hits for words in own_words(questionnaire, answers))
