"""Multicast DNS, both ways, with the zeroconf package on another host."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import peers
from peers import Host

PATIENT = ("--timeout", "20000")
PEER = Path(__file__).parent / "zeroconf_peer.py"


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[Host, Host]]:
    with peers.two_hosts() as both:
        yield both


def test_a_service_of_ours_is_found(hosts: tuple[Host, Host], tmp_path: Path) -> None:
    us, them = hosts
    program = peers.build("mdns_host", tmp_path)
    with peers.running([*us.inside, program, "Mongoose"]) as process:
        peers.wait_until_ready(process)
        browser: list[str | Path] = [
            *them.inside,
            sys.executable,
            PEER,
            them.address,
            "browse",
            "_http._tcp.local.",
        ]
        [line] = peers.output(browser)
    assert json.loads(line) == [
        "Mongoose._http._tcp.local.",
        "Mongoose.local.",
        [us.address],
        8080,
        {"path": "/", "colour": ""},
    ]


def test_a_host_of_theirs_is_found(hosts: tuple[Host, Host], tmp_path: Path) -> None:
    us, them = hosts
    lookup = peers.build("lookup", tmp_path)
    names = ["peer.local", "PEER.Local", "peer.local."]
    with peers.running([*them.inside, sys.executable, PEER, them.address, "host", "peer"]) as process:
        peers.wait_until_ready(process)
        found = peers.output([*us.inside, lookup, *PATIENT, "--mdns", *names])
        assert sorted(found) == sorted(f"{name} {them.address}" for name in names)
        nobody = peers.output([*us.inside, lookup, "--timeout", "100", "--mdns", "nobody.local"])
        assert nobody == ["nobody.local: mDNS timeout"]


def test_hosts_of_ours_find_each_other(hosts: tuple[Host, Host], tmp_path: Path) -> None:
    us, them = hosts
    lookup = peers.build("lookup", tmp_path)
    with peers.running([*them.inside, peers.build("mdns_host", tmp_path), "Other"]) as process:
        peers.wait_until_ready(process)
        assert peers.output([*us.inside, lookup, *PATIENT, "--mdns", "other.local"]) == [
            f"other.local {them.address}"
        ]
        # On the host itself as well
        assert peers.output([*them.inside, lookup, *PATIENT, "--mdns", "other.local"]) == [
            f"other.local {them.address}"
        ]
