"""The dialogue as it may be shown: no credentials, no content."""

import re
from base64 import b64encode, urlsafe_b64encode
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

from portal.domain.mail.smtp_reply import SmtpReply
from portal.domain.routing.smtp_route import Credentials
from portal.domain.secret import MARK
from portal.smtp.printable_text import cut, printable
from portal.smtp.sign_in_mechanism import sasl_octets

_LINES_KEPT: Final = 100
_SHORTEST_CORE: Final = 8
"""Characters. Shorter pieces of base64 would be found in innocent words."""
_PERCENT_ENCODED: Final = re.compile("%[0-9A-F]{2}")


class Secrets:
    """Every spelling of a password that must not come back to us out of a server's mouth (THREATS 8)."""

    __slots__ = ("_spellings",)

    def __init__(self, credentials: Credentials | None = None) -> None:
        found = _spellings(credentials) if credentials is not None else set()
        # The longest first: PLAIN's base64 begins with that of the user name.
        self._spellings = tuple(sorted(found - {""}, key=lambda text: (-len(text), text)))

    def __iter__(self) -> Iterator[str]:
        return iter(self._spellings)

    def __repr__(self) -> str:
        return f"Secrets({MARK})"


def scrub(text: str, secrets: Iterable[str]) -> str:
    """Make a server's words fit to be kept: printable, every spelling of a secret marked, then cut to 300 characters.

    Args:
        text: One line.
        secrets: The spellings, the longest first, as ``Secrets`` gives them.
    """
    text = printable(text)
    for spelling in secrets:
        if spelling in text:
            text = text.replace(spelling, MARK)
    return cut(text)


def scrub_reply(reply: SmtpReply, secrets: Iterable[str]) -> SmtpReply:
    lines = tuple([scrub(line, secrets) for line in reply.lines])
    return reply if lines == reply.lines else SmtpReply(reply.code, lines)


class Transcript:
    """The last hundred lines said on a connection. ``C:`` are ours, ``S:`` the server's."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_LINES_KEPT)

    def said(self, line: str) -> None:
        """Add a line of ours. The caller says what is shown instead of credentials and content."""
        self._lines.append(f"C: {cut(printable(line))}")

    def heard(self, reply: SmtpReply) -> None:
        """Add a reply that is scrubbed already."""
        *others, last = reply.lines
        for line in others:
            self._lines.append(f"S: {reply.code}-{line}")
        self._lines.append(f"S: {reply.code} {last}".rstrip())

    def forget(self) -> None:
        self._lines.clear()

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(self._lines)

    def __str__(self) -> str:
        return "\n".join(self._lines)


def _spellings(credentials: Credentials) -> set[str]:
    username, password = credentials.username, credentials.password.reveal()
    if not password:
        return set()
    name, word = sasl_octets(username), sasl_octets(password)
    # Replies are made printable before they are compared, so a password with a control character comes back without.
    plain = {password, printable(password), *_in_urls(word)}
    whole = [name, word, b"\0%b\0%b" % (name, word), b"%b\0%b\0%b" % (name, name, word), b"%b:%b" % (name, word)]
    encoded = {encode(octets).decode().rstrip("=") for octets in whole for encode in (b64encode, urlsafe_b64encode)}
    return plain | encoded | _base64_cores(word)


def _in_urls(word: bytes) -> Iterator[str]:
    """Percent-encoded, with the slash encoded or not, the space as a plus or not, the digits in either case."""
    for text in (quote(word), quote(word, safe=""), quote_plus(word), quote_plus(word, safe="/")):
        yield text
        yield _PERCENT_ENCODED.sub(lambda octet: octet[0].lower(), text)


def _base64_cores(word: bytes) -> set[str]:
    """How a password looks within the base64 of something longer, wherever it begins in there.

    Three octets make four characters, so there are three ways; the characters at both ends that hold bits of the
    neighbours are left away.
    """
    cores = set()
    for before in range(3):
        text = b64encode(bytes(before) + word).decode().rstrip("=")
        whole = (before + len(word)) * 8 // 6
        core = text[-(-before * 8 // 6) : whole]
        if len(core) >= _SHORTEST_CORE:
            cores |= {core, core.replace("+", "-").replace("/", "_")}
    return cores
