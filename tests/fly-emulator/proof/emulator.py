"""An emulator of its own for a group of tests, and a client that checks every reply."""
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.parse

import shapes

PROGRAM = os.environ.get("FLAME_FLY_EMULATOR", "flame-fly-emulator")


class Reply:
    def __init__(self, status, headers, text):
        self.status, self.headers, self.text = status, headers, text

    @property
    def json(self):
        return json.loads(self.text)

    @property
    def error(self):
        body = self.json
        return body.get("error", body.get("message"))

    def __repr__(self):
        return f"{self.status} {self.text[:500]}"


class Emulator:
    def __init__(self, *options, program=(PROGRAM,), folder=None):
        self.folder = folder or tempfile.mkdtemp(prefix="flame-fly-proof-")
        ready = os.path.join(self.folder, "ready")
        self.log = open(os.path.join(self.folder, "log"), "w+b")
        self.process = subprocess.Popen([*program, "--ready-file", ready, *options], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        while not os.path.exists(ready):
            if self.process.poll() is not None:
                raise RuntimeError("the emulator ended: " + self.output())
            time.sleep(0.01)
        with open(ready, encoding="utf-8") as file:
            self.exports = dict(re.findall(r"export (\w+)=(\S+)", file.read()))
        url = urllib.parse.urlparse(self.exports["FLY_FLAPS_BASE_URL"])
        self.host, self.port = url.hostname, url.port
        self.proxy = urllib.parse.urlparse(self.exports["FLY_EMULATOR_PROXY_URL"]).port
        self.proxy_tls = urllib.parse.urlparse(self.exports["FLY_EMULATOR_PROXY_TLS_URL"]).port
        self.token, self.app = self.exports["FLY_API_TOKEN"], self.exports["FLY_APP_NAME"]

    def output(self):
        self.log.flush()
        with open(self.log.name, encoding="utf-8", errors="replace") as file:
            return file.read()

    def close(self, with_signal=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        status = self.process.wait(30)
        text = self.output()
        self.log.close()
        subprocess.run(["rm", "-rf", self.folder], check=True)
        if with_signal != signal.SIGKILL and (status != 0 or "ERROR: " in text or "WARNING: ThreadSanitizer" in text):
            raise AssertionError(f"the emulator ended with {status}:\n{text[-4000:]}")

    def call(self, method, path, body=None, headers=None, token=None, checked=True, timeout=70):
        """One request on a connection of its own. body: bytes, text, or something that becomes JSON."""
        if path.startswith("~"):
            path = f"/v1/apps/{self.app}/machines" + path[1:]
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        sent = {"Authorization": "Bearer " + (token or self.token)}
        sent.update(headers or {})
        sent = {k: v for k, v in sent.items() if v is not None}
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        reply = Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, text)
        if checked:
            shapes.check(method, path, reply.status, text)
            if "fly-request-id" not in reply.headers:
                raise AssertionError(f"{method} {path}: no fly-request-id")
        return reply

    def get(self, path, **more): return self.call("GET", path, **more)
    def post(self, path, body=None, **more): return self.call("POST", path, body, **more)
    def delete(self, path, **more): return self.call("DELETE", path, **more)


class Group(unittest.TestCase):
    """Tests that share one emulator: fast, without limits unless a class says otherwise."""
    options = ("--fast", "--set", "limits=0", "--image", "*=/", "--no-machine", "-q")
    SLEEP = {"init": {"exec": ["sleep", "1000"]}, "restart": {"policy": "no"}}

    @classmethod
    def setUpClass(cls):
        cls.emulator = Emulator(*cls.options)

    @classmethod
    def tearDownClass(cls):
        cls.emulator.close()

    def setUp(self):
        self.call, self.get = self.emulator.call, self.emulator.get
        self.post, self.delete = self.emulator.post, self.emulator.delete

    def answers(self, reply, status, text=""):
        self.assertEqual(reply.status, status, reply)
        if text:
            self.assertIn(text, reply.text)
        return reply

    def create(self, config=None, wait="started", **body):
        whole = {"image": "x", **self.SLEEP, **(config or {})}
        machine = self.answers(self.post("~", {**body, "config": whole}), 200).json
        if wait:
            self.wait(machine["id"], wait)
        return machine

    def wait(self, machine_id, state, timeout=20):
        return self.answers(self.get(f"~/{machine_id}/wait?state={state}&timeout={timeout}"), 200)

    def state(self, machine_id):
        return self.answers(self.get(f"~/{machine_id}"), 200).json["state"]

    def exec(self, machine_id, command, **more):
        argv = ["/bin/sh", "-c", command] if isinstance(command, str) else command
        return self.post(f"~/{machine_id}/exec", {"command": argv, **more})

    def output(self, machine_id, command):
        return self.answers(self.exec(machine_id, command), 200).json["stdout"].strip()

    def events(self, machine_id, kind=None):
        found = self.answers(self.get(f"~/{machine_id}/events?limit=50"), 200).json
        return [e for e in found if kind in (None, e["type"])]

    def exit_events(self, machine_id):
        return [e["request"]["exit_event"] for e in self.events(machine_id, "exit")]

    def logs(self, machine):
        lines = self.get(f"/api/v1/apps/{self.emulator.app}/logs?instance={machine}").json["data"]
        return "\n".join(line["attributes"]["message"] for line in lines)

    def fault(self, kind, **more):
        reply = self.post("/_emulator/faults", {"kind": kind, **more})
        self.answers(reply, 201)
        self.addCleanup(self.call, "DELETE", f"/_emulator/faults/{reply.json['id']}")
        return reply.json["id"]

    def lift(self, fault_id):
        self.answers(self.call("DELETE", f"/_emulator/faults/{fault_id}"), 204)

    def set(self, **settings):
        before = self.get("/_emulator/settings").json
        self.answers(self.post("/_emulator/settings", settings), 200)
        self.addCleanup(self.post, "/_emulator/settings", {name: before[name] for name in settings})

    def add_token(self, **about):
        return self.answers(self.post("/_emulator/tokens", about), 201).json["token"]

    def until(self, condition):
        """Waits for what has no event of its own."""
        end = time.monotonic() + 30
        while not condition():
            self.assertLess(time.monotonic(), end, "it did not come")
            time.sleep(0.01)


def refused(host, port):
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) != 0
