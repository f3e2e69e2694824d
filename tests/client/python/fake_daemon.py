# SPDX-License-Identifier: Apache-2.0
"""A stand-in for rhumbd's HTTP gateway: holds every request against the .proto files and keeps runs as the daemon does.

What it is not: the daemon. integration_test.py speaks with the real one.
"""

import http.server
import json
import os
import socketserver
import threading
import time

from proto_shapes import Shapes

_SHAPES = Shapes()
_HTTP_STATUS = {"INVALID_ARGUMENT": 400, "NOT_FOUND": 404, "FAILED_PRECONDITION": 400, "UNAVAILABLE": 503}
_ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")


def _content(request):
    """What two requests of one id must have in common: not when the run began."""
    run = {word: value for word, value in request.get("run", {}).items() if word != "start_time"}
    return dict(request, run=run)


def _now():
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + ".%06dZ" % (time.time() % 1 * 1e6)


class Refusal(Exception):
    def __init__(self, code, message, violations=(), reason=""):
        super().__init__(message)
        self.answer = {
            "code": code,
            "message": message,
            "reason": reason,
            "field_violations": [{"field": field, "description": text} for field, text in violations],
        }


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        daemon = self.server.daemon
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if daemon.hang_seconds:
            time.sleep(daemon.hang_seconds)
        try:
            if daemon.refusal is not None:
                raise daemon.refusal
            service, method = self.path[len("/v1/") :].split("/")
            if method == "WatchRun":
                return self.watch(json.loads(body)["name"])
            status, answer = 200, daemon.answer(service, method, body)
        except Refusal as refusal:
            status, answer = _HTTP_STATUS.get(refusal.answer["code"], 500), refusal.answer
        text = json.dumps(answer).encode()
        if daemon.drop_answers > 0:
            # Done, and the caller does not hear of it.
            daemon.drop_answers -= 1
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def watch(self, name):
        """The run, a comment, its samples, and the end: as server-sent events."""
        daemon = self.server.daemon
        run = daemon._run(name)
        events = [{"run": run, "samples": []}, None, {"samples": daemon.stored(name)}]
        text = "".join(": still there\n\n" if event is None else "data: %s\n\n" % json.dumps(event) for event in events)
        if run["state"] in _ENDED:
            text += "event: end\ndata: {}\n\n"
        elif not daemon.breaks_off:
            text += "event: error\ndata: %s\n\n" % json.dumps({"code": "UNAVAILABLE", "message": "draining"})
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(text.encode())
        self.close_connection = True
        return None

    def log_message(self, *unused):
        pass

    def address_string(self):
        return "unix"


class _Quiet:
    daemon_threads = True

    def handle_error(self, *unused):
        """Callers that have gone away are part of the tests."""


class _UnixServer(_Quiet, socketserver.ThreadingUnixStreamServer):
    pass


class _TcpServer(_Quiet, socketserver.ThreadingTCPServer):
    allow_reuse_address = True


