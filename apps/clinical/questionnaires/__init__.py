"""Daily and weekly check-in forms as data, and the cleaning of their answers.

Forms are versioned JSON files that never change once published. Nothing here
decides how bad an answer is: that is ``apps.clinical.triage``.
"""

from apps.clinical.questionnaires.amounts import Amount, amount_of, amount_words
from apps.clinical.questionnaires.clean import CleanedAnswers, clean_answers, missing_mandatory
from apps.clinical.questionnaires.model import (
    LATEST,
    Condition,
    Item,
    Option,
    Questionnaire,
    QuestionnaireError,
    Section,
    get_questionnaire,
    is_shown,
)

__all__ = [
    "LATEST",
    "Amount",
    "CleanedAnswers",
    "Condition",
    "Item",
    "Option",
    "Questionnaire",
    "QuestionnaireError",
    "Section",
    "amount_of",
    "amount_words",
    "clean_answers",
    "get_questionnaire",
    "is_shown",
    "missing_mandatory",
]
