"""Listening sockets. The master binds them, or inherits them, and keeps them as long as it lives."""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import socket
import stat
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .._advice import reason
from .errors import Misuse

FIRST_OF_SYSTEMD = 3  # sd_listen_fds(3)
WITHOUT_SCHEME = ("unix:", "fd://")  # URLs that do not say whether there is TLS
HANDED_OVER = "PYMONGOOSE_LISTEN"  # descriptors that a master gets from its predecessor (SIGUSR2)


@dataclass
class Listener:
    """A socket that listens. path: of a Unix socket that is removed at the end."""

    socket: socket.socket
    path: str | None = None

    def address(self) -> str:
        """As in a URL."""
        name = self.socket.getsockname()
        if self.socket.family == socket.AF_UNIX:
            return "unix:" + (name if isinstance(name, str) else "@" + name[1:].decode("latin-1"))
        return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"

    def url(self, scheme: str) -> str:
        """For people."""
        address = self.address()
        return address if address.startswith("unix:") else f"{scheme}://{address}"


def open_all(options: Any) -> list[Listener]:
    """The sockets that the options ask for."""
    handed = os.environ.pop(HANDED_OVER, "")
    if handed:
        return [_handed_over(part) for part in handed.split(",")]
    fds = _of_systemd()
    if fds:
        return [Listener(_inherit(fd)) for fd in fds]
    listeners: list[Listener] = []
    try:
        for target in targets(options):
            listeners += _open(target, options)
    except BaseException:
        close_all(listeners, remove=True)
        raise
    return listeners


def close_all(listeners: list[Listener], remove: bool) -> None:
    """Closes the sockets. remove: those in the file system, too."""
    for listener in listeners:
        listener.socket.close()
        if remove and listener.path is not None:
            with contextlib.suppress(OSError):
                os.unlink(listener.path)


def hand_over(listeners: list[Listener]) -> tuple[list[int], dict[str, str]]:
    """Descriptors for a successor, and what its environment says about them."""
    fds = [listener.socket.fileno() for listener in listeners]
    parts = [f"{fd}={listener.path or ''}" for fd, listener in zip(fds, listeners)]
    return fds, {HANDED_OVER: ",".join(parts)}


def targets(options: Any) -> list[str]:
    """What to listen on, as for --bind."""
    given = list(options.bind)
    if options.url is not None:
        given.append(of_url(options.url)[1])
    if options.uds is not None:
        given.append(f"unix:{options.uds}")
    if options.fd is not None:
        given.append(f"fd://{options.fd}")
    return given or [
        f"[{options.host}]:{options.port}" if ":" in options.host else f"{options.host}:{options.port}"
    ]


def of_url(url: str) -> tuple[bool, str]:
    """A URL: whether it means TLS, and the rest as for --bind."""
    if url.startswith(WITHOUT_SCHEME):
        return False, url
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as e:
        raise Misuse(f"--url {url}: {e}") from None
    if (
        parts.scheme not in ("http", "https")
        or not parts.netloc
        or parts.path not in ("", "/")
        or parts.query
    ):
        raise Misuse(f"--url {url}: expected http://HOST:PORT, https://HOST:PORT or unix:PATH")
    is_tls = parts.scheme == "https"
    if port is None:
        port = 443 if is_tls else 80
    return is_tls, f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def host_and_port(text: str) -> tuple[str, int]:
    """HOST:PORT, [IPV6]:PORT or :PORT."""
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host or not colon:
        raise Misuse(f"{text}: expected HOST:PORT, [IPV6]:PORT, unix:PATH or fd://N")
    if not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise Misuse(f"{text}: the port must be a number from 0 to 65535")
    return host, int(port)


def _open(target: str, options: Any) -> list[Listener]:
    if target.startswith("fd://"):
        number = target[len("fd://") :]
        if not (number.isascii() and number.isdigit()):
            raise Misuse(f"{target}: expected fd://N")
        return [Listener(_inherit(int(number)))]
    if target.startswith("unix:"):
        return [_bind_unix(target[len("unix:") :], options)]
    return bind_tcp(target, options.backlog)


