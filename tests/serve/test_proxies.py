"""Whose X-Forwarded headers count: IPv6, and IPv4 in both its forms (RFC 4291, section 2.5.5.2)."""

from __future__ import annotations

import pytest

from pymongoose.serve.proxy import Trusted


@pytest.mark.parametrize(
    ("trusted", "host", "is_trusted"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "::ffff:127.0.0.1", True),
        ("::ffff:127.0.0.1", "127.0.0.1", True),
        ("::ffff:10.0.0.0/104", "10.9.9.9", True),
        ("::ffff:10.0.0.0/104", "::ffff:11.0.0.1", False),
        ("10.0.0.0/8", "::ffff:10.1.2.3", True),
        ("10.0.0.0/8", "::10.1.2.3", False),
        ("::1", "::1", True),
        ("::1", "0:0:0:0:0:0:0:1", True),
        ("::1", "127.0.0.1", False),
        ("fe80::/10", "fe80::1%eth0", True),
        ("64:ff9b::/96", "64:ff9b::1.2.3.4", True),
        ("0.0.0.0/0", "::2", False),
        ("*", "::2", True),
        ("10.0.0.1", "10.0.0.1.example", False),
    ],
)
def test_trusted_peers(trusted: str, host: str, is_trusted: bool) -> None:
    assert (host in Trusted(trusted)) is is_trusted


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("1.2.3.4", "1.2.3.4"),
        ("6.6.6.6, 1.2.3.4, ::ffff:127.0.0.1", "1.2.3.4"),
        ("[2001:db8::1]:80, 127.0.0.1", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("1.2.3.4:80", "1.2.3.4"),
        (", ,", None),
    ],
)
def test_the_client_is_the_last_that_is_no_proxy(forwarded: str, client: str | None) -> None:
    assert Trusted("127.0.0.1").client_of(forwarded) == client
