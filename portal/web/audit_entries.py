"""The audit log's rows as people read them: who, what, what changed, and the page it speaks of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.audit_events import COMMAND_LINE, WORKER
from portal.services.probe_receipts import READER
from portal.storage.audit_log import AuditRow
from portal.storage.users import UserRow
from portal.web.audit_labels import ACTIONS
from portal.web.audit_sentences import audit_sentence
from portal.web.labels import AUTH, ENCRYPTION, FALLBACK, FIELDS, SIGNING

_CHOICES: Final[Mapping[str, Mapping[Any, str]]] = {
    "security": ENCRYPTION,
    "signing": SIGNING,
    "fallback": FALLBACK,
    "auth": AUTH,
}


EMPTY: Final = "(empty)"


class Who(NamedTuple):
    """Somebody as the log shows them; ``email`` is None for a program."""

    name: str
    email: str | None = None

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>" if self.email and self.email != self.name else self.name


_PROGRAMS: Final = {
    WORKER.name: Who("Waypost, by itself"),
    COMMAND_LINE.name: Who("Operator, on the command line"),
    READER: Who("Reader of the test message, by its link"),
    "unknown": Who("Unknown"),
}


class People:
    """Names for what the log keeps of actors. A person who is no longer known shows their id."""

    def __init__(self, known: Mapping[str, Who]) -> None:
        self._known = known

    @classmethod
    def among(cls, session: Session, actors: Iterable[str]) -> Self:
        """Look the actors up. They come from the tenant's own log: nobody else's name is to be had here."""
        ids = set(actors) - _PROGRAMS.keys()
        users = session.scalars(select(UserRow).where(UserRow.id.in_(ids))) if ids else ()
        return cls(_PROGRAMS | {user.id: Who(user.name or user.email, user.email) for user in users})

    def __getitem__(self, actor: str) -> Who:
        return self._known.get(actor) or Who(f"Somebody who is no longer known ({actor})")


class Change(NamedTuple):
    """One field of what was changed.

    Attributes:
        before: What it was; None for what was empty, and for a password, of which no more is kept than ``after``.
        after: What it is; for a password only that it was changed or removed.
    """

    field: str
    before: str | None
    after: str

    def __str__(self) -> str:
        return f"{self.field}: {f'{self.before} → ' if self.before else ''}{self.after}"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One event, ready to be shown.

    Attributes:
        message: The id of the message it speaks of.
        probe: The id of the connection test it speaks of.
    """

    row: AuditRow
    who: Who
    words: str
    sentence: str
    changes: Sequence[Change]
    message: str | None
    probe: str | None


def entries(session: Session, rows: Sequence[AuditRow]) -> list[AuditEntry]:
    """The rows of one tenant's log, with the names of those who stand in it."""
    spoken_of = {row.facts["user"] for row in rows if isinstance(row.facts.get("user"), str)}
    people = People.among(session, {row.actor for row in rows} | spoken_of)
    return [_entry(row, people) for row in rows]


def _entry(row: AuditRow, people: People) -> AuditEntry:
    facts = dict(row.facts)
    if isinstance(facts.get("user"), str):
        facts["user"] = str(people[facts["user"]])
    return AuditEntry(
        row=row,
        who=people[row.actor],
        words=ACTIONS.get(row.action, row.action),
        sentence=audit_sentence(row.action, facts),
        changes=_changes(facts),
        message=_id(facts.get("message")),
        probe=_id(facts.get("probe")),
    )


def _id(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _changes(facts: Mapping[str, Any]) -> list[Change]:
    changed = facts.get("changed")
    if not isinstance(changed, Mapping):
        return []
    found: list[Change] = []
    for name, change in ((str(name), change) for name, change in changed.items()):
        if name == "password":  # whatever stands there: never a value
            how = "removed" if change == "removed" else "changed"
            found.append(Change(FIELDS[name], None, how))
        elif isinstance(change, Mapping):
            before, after = _shown(name, change.get("from")), _shown(name, change.get("to"))
            if before != after:
                found.append(Change(FIELDS.get(name, name), before, after or EMPTY))
    return found


def _shown(name: str, value: object) -> str | None:
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    if value is None or value == "":
        return None
    return str(_CHOICES.get(name, {}).get(value, value))
