"""How name servers are asked: by UDP with EDNS, by TCP what is too long for that, and the next one when one fails."""

from collections.abc import Sequence
from typing import Final

import dns.asyncresolver
import dns.nameserver
import dns.resolver

_EDNS_PAYLOAD: Final = 1232  # octets that pass everywhere without fragments (DNS flag day 2020); more comes by TCP


def configured(nameservers: Sequence[tuple[str, int]] | None, *, seconds_a_try: float) -> dns.asyncresolver.Resolver:
    """A resolver without cache and hosts file.

    Args:
        nameservers: Address and port of each, asked in this order; None for those of ``/etc/resolv.conf``.
        seconds_a_try: After which the question is sent again.
    """
    resolver = _with_servers(nameservers)
    resolver.timeout = seconds_a_try
    resolver.use_edns(0, 0, _EDNS_PAYLOAD)
    return resolver


def _with_servers(nameservers: Sequence[tuple[str, int]] | None) -> dns.asyncresolver.Resolver:
    if nameservers is None:
        try:
            return dns.asyncresolver.Resolver()
        except dns.resolver.NoResolverConfiguration:
            nameservers = ()
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = [dns.nameserver.Do53Nameserver(address, port) for address, port in nameservers]
    return resolver