class FakeDaemon:
    """address: what a Client takes. path: of a unix socket; None: a port of loopback."""

    def __init__(self, path=None):
        self.path = path
        self.runs, self.samples, self.requests, self.calls = {}, {}, {}, []
        self.refusal, self.hang_seconds, self.drop_answers = None, 0, 0
        self.plan_answer = {"name": "plans/p1", "state": "FEASIBLE"}
        self.alarms = []
        self.breaks_off = False
        self.last_step = None  # of a run that has ended
        self._lock = threading.Lock()
        self._server = None
        self.address = ""
        self.start()

    def start(self):
        if self.path is not None:
            if os.path.exists(self.path):
                os.unlink(self.path)
            self._server = _UnixServer(self.path, _Handler)
            self.address = "unix://" + self.path
        else:
            port = int(self.address.rpartition(":")[2]) if self.address else 0
            self._server = _TcpServer(("127.0.0.1", port), _Handler)
            self.address = "http://127.0.0.1:%d" % self._server.server_address[1]
        self._server.daemon = self
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
            if self.path is not None:
                os.unlink(self.path)

    def stored(self, run):
        """Samples of a run, by (attempt, sequence)."""
        return [self.samples[key] for key in sorted(self.samples) if key[0] == run]

    def count(self, method):
        return sum(1 for name, _ in self.calls if name == method)

    def answer(self, service, method, body):
        messages = [json.loads(line) for line in body.split(b"\n")]
        with self._lock:
            violations = sum((_SHAPES.violations(method + "Request", message) for message in messages), [])
            self.calls.append((method, messages))
            if violations:
                raise Refusal("INVALID_ARGUMENT", "%d fields are wrong" % len(violations), violations)
            if method != "ReportProgress" and len(messages) != 1:
                raise Refusal("INVALID_ARGUMENT", "one message is allowed, got %d" % len(messages))
            if service == "PlanService":
                return self.plan_answer
            return getattr(self, "_" + method)(messages)

    def _CreateRun(self, messages):
        request = messages[0]
        if request.get("request_id") in self.requests:
            known, name = self.requests[request["request_id"]]
            if known != _content(request):
                raise Refusal("ALREADY_EXISTS", "request_id was used for something else")
            return self.runs[name]
        if request.get("run", {}).get("settings", {}).get("gpu_type") == "H1000":
            raise Refusal("INVALID_ARGUMENT", "gpu_type", [("run.settings.gpu_type", 'unknown GPU type "H1000"; nearest: H100')])
        name = "runs/r%d" % (len(self.runs) + 1)
        self.runs[name] = dict(request.get("run", {}), name=name, state="RUNNING", create_time=_now())
        self.requests[request.get("request_id", name)] = (_content(request), name)
        return self.runs[name]

    def _GetRun(self, messages):
        return self._run(messages[0]["name"])

    def _run(self, name):
        if name not in self.runs:
            raise Refusal("NOT_FOUND", "there is no %s" % name, reason="RUN_NOT_FOUND")
        return self.runs[name]

    def _ReportProgress(self, messages):
        run, attempt, stored, duplicates, last = "", "", 0, 0, 0
        for message in messages:
            run, attempt = message.get("run", run), message.get("attempt_id", attempt)
            self._run(run)
            bad = [sample for sample in message["samples"] if sample.get("loss_nats", 0) > 1e6]
            if bad:
                raise Refusal("INVALID_ARGUMENT", "samples", [("samples[0].loss_nats", "is no loss")])
            self._complete(self.runs[run], message["samples"])
            if self.last_step is not None and any(sample["step"] > self.last_step for sample in message["samples"]):
                raise Refusal("FAILED_PRECONDITION", "%s has ended" % run, reason="RUN_HAS_ENDED")
            for sample in message["samples"]:
                key = (run, attempt, sample["sequence"])
                duplicates += key in self.samples
                stored += key not in self.samples
                self.samples.setdefault(key, sample)
                last = max(last, sample["sequence"])
        return {
            "stored_count": stored,
            "duplicate_count": duplicates,
            "late_count": 0,
            "last_sequence": last,
            "state": self.runs[run]["state"],
            "alarms": self.alarms,
        }

    def _complete(self, run, samples):
        step_tokens = run.get("settings", {}).get("global_batch_tokens") or (4096 if run.get("plan") else None)
        lacking = [number for number, sample in enumerate(samples) if sample["step"] and not sample.get("token_count")]
        if lacking and not step_tokens:
            fields = [("samples[%d].token_count" % number, "must be given: nobody says the tokens") for number in lacking[:10]]
            raise Refusal("INVALID_ARGUMENT", "samples", fields)
        for number in lacking:
            samples[number]["token_count"] = samples[number]["step"] * step_tokens

    def _ListRunSamples(self, messages):
        # Two a page, whatever is asked for: callers must turn pages.
        begin = int(messages[0].get("page_token") or 0)
        samples = self.stored(self._run(messages[0]["name"])["name"])
        more = str(begin + 2) if begin + 2 < len(samples) else ""
        return {"samples": samples[begin : begin + 2], "next_page_token": more}

    def _CompareRun(self, messages):
        raise Refusal("FAILED_PRECONDITION", "the plan of %s is gone" % messages[0]["name"])

    def _FinishRun(self, messages):
        run = self._run(messages[0]["name"])
        if run.get("jobs"):
            raise Refusal("FAILED_PRECONDITION", "%s has jobs" % run["name"], reason="RUN_HAS_JOBS")
        if messages[0]["state"] not in _ENDED:
            raise Refusal("INVALID_ARGUMENT", "state", [("state", "is no end")])
        if messages[0].get("end_time", "9") < min(run.get("start_time", "9"), run["create_time"]):
            raise Refusal("INVALID_ARGUMENT", "end_time", [("end_time", "is before the run began")])
        run["state"] = messages[0]["state"]
        return run
