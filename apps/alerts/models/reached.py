"""How an alert remembers somebody whom it has reached, kept by PostgreSQL (docs/adr/0034).

Every page asks which open alerts have reached nobody. Of each alert one person is remembered
to whom a message arrived: by the message itself, in the transaction that says so, whoever
writes it, and forgotten when it turns out that it did not. An alert without one says
nothing, and neither does one whose person has left since: only of those the messages are
read. So the answer is what the messages say, and costs the same however many alerts are open.
"""

from typing import Final

import pgtrigger

# What `DeliveryQuerySet.arrived` asks of a message, but for who its recipient is today.
ARRIVED: Final = "({row}.status = 'sent' AND {row}.receipt IN ('', 'delivered'))"
OLD: Final = ARRIVED.format(row="OLD")
NEW: Final = ARRIVED.format(row="NEW")
REMEMBER: Final = """
UPDATE alerts_alert SET reached_id = NEW.recipient_id
    WHERE id = NEW.alert_id AND reached_id IS NULL;
RETURN NULL;
"""
FORGET: Final = """
UPDATE alerts_alert SET reached_id = NULL
    WHERE id = NEW.alert_id AND reached_id = NEW.recipient_id;
RETURN NULL;
"""
CHECK: Final = f"""
IF NOT EXISTS (
    SELECT FROM alerts_delivery d
    WHERE d.alert_id = NEW.id AND d.recipient_id = NEW.reached_id AND {ARRIVED.format(row="d")}
) THEN RAISE EXCEPTION 'No message about this alert has reached this person.';
END IF; RETURN NEW;
"""


def remembered_by_alerts() -> list[pgtrigger.Trigger]:
    """Return the triggers with which a message tells its alert whether it arrived."""
    return [
        pgtrigger.Trigger(
            name=name,
            operation=pgtrigger.Update,
            when=pgtrigger.After,
            condition=pgtrigger.Condition(condition),
            func=func,
        )
        for name, condition, func in (
            ("delivery_reached", f"({NEW} AND NOT {OLD})", REMEMBER),
            ("delivery_not_reached", f"({OLD} AND NOT {NEW})", FORGET),
        )
    ]


def reached_by_messages() -> list[pgtrigger.Trigger]:
    """Return the triggers that let an alert remember nobody whom no message has reached."""
    changed = "NEW.reached_id IS NOT NULL AND NEW.reached_id IS DISTINCT FROM OLD.reached_id"
    return [
        pgtrigger.Protect(
            name="alert_begins_unreached",
            operation=pgtrigger.Insert,
            condition=pgtrigger.Condition("NEW.reached_id IS NOT NULL"),
        ),
        pgtrigger.Trigger(
            name="alert_reached_by_a_message",
            operation=pgtrigger.Update,
            when=pgtrigger.Before,
            condition=pgtrigger.Condition(changed),
            func=CHECK,
        ),
    ]
