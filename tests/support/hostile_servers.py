"""What bad, broken and hostile servers do, and what the client must make of it. Data: add a row, and it is tested.

Every row is played in each of its modes, and against ``smtplib`` to show that the table bites.
"""

from tests.support.hostile_mail_servers import AT_SIGN_IN, IN_FLIGHT, STEP_BY_STEP
from tests.support.hostile_server import FLOOD, Hostile
from tests.support.hostile_strangers import BEFORE_SIGN_IN

__all__ = ["FLOOD", "HOSTILE", "Hostile"]

HOSTILE = BEFORE_SIGN_IN + AT_SIGN_IN + STEP_BY_STEP + IN_FLIGHT
