"""From a host to a connected wire: the one place that opens an outgoing SMTP connection (THREATS 1 to 4)."""

import asyncio
import errno
import os
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import chain, zip_longest
from typing import Final

from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.smtp_route import Endpoint, SmtpRoute, TlsMode
from portal.domain.routing.trouble import Trouble
from portal.smtp.client_options import ClientOptions
from portal.smtp.deadlines import Deadline
from portal.smtp.endpoint_guard import ForbiddenDestination, LookupFailed, NoSuchHost, judged_addresses
from portal.smtp.errors import SubmissionError
from portal.smtp.wire import Wire

Address = IPv4Address | IPv6Address

ADDRESSES_TRIED: Final = 3

_NO_SUCH_NAME: Final = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})


async def addresses_of(route: SmtpRoute, options: ClientOptions, deadline: Deadline) -> tuple[Address, ...]:
    """Where the route's server is, in the order to try.

    A host that a tenant typed is looked up by our resolver and every address judged. The operator's own server is
    looked up as any program on this machine would, so that ``/etc/hosts`` and container names work.

    Raises:
        SubmissionError: At the stage *resolve*.
    """
    seconds = deadline.remaining()
    try:
        async with asyncio.timeout(seconds):
            if route.guarded:
                found = await judged_addresses(route.endpoint, options.rules, options.resolver, timeout=seconds)
            else:
                found = await _system_addresses(route.endpoint)
    except (ForbiddenDestination, NoSuchHost, LookupFailed, TimeoutError) as error:
        raise SubmissionError(SmtpStage.RESOLVE, trouble=_resolve_trouble(error)) from error
    if route.guarded and route.endpoint.tls is TlsMode.NONE and not options.allow_clear_text:
        _refuse_clear_text(found)
    return found


async def dial(endpoint: Endpoint, addresses: Iterable[Address], seconds_each: float, deadline: Deadline) -> Wire:
    """Connect to the first of the addresses that answers, of three at most, both families among them.

    Raises:
        SubmissionError: At the stage *connect*, with the trouble of the last address tried.
    """
    failure: SubmissionError | None = None
    for address in _first_tries(addresses):
        try:
            return await _connect(address, endpoint.port, deadline.sooner(seconds_each))
        except OSError as error:
            failure = SubmissionError(SmtpStage.CONNECT, trouble=_connect_trouble(error))
    raise failure or SubmissionError(SmtpStage.CONNECT, trouble=Trouble.UNREACHABLE)


async def _connect(address: Address, port: int, deadline: Deadline) -> Wire:
    async with asyncio.timeout(deadline.remaining()):
        _, wire = await asyncio.get_running_loop().create_connection(Wire, str(address), port)
    if not wire.peer:
        wire.abort()
        raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
    # The judged address and no other: a proxy or a hook below us that connects elsewhere is found out here.
    if ip_address(wire.peer) != address:
        wire.abort()
        raise SubmissionError(SmtpStage.CONNECT, trouble=Trouble.FORBIDDEN_ADDRESS)
    return wire


async def _system_addresses(endpoint: Endpoint) -> tuple[Address, ...]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise (NoSuchHost if error.errno in _NO_SUCH_NAME else LookupFailed) from error
    except UnicodeError as error:  # a label that is empty or too long
        raise NoSuchHost from error
    return tuple(dict.fromkeys(ip_address(sockaddr[0]) for *_, sockaddr in found))


def _first_tries(addresses: Iterable[Address]) -> list[Address]:
    """Both families in turn (RFC 8305 section 4), so that a machine without IPv6 gets past three of its addresses."""
    found = list(addresses)
    first = [address for address in found if address.version == found[0].version]
    second = [address for address in found if address.version != found[0].version]
    in_turn = chain.from_iterable(zip_longest(first, second))
    return [address for address in in_turn if address is not None][:ADDRESSES_TRIED]


def _refuse_clear_text(addresses: Iterable[Address]) -> None:
    if not all(address.is_loopback for address in addresses):
        detail = "the operator does not allow connections without TLS"
        raise SubmissionError(SmtpStage.RESOLVE, trouble=Trouble.FORBIDDEN_ADDRESS, detail=detail)


def _resolve_trouble(error: Exception) -> Trouble:
    if isinstance(error, ForbiddenDestination):
        return Trouble.FORBIDDEN_ADDRESS
    return Trouble.NO_SUCH_HOST if isinstance(error, NoSuchHost) else Trouble.LOOKUP_FAILED


def _connect_trouble(error: OSError) -> Trouble:
    if isinstance(error, TimeoutError):
        return Trouble.TIMED_OUT
    if isinstance(error, ConnectionRefusedError):
        return Trouble.CONNECTION_REFUSED
    return Trouble.CONNECTION_LOST if isinstance(error, ConnectionResetError) else Trouble.UNREACHABLE
