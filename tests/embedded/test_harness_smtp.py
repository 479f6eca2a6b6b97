"""The SMTP server of the tests must itself be right, or every delivery test is worth nothing."""

import smtplib
from email.message import EmailMessage

import pytest

from tests.harness.smtp import Answer, SmtpServer


def send(server: SmtpServer, to: str = "nurse@example.org") -> dict:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.org", to, "Red 12"
    message.set_content("Open the link.")
    with smtplib.SMTP("127.0.0.1", server.port, timeout=0.3) as client:
        return client.send_message(message)


@pytest.fixture
def server():
    with SmtpServer() as running:
        yield running


def test_an_accepted_mail_is_kept_with_envelope_and_text(server):
    send(server)
    (mail,) = server.wait_for(1)
    assert mail.recipients == ("nurse@example.org",)
    assert mail.message["Subject"] == "Red 12"
    assert mail.text.strip() == "Open the link."


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer.TEMPORARY_AT_RCPT, smtplib.SMTPRecipientsRefused),
        (Answer.PERMANENT_AT_RCPT, smtplib.SMTPRecipientsRefused),
        (Answer.TEMPORARY_AFTER_DATA, smtplib.SMTPDataError),
        (Answer.PERMANENT_AFTER_DATA, smtplib.SMTPDataError),
        (Answer.HANG_BEFORE_DATA, OSError),
        (Answer.HANG_AFTER_DATA, OSError),
        (Answer.DROP_BEFORE_DATA, smtplib.SMTPServerDisconnected),
        (Answer.DROP_AFTER_DATA, smtplib.SMTPServerDisconnected),
    ],
)
def test_each_answer_reaches_the_client(server, answer, error):
    server.behave(answer)
    with pytest.raises(error):
        send(server)
    kept = answer in (Answer.HANG_AFTER_DATA, Answer.DROP_AFTER_DATA)
    assert len(server.messages) == kept
    assert server.attempts == ["nurse@example.org"]


def test_a_rule_may_hold_for_some_tries_and_for_one_recipient(server):
    server.behave(Answer.PERMANENT_AT_RCPT, to="nurse@example.org", times=1)
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(server)
    send(server)
    send(server, to="lead@example.org")
    assert len(server.messages) == 2


def test_a_recipients_own_rule_goes_before_the_rule_for_all(server):
    server.behave(Answer.PERMANENT_AT_RCPT)
    server.behave(Answer.ACCEPT, to="lead@example.org")
    send(server, to="lead@example.org")
    assert server.to("LEAD@example.org")


def test_a_stopped_server_refuses_and_comes_back_on_the_same_port(server):
    port = server.port
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        send(server)
    server.start()
    send(server)
    assert server.port == port
