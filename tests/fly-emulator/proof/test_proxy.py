import base64
import http.client
import os
import socket
import ssl
import threading

from emulator import Group

# Answers with who it is and what it was told; echoes WebSocket frames on an upgrade.
SERVER = r"""
import http.server, json, os, socketserver, struct, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        if self.headers.get('Upgrade') == 'websocket':
            return self.echo()
        self.answer(b'')
    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers['Content-Length'])))
    def answer(self, body):
        out = json.dumps({'id': os.environ['FLY_MACHINE_ID'], 'headers': {k.lower(): v for k, v in self.headers.items()},
                          'path': self.path, 'size': len(body)}).encode()
        self.send_response(200); self.send_header('Content-Length', str(len(out))); self.end_headers(); self.wfile.write(out)
    def echo(self):
        self.wfile.write(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'); self.wfile.flush()
        self.close_connection = True
        while True:
            head = self.rfile.read(2)
            if len(head) < 2 or head[0] & 15 == 8: return
            size = head[1] & 127
            mask = self.rfile.read(4); data = bytes(b ^ mask[i % 4] for i, b in enumerate(self.rfile.read(size)))
            self.wfile.write(bytes([0x82, size]) + data); self.wfile.flush()
    def log_message(self, *a): pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
Server((os.environ['FLY_PRIVATE_IP'], 8080), Handler).serve_forever()
"""


