# SPDX-License-Identifier: Apache-2.0
"""Where the daemon's HTTP gateway may be."""

from __future__ import annotations

import os
import socket
from typing import List, Mapping, NamedTuple, Optional

from ._errors import InvalidArgument

DEFAULT_PORT = 7449
_SYSTEM_SOCKET = "/run/rhumb/rhumbd-http.sock"
# Of sockaddr_un, with its end.
_MAX_SOCKET_PATH = 108


class Address(NamedTuple):
    """A unix socket, or a host and port. `text` is what messages call it."""

    text: str
    path: Optional[str] = None
    host: str = ""
    port: int = 0
    tls: bool = False


def parse_address(text: str) -> Address:
    """Reads `unix:///path`, `/path`, `http://host:port`, `https://host:port` or `host:port`.

    Raises InvalidArgument that shows the text and the allowed forms.
    """
    path = None
    if text.startswith("unix://"):
        path = text[len("unix://") :]
    elif text.startswith("/"):
        path = text
    if path is not None:
        if not path.startswith("/") or path == "/":
            raise InvalidArgument('address "%s" names no socket; as unix:///run/rhumb/rhumbd-http.sock' % text)
        if len(os.fsencode(path)) >= _MAX_SOCKET_PATH:
            raise InvalidArgument(
                'socket path of %d bytes in "%s" is too long, at most %d'
                % (len(os.fsencode(path)), text, _MAX_SOCKET_PATH - 1)
            )
        return Address("unix://" + path, path=path)
    rest, tls = text, False
    for scheme, secure in (("http://", False), ("https://", True)):
        if text.startswith(scheme):
            rest, tls = text[len(scheme) :].rstrip("/"), secure
    host, colon, port = rest.rpartition(":")
    if not colon and rest and rest != text:
        host, port = rest, str(DEFAULT_PORT)
    if not host or "/" in host or not port.isdigit() or not 0 < int(port) < 65536:
        raise InvalidArgument('"%s" is no address; allowed: unix:///path, /path, http://host:port, host:port' % text)
    return Address("%s://%s:%s" % ("https" if tls else "http", host, port), None, host.strip("[]"), int(port), tls)


def candidate_addresses(environment: Mapping[str, str]) -> List[Address]:
    """The addresses to try, in this order. RHUMB_HTTP_ADDR, where it is set, is the only one."""
    given = environment.get("RHUMB_HTTP_ADDR", "")
    if given:
        return [parse_address(given)]
    candidates = []
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/"):
        own = runtime.rstrip("/") + "/rhumb/rhumbd-http.sock"
        # A directory too deep for a socket address cannot hold a daemon's socket either.
        if len(os.fsencode(own)) < _MAX_SOCKET_PATH:
            candidates.append(parse_address(own))
    candidates.append(parse_address(_SYSTEM_SOCKET))
    candidates.append(parse_address("http://127.0.0.1:%d" % DEFAULT_PORT))
    return candidates


def connect(address: Address, timeout_seconds: float) -> socket.socket:
    """A connected socket; OSError where nobody listens."""
    if address.path is None:
        return socket.create_connection((address.host, address.port), timeout_seconds)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_seconds)
        connection.connect(address.path)
    except BaseException:
        connection.close()
        raise
    return connection
