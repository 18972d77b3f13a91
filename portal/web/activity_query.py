"""What somebody looks for in Activity, as it stands in the page's address."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from portal.domain.ids import MessageId
from portal.domain.mail.notification_kinds import KINDS
from portal.storage.message_log import Search, Way
from portal.storage.traffic import Outcome

SPANS: Final = {
    "": "Any time",
    "hour": "Last hour",
    "day": "Last 24 h",
    "week": "Last 7 days",
    "month": "Last 30 days",
}
_LENGTHS: Final = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}
OUTCOMES: Final = {
    "": "Any state",
    "sent": "Sent",
    "failed": "Failed",
    "waiting": "Waiting",
}
_OUTCOMES: Final = {
    "sent": frozenset({Outcome.SENT, Outcome.FALLBACK}),
    "failed": frozenset({Outcome.FAILED}),
    "waiting": frozenset({Outcome.WAITING}),
}
_ID: Final = re.compile(r"[0-9a-hjkmnp-tv-z]{26}")
_MESSAGE_ID: Final = re.compile(r"<?([0-9a-hjkmnp-tv-z]{26})@[^@\s]+>?")  # the header is made of our id
_LONGEST: Final = 320


@dataclass(frozen=True, slots=True)
class ActivityQuery:
    """The filters by their names in the address; "" is no filter. An unknown value counts as none."""

    q: str = ""
    outcome: str = ""
    kind: str = ""
    way: str = ""
    span: str = ""
    before: str = ""

    @classmethod
    def of(cls, args: Mapping[str, str]) -> Self:
        return cls(
            q=args.get("q", "").replace("\0", "").strip()[:_LONGEST],  # PostgreSQL takes no NUL
            outcome=_known(args.get("outcome"), OUTCOMES),
            kind=_known(args.get("kind"), KINDS),
            way=_known(args.get("way"), list(Way)),
            span=_known(args.get("span"), SPANS),
            before=id_ if _ID.fullmatch(id_ := args.get("before", "")) else "",
        )

    @property
    def filters(self) -> dict[str, str]:
        """What the next page's address keeps."""
        named = {"q": self.q, "outcome": self.outcome, "kind": self.kind, "way": self.way, "span": self.span}
        return {name: value for name, value in named.items() if value}

    @property
    def message_id(self) -> MessageId | None:
        """The message itself, where its id or its Message-ID was given."""
        found = _ID.fullmatch(self.q) or _MESSAGE_ID.fullmatch(self.q)
        return MessageId(found.group(found.re.groups)) if found else None

    def search(self, now: datetime) -> Search:
        return Search(
            recipient=self.q,
            outcomes=_OUTCOMES.get(self.outcome, frozenset()),
            kind=self.kind,
            way=Way(self.way) if self.way else None,
            since=now - _LENGTHS[self.span] if self.span else None,
        )


def _known(value: str | None, values: Collection[str]) -> str:
    return value if value and value in values else ""
