"""A DNS record for the tenant to publish, in all the forms that panels for DNS ask for."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from portal.domain.deliverability.dns_names import is_at_or_below

_LONGEST_STRING: Final = 255  # octets of one string in a TXT record (RFC 1035 section 3.3)


class Action(StrEnum):
    """What to do in the panel. The values are promises (CONTRACT)."""

    ADD = "add"
    REPLACE = "replace"  # the record that is there: a second one would break both


@dataclass(frozen=True, slots=True)
class SuggestedRecord:
    """One record.

    Attributes:
        name: In full, without the root's dot.
        zone: The domain whose panel it is entered in, as far as we can tell.
        type: "TXT" or "CNAME".
        value: The text or the target.
    """

    name: str
    zone: str
    type: str
    value: str
    action: Action = Action.ADD

    @property
    def host(self) -> str:
        """The name as most panels want it: relative to the zone, "@" for the zone itself."""
        if self.name == self.zone:
            return "@"
        return self.name.removesuffix("." + self.zone) if is_at_or_below(self.name, self.zone) else self.name

    @property
    def chunks(self) -> tuple[str, ...]:
        """The value cut into strings of at most 255 octets, for panels that do not do so themselves."""
        if self.type != "TXT":
            return (self.value,)
        return tuple(
            self.value[start : start + _LONGEST_STRING] for start in range(0, len(self.value), _LONGEST_STRING)
        )

    @property
    def zone_file_line(self) -> str:
        """The record as a line of a zone file."""
        if self.type == "TXT":
            quoted = " ".join('"' + chunk.replace("\\", "\\\\").replace('"', '\\"') + '"' for chunk in self.chunks)
            return f"{self.name}. IN TXT {quoted}"
        return f"{self.name}. IN {self.type} {self.value}."
