"""What trusted proxies tell: X-Forwarded-For, X-Forwarded-Proto, and the PROXY protocol."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .errors import Misuse

if TYPE_CHECKING:
    from ..connection import Connection

App = Callable[..., Any]
SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}


def _unmapped(
    network: ipaddress.IPv4Network | ipaddress.IPv6Network,
) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """A network, of IPv4 where it is one of IPv4-mapped addresses (RFC 4291, section 2.5.5.2)."""
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is None or network.prefixlen < 96:
        return network
    return ipaddress.ip_network(f"{mapped}/{network.prefixlen - 96}")


class Trusted:
    """Which peers are proxies whose headers count: addresses, networks, unix: or *."""

    def __init__(self, text: str) -> None:
        self.always: bool = False
        self.unix: bool = False
        self._networks = []
        self._known: dict[str, bool] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            if part == "*":
                self.always = self.unix = True
            elif part == "unix:":
                self.unix = True
            else:
                try:
                    self._networks.append(_unmapped(ipaddress.ip_network(part, strict=False)))
                except ValueError:
                    raise Misuse(
                        f"--forwarded-allow-ips: {part!r} is no address, network, unix: or *"
                    ) from None

    def __contains__(self, host: str) -> bool:
        if self.always:
            return True
        known = self._known.get(host)
        if known is None:
            if len(self._known) > 10_000:
                self._known.clear()
            known = self._known[host] = self._find(host)
        return known

    def sent(self, conn: Connection) -> bool:
        """Whether a connection comes from one of them."""
        address, local = conn.remote_addr, conn.local_addr
        if address is None or local is None:
            return False
        return self.unix if address[1] == local[1] == 0 else address[0] in self

    def _find(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self._networks)

    def client_of(self, forwarded: str) -> str | None:
        """The client in X-Forwarded-For: the last one that is no trusted proxy."""
        hosts = [_bare(part.strip()) for part in forwarded.split(",")]
        hosts = [host for host in hosts if host]
        if not hosts:
            return None
        if self.always:
            return hosts[0]
        return next((host for host in reversed(hosts) if host not in self), hosts[0])


def _bare(host: str) -> str:
    """An address without port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host


def around_asgi(app: App, trusted: Trusted) -> App:
    """An application that sees the client and the scheme that a proxy tells."""

    def application(scope: Any, receive: Any, send: Any) -> Any:
        kind = scope["type"]
        if kind == "lifespan":
            return app(scope, receive, send)
        client = scope["client"]
        if client[0] in trusted if isinstance(client, (tuple, list)) else trusted.unix:
            scheme, hosts = None, []
            for name, value in scope["headers"]:
                if name == b"x-forwarded-proto":
                    scheme = value
                elif name == b"x-forwarded-for":
                    hosts.append(value)
            if scheme is not None:
                found = SCHEMES.get(scheme.decode("latin-1").rpartition(",")[2].strip().lower())
                if found is not None:
                    scope["scheme"] = found if kind == "http" else {"http": "ws", "https": "wss"}[found]
            if hosts:
                host = trusted.client_of(b",".join(hosts).decode("latin-1"))
                if host is not None:
                    scope["client"] = (host, 0)
        return app(scope, receive, send)

    return application


def around_wsgi(app: App, trusted: Trusted) -> App:
    """The same for WSGI."""

    def application(environ: Any, start_response: Any) -> Any:
        client = environ.get("REMOTE_ADDR")
        if client in trusted if client else trusted.unix:
            scheme = environ.get("HTTP_X_FORWARDED_PROTO")
            if scheme is not None:
                found = SCHEMES.get(scheme.rpartition(",")[2].strip().lower())
                if found is not None:
                    environ["wsgi.url_scheme"] = found
            hosts = environ.get("HTTP_X_FORWARDED_FOR")
            if hosts:
                host = trusted.client_of(hosts)
                if host is not None:
                    environ["REMOTE_ADDR"] = environ["REMOTE_HOST"] = host
                    environ["REMOTE_PORT"] = "0"
        return app(environ, start_response)

    return application
