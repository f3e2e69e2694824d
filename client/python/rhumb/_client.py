# SPDX-License-Identifier: Apache-2.0
"""Calls of the daemon: one message as JSON there, one back, over its HTTP gateway."""

from __future__ import annotations

import http.client
import io
import json
import os
import socket
import time
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ._address import Address, candidate_addresses, connect, parse_address
from ._errors import FieldViolation, InvalidArgument, NotFound, RhumbError, Unavailable

Message = Dict[str, Any]

# Worth repeating as they are: the daemon is away, busy or draining.
RETRYABLE_CODES = frozenset(("UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "INTERNAL", "UNKNOWN"))
# The longest answer that is read: a plan in full is well below.
_MAX_ANSWER_BYTES = 64 << 20
_NO_LISTENER = (FileNotFoundError, NotADirectoryError)


class _TimedReader(io.RawIOBase):
    """What a socket receives until a moment of time.monotonic, however little at a time: then socket.timeout."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        super().__init__()
        self._connection = connection
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        _set_time_left(self._connection, self._deadline)
        return self._connection.recv_into(buffer)


class _TimedSocket:
    """What HTTPConnection needs of a socket, with one deadline for all of it. Whoever made it closes the socket."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        _set_time_left(self._connection, self._deadline)
        self._connection.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._connection, self._deadline))

    def close(self) -> None:
        """HTTPConnection closes before the answer is read."""


def _set_time_left(connection: socket.socket, deadline: float) -> None:
    left = deadline - time.monotonic()
    if left <= 0:
        raise socket.timeout("timed out")
    connection.settimeout(left)


class _Connection(http.client.HTTPConnection):
    """An HTTP connection over a socket that is connected already. deadline: of time.monotonic; None: none as a whole."""

    def __init__(self, connection: socket.socket, address: Address, deadline: Optional[float] = None) -> None:
        super().__init__(address.host or "localhost", address.port or None)
        self._socket = connection
        self.sock: Any = connection if deadline is None else _TimedSocket(connection, deadline)

    def end(self) -> None:
        self.close()
        self._socket.close()

    def connect(self) -> None:
        """Nothing to do."""


class Client:
    """Speaks with one daemon. Threads may share it: a call has a connection of its own.

    address: as `parse_address` reads it; None: RHUMB_HTTP_ADDR, else the first of the usual places that is there.
    """

    def __init__(
        self,
        address: Optional[str] = None,
        timeout_seconds: float = 30.0,
        environment: Optional[Mapping[str, str]] = None,
    ) -> None:
        self._timeout_seconds = timeout_seconds
        known = os.environ if environment is None else environment
        self._candidates = [parse_address(address)] if address else candidate_addresses(known)

    def call(
        self, service: str, method: str, message: Mapping[str, Any], timeout_seconds: Optional[float] = None
    ) -> Message:
        """The answer of, say, RunService and CreateRun. Raises RhumbError; Unavailable where no daemon answers."""
        timeout = self._timeout_seconds if timeout_seconds is None else timeout_seconds
        deadline = time.monotonic() + timeout
        connection, address = self.open(timeout, deadline)
        try:
            response = self._send(connection, service, method, message, "application/json", timeout)
            answer = response.read(_MAX_ANSWER_BYTES + 1)
        except socket.timeout:
            raise _late(address) from None
        except (OSError, http.client.HTTPException) as error:
            raise _broken(address, error) from None
        finally:
            connection.end()
        return _read_answer(response.status, answer, address)

    def stream(self, service: str, method: str, message: Mapping[str, Any]) -> Iterator[Message]:
        """The answers, as they come, of a method that answers with a stream. Raises RhumbError."""
        connection, address = self.open()
        try:
            # The daemon breaks the silence every 15 s.
            response = self._send(connection, service, method, message, "text/event-stream", None)
            if response.status != 200:
                raise error_of(_object(response.read(_MAX_ANSWER_BYTES)), response.status)
            for event, data in _events(response):
                if event == "end":
                    return
                if event == "error":
                    raise error_of(_object(data), 500)
                yield _object(data)
            raise _broken(address, http.client.IncompleteRead(b""))
        except socket.timeout:
            raise _late(address) from None
        except (OSError, http.client.HTTPException) as error:
            raise _broken(address, error) from None
        finally:
            connection.end()

    def open(
        self, timeout_seconds: Optional[float] = None, deadline: Optional[float] = None
    ) -> "tuple[_Connection, Address]":
        """A connection to the daemon. deadline: of time.monotonic, for all that is sent and received."""
        timeout = self._timeout_seconds if timeout_seconds is None else timeout_seconds
        tried: List[str] = []
        for candidate in self._candidates:
            try:
                connection = connect(candidate, timeout)
                if candidate.tls:
                    import ssl  # slow to import, and seldom needed

                    connection = ssl.create_default_context().wrap_socket(connection, server_hostname=candidate.host)
            except _NO_LISTENER:
                tried.append("%s (absent)" % candidate.text)
                continue
            except OSError as error:
                # A socket that is there and does not answer is a daemon in trouble, not a reason to ask another one.
                tried.append("%s (%s)" % (candidate.text, error.strerror or error))
                break
            return _Connection(connection, candidate, deadline), candidate
        raise Unavailable("no daemon answers at " + ", ".join(tried))

    @staticmethod
    def _send(
        connection: http.client.HTTPConnection,
        service: str,
        method: str,
        message: Mapping[str, Any],
        accept: str,
        deadline_seconds: Optional[float],
    ) -> http.client.HTTPResponse:
        headers = {"Content-Type": "application/json", "Accept": accept, "Connection": "close"}
        if deadline_seconds is not None:
            headers["X-Rhumb-Timeout-Seconds"] = "%.3f" % deadline_seconds
        connection.request("POST", "/v1/%s/%s" % (service, method), _to_json(message), headers)
        return connection.getresponse()


