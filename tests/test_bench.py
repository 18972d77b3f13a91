"""The benchmark's own instruments are honest: what they measure is worth no more than that."""

import smtplib
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import mail
from bench.processes import BenchError
from bench.results import percentile, reached
from bench.runs import waypost_run
from bench.sink_process import Certificate, Report, Sink, running_sink
from bench.waypost import installed
from bench.work import Account, Numbering

ACME = "t00000"
RTT = 0.3


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.issued_in(tmp_path_factory.mktemp("sink"))


@pytest.fixture(scope="module")
def running(certificate: Certificate) -> Iterator[Sink]:
    with running_sink(certificate) as started:
        yield started


@pytest.fixture
def sink(running: Sink) -> Sink:
    """The sink of this module, as if it had just been started."""
    running.set(rtt=0, hold=0, black_holes=[])
    running.forget()
    return running


def trusting(certificate: Certificate) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate.ca_file)


@pytest.fixture
def client(sink: Sink, certificate: Certificate) -> Iterator[smtplib.SMTP]:
    """An SMTP client of another make, before its first word."""
    with smtplib.SMTP_SSL("localhost", sink.ports[0], context=trusting(certificate), timeout=10) as connected:
        yield connected


def send(client: smtplib.SMTP, number: int, content: bytes | None = None, *, sender: str = ACME) -> None:
    content = mail.composed(ACME, number) if content is None else content
    client.sendmail(mail.sender_of(sender), [mail.recipient(number)], content)


def said_in_one_flight(client: smtplib.SMTP, content: bytes, *, pause: float = 0) -> list[int]:
    """The codes that answer MAIL, RCPT and BDAT sent at once, or in two pieces with a pause between them."""
    begin = f"MAIL FROM:<{mail.sender_of(ACME)}>\r\nRCPT TO:<bob@dest.example>\r\nBDAT {len(content)} LAST\r\n"
    if pause:
        client.send(begin.encode("ascii"))
        time.sleep(pause)
        begin = ""
    client.send(begin.encode("ascii") + content)
    return [client.getreply()[0] for _ in range(3)]


def test_the_sink_takes_a_message_and_says_when(sink: Sink, client: smtplib.SMTP) -> None:
    client.login(ACME, mail.password_of(ACME))
    before = time.monotonic()
    send(client, 7)

    report = sink.report()

    report.check([7])
    assert before < report.last_arrival <= report.answered[7] < time.monotonic()
    assert report.handshakes == 1


def test_the_sink_takes_a_message_in_one_flight(sink: Sink, client: smtplib.SMTP) -> None:
    client.login(ACME, mail.password_of(ACME))
    sink.forget()

    codes = said_in_one_flight(client, mail.composed(ACME, 8))

    sink.report().check([8])
    assert codes == [250, 250, 250]
    assert sink.report().round_trips == 1


@pytest.mark.parametrize("without", [["--without", "chunking"], ["--without", "pipelining"]], ids=["BDAT", "flights"])
def test_the_sink_can_do_without(certificate: Certificate, without: list[str]) -> None:
    with (
        running_sink(certificate, words=without) as plainer,
        smtplib.SMTP_SSL("localhost", plainer.ports[0], context=trusting(certificate), timeout=10) as client,
    ):
        client.ehlo()

        assert not client.has_extn(without[1])
        assert client.has_extn("enhancedstatuscodes")
        assert client.has_extn("size")


def test_the_sink_speaks_starttls_and_signs_nobody_in_before(certificate: Certificate) -> None:
    with (
        running_sink(certificate, words=["--starttls"]) as plain,
        smtplib.SMTP("localhost", plain.ports[0], timeout=10) as client,
    ):
        client.ehlo()
        assert not client.has_extn("auth")
        client.starttls(context=trusting(certificate))
        client.login(ACME, mail.password_of(ACME))
        send(client, 9)

        plain.report().check([9])


def test_the_sink_refuses_a_wrong_password(sink: Sink, client: smtplib.SMTP) -> None:
    with pytest.raises(smtplib.SMTPAuthenticationError):
        client.login(ACME, mail.password_of("t00001"))

    assert client.docmd("MAIL", f"FROM:<{mail.sender_of(ACME)}>")[0] == 530
    assert sink.report().counted["refused_sign_ins"] == 1


def test_the_sink_refuses_a_sender_of_another_account(sink: Sink, client: smtplib.SMTP) -> None:
    client.login(ACME, mail.password_of(ACME))

    with pytest.raises(smtplib.SMTPSenderRefused):
        send(client, 1, sender="t00001")
    assert sink.report().counted["refused_senders"] == 1


