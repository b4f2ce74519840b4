"""A peer in multicast DNS, made with the zeroconf package: browses for a service, or is one.

zeroconf_peer.py ADDRESS browse TYPE     prints what it finds, as JSON
zeroconf_peer.py ADDRESS host NAME       answers for NAME.local, until it is stopped
"""

from __future__ import annotations

import json
import queue
import signal
import socket
import sys
import time

from zeroconf import IPVersion, ServiceBrowser, ServiceInfo, ServiceStateChange, Zeroconf

PATIENCE = 60.0


def browse(zeroconf: Zeroconf, kind: str) -> None:
    found: queue.Queue[str] = queue.Queue()

    def changed(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        found.put(name)

    browser = ServiceBrowser(zeroconf, kind, handlers=[changed])
    try:
        name = found.get(timeout=PATIENCE)
        info = zeroconf.get_service_info(kind, name, timeout=int(PATIENCE * 1000))
    finally:
        browser.cancel()
    assert info is not None, f"{name} has no service"
    text = {key.decode(): value.decode() for key, value in info.properties.items() if value is not None}
    print(json.dumps([name, info.server, info.parsed_addresses(), info.port, text]))


def host(zeroconf: Zeroconf, address: str, name: str) -> None:
    kind = "_test._tcp.local."
    info = ServiceInfo(
        kind, f"{name}.{kind}", port=1, addresses=[socket.inet_aton(address)], server=f"{name}.local."
    )
    zeroconf.register_service(info)
    # What was announced is not said again within a second (RFC 6762, section 6).
    time.sleep(1.1)
    print("ready", flush=True)
    signal.sigwait([signal.SIGTERM])


def main(address: str, what: str, name: str) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    zeroconf = Zeroconf(interfaces=[address], ip_version=IPVersion.V4Only)
    try:
        if what == "browse":
            browse(zeroconf, name)
        else:
            host(zeroconf, address, name)
    finally:
        zeroconf.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
