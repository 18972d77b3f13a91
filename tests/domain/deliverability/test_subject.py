"""How what people type becomes what is checked."""

import pytest

from portal.domain.deliverability.dns_answers import DnsAnswers, NoRecord, Unanswered, ipv4_of, mx, txt
from portal.domain.deliverability.dns_names import query_name, to_ascii
from portal.domain.deliverability.findings import CheckId, Remark, Verdict, finding, worst
from portal.domain.deliverability.provider_records import PROVIDER_RECORDS, provider_records
from portal.domain.deliverability.published_text import shown
from portal.domain.deliverability.subject import Subject, SubjectError


@pytest.mark.parametrize(
    ("typed", "domain"),
    [
        ("acme.example", "acme.example"),
        (" Acme.Example. ", "acme.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("Straße.example", "xn--strae-oqa.example"),
    ],
)
def test_a_domain_is_read_as_the_dns_writes_it(typed: str, domain: str) -> None:
    assert Subject.of(typed, "mail.acme.example").from_domain == domain


@pytest.mark.parametrize(
    "typed",
    ["", "acme", "a..example", "192.0.2.1", "x" * 64 + ".example", "ä" * 300 + ".example", "xn--\u00e4.example"],
)
def test_what_is_no_full_domain_is_refused(typed: str) -> None:
    with pytest.raises(SubjectError):
        Subject.of(typed, "mail.acme.example")


@pytest.mark.parametrize(
    ("typed", "selector"),
    [("S1", "s1"), ("s1._domainkey", "s1"), ("s1._domainkey.acme.example", "s1"), ("a.b", "a.b"), (" s1 ", "s1")],
)
def test_a_selector_may_bring_its_domain_along(typed: str, selector: str) -> None:
    assert Subject.of("acme.example", "mail.acme.example", selectors=[typed]).selectors == (selector,)


@pytest.mark.parametrize("typed", ["", "._domainkey.acme.example", "ä", "x" * 64])
def test_what_is_no_selector_is_refused(typed: str) -> None:
    with pytest.raises(SubjectError):
        Subject.of("acme.example", "mail.acme.example", selectors=[typed])


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("smtp.sendgrid.net", "SendGrid"),
        ("SMTP.SendGrid.net", "SendGrid"),
        ("email-smtp.eu-central-1.amazonaws.com", "Amazon SES"),
        ("ec2-203-0-113-1.amazonaws.com", None),
        ("mail.acme.example", None),
        ("203.0.113.10", None),
    ],
)
def test_a_provider_is_known_by_its_servers(host: str, name: str | None) -> None:
    provider = Subject.of("acme.example", host).provider
    assert (provider.name if provider else None) == name


def test_every_provider_is_found_by_its_own_servers_and_only_once() -> None:
    hosts = [(host.replace("*", "eu"), row) for row in PROVIDER_RECORDS for host in row.hosts]
    assert [row.name for host, row in hosts if provider_records(host) is not row] == []
    assert len({row.name for row in PROVIDER_RECORDS}) == len(PROVIDER_RECORDS)


def test_the_zone_is_the_organizations_where_the_list_is_known() -> None:
    listed = Subject.of("news.acme.example", "mail.acme.example", public_suffix_of=lambda _: "example")
    unlisted = Subject.of("news.acme.example", "mail.acme.example")
    assert listed.zone_of("_dmarc.news.acme.example") == "acme.example"
    assert unlisted.zone_of("_dmarc.news.acme.example") == "news.acme.example"
    assert unlisted.zone_of("bounce.other.example") == "bounce.other.example"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Acme.Example.", "acme.example"),
        ("_dmarc.acme.example", "_dmarc.acme.example"),
        ("with space.example", "with space.example"),
        ("a..example", None),
        (".example", None),
        ("", None),
        (".", None),
        ("ä.example", None),
        ("x" * 63 + ".example", "x" * 63 + ".example"),
        ("x" * 64 + ".example", None),
        (".".join(["x" * 49] * 5) + ".xyz", ".".join(["x" * 49] * 5) + ".xyz"),
        (".".join(["x" * 49] * 5) + ".wxyz", None),
    ],
)
def test_only_what_can_be_asked_for_is_a_name(text: str, name: str | None) -> None:
    assert query_name(text) == name


def test_underscores_stay_beside_international_labels() -> None:
    assert to_ascii("_spf.bücher.example") == "_spf.xn--bcher-kva.example"
    assert to_ascii("\u200d.example") is None


def test_what_is_missing_is_told_at_once_and_only_once() -> None:
    answers = DnsAnswers({mx("acme.example"): NoRecord(name_exists=True)})
    with pytest.raises(Unanswered) as raised:
        answers.need(txt("acme.example"), mx("acme.example"), ipv4_of("acme.example"), txt("acme.example"))
    assert raised.value.questions == (txt("acme.example"), ipv4_of("acme.example"))


def test_answers_grow_and_are_never_changed() -> None:
    before = DnsAnswers()
    after = before | {mx("acme.example"): NoRecord(name_exists=False)}
    assert len(before) == 0
    assert list(after | DnsAnswers()) == [mx("acme.example")]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain", "plain"),
        (b"\x96", r"\x96"),
        (b"a\r\nb\x00", r"a\r\nb\x00"),
        ("caf\u00e9 \u202e\u00a0".encode(), r"café \u202e\xa0"),
        (b"<b>", "<b>"),
        (b"x" * 3000, "x" * 1999 + "…"),
    ],
)
def test_text_from_the_dns_is_made_fit_to_be_shown(raw: bytes, text: str) -> None:
    assert shown(raw) == text


def test_red_comes_before_grey_before_amber_before_green() -> None:
    order = [Verdict.FAIL, Verdict.UNKNOWN, Verdict.WARN, Verdict.PASS, Verdict.INFO, Verdict.SKIP]
    for position in range(len(order)):
        assert worst(reversed(order[position:])) is order[position]
    assert worst([]) is Verdict.SKIP


def test_a_finding_leads_with_the_worst_and_is_never_longer_than_a_person_can_mend() -> None:
    remarks = [Remark(Verdict.WARN, f"w{number}") for number in range(30)] + [Remark(Verdict.FAIL, "f")]
    found = finding(CheckId.SPF, remarks, found=["x" * 9000] * 30)
    assert (found.verdict, found.summary, found.details[0].sentence) == (Verdict.FAIL, "f", "w0")
    assert len(found.details) == 11
    assert sum(map(len, found.found)) <= 2400
