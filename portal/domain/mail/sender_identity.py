"""Who a message is from, as its reader sees it and as the servers see it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SenderIdentity:
    """The sender of a message on one route.

    Attributes:
        from_address: ``local@domain`` of the From header (RFC 5322 section 3.6.2).
        from_name: The display name before it, or an empty string.
        reply_to: ``local@domain`` for replies, or None for no Reply-To header.
        envelope_from: The address of MAIL FROM, to which bounces go (RFC 5321 section 4.1.1.2).
    """

    from_address: str
    from_name: str
    reply_to: str | None
    envelope_from: str


def fallback_identity(
    platform: SenderIdentity, *, platform_name: str, tenant_name: str, own: SenderIdentity
) -> SenderIdentity:
    """The platform's address under the tenant's name, replies going to the tenant (DESIGN section 2).

    The tenant's address appears in Reply-To only: mail that leaves through the platform's server with the
    tenant's From would fail DMARC, and would let anybody send in anybody's name (THREATS 30).
    """
    return SenderIdentity(
        from_address=platform.from_address,
        from_name=f"{own.from_name or tenant_name} via {platform_name}",
        reply_to=own.reply_to or own.from_address,
        envelope_from=platform.envelope_from,
    )


def platform_identity(platform: SenderIdentity, *, platform_name: str, tenant_name: str) -> SenderIdentity:
    """The platform's address under the tenant's name, for tenants that have no server of their own."""
    return SenderIdentity(
        from_address=platform.from_address,
        from_name=f"{tenant_name} via {platform_name}",
        reply_to=platform.reply_to,
        envelope_from=platform.envelope_from,
    )
