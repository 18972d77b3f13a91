"""The worker's end: what has begun comes to its end, and nothing is left half-said."""

import asyncio
from typing import Any, Final

import structlog

from portal.services import endings
from portal.services.group_commit import GroupCommit
from portal.worker.conversations import Conversations
from portal.worker.dispatch import Dispatch
from portal.worker.lane_readers import LaneReaders

_STOP_SECONDS: Final = 10.0
_LAST_COMMIT_SECONDS: Final = 60.0

_log = structlog.get_logger()


async def finish(
    dispatch: Dispatch,
    conversations: Conversations,
    readers: LaneReaders,
    commits: GroupCommit[Any, Any],
    *,
    final_reply_seconds: float,
) -> None:
    """Let what has begun come to its end: ten seconds for all, and for what waits for a final reply its whole limit.

    Whoever cuts the wait for a final reply short cannot know whether the server has the message (FAILURES section 4).
    What has not been begun is in the outbox, and needs nothing.
    """
    dispatch.is_stopping = True
    await readers.close()
    for lane in dispatch.lanes.values():
        dispatch.withdraw(lane)
    if conversations.under_way:
        await asyncio.wait(conversations.under_way, timeout=_STOP_SECONDS)
    unsaid = {task: journey for task, journey in conversations.under_way.items() if not conversations.is_said(journey)}
    for task in unsaid:
        task.cancel()
    await asyncio.gather(*unsaid, return_exceptions=True)
    try:
        async with asyncio.timeout(_LAST_COMMIT_SECONDS):
            await asyncio.gather(
                *(conversations.write(endings.handed_back(one, at=dispatch.clock())) for one in unsaid.values())
            )
    except TimeoutError:
        _log.error("messages were not handed back; whoever takes them over takes them for interrupted")
    if conversations.under_way:
        await asyncio.wait(conversations.under_way, timeout=final_reply_seconds)
    try:
        async with asyncio.timeout(_LAST_COMMIT_SECONDS):
            await commits.drained()  # what a server has accepted is noted before we go
    except TimeoutError:
        _log.error("outcomes could not be written before the end")
