"""DMARC by RFC 9989: records, the tree walk and alignment, row by row of ``tests/data/deliverability``."""

import tomllib
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.deliverability.alignment import alignment, organizational_domain_by_list
from portal.domain.deliverability.dmarc.discovery import discover
from portal.domain.deliverability.dmarc.near_miss import near_miss
from portal.domain.deliverability.dmarc.record import AlignmentMode, DmarcRecord, is_dmarc_record, parse_dmarc_record
from portal.domain.deliverability.dmarc.tree_walk import walk_domains
from portal.domain.deliverability.dns_answers import LookupFailure, txt
from tests.support.dns_zone import DnsZone, answered

SUFFIXES = ("co.example", "example", "test")


def rows(file: str) -> list[dict[str, Any]]:
    path = Path(__file__).parents[2] / "data" / "deliverability" / file
    found: list[dict[str, Any]] = tomllib.loads(path.read_text("utf-8"))["rows"]
    return found


def _zone_line(line: str) -> str:
    domain, colon, text = line.partition(": ")
    return f'_dmarc.{domain} TXT "{text}"' if colon else line


def zone_of(lines: list[str], failing: list[str]) -> DnsZone:
    """``domain: text`` is a DMARC record, any other line one of a zone file."""
    zone = DnsZone.from_text("\n".join(map(_zone_line, lines)))
    zone.failures |= {txt(f"_dmarc.{domain}"): LookupFailure("SERVFAIL") for domain in failing}
    return zone


def suffix_of(domain: str) -> str | None:
    return next((suffix for suffix in SUFFIXES if domain == suffix or domain.endswith("." + suffix)), None)


def flags(record: DmarcRecord) -> set[str]:
    told = {
        "strict dkim": record.dkim_mode is AlignmentMode.STRICT,
        "strict spf": record.spf_mode is AlignmentMode.STRICT,
        "testing": record.testing,
        f"psd {record.public_suffix}": record.public_suffix != "u",
        f"pct {record.percentage}": record.percentage is not None,
    }
    return {flag for flag, is_set in told.items() if is_set}


@pytest.mark.parametrize("row", rows("dmarc_records.toml"), ids=lambda row: row["name"])
def test_a_record_is_read_as_its_row_says(row: dict[str, Any]) -> None:
    raw = row["record"].encode()
    assert is_dmarc_record(raw) is row.get("is", True)
    if not row.get("is", True):
        return
    record = parse_dmarc_record(raw)
    own = row.get("own", "p none")
    below = row.get("below", own)
    assert record.is_usable is row.get("usable", True)
    if record.is_usable:
        assert " ".join(record.applicable(inherited=False)) == own
        assert " ".join(record.applicable(inherited=True)) == below
        assert " ".join(record.applicable(inherited=True, domain_exists=False)) == row.get("unknown", below)
    assert [tag for tag, _ in record.invalid] == row.get("invalid", [])
    assert list(record.ignored) == row.get("ignored", [])
    assert [report.domain for report in record.reports if report.domain] == row.get("reports", [])
    assert flags(record) == set(row.get("flags", ()))


@pytest.mark.parametrize("row", rows("dmarc_discovery.toml"), ids=lambda row: row["name"])
def test_the_record_that_applies_is_found_as_its_row_says(row: dict[str, Any]) -> None:
    zone = zone_of(row["zone"], row.get("failing", []))
    found = answered(zone, lambda answers: discover(row["domain"], answers))

    assert (found.failure.domain if found.failure else None) == row.get("failure")
    assert found.policy_domain == row.get("policy_domain")
    assert (f"{found.deciding_tag} {found.effective}" if found.effective else None) == row.get("policy")
    if "organization" in row:
        assert found.walk.failed is None
        assert found.walk.organizational_domain == row["organization"]
    if "asked" in row:
        assert sum(question.name.startswith("_dmarc.") for question in zone.asked) == row["asked"]


@pytest.mark.parametrize("row", rows("alignment.toml"), ids=lambda row: row["name"])
@pytest.mark.parametrize("with_list", [True, False], ids=["with the list", "without"])
def test_two_domains_are_aligned_as_their_row_says(row: dict[str, Any], *, with_list: bool) -> None:
    zone = zone_of(row.get("dmarc", []), row.get("failing", []))
    mode = AlignmentMode.STRICT if row.get("strict") else AlignmentMode.RELAXED
    suffixes = suffix_of if with_list else None

    found = answered(zone, lambda answers: alignment(row["identity"], row["from"], mode, answers, suffixes))

    assert found.aligned == (row["aligned"] if with_list else row.get("no_list", row["aligned"]))
    assert bool(zone.asked) is row.get("asked", True)


@pytest.mark.parametrize(
    ("domain", "organization"),
    [
        ("acme.example", "acme.example"),
        ("a.b.acme.example", "acme.example"),
        ("a.b.acme.co.example", "acme.co.example"),
        ("co.example", "co.example"),
        ("acme.unlisted", "acme.unlisted"),
    ],
)
def test_by_the_list_an_organization_begins_one_label_below_the_suffix(domain: str, organization: str) -> None:
    assert organizational_domain_by_list(domain, suffix_of) == organization


@pytest.mark.parametrize(
    "remainder",
    [
        b";" * 60000,
        b"a=1;" * 15000,
        b"".join(b"t%d=1;" % number for number in range(8000)),
        b"p = " * 15000,
        b"rua=" + b"a@" * 30000,
    ],
    ids=["semicolons", "one tag", "many tags", "equals signs", "at signs"],
)
def test_the_longest_record_is_read_in_no_time(remainder: bytes) -> None:
    begin = process_time()
    parse_dmarc_record(b"v=DMARC1;" + remainder)
    near_miss(b"v=dmarc1 " + remainder)
    assert process_time() - begin < 2


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=127).map(".".join))
def test_a_walk_visits_at_most_eight_domains_and_ends_at_the_top(domain: str) -> None:
    visited = walk_domains(domain)
    assert visited[0] == domain
    assert len(visited) <= 8
    assert visited[-1].count(".") == 0


@given(st.binary(max_size=120))
def test_any_bytes_can_be_read_as_a_record(raw: bytes) -> None:
    record = parse_dmarc_record(b"v=DMARC1; " + raw)
    shown = (record.text, *record.ignored, *(value for _, value in record.invalid))
    assert all(text.isprintable() for text in shown)
