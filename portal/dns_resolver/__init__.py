"""Our resolver: what the DNS says, asked by ourselves so that the answer can be judged before it is used."""

from portal.dns_resolver.host_addresses import DnsResolver

__all__ = ["DnsResolver"]
