"""The Modbus server, asked by pymodbus."""

# mypy: allow-untyped-calls

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from pymodbus.client import ModbusTcpClient

import loopback
import peers

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, DEVICE_FAILURE = 1, 2, 3, 4
END = 10_000  # of the device's addresses; the last one is broken


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModbusTcpClient]:
    port = loopback.free_port()
    program = peers.build("modbus_device", tmp_path_factory.mktemp("modbus"))
    with peers.running([program, f"tcp://127.0.0.1:{port}"]) as process:
        loopback.wait_for(process, port)
        client = ModbusTcpClient("127.0.0.1", port=port)
        assert client.connect()
        yield client
        client.close()


@pytest.mark.parametrize("count", [1, 7, 8, 9, 16, 1967, 1968])
def test_coils(client: ModbusTcpClient, count: int) -> None:
    values = [random.random() < 0.5 for _ in range(count)]
    assert not client.write_coils(100, values).isError()
    assert client.read_coils(100, count=count).bits[:count] == values
    assert client.read_discrete_inputs(100, count=count).bits[:count] == values


def test_most_coils(client: ModbusTcpClient) -> None:
    assert len(client.read_coils(100, count=2000).bits) == 2000


@pytest.mark.parametrize("count", [1, 2, 122, 123])
def test_registers(client: ModbusTcpClient, count: int) -> None:
    values = [random.randrange(65536) for _ in range(count)]
    assert not client.write_registers(200, values).isError()
    assert client.read_holding_registers(200, count=count).registers == values
    assert client.read_input_registers(200, count=count).registers == values


def test_most_registers(client: ModbusTcpClient) -> None:
    assert len(client.read_holding_registers(0, count=125).registers) == 125


@pytest.mark.parametrize("unit", [0, 1, 17, 255])
def test_single_writes(client: ModbusTcpClient, unit: int) -> None:
    for value in (True, False):
        assert client.write_coil(5, value, device_id=unit or 1).bits == [value]
        assert client.read_coils(5, count=1, device_id=unit or 1).bits[0] is value
    assert client.write_register(5, 65535 - unit, device_id=unit or 1).registers == [65535 - unit]
    assert client.read_holding_registers(5, count=1, device_id=unit or 1).registers == [65535 - unit]


def test_exceptions(client: ModbusTcpClient) -> None:
    assert client.read_coils(END, count=1).exception_code == ILLEGAL_ADDRESS
    assert client.read_holding_registers(65535, count=2).exception_code == ILLEGAL_ADDRESS
    assert client.write_register(END - 1, 1).exception_code == DEVICE_FAILURE
    assert client.read_fifo_queue(address=1).exception_code == ILLEGAL_FUNCTION
    assert client.diag_query_data(b"hi").exception_code == ILLEGAL_FUNCTION
    # And the connection is as good as before.
    assert not client.read_coils(1, count=1).isError()
