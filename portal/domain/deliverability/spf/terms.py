"""The terms of an SPF record, and their grammar (RFC 7208 sections 4.6.1, 5, 6 and 12)."""

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from portal.domain.deliverability.published_text import shown
from portal.domain.deliverability.spf.macros import MacroError, MacroString, parse_domain_spec, parse_macro_string


class Qualifier(StrEnum):
    """What a match means."""

    PASS = "+"  # noqa: S105 - the sign RFC 7208 gives it, no password
    FAIL = "-"
    SOFTFAIL = "~"
    NEUTRAL = "?"


class Mechanism(StrEnum):
    """How a term decides whether it matches."""

    ALL = "all"
    INCLUDE = "include"
    A = "a"
    MX = "mx"
    PTR = "ptr"
    IP4 = "ip4"
    IP6 = "ip6"
    EXISTS = "exists"

    @property
    def costs_a_lookup(self) -> bool:
        """Whether it is one of the ten (RFC 7208 section 4.6.4); the modifier ``redirect`` is one as well."""
        return self not in {Mechanism.ALL, Mechanism.IP4, Mechanism.IP6}


@dataclass(frozen=True, slots=True)
class Directive:
    """A mechanism with its qualifier.

    Attributes:
        text: As published, made fit to be shown.
        target: The name to look up; None stands for the record's own domain.
        network: Of ip4 and ip6.
        prefix4: How many leading bits of an IPv4 address must agree, for a and mx.
        prefix6: The same for IPv6.
    """

    text: str
    qualifier: Qualifier
    mechanism: Mechanism
    target: MacroString | None = None
    network: IPv4Network | IPv6Network | None = None
    prefix4: int = 32
    prefix6: int = 128


@dataclass(frozen=True, slots=True)
class Modifier:
    """``name=value``: redirect, exp, or one that nobody knows and everybody ignores.

    Attributes:
        name: In lower case.
    """

    text: str
    name: str
    value: MacroString


Term = Directive | Modifier


_LONGEST_SHOWN: Final = 80
"""Characters of a broken term; nobody needs more to recognise it."""


class TermError(ValueError):
    """A term that makes the whole record a permerror.

    Attributes:
        text: The term, made fit to be shown.
        why: What is wrong, e.g. "there is no mechanism «ipv4»: ip4 is meant".
    """

    def __init__(self, text: str, why: str) -> None:
        self.text = shown(text, _LONGEST_SHOWN)
        self.why = shown(why, 2 * _LONGEST_SHOWN)
        super().__init__(f"«{self.text}»: {self.why}")


_MODIFIER: Final = re.compile(r"([A-Za-z][A-Za-z0-9._-]*)=(.*)", re.DOTALL)
_DIRECTIVE: Final = re.compile(r"([-+?~]?)([A-Za-z0-9][A-Za-z0-9._-]*)([:/].*)?", re.DOTALL)
_PREFIX: Final = r"(0|[1-9][0-9]{0,2})"
_NAME_AND_PREFIXES: Final = re.compile(rf"(?::(.*?))?(?:/{_PREFIX})?(?://{_PREFIX})?", re.DOTALL)
MEANT: Final = {
    "ipv4": "ip4",
    "ip": "ip4",
    "ipv6": "ip6",
    "ips": "ip4",
    "includes": "include",
    "inc": "include",
    "redirect": "redirect=",
    "exp": "exp=",
    "exist": "exists",
    "aaaa": "a",
}
"""Names that people write, and what they mean by them; one with "=" is a modifier."""


class _SyntaxError(ValueError):
    """Why a text is no term."""


def parse_term(raw: bytes) -> Term:
    """Read one term, which holds no space.

    Raises:
        TermError: It is none.
    """
    text = shown(raw)
    if not raw.isascii():
        raise TermError(text, "only ASCII characters are allowed, and this holds others; they may be invisible")
    written = raw.decode("ascii")
    try:
        if modifier := _MODIFIER.fullmatch(written):
            return _modifier(text, modifier[1].lower(), modifier[2])
        if directive := _DIRECTIVE.fullmatch(written):
            return _directive(text, directive)
    except (MacroError, _SyntaxError) as error:
        raise TermError(text, str(error)) from None
    if ";" in written or "," in written:
        raise TermError(text, "terms are parted by spaces; leave out commas and semicolons")
    raise TermError(text, "this is neither a mechanism nor a modifier")


def _modifier(text: str, name: str, value: str) -> Modifier:
    if name in {"redirect", "exp"}:
        return Modifier(text, name, parse_domain_spec(value))
    return Modifier(text, name, parse_macro_string(value))


def _directive(text: str, found: re.Match[str]) -> Directive:
    name, rest = found[2].lower(), found[3] or ""
    qualifier = Qualifier(found[1] or "+")
    if name not in set(Mechanism):
        meant = MEANT.get(name)
        raise TermError(text, f"there is no mechanism «{found[2]}»" + (f": «{meant}» is meant" if meant else ""))
    mechanism = Mechanism(name)
    match mechanism:
        case Mechanism.ALL:
            if rest:
                raise TermError(text, "nothing may follow «all»")
            return Directive(text, qualifier, mechanism)
        case Mechanism.IP4 | Mechanism.IP6:
            return Directive(text, qualifier, mechanism, network=_network(mechanism, rest))
        case Mechanism.A | Mechanism.MX:
            return _with_prefixes(text, qualifier, mechanism, rest)
        case _:
            return Directive(text, qualifier, mechanism, _target(mechanism, rest))


def _target(mechanism: Mechanism, rest: str) -> MacroString | None:
    if not rest and mechanism is Mechanism.PTR:
        return None
    if not rest.startswith(":"):
        raise _SyntaxError(f"after «{mechanism}» a colon and a domain name are missing")
    return parse_domain_spec(rest[1:])


def _with_prefixes(text: str, qualifier: Qualifier, mechanism: Mechanism, rest: str) -> Directive:
    found = _NAME_AND_PREFIXES.fullmatch(rest)
    if not found:
        raise _SyntaxError("what follows the slash is no length of a network prefix")
    name, prefix4, prefix6 = found.groups()
    return Directive(
        text,
        qualifier,
        mechanism,
        None if name is None else parse_domain_spec(name),
        prefix4=_prefix(prefix4, 32),
        prefix6=_prefix(prefix6, 128),
    )


def _network(mechanism: Mechanism, rest: str) -> IPv4Network | IPv6Network:
    version = 4 if mechanism is Mechanism.IP4 else 6
    address, slash, prefix = rest.removeprefix(":").partition("/")
    if not rest.startswith(":") or not address:
        raise _SyntaxError(f"after «{mechanism}» a colon and an IPv{version} address are missing")
    if slash and not re.fullmatch(_PREFIX, prefix):
        raise _SyntaxError("what follows the slash is no length of a network prefix")
    try:
        if mechanism is Mechanism.IP4:
            return IPv4Network((int(IPv4Address(address)), _prefix(prefix or None, 32)), strict=False)
        # Python also reads a zone behind a percent sign, which no record may hold; without it nothing is left to read.
        ipv6 = IPv6Address("" if "%" in address else address)
        return IPv6Network((int(ipv6), _prefix(prefix or None, 128)), strict=False)
    except AddressValueError:
        raise _SyntaxError(f"«{address}» is no IPv{version} address") from None


def _prefix(digits: str | None, longest: int) -> int:
    if digits is None:
        return longest
    if int(digits) > longest:
        raise _SyntaxError(f"a network prefix has at most {longest} bits here")
    return int(digits)
