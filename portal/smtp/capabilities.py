"""What a server says it can do, in its answer to EHLO."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

from portal.domain.mail.smtp_reply import SmtpReply

_SIZE: Final = re.compile(r"[0-9]{1,19}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The extensions offered (RFC 5321 section 4.1.1.1). The default is a server that offers none.

    Attributes:
        starttls: RFC 3207.
        pipelining: Commands may be sent without waiting for each reply (RFC 2920).
        chunking: BDAT (RFC 3030).
        eight_bit_mime: RFC 6152.
        smtputf8: RFC 6531.
        enhanced_codes: RFC 2034.
        announces_size: The SIZE parameter of MAIL is understood (RFC 1870).
        largest_message: In bytes; None when the server names no limit.
        offers_auth: AUTH was named, with or without mechanisms (RFC 4954).
        mechanisms: Names of SASL mechanisms, in capitals.
    """

    starttls: bool = False
    pipelining: bool = False
    chunking: bool = False
    eight_bit_mime: bool = False
    smtputf8: bool = False
    enhanced_codes: bool = False
    announces_size: bool = False
    largest_message: int | None = None
    offers_auth: bool = False
    mechanisms: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, reply: SmtpReply) -> Self:
        """Read the lines of a 250 to EHLO. Never fails: what is not understood is not offered."""
        offers = list(_offers(reply))
        names = {name for name, _ in offers}
        sizes = [words[0] for name, words in offers if name == "SIZE" and words and _SIZE.fullmatch(words[0])]
        return cls(
            starttls="STARTTLS" in names,
            pipelining="PIPELINING" in names,
            chunking="CHUNKING" in names,
            eight_bit_mime="8BITMIME" in names,
            smtputf8="SMTPUTF8" in names,
            enhanced_codes="ENHANCEDSTATUSCODES" in names,
            announces_size="SIZE" in names,
            # SIZE 0 and SIZE alone say that there is no fixed limit (RFC 1870 section 4).
            largest_message=(int(sizes[0]) or None) if sizes else None,
            offers_auth="AUTH" in names,
            mechanisms=frozenset(word for name, words in offers if name == "AUTH" for word in words),
        )


def _offers(reply: SmtpReply) -> Iterator[tuple[str, list[str]]]:
    # The first line greets: a server that calls itself STARTTLS offers nothing by it.
    for line in reply.lines[1:]:
        name, *words = line.upper().split() or [""]
        # "AUTH=LOGIN PLAIN" is how servers told very old Outlooks; some say it in no other way.
        if name.startswith("AUTH="):
            name, words = "AUTH", [name.removeprefix("AUTH="), *words]
        yield name, words
