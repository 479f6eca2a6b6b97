"""The mails the catcher kept: shown, linked with care, and nothing else of the disk."""

import os
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.test import Client
from django.urls import NoReverseMatch, reverse

from apps.alerts.emails import alert_mail
from config.demo.mails import kept_mails, read_mail
from tests.factories import NOW, make_alert, put_on_call

pytestmark = pytest.mark.django_db

ID = "01795000000000000000-000001"


def keep(folder: Path, mail_id: str = ID, *, text: str = "Hello", subject: str = "A note") -> Path:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, "a@b.example", "c@d.example"
    message.set_content(text)
    file = folder / f"{mail_id}.eml"
    file.write_bytes(b"X-Envelope-To: c@d.example\r\n" + message.as_bytes())
    return file


def test_no_mail_and_no_folder_are_an_empty_list(demo_mode, settings) -> None:
    assert Client().get(reverse("demo:mail_list")).context["mails"] == []
    settings.DEMO_MAIL_DIR = ""
    assert Client().get(reverse("demo:mail_list")).context["mails"] == []
    assert Client().get(reverse("demo:mail_detail", args=[ID])).status_code == 404
    settings.DEMO_MAIL_DIR = "/nonexistent"
    assert Client().get(reverse("demo:mail_list")).context["mails"] == []


def test_newest_mail_comes_first(demo_mode) -> None:
    keep(demo_mode, "01795000000000000001-000000", subject="First")
    keep(demo_mode, "01795000000000000002-000000", subject="Second")
    (demo_mode / ".01795000000000000003-000000.eml.7").write_text("half written")
    mails = Client().get(reverse("demo:mail_list")).context["mails"]
    assert [mail.subject for mail in mails] == ["Second", "First"]


def test_an_alert_mail_is_shown_as_one(demo_mode, patient, nurse) -> None:
    put_on_call(nurse)
    alert = make_alert(patient)
    sent = alert_mail(alert.deliveries.get(), NOW)
    (demo_mode / f"{ID}.eml").write_bytes(sent.message().as_bytes())
    listed = Client().get(reverse("demo:mail_list")).context["mails"][0]
    assert (listed.id, listed.is_alert, listed.to) == (ID, True, nurse.user.email)
    page = Client().get(reverse("demo:mail_detail", args=[ID]))
    assert alert.reference in page.context["mail"].subject
    url = reverse("dashboard:alert", args=[alert.pk])
    assert url in page.context["mail"].text
    assert f'{url}"' in page.content.decode()


def test_only_addresses_of_this_site_become_links(demo_mode) -> None:
    text = (
        "See http://localhost:8000/alerts/1/, not https://evil.example/ "
        "or http://localhost:8000.evil.example/ or http://localhost:8000@evil.example/ "
        "<script>alert(1)</script>"
    )
    keep(demo_mode, text=text)
    mail = read_mail(str(demo_mode), ID)
    assert mail is not None
    html = mail.linked_text("http://localhost:8000")
    assert html.count("<a ") == 1
    assert 'href="http://localhost:8000/alerts/1/' in html
    assert "<script>" not in html


@pytest.mark.parametrize(
    "mail_id",
    ["../secret", "..%2Fsecret", "%2e%2e/secret", "1-1/../../secret", "1-1.eml", "/etc/passwd",
     "1-1%00", "1-1\n", "-", "٣-٣", ""],
)  # fmt: skip
def test_no_id_names_a_file_outside_the_folder(demo_mode, mail_id: str) -> None:
    inside = demo_mode / "kept"
    inside.mkdir()
    (demo_mode / "secret.eml").write_text("Subject: secret\n\nsecret")
    keep(demo_mode)
    assert read_mail(str(inside), mail_id) is None
    assert Client().get(f"/demo/mail/{mail_id}/").status_code in (404, 400)
    with pytest.raises(NoReverseMatch):
        reverse("demo:mail_detail", args=[mail_id])


def test_an_unknown_id_is_not_found(demo_mode) -> None:
    assert Client().get(reverse("demo:mail_detail", args=["1-1"])).status_code == 404


def test_a_mail_that_vanishes_or_is_broken_breaks_no_page(demo_mode) -> None:
    os.symlink(demo_mode / "gone", demo_mode / "5-5.eml")
    (demo_mode / "6-6.eml").write_bytes(b"\xff\xfe not a mail \x00")
    (demo_mode / "7-7.eml").write_bytes(
        b"Subject: odd\nContent-Type: text/plain; charset=martian\n\n\xe9"
    )
    (demo_mode / "8-8.eml").write_bytes(
        b"Subject: page\nContent-Type: text/html\n\n<p>Only <b>HTML</b></p>"
    )
    texts = {mail.id: mail.text for mail in kept_mails(str(demo_mode))}
    assert list(texts) == ["8-8", "7-7", "6-6"]
    assert texts["8-8"].strip() == "Only HTML"
    assert Client().get(reverse("demo:mail_list")).status_code == 200
    assert Client().get(reverse("demo:mail_detail", args=["7-7"])).status_code == 200
