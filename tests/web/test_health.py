"""What a balancer sees."""

from pathlib import Path

from tests.support.portal_app import Portal


def test_the_process_and_the_database_answer_under_any_name(portal: Portal) -> None:
    client = portal.app.test_client()
    assert client.get("/healthz", headers={"Host": "10.0.0.7:8000"}).status_code == 200
    assert client.get("/readyz", headers={"Host": "10.0.0.7:8000"}).text == "ready\n"


def test_without_its_database_the_portal_is_up_and_not_ready(portal: Portal, tmp_path: Path) -> None:
    database = tmp_path / "waypost.db"
    portal.waypost.database.close()
    database.rename(tmp_path / "away.db")
    database.mkdir()
    client = portal.app.test_client()
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503
