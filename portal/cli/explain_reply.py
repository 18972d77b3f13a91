"""``explain-reply``: what the fault table makes of a server's words."""

import click

from portal.cli.installation import WRONG_USE, as_json, print_json, stop
from portal.domain.mail.smtp_reply import MalformedReplyError, SmtpReply
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.fault import classify, explain


@click.command("explain-reply")
@click.option("--stage", type=click.Choice([stage.value for stage in SmtpStage]), required=True)
@click.option("--host", help="The server's name: providers are known by it.")
@click.argument("reply")
@as_json
def explain_reply(stage: str, host: str | None, reply: str, *, json_: bool) -> None:
    """Say what a reply means and what is done about it. REPLY may hold several lines."""
    try:
        said = SmtpReply.parse(reply)
    except MalformedReplyError as error:
        stop(str(error), WRONG_USE)
    explanation = explain(classify(stage, said.code, said.enhanced, said.text, host))
    shown = {
        "class": explanation.fault,
        "action": explanation.action,
        "fallback": explanation.fallback,
        "counts_against_health": explanation.counts_against_health,
    }
    if json_:
        print_json(shown)
    else:
        for name, value in shown.items():
            click.echo(f"{name}: {value if isinstance(value, str) else 'yes' if value else 'no'}")
