"""Believable answers: scores that rise after a cut and settle, from a seeded generator."""

import math
import random
from typing import Any, Final

from apps.clinical.scoring import DWS_KEYS, GAD7_KEYS, PHQ9_KEYS
from config.demo.story import Story

# Days after a cut at which it is felt most, by how long the drug acts.
PEAK_DAY: Final = {"short": 2, "intermediate": 3, "long": 5}
MOST_OF_A_CUT_PCT: Final = 15  # late cuts are large in percent and small in milligrams
ITEM_LIMIT: Final = {key: 2 if key == "s_jerks" else 3 for key in DWS_KEYS}
NOTES: Final = (
    "Walked to the park twice this week.",
    "Slept better with the window open.",
    "A hard Tuesday, then better.",
    "My sister says I laugh again.",
    "The breathing exercise helps before bed.",
)


class Symptoms:
    """One patient's way of feeling: which symptoms come first, and how each day drifts."""

    def __init__(self, story: Story, half_life: str, rng: random.Random) -> None:
        """Draw a character that stays the same for the whole story."""
        self.story = story
        self.peak = PEAK_DAY[half_life]
        self.rng = rng
        self.drift = 0.0
        self.weights = {key: rng.uniform(0.4, 1.4) for key in DWS_KEYS}
        for key in ("s_anx", "s_sleep"):
            self.weights[key] += 0.8

    def daily(self, days_since_step: int | None, cut_pct: float) -> dict[str, Any]:
        """Return an ordinary day's answers to the daily form."""
        answers: dict[str, Any] = {"dose_taken": "yes_all", "seizure": "no"}
        answers |= self.spread(self.score(days_since_step, cut_pct))
        answers |= {"red_flags": ("none",), "alcohol_drinks": 0, "other_drugs": "none", "si": "no"}
        chance = self.rng.random()
        if chance < 0.12:
            answers["supply_days"] = self.rng.randint(9, 28)
        elif chance < 0.123:
            answers["supply_days"] = self.rng.randint(4, 7)
        elif chance < 0.126:
            answers |= {"dose_taken": "missed_some", "hours_since_last_dose": 13}
        elif chance < 0.128:
            answers["alcohol_drinks"] = 1
        return answers

    def weekly(self) -> dict[str, Any]:
        """Return a week's answers to the weekly form; never a thought of death."""
        low = max(0.0, min(1.0, self.story.level / 16))
        answers: dict[str, Any] = {
            key: self.rng.choices((0, 1, 2), (1.2 - low, 0.5, low / 3))[0]
            for key in (*PHQ9_KEYS, *GAD7_KEYS)
        }
        answers |= {
            "phq9_9": 0,
            "sleep_hours": self.rng.choice(("5.5", "6", "6.5", "7", "7.5")),
            "w_function": self.rng.choice((0, 1, 1, 2)),
            "drive_sleepy": "no",
            "new_meds": False,
            "ready_next": self.rng.choice(("ready", "ready", "unsure", "slower")),
            "coping": self.rng.choice(("yes", "no")),
        }
        if self.rng.random() < 0.15:
            answers["note"] = self.rng.choice(NOTES)
        return answers

    def score(self, days_since_step: int | None, cut_pct: float) -> int:
        """Return the day's total: the usual level, a slow drift, the last cut, and chance."""
        self.drift = 0.75 * self.drift + self.rng.gauss(0, 0.5)
        felt = 0.0
        if days_since_step is not None and cut_pct > 0:
            x = days_since_step / self.peak
            felt = self.story.swing * min(cut_pct, MOST_OF_A_CUT_PCT) / 10 * x * math.exp(1 - x)
        total = self.story.level + self.drift + felt + self.rng.gauss(0, 0.7)
        return max(0, min(25, round(total)))

    def spread(self, total: int) -> dict[str, int]:
        """Return the ten symptom answers that add up to `total`."""
        answers = dict.fromkeys(DWS_KEYS, 0)
        for _ in range(total):
            free = [key for key in DWS_KEYS if answers[key] < ITEM_LIMIT[key]]
            chosen = self.rng.choices(free, [self.weights[key] for key in free])[0]
            answers[chosen] += 1
        return answers
