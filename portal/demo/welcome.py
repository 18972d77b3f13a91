"""What the demo prints when it is up."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from portal.demo.hosts import ACME
from portal.demo.ports import DemoPorts

ACME_FROM: Final = f"no-reply@{ACME.domain}"


@dataclass(frozen=True, slots=True)
class SignIn:
    """Somebody who can sign in to the demo. ``who`` completes the sentence "Sign in as …"."""

    who: str
    email: str
    password: str = field(repr=False)


def welcome(address: str, ports: DemoPorts, sign_ins: Sequence[SignIn]) -> str:
    """Address, sign-ins and a tour of five minutes, ready to print."""
    people = "\n".join(f"  {person.who}:\n      {person.email}   {person.password}" for person in sign_ins)
    return f"""\
Waypost's demo is up: {address}

Sign in as
{people}

Try this first
  1. Sign in as the owner of Acme, open Email SMTP, and type in Acme's own mail server:
         Host         {ACME.name}
         Encryption   STARTTLS
         Port         {ports.acme_starttls}   (SSL/TLS is on {ports.acme_tls})
         Username     {ACME.username}
         Password     {ACME.password}
         From         {ACME_FROM}
  2. Test connection, then Save and activate, then send a sample.
  3. See it arrive: {address}/inbox
     From Acme's address, through Acme's server.
  4. In the inbox, unplug Acme's mail server and send another sample:
     it arrives all the same, in the platform's name, and says why.

Ctrl-C ends the demo. What you did is kept for the next ./run.
"""
