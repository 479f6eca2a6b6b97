"""The mails that the local catcher kept, read from its folder of .eml files."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Final

from django.utils.html import escape, strip_tags
from django.utils.safestring import SafeString, mark_safe

from apps.alerts.models import LEVEL_LABELS

MAIL_ID: Final = re.compile(r"[0-9]{1,40}-[0-9]{1,20}")
SHOWN: Final = 200
ALERT_SUBJECT: Final = re.compile(
    rf"({'|'.join(label.upper() for label in LEVEL_LABELS.values())}) alert "
)


@dataclass(frozen=True, slots=True)
class Mail:
    """One kept mail."""

    id: str
    subject: str
    from_: str
    to: str
    received_at: datetime
    text: str

    @property
    def is_alert(self) -> bool:
        """Answer whether it is one of our alert mails."""
        return ALERT_SUBJECT.match(self.subject) is not None

    def linked_text(self, site_url: str) -> SafeString:
        """Return the text as HTML in which addresses of this site, and no others, are links."""
        address = re.compile(rf"{re.escape(escape(site_url))}(?:/[^\s<>\"']*)?(?![\w.:@-])")
        linked = address.sub(
            lambda found: f'<a href="{found[0]}">{found[0]}</a>', escape(self.text)
        )
        return mark_safe(linked)  # noqa: S308 - escaped above, before the links were set


def kept_mails(folder: str) -> Iterator[Mail]:
    """Return the newest mails, newest first; none when there is no folder."""
    if not folder:
        return
    files = sorted(Path(folder).glob("[0-9]*-[0-9]*.eml"), reverse=True)
    for file in files[:SHOWN]:
        mail = read_mail(folder, file.stem)
        if mail is not None:
            yield mail


def read_mail(folder: str, mail_id: str) -> Mail | None:
    """Return one mail, or None when there is no such mail or the id is not one."""
    if not folder or MAIL_ID.fullmatch(mail_id) is None:
        return None
    file = Path(folder) / f"{mail_id}.eml"
    try:
        content, kept_at = file.read_bytes(), file.stat().st_mtime
    except OSError:  # the catcher drops the oldest
        return None
    message = message_from_bytes(content, policy=default)
    return Mail(
        id=mail_id,
        subject=str(message.get("Subject", "(no subject)")),
        from_=str(message.get("From", "")),
        to=str(message.get("To", "")),
        received_at=datetime.fromtimestamp(kept_at, UTC),
        text=text_of(message),
    )


def text_of(message: EmailMessage) -> str:
    """Return the plain text of a mail, taken from its HTML when there is no other."""
    body = message.get_body(preferencelist=("plain", "html"))
    if body is None:
        return ""
    try:
        content = str(body.get_content())
    except (LookupError, ValueError):  # a character set nobody knows
        return "This mail cannot be read."
    return strip_tags(content) if body.get_content_subtype() == "html" else content
