"""An attempt ends in its time, whatever the server drips, so that the lease outlasts it."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from django.core.mail import EmailMessage
from django.utils import timezone

from apps.alerts.smtp import MailSession, Result, lease_time

MAIL = EmailMessage("Subject", "Body", "from@clinic.example", ["to@clinic.example"])
Begin = Callable[[socket.socket], None]


class Dripping:
    """A server that begins as told and then sends one drop after the other for ever."""

    def __init__(self, begin: Begin, drop: bytes) -> None:
        self.begin, self.drop, self.calls = begin, drop, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.over = threading.Event()

    def accept(self) -> None:
        """Take every caller, each on a thread of its own."""
        with suppress(OSError):
            while not self.over.is_set():
                caller, _ = self.listener.accept()
                self.calls += 1
                threading.Thread(target=self.serve, args=[caller], daemon=True).start()

    def serve(self, caller: socket.socket) -> None:
        """Begin, and drip."""
        with suppress(OSError), caller:
            self.begin(caller)
            while not self.over.wait(0.05):
                caller.sendall(self.drop)


@contextmanager
def dripping(settings, begin: Begin, drop: bytes) -> Iterator[Dripping]:
    """Run the server, and have mail go to it."""
    server = Dripping(begin, drop)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = server.listener.getsockname()
    settings.EMAIL_TIMEOUT, settings.ALERT_ATTEMPT_SECONDS = 0.5, 1
    threading.Thread(target=server.accept, daemon=True).start()
    try:
        yield server
    finally:
        server.over.set()
        server.listener.close()


def take_one_mail(caller: socket.socket) -> None:
    """Take one mail as a server does, and read the next command."""
    talk = caller.makefile("rwb", buffering=0)
    talk.write(b"220 here\r\n")
    for _ in range(3):  # EHLO, MAIL, RCPT
        talk.readline()
        talk.write(b"250 ok\r\n")
    talk.readline()
    talk.write(b"354 go on\r\n")
    while talk.readline().strip() != b".":
        pass
    talk.write(b"250 taken\r\n")
    talk.readline()


def test_a_handshake_that_drips_is_cut(settings) -> None:
    settings.EMAIL_USE_SSL = True
    record = b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc"  # of 16 kB; the rest comes drop by drop
    with (
        dripping(settings, lambda caller: caller.sendall(record), b"\x03"),
        MailSession() as session,
    ):
        answer = session.send(MAIL)
    assert (answer.result, answer.of_server) == (Result.TEMPORARY, True)


@pytest.fixture
def tls(tmp_path, monkeypatch) -> ssl.SSLContext:
    """A server's certificate for 127.0.0.1 that this process trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    place = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    now = timezone.now()
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(place, critical=False)
        .sign(key, hashes.SHA256())
    )
    public, private = tmp_path / "certificate.pem", tmp_path / "key.pem"
    public.write_bytes(certificate.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    monkeypatch.setenv("SSL_CERT_FILE", str(public))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(public, private)
    return context


def test_a_mail_leaves_over_tls_from_the_first_byte(settings, tls) -> None:
    settings.EMAIL_USE_SSL = True

    def begin(caller: socket.socket) -> None:
        with tls.wrap_socket(caller, server_side=True) as secure:
            take_one_mail(secure)

    with dripping(settings, begin, b"2"), MailSession() as session:
        assert session.send(MAIL).result == Result.SENT


def test_after_a_cut_there_is_no_second_try_within_the_lease(settings) -> None:
    with dripping(settings, take_one_mail, b"2") as server, MailSession() as session:
        assert session.send(MAIL).result == Result.SENT
        assert session.send(MAIL).of_server
        assert server.calls == 1
    assert lease_time().total_seconds() > settings.ALERT_ATTEMPT_SECONDS
