"""From where and with what: networks that tries are counted for, and browsers as people call them."""

import pytest

from portal.domain.people.user_agents import LONGEST, cut, short_name
from portal.domain.people.visitor import network_of

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("no address", "unknown"),
        (None, "unknown"),
    ],
)
def test_tries_are_counted_for_an_address_or_for_what_one_customer_has_of_ipv6(
    address: str | None, network: str
) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (CHROME, "Chrome on Windows"),
        (f"{CHROME} Edg/131.0.0.0", "Edge on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", "Firefox on Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/131.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.11.0", "curl"),
        ("Something (Windows)", "A browser on Windows"),
        ("", "Unknown browser"),
        ("<script>", "Unknown browser"),
    ],
)
def test_a_browser_is_called_what_people_call_it(user_agent: str, name: str) -> None:
    assert short_name(user_agent) == name


def test_of_a_header_as_much_is_kept_as_fits_and_nothing_that_cannot_be_printed() -> None:
    assert cut("a\0b\x1b[2J\u202e") == "ab[2J"
    assert len(cut("x" * 5000)) == LONGEST