def bind_tcp(target: str, backlog: int) -> list[Listener]:
    host, port = host_and_port(target)
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as e:
        raise Misuse(f"cannot listen on {target}: {e.strerror}") from None
    addresses = list(dict.fromkeys((family, address) for family, _, _, _, address in found))
    if host == "":  # all there are; one socket of IPv6 takes both
        addresses = [a for a in addresses if a[0] == socket.AF_INET6][:1] or addresses
    listeners: list[Listener] = []
    problem: OSError | None = None
    for family, address in addresses:
        if port == 0 and listeners:  # all addresses of a name share the port
            address = (address[0], listeners[0].socket.getsockname()[1], *address[2:])
        try:
            listeners.append(Listener(_bind(family, address, backlog)))
        except OSError as e:
            problem = e
            if e.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                break
    if problem is not None and (not listeners or problem.errno == errno.EADDRINUSE):
        close_all(listeners, remove=False)
        raise Misuse(f"cannot listen on {target}: {reason(problem.errno)}") from None
    return listeners


def _bind(family: int, address: Any, backlog: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(address[0] != "::"))
        sock.bind(address)
        sock.listen(backlog)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def _bind_unix(path: str, options: Any) -> Listener:
    if not path:
        raise Misuse("unix: needs a path")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_stale(path)
        if options.uds_mode or options.uds_owner:
            os.fchmod(sock.fileno(), 0o600)  # No client connects before mode and owner are right.
        sock.bind(path)
        if options.uds_owner:
            os.chown(path, *_owner(options.uds_owner))
        if options.uds_mode:
            os.chmod(path, _mode(options.uds_mode))
        sock.listen(options.backlog)
        sock.setblocking(False)
    except OSError as e:
        sock.close()
        raise Misuse(f"cannot listen on unix:{path}: {reason(e.errno, e.strerror or str(e))}") from None
    except BaseException:
        sock.close()
        raise
    return Listener(sock, os.path.abspath(path))


def _remove_stale(path: str) -> None:
    """Removes a socket that no process listens on."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            raise OSError(errno.EEXIST, "the file exists and is no socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except OSError:
            pass
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _mode(text: str) -> int:
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o777:
        raise Misuse(f"--uds-mode {text}: expected an octal mode such as 660")
    return mode


def _owner(text: str) -> tuple[int, int]:
    user, _, group = text.partition(":")
    try:
        uid = -1 if not user else int(user) if user.isdigit() else pwd.getpwnam(user).pw_uid
        gid = -1 if not group else int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
    except KeyError as e:
        raise Misuse(f"--uds-owner {text}: {e.args[0]}") from None
    return uid, gid


def _of_systemd() -> list[int]:
    """Descriptors that systemd passed to this process (sd_listen_fds(3))."""
    pid, count = os.environ.get("LISTEN_PID", ""), os.environ.get("LISTEN_FDS", "")
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):  # not for workers and their children
        os.environ.pop(name, None)
    if pid != str(os.getpid()) or not count.isdigit():
        return []
    return list(range(FIRST_OF_SYSTEMD, FIRST_OF_SYSTEMD + int(count)))


def _handed_over(part: str) -> Listener:
    number, _, path = part.partition("=")
    return Listener(_inherit(int(number)), path or None)


def _inherit(fd: int) -> socket.socket:
    try:
        sock = socket.socket(fileno=fd)
        listens = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as e:
        raise Misuse(f"cannot listen on fd://{fd}: {os.strerror(e.errno or 0)}") from None
    if not listens:
        sock.detach()
        raise Misuse(f"cannot listen on fd://{fd}: the socket does not listen")
    os.set_inheritable(fd, False)
    sock.setblocking(False)
    return sock
