"""Zones nobody should publish: SPF records made of good terms, bad terms and noise, that refer to each other."""

from ipaddress import ip_address
from typing import Any, Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from portal.domain.deliverability.dns_answers import LookupFailure, MailExchanger, Question, RecordType
from tests.support.dns_zone import DnsZone

NAMES: Final = ("a.example", "b.example", "c.example", "d.example", "deep.a.example")
PATIENTLY: Final = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For tests with such zones: what they take a moment for must not fail on a busy machine."""

ADDRESSES: Final = ("192.0.2.1", "192.0.2.77", "198.51.100.9", "2001:db8::1", "::ffff:192.0.2.1")
_NOWHERE: Final = ("nowhere.example", "x" * 64 + ".example", "a..example", "example", "%{d}", "%{l}.b.example", "%{p}")

names = st.sampled_from(NAMES + _NOWHERE)
_prefixes = st.sampled_from(("", "", "", "/24", "/33", "//64", "/24//64", "/0", "/"))
_good_terms = st.one_of(
    st.builds("include:{}".format, names),
    st.builds("a:{}{}".format, names, _prefixes),
    st.builds("mx:{}{}".format, names, _prefixes),
    st.builds("exists:%{{i}}.{}".format, names),
    st.builds("exists:{}".format, names),
    st.builds("redirect={}".format, names),
    st.builds("ptr:{}".format, names),
    st.builds("exp={}".format, names),
    st.sampled_from(
        ("a", "mx", "ptr", "all", "ip4:192.0.2.0/24", "ip6:2001:db8::/32", "ip4:192.0.2.1", "future=thing")
    ),
)
_bad_terms = st.one_of(
    st.text(st.characters(min_codepoint=0, max_codepoint=300, exclude_characters=" "), min_size=1, max_size=12),
    st.sampled_from(
        ("ipv4:192.0.2.1", "include:", "a:museum", "%", "exists:%{z}.example", "all;", "all:x", "ip4:1.2.3")
    ),
)


@st.composite
def spf_texts(draw: st.DrawFn) -> bytes:
    """The octets of a TXT record that may be an SPF record."""
    good = draw(
        st.lists(st.builds("{}{}".format, st.sampled_from(("", "", "-", "~", "?", "+")), _good_terms), max_size=12)
    )
    terms = good + draw(st.lists(_bad_terms, max_size=1)) * draw(st.sampled_from((0, 0, 0, 0, 1)))
    version: str = draw(st.sampled_from(("v=spf1 ",) * 12 + ("V=SPF1 ", "v=spf10 ", "v=spf1;", "")))
    space: str = draw(st.sampled_from((" ", "  ")))
    return (version + space.join(terms)).encode("utf-8", "surrogatepass")


_txt = st.lists(st.one_of(spf_texts(), spf_texts(), spf_texts(), st.binary(max_size=40)), max_size=2)


@st.composite
def hostile_zones(draw: st.DrawFn) -> DnsZone:
    """Records for all of ``NAMES`` and for the reverse names of ``ADDRESSES``, with some failing look-ups."""
    records: dict[tuple[str, str], tuple[Any, ...]] = {}
    hosts = st.sampled_from((*NAMES, "nowhere.example", ""))
    for name in NAMES:
        records[name, "TXT"] = tuple(draw(_txt))
        records[name, "A"] = tuple(map(ip_address, draw(st.lists(st.sampled_from(ADDRESSES[:3]), max_size=2))))
        records[name, "AAAA"] = tuple(map(ip_address, draw(st.lists(st.sampled_from(ADDRESSES[3:4]), max_size=1))))
        records[name, "MX"] = tuple(
            MailExchanger(preference, host)
            for preference, host in draw(st.lists(st.tuples(st.integers(0, 20), hosts), max_size=12))
        )
    for text in ADDRESSES[:4]:
        reverse = ip_address(text).reverse_pointer
        records[reverse, "PTR"] = tuple(draw(st.lists(st.sampled_from(NAMES), max_size=12)))
    failing = draw(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(list(RecordType))), max_size=2))
    failures = {Question[Any](name, kind): LookupFailure("SERVFAIL") for name, kind in failing}
    return DnsZone({key: data for key, data in records.items() if data}, failures)
