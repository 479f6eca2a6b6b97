"""What is typed on the board itself: ends of alerts and tasks, one by one or together."""

from typing import Any, Final
from uuid import UUID

from django import forms

from apps.alerts.models import Alert
from apps.checkins.models import CareTask
from apps.dashboard.board import KINDS_SEEN

TOGETHER_AT_MOST: Final = 40


class CloseForm(forms.Form):
    """What was done about one alert; an alert ends only with a note."""

    outcome = forms.ChoiceField(
        choices=Alert.Outcome.choices, error_messages={"required": "Choose what was done."}
    )
    note = forms.CharField(
        max_length=4000, error_messages={"required": "Write what was done, in a few words."}
    )


class TogetherForm(forms.Form):
    """Several lines at once: watch alerts and tasks, never a red flag."""

    act = forms.ChoiceField(choices=[("take", "Take"), ("done", "Close")])
    outcome = forms.ChoiceField(choices=CareTask.Outcome.for_people(), required=False)
    note = forms.CharField(max_length=2000, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.alert_ids: list[UUID] = []
        self.task_ids: list[UUID] = []
        self.seen: list[tuple[str, UUID]] = []  # kind and patient of what nobody took yet

    def clean(self) -> dict[str, Any]:
        """Read which lines were chosen; closing needs an outcome and a note for all of them."""
        values = super().clean() or {}
        chosen = self.data.getlist("line")  # type: ignore[attr-defined]
        if len(chosen) > TOGETHER_AT_MOST:
            raise forms.ValidationError(f"Choose at most {TOGETHER_AT_MOST} lines at once.")
        for key in chosen:
            self.add_line(key)
        if not (self.alert_ids or self.task_ids or self.seen):
            raise forms.ValidationError("Choose at least one line first.")
        if values.get("act") == "done":
            if not values.get("outcome"):
                self.add_error("outcome", "Choose what came of them.")
            if not values.get("note", "").strip():
                self.add_error("note", "Write one note for all of them.")
        return values

    def add_line(self, key: str) -> None:
        """Keep the id of one chosen line; what is no id is left out."""
        kind, _, text = key.partition("-")
        try:
            found = UUID(text)
        except ValueError:
            return
        if kind in ("alert", "task"):
            (self.alert_ids if kind == "alert" else self.task_ids).append(found)
        elif kind in KINDS_SEEN:
            self.seen.append((kind, found))
