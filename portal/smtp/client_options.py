"""What the operator decides about all connections of this process."""

from dataclasses import dataclass, field

from portal.smtp.deadlines import StageLimits
from portal.smtp.endpoint_guard import AddressResolver, GuardRules


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """What every connection needs besides its route.

    Attributes:
        resolver: Looks up the hosts that tenants typed.
        rules: Where tenants may make us connect.
        limits: How long each stage may take.
        ca_file: PEM of additional roots of trust, or None.
        allow_clear_text: Whether a tenant's route may go without TLS anywhere; to the loopback it always may.
    """

    resolver: AddressResolver
    rules: GuardRules = field(default_factory=GuardRules)
    limits: StageLimits = field(default_factory=StageLimits)
    ca_file: str | None = None
    allow_clear_text: bool = False
