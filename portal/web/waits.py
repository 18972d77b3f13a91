"""How long to wait, as people say it."""

from datetime import timedelta

from portal.domain.token_bucket import begun_minutes


def try_again(wait: timedelta) -> str:
    """When to try again, rounded up."""
    minutes = begun_minutes(wait)
    return f"Try again in {minutes} minutes." if minutes > 1 else "Try again in a minute."


def retry_after(wait: timedelta) -> dict[str, str]:
    """The header that tells programs the same, in seconds."""
    return {"Retry-After": str(-(-wait // timedelta(seconds=1)))}