@pytest.mark.parametrize(
    ("content", "numbers"),
    [
        pytest.param(mail.composed(ACME, 1)[:-40] + b"\r\n", [1], id="its end is missing"),
        pytest.param(mail.composed(ACME, 1).replace(b"020 ", b"021 "), [1], id="a byte was changed"),
        pytest.param(mail.composed(ACME, 1).replace(b"X-Bench", b"X-Other"), [-1], id="its number is lost"),
        pytest.param(mail.composed(ACME, 1), [1, 2], id="another is lost"),
        pytest.param(mail.composed(ACME, 1), [], id="nobody sent it"),
    ],
)
def test_what_is_not_whole_or_not_all_there_spoils_the_run(
    sink: Sink, client: smtplib.SMTP, content: bytes, numbers: list[int]
) -> None:
    client.login(ACME, mail.password_of(ACME))
    send(client, 1, content)

    with pytest.raises(BenchError):
        sink.report().check(numbers)


def test_a_message_that_came_twice_spoils_the_run(sink: Sink, client: smtplib.SMTP) -> None:
    client.login(ACME, mail.password_of(ACME))
    send(client, 1)
    send(client, 1)

    with pytest.raises(BenchError, match="1 more than once"):
        sink.report().check([1])


def test_a_flight_takes_one_round_trip_however_many_replies_it_is_due(sink: Sink, client: smtplib.SMTP) -> None:
    client.login(ACME, mail.password_of(ACME))
    sink.forget()
    sink.set(rtt=RTT)

    began = time.monotonic()
    said_in_one_flight(client, mail.composed(ACME, 3), pause=RTT / 10)
    in_one_flight = time.monotonic() - began
    send(client, 4)
    one_by_one = time.monotonic() - began - in_one_flight

    report = sink.report()
    assert RTT <= in_one_flight < 2 * RTT
    assert 4 * RTT <= one_by_one < 5 * RTT
    assert report.round_trips == (1 + 4) / 2
    assert all(answered - arrived >= RTT for _, arrived, answered in report.arrivals)


def test_opening_a_connection_is_paid_for_by_the_round_trip(sink: Sink, certificate: Certificate) -> None:
    sink.set(rtt=RTT)

    began = time.monotonic()
    with smtplib.SMTP_SSL("localhost", sink.ports[0], context=trusting(certificate), timeout=10) as client:
        client.login(ACME, mail.password_of(ACME))
        seconds = time.monotonic() - began
        send(client, 5)

    assert 5 * RTT <= seconds < 6 * RTT  # TCP, TLS, greeting, EHLO, AUTH
    assert sink.report().opening_round_trips == 5 + 1  # and QUIT


def test_a_black_hole_accepts_and_says_nothing_on_open_connections_neither(
    sink: Sink, client: smtplib.SMTP, certificate: Certificate
) -> None:
    client.login(ACME, mail.password_of(ACME))
    sink.set(black_holes=sink.ports)

    with pytest.raises(TimeoutError):
        smtplib.SMTP_SSL("localhost", sink.ports[0], context=trusting(certificate), timeout=0.3)
    assert client.sock
    client.sock.settimeout(0.3)
    with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
        send(client, 6)
    assert sink.report().arrivals == ()


def test_a_tiny_throughput_run_arrives_once_and_whole(certificate: Certificate, tmp_path: Path) -> None:
    with (
        running_sink(certificate, ports=3) as sink,
        installed(tmp_path, certificate, sink.ports) as waypost,
    ):
        accounts = tuple(map(Account, mail.tenant_names(3), sink.ports))
        waypost.add_tenants(accounts)
        waypost.start_workers()

        run = waypost_run(waypost, sink, Numbering(accounts).work(30))

    assert run.per_second > 0
    assert run.cpu.keys() == {"worker", "producer", "sink"}
    assert run.round_trips >= 1


def test_percentiles_are_values_that_occurred() -> None:
    assert [percentile(range(1, 201), percent) for percent in (50, 99, 100)] == [100, 198, 200]
    assert percentile([3.0], 99) == 3.0


def test_a_number_that_is_not_reached_is_said_so() -> None:
    assert reached(4.2, least=4, what="ratio").startswith("reached")
    assert reached(3.9, least=4, what="ratio").startswith("**NOT reached**")
    assert reached(1.3, most=1.25, what="p50").startswith("**NOT reached**")


def test_a_report_of_nothing_has_lost_what_was_sent() -> None:
    with pytest.raises(BenchError, match="2 messages lost"):
        Report((), {"broken": 0}).check([1, 2])
