"""A mail server for the tests of scheduling that ask for one."""

import socket
from collections.abc import Iterator

import pytest
from aiosmtpd.controller import Controller

from meetings.config import Settings
from tests.fakes_mail import Postman


@pytest.fixture
def postman() -> Postman:
    return Postman()


@pytest.fixture
def mail_server(postman: Postman) -> Iterator[Controller]:
    controller = Controller(postman, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller
    if controller.loop.is_running():  # a test may have stopped it
        controller.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    """With a mail server for the tests that ask for one."""
    if "mail_server" in request.fixturenames:
        controller: Controller = request.getfixturevalue("mail_server")
        return settings.model_copy(update={"smtp_host": "127.0.0.1", "smtp_port": controller.port})
    return settings
