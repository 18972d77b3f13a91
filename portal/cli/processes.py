"""``serve`` and ``work``: the processes of production."""

import asyncio
import os
import signal
import sys

import click

from portal.cli.installation import installation


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("gunicorn_arguments", nargs=-1, type=click.UNPROCESSED)
def serve(gunicorn_arguments: tuple[str, ...]) -> None:
    """Serve the portal with gunicorn; further arguments are gunicorn's, such as --bind 127.0.0.1:8000."""
    with installation():
        pass  # what is wrong with the installation is said in one line here, not in a traceback by each process
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "--worker-class", "gthread", "--threads", "8"]
    os.execv(sys.executable, [*command, *gunicorn_arguments, "app:app"])  # noqa: S606 - becomes gunicorn itself


@click.command()
def work() -> None:
    """Send what is in the outbox, until told to stop."""
    from portal.worker.loop import Worker

    async def until_told() -> None:
        worker = Worker(waypost)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, worker.stop)
        await worker.run()

    with installation() as waypost:
        asyncio.run(until_told())