def _late(address: Address) -> Unavailable:
    return Unavailable("%s did not answer in time" % address.text, "DEADLINE_EXCEEDED")


def _broken(address: Address, error: Exception) -> Unavailable:
    return Unavailable("%s broke off: %s" % (address.text, error or type(error).__name__))


def _object(text: bytes) -> Message:
    try:
        message = json.loads(text.decode())
    except ValueError:
        message = None
    return message if isinstance(message, dict) else {"message": text[:200].decode(errors="replace")}


def _events(response: http.client.HTTPResponse) -> Iterator[Tuple[str, bytes]]:
    """Server-sent events: (event, data). Source: html.spec.whatwg.org, section 9.2.6; of their fields those two."""
    event, data = "", []
    for line in response:
        name, _, value = line.rstrip(b"\r\n").partition(b":")
        value = value[1:] if value.startswith(b" ") else value
        if name == b"event":
            event = value.decode(errors="replace")
        elif name == b"data":
            data.append(value)
        elif not line.strip():
            if data:
                yield event, b"\n".join(data)
            event, data = "", []


def _to_json(message: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(message, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError) as error:
        raise InvalidArgument("the message is not JSON: %s" % error) from None


def _read_answer(status: int, answer: bytes, address: Address) -> Message:
    if len(answer) > _MAX_ANSWER_BYTES:
        raise RhumbError("RESOURCE_EXHAUSTED", "%s answered with more than %d bytes" % (address.text, _MAX_ANSWER_BYTES))
    try:
        message = json.loads(answer.decode())
    except ValueError:
        message = None
    if not isinstance(message, dict):
        # A proxy, or another server at that address.
        raise Unavailable("%s answered with HTTP status %d and no JSON object" % (address.text, status))
    if status == 200:
        return message
    raise error_of(message, status)


def error_of(message: Message, status: int) -> RhumbError:
    """The error that an answer of the gateway, {code, message, reason, field_violations}, tells."""
    code = str(message.get("code") or "UNKNOWN")
    text = str(message.get("message") or "HTTP status %d" % status)
    violations = [
        FieldViolation(str(each.get("field", "")), str(each.get("description", "")))
        for each in message.get("field_violations") or ()
        if isinstance(each, dict)
    ]
    reason = str(message.get("reason") or "")
    if code == "INVALID_ARGUMENT":
        return InvalidArgument(text, violations, reason)
    if code == "NOT_FOUND":
        return NotFound(text, reason)
    if code in RETRYABLE_CODES:
        return Unavailable(text, code, reason)
    return RhumbError(code, text, violations, reason)
