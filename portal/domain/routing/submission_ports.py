"""Which encryption to expect on which port (RFC 8314 section 3.3, RFC 6409, and the providers' own doubles)."""

from types import MappingProxyType
from typing import Final

from portal.domain.routing.smtp_route import TlsMode

USUAL_SECURITY: Final = MappingProxyType(
    dict.fromkeys((25, 80, 587, 2525, 2587, 8025), TlsMode.STARTTLS)
    | dict.fromkeys((443, 465, 2465, 8465), TlsMode.IMPLICIT)
)
"""What nearly every server speaks there; of other ports nothing is known."""

_OTHER_MODE: Final = MappingProxyType({587: 465, 465: 587, 2587: 2465, 2465: 2587, 8025: 8465, 8465: 8025})


def is_unusual(port: int, security: TlsMode) -> bool:
    """Whether hardly any server speaks this on that port. Odd ones exist, so that it is a warning and no refusal."""
    usual = USUAL_SECURITY.get(port)
    return usual is not None and security is not TlsMode.NONE and security is not usual


def port_for(security: TlsMode, *, instead_of: int) -> int:
    """The port to recommend for a mode where ``instead_of`` usually speaks the other one."""
    return _OTHER_MODE.get(instead_of, security.usual_port)