class Proxied(Group):
    def server(self, wait="started", cordoned=False, region="iad", skip_launch=False, **service):
        config = {"init": {"exec": ["python3", "-c", SERVER]}, "services": [
            {"internal_port": 8080, "protocol": "tcp", "ports": [{"port": 80, "handlers": ["http"]}, {"port": 443, "handlers": ["tls", "http"]}], **service}]}
        machine = self.create(config, wait=wait, region=region, skip_launch=skip_launch, skip_service_registration=cordoned)
        self.addCleanup(self.delete, f"~/{machine['id']}?force=true")
        return machine["id"]

    def ask(self, headers=None, tls=False, method="GET", body=None, host=None):
        if tls:
            context = ssl.create_default_context(cafile=self.emulator.exports["FLY_EMULATOR_PROXY_CA"])
            connection = http.client.HTTPSConnection("localhost" if host is None else host, self.emulator.proxy_tls, context=context, timeout=30)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.emulator.proxy, timeout=30)
        try:
            connection.request(method, "/some?path", body, {"Host": "demo.fly.dev", **(headers or {})})
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def served(self, headers=None, **more):
        import json
        status, body = self.ask(headers, **more)
        self.assertEqual(status, 200, body)
        return json.loads(body)

    def websocket(self, machine):
        connection = socket.create_connection(("127.0.0.1", self.emulator.proxy), 30)
        key = base64.b64encode(os.urandom(16)).decode()
        connection.sendall(f"GET /v1/link HTTP/1.1\r\nHost: demo.fly.dev\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                           f"Sec-WebSocket-Key: {key}\r\nfly-force-instance-id: {machine}\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            part = connection.recv(1)
            self.assertTrue(part, head)
            head += part
        self.assertTrue(head.startswith(b"HTTP/1.1 101"), head)
        self.addCleanup(connection.close)
        return connection

    def frame(self, data):
        mask = os.urandom(4)
        return bytes([0x82, 0x80 | len(data)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data))

    def read(self, connection, size):
        got = b""
        while len(got) < size:
            part = connection.recv(size - len(got))
            if not part:
                break
            got += part
        return got


class Proxy(Proxied):
    def test_forwards(self):
        machine = self.server()
        reply = self.served({"X-Mine": "1"})
        self.assertEqual((reply["id"], reply["path"], reply["headers"]["x-mine"]), (machine, "/some?path", "1"))
        for name in ("fly-client-ip", "fly-forwarded-port", "fly-region", "x-forwarded-for", "x-forwarded-proto", "via", "fly-request-id"):
            self.assertIn(name, reply["headers"])
        self.assertEqual(self.served(method="POST", body=b"x" * 3_000_000)["size"], 3_000_000)

    def test_tls(self):
        machine = self.server()
        reply = self.served(tls=True)
        self.assertEqual((reply["id"], reply["headers"]["x-forwarded-proto"]), (machine, "https"))
        with self.assertRaises(ssl.SSLError):
            ssl.create_default_context().wrap_socket(socket.create_connection(("127.0.0.1", self.emulator.proxy_tls)), server_hostname="localhost")

    def test_force(self):
        machines = [self.server() for _ in range(3)]
        for machine in machines:
            self.assertEqual(self.served({"fly-force-instance-id": machine})["id"], machine)
        self.assertEqual(self.ask({"fly-force-instance-id": "00000000000000"})[0], 502)

    def test_force_stopped(self):
        machine = self.server(autostart=True)
        other = self.server()
        for verb, state in (("stop", "stopped"), ("suspend", "suspended")):
            self.post(f"~/{machine}/{verb}")
            self.wait(machine, state)
            self.assertEqual(self.served({"fly-force-instance-id": machine})["id"], machine)
            self.assertEqual(self.state(machine), "started")
        self.post(f"~/{other}/stop")
        self.wait(other, "stopped")
        self.assertEqual(self.ask({"fly-force-instance-id": other})[0], 503)
        self.assertEqual(self.state(other), "stopped")

    def test_prefer(self):
        here, there = self.server(), self.server()
        self.assertEqual(self.served({"fly-prefer-instance-id": there})["id"], there)
        self.post(f"~/{there}/stop")
        self.wait(there, "stopped")
        reply = self.served({"fly-prefer-instance-id": there})
        self.assertEqual((reply["id"], reply["headers"]["fly-preferred-instance-unavailable"]), (here, there))

    def test_regions(self):
        iad, nrt = self.server(region="iad"), self.server(region="nrt")
        self.assertEqual(self.served({"fly-prefer-region": "nrt"})["id"], nrt)
        self.assertEqual(self.served({"fly-force-region": "iad"})["id"], iad)
        self.assertEqual(self.ask({"fly-force-region": "syd"})[0], 503)

    def test_cordoned_and_none(self):
        self.assertEqual(self.ask()[0], 503)
        machine = self.server(cordoned=True)
        self.assertEqual(self.ask()[0], 503)
        self.post(f"~/{machine}/uncordon")
        self.assertEqual(self.served()["id"], machine)
        self.assertEqual(self.ask({"Host": "nobody.fly.dev"})[0], 404)

    def test_no_service(self):
        machine = self.create()["id"]
        self.assertEqual(self.ask({"fly-force-instance-id": machine})[0], 502)

    def test_hard_limit(self):
        first = self.server(concurrency={"type": "connections", "hard_limit": 1})
        held = self.websocket(first)
        self.assertEqual(self.ask()[0], 503)
        held.close()
        self.until(lambda: self.ask()[0] == 200)

    def test_websocket(self):
        machine = self.server()
        connection = self.websocket(machine)
        for text in (b"hello", b"again", b"x" * 100):
            connection.sendall(self.frame(text))
            self.assertEqual(self.read(connection, 2 + len(text)), bytes([0x82, len(text)]) + text)

    def test_goodbye_before_stop(self):
        for verb in ("stop", "suspend"):
            machine = self.server()
            connection = self.websocket(machine)
            connection.sendall(self.frame(b"hello"))
            self.read(connection, 7)
            self.answers(self.post(f"~/{machine}/{verb}"), 200)
            self.assertEqual(self.read(connection, 100), b"\x88\x02\x03\xe9")

    def test_idle_timeout(self):
        machine = self.server()
        self.set(idle_timeout_ms=200)
        connection = self.websocket(machine)
        self.assertEqual(self.read(connection, 1), b"")

    def test_dead_machine(self):
        machine = self.create({"init": {"exec": ["sleep", "1000"]}, "services": [{"internal_port": 8080, "ports": [{"port": 80}]}]})["id"]
        box = []
        thread = threading.Thread(target=lambda: box.append(self.ask({"fly-force-instance-id": machine})))
        thread.start()
        self.delete(f"~/{machine}?force=true")
        thread.join()
        self.assertIn(box[0][0], (502, 503))


class Autostop(Proxied):
    options = Group.options + ("--set", "autostop_pass_ms=100")

    def test_stops_when_idle(self):
        machine = self.server(autostart=True, autostop="stop")
        self.wait(machine, "stopped")
        self.assertEqual(self.served({"fly-force-instance-id": machine})["id"], machine)
        self.wait(machine, "stopped")

    def test_suspends(self):
        machine = self.server(autostart=True, autostop="suspend")
        self.wait(machine, "suspended")

    def test_open_connection_keeps_it(self):
        machine = self.server(autostart=True, autostop="stop")
        connection = self.websocket(machine)
        other = self.server(autostart=True, autostop="stop")
        self.wait(other, "stopped")
        self.assertEqual(self.state(machine), "started")
        connection.close()
        self.wait(machine, "stopped")

    def test_keeps_the_least(self):
        kept = [self.server(autostart=True, autostop="stop", min_machines_running=1) for _ in range(2)]
        self.until(lambda: "stopped" in [self.state(m) for m in kept])
        other = self.server(autostart=True, autostop="stop", region="nrt")
        self.wait(other, "stopped")
        self.assertIn("started", [self.state(m) for m in kept])

    def test_no_service_no_touch(self):
        machine = self.create()["id"]
        other = self.server(autostart=True, autostop="stop")
        self.wait(other, "stopped")
        self.assertEqual(self.state(machine), "started")
