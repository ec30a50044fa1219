"""A port that cannot be used is one clear line."""

import socket

import pytest

from runtime.ports import PortUnusableError, free_port, listening, require_free

LOCAL = "127.0.0.1"


def test_a_taken_port_is_named_with_its_setting() -> None:
    with socket.create_server((LOCAL, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortUnusableError) as refusal:
            require_free([("api_port", LOCAL, free_port()), ("temporal_ui_port", LOCAL, port)])
    assert str(refusal.value) == (
        f"Port {port} on 127.0.0.1 cannot be used: Address already in use. "
        "Choose another one with HUANJIAN_TEMPORAL_UI_PORT or --temporal-ui-port."
    )


def test_a_number_given_twice_shows() -> None:
    port = free_port()
    with pytest.raises(PortUnusableError, match="HUANJIAN_CARRIER_PORT"):
        require_free([("api_port", LOCAL, port), ("carrier_port", LOCAL, port)])


def test_a_number_that_is_no_port_shows() -> None:
    with pytest.raises(PortUnusableError, match="HUANJIAN_API_PORT"):
        require_free([("api_port", LOCAL, 70_000)])


def test_free_ports_stay_free() -> None:
    port = free_port()
    for _ in range(2):
        require_free([("api_port", LOCAL, port)])


def test_free_ports_are_given_to_nobody_by_chance() -> None:
    with socket.create_server((LOCAL, 0)) as other:
        by_chance = other.getsockname()[1]
    assert max(free_port() for _ in range(200)) < 32_000 < by_chance


async def test_listening() -> None:
    with socket.create_server((LOCAL, 0)) as server:
        port = server.getsockname()[1]
        assert await listening(LOCAL, port)
    assert not await listening(LOCAL, port)
