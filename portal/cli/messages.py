"""``send``, ``queue``, ``message``."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import click
from sqlalchemy import select

from portal.cli.installation import NO, WRONG_USE, as_json, installation, print_json, stop
from portal.domain.ids import MessageId
from portal.domain.mail.notification_kinds import KINDS
from portal.services.message_report import message_report
from portal.services.sending import NotAcceptedError, Outgoing
from portal.storage import figures
from portal.storage.messages import MessageRow, MessageState
from portal.wiring import Waypost

_A_COMMIT: Final = 500
_LOOKS_EVERY: Final = 0.2


@click.command()
@click.argument("slug")
@click.option(
    "--kind", type=click.Choice([kind.name for kind in KINDS.values() if not kind.is_internal]), required=True
)
@click.option("--to", required=True, metavar="ADDRESS")
@click.option("--subject", required=True)
@click.option("--text")
@click.option("--html")
@click.option("--count", type=click.IntRange(1, 1_000_000), default=1, help="So many messages of the same content.")
@click.option("--wait", is_flag=True, help="Wait for the end: status 0 when all are sent, 1 when one has failed.")
@as_json
def send(  # noqa: PLR0913 - one argument an option, as click hands them over
    slug: str,
    *,
    kind: str,
    to: str,
    subject: str,
    text: str | None,
    html: str | None,
    count: int,
    wait: bool,
    json_: bool,
) -> None:
    """Hand messages in and print their ids, one a line, once they are stored."""
    with installation() as waypost:
        outgoing = Outgoing(kind, to, subject, text=text if text or html else subject, html=html)
        ids: list[MessageId] = []
        try:
            with _progress(count, "Handing in") as advance:
                for start in range(0, count, _A_COMMIT):
                    taken = waypost.sender.send_many(slug, [outgoing] * min(_A_COMMIT, count - start))
                    ids += taken
                    advance(len(taken))
        except NotAcceptedError as error:
            stop(f"{error.field}: {error}", WRONG_USE)
        finally:
            if not json_:
                click.echo("".join(f"{id_}\n" for id_ in ids), nl=False)
        all_sent = _wait_for(waypost, ids) if wait else True
        if json_:
            print_json(_reports(waypost, ids) if wait else {"ids": ids})
        if not all_sent:
            raise SystemExit(NO)


@click.command()
@as_json
def queue(*, json_: bool) -> None:
    """Count the messages by state."""
    with installation() as waypost, waypost.database.reading() as session:
        now = waypost.clock()
        counted = figures.queue(session, now)
        oldest = figures.oldest_due(session, now)
        shown: dict[str, Any] = {
            "queued": counted.messages[MessageState.QUEUED],
            "due": counted.due,
            "waiting": counted.messages[MessageState.WAITING],
            "sending": counted.messages[MessageState.SENDING],
            "sent": counted.messages[MessageState.SENT],
            "failed": counted.messages[MessageState.FAILED],
            "expired": counted.messages[MessageState.EXPIRED],
            "quarantined": counted.messages[MessageState.QUARANTINED],
            "oldest_due_seconds": round((now - oldest).total_seconds(), 1) if oldest else 0,
        }
    if json_:
        print_json(shown)
    else:
        for name, value in shown.items():
            click.echo(f"{name}: {value}")


@click.command()
@click.argument("id_", metavar="ID")
@as_json
def message(id_: str, *, json_: bool) -> None:
    """Show a message: its state, every attempt with the server's words, and why it went the way it went."""
    with installation() as waypost, waypost.database.reading() as session:
        report = message_report(session, MessageId(id_))
    if report is None:
        stop(f"There is no message «{id_}».", NO)
    if json_:
        print_json(report)
        return
    for name, value in report.items():
        if not isinstance(value, list):
            click.echo(f"{name}: {'' if value is None else value}")
    for attempt in report["attempts"]:
        click.echo(f"attempt: {attempt['at']} over {attempt['route']}: {attempt['class']}: {attempt['reply']}")
    for step in report["decision"]:
        click.echo(f"- {step}")


def _wait_for(waypost: Waypost, ids: list[MessageId]) -> bool:
    """Wait until all are final; whether all were sent."""
    final = [state for state in MessageState if state.is_final]
    ahead, all_sent = ids, True
    with _progress(len(ids), "Sending") as advance:
        while ahead:
            still_ahead: list[MessageId] = []
            for start in range(0, len(ahead), _A_COMMIT):
                some = ahead[start : start + _A_COMMIT]
                ended = select(MessageRow.id, MessageRow.state).where(
                    MessageRow.id.in_(some), MessageRow.state.in_(final)
                )
                with waypost.database.reading() as session:
                    states = {row.id: row.state for row in session.execute(ended)}
                all_sent = all_sent and all(state == MessageState.SENT for state in states.values())
                advance(len(states))
                still_ahead += [id_ for id_ in some if id_ not in states]
            ahead = still_ahead
            if ahead:
                time.sleep(_LOOKS_EVERY)
    return all_sent


def _reports(waypost: Waypost, ids: list[MessageId]) -> list[dict[str, Any] | None]:
    with waypost.database.reading() as session:
        return [message_report(session, id_) for id_ in ids]


@contextmanager
def _progress(length: int, label: str) -> Iterator[Any]:
    """A bar on a terminal for what takes a while; nothing elsewhere."""
    if length == 1 or not sys.stderr.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=length, label=label, file=sys.stderr) as bar:
        yield bar.update
