"""The addresses of a server, asked for so that each can be judged before it is connected to."""

import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

import dns.exception
import dns.name
import dns.resolver

from portal.dns_resolver.name_servers import configured
from portal.domain.mail.host_names import LookupFailed, NoSuchHost

Addresses = tuple[IPv4Address | IPv6Address, ...]

_SECONDS_A_TRY: Final = 2.0
_SECONDS_FOR_THE_SECOND_ANSWER: Final = 1.0


class DnsResolver:
    """Asks name servers for absolute names; no search list, no hosts file, no cache of its own.

    Args:
        nameservers: Address and port of each, asked in this order; None for those of ``/etc/resolv.conf``. Without
            any, every look-up fails with ``LookupFailed``.
    """

    def __init__(self, nameservers: Sequence[tuple[str, int]] | None = None) -> None:
        self._resolver = configured(nameservers, seconds_a_try=_SECONDS_A_TRY)

    async def addresses(
        self,
        host: str,
        *,
        timeout: float,  # noqa: ASYNC109 - divided between tries; cancelling from outside would lose the first answer
    ) -> Addresses:
        """All addresses of a name.

        A and AAAA are asked for at once. When one of them has given addresses, the other gets a second more and its
        failure is no matter: an address nobody learned is not connected to.

        Args:
            host: An ASCII name, taken as absolute with or without its last dot.
            timeout: Seconds for everything.

        Returns:
            At least one address. IPv4 comes first: every mail server has it, and a broken IPv6 path costs seconds.

        Raises:
            NoSuchHost: NXDOMAIN, or neither A nor AAAA.
            LookupFailed: Nothing found, and at least one question had no usable answer.
        """
        deadline = asyncio.get_running_loop().time() + timeout
        ipv4 = asyncio.create_task(self._ask(host, "A", timeout))
        ipv6 = asyncio.create_task(self._ask(host, "AAAA", timeout))
        try:
            answered, waiting = await asyncio.wait({ipv4, ipv6}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if waiting and answered:
                left = deadline - asyncio.get_running_loop().time()
                enough = any(_found(task) for task in answered)
                await asyncio.wait(waiting, timeout=min(left, _SECONDS_FOR_THE_SECOND_ANSWER) if enough else left)
            found = _found(ipv4) + _found(ipv6)
            if found:
                return found
            if all(task.done() and task.exception() is None for task in (ipv4, ipv6)):
                raise NoSuchHost
            raise LookupFailed
        finally:
            ipv4.cancel()
            ipv6.cancel()
            await asyncio.gather(ipv4, ipv6, return_exceptions=True)

    async def _ask(self, host: str, rdtype: str, lifetime: float) -> Addresses:
        """The addresses of one family; none when there is no such record.

        Raises:
            LookupFailed: No usable answer within ``lifetime`` seconds.
        """
        try:
            name = dns.name.from_text(host)  # absolute, which keeps it out of the search list
            answer = await self._resolver.resolve(name, rdtype, lifetime=lifetime)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return ()
        except dns.exception.DNSException as error:
            raise LookupFailed from error
        return tuple(ip_address(record.address) for record in answer)


def _found(task: asyncio.Task[Addresses]) -> Addresses:
    return task.result() if task.done() and task.exception() is None else ()
