import os
import random
import resource
import socket
import time

from emulator import Group


class Garbage(Group):
    def connect(self, port=None):
        return socket.create_connection((self.emulator.host, port or self.emulator.port), 30)

    def alive(self):
        self.answers(self.get("~"), 200)

    def memory_mb(self):
        with open(f"/proc/{self.emulator.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize() >> 20

    def reply_to(self, data):
        with self.connect() as connection:
            try:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            got = b""
            try:
                while part := connection.recv(65536):
                    got += part
            except OSError:
                pass
            return got

    def test_half_requests(self):
        whole = (f"POST /v1/apps/demo/machines HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.emulator.token}\r\n"
                 'Content-Length: 25\r\n\r\n{"config":{"image":"x"}}').encode()
        before = len(self.get("~").json)
        for size in range(0, len(whole), 7):
            self.reply_to(whole[:size])
        self.alive()
        self.assertEqual(len(self.get("~").json), before)

    def test_not_http(self):
        chance = random.Random(7)
        for _ in range(200):
            self.reply_to(chance.randbytes(chance.randrange(1, 400)))
        for text in (b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"GET  HTTP/1.1\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                     b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"GET /%zz%/..//%00?&&=&a HTTP/1.1\r\n\r\n"):
            self.reply_to(text)
        self.alive()

    def test_long_head(self):
        self.assertIn(b" 431 ", self.reply_to(b"GET / HTTP/1.1\r\nX: " + b"y" * 200_000 + b"\r\n\r\n"))
        self.alive()

    def test_100_mb_body(self):
        before = self.memory_mb()
        with self.connect() as connection:
            connection.sendall(f"POST /v1/apps/demo/machines HTTP/1.1\r\nAuthorization: Bearer {self.emulator.token}\r\nContent-Length: {100 << 20}\r\n\r\n".encode())
            block, sent = b"x" * (1 << 20), 0
            try:
                while sent < 100:
                    connection.sendall(block)
                    sent += 1
                self.assertIn(b" 413 ", connection.recv(4096))
            except OSError:
                self.assertLess(sent, 100)  # it hung up long before
        self.assertLess(self.memory_mb(), before + 30)
        self.assertIn(b" 413 ", self.reply_to(b"POST / HTTP/1.1\r\nContent-Length: 104857600\r\n\r\n"))
        self.alive()

    def test_deep_json(self):
        for body in ("[" * 100_000, '{"config":' * 50_000, '{"config":{"image":"x","env":{"A":"\\ud800"}}}', '{"config":{"image":"\x00"}}'):
            reply = self.post("~", body, checked=False)
            self.assertIn(reply.status, (200, 400))
        self.alive()

    def test_wrong_json_everywhere(self):
        machine = self.create(wait=None)["id"]
        chance = random.Random(11)
        values = [None, True, 0, -1, 1 << 62, 1.5, "", "x" * 10_000, [], [[]], {}, {"a": []}, [None]]
        keys = ["config", "name", "region", "image", "env", "guest", "cpus", "memory_mb", "init", "exec", "restart", "policy", "metadata", "services",
                "files", "signal", "timeout", "ttl", "command", "cmd", "values", "value", "checks", "stop_config", "lease_ttl", "current_version", "ports"]

        def grown(depth):
            if depth == 0 or chance.random() < 0.4:
                return chance.choice(values)
            return {key: grown(depth - 1) for key in chance.sample(keys, 4)}
        paths = ["~", f"~/{machine}", f"~/{machine}/stop", f"~/{machine}/exec", f"~/{machine}/lease", f"~/{machine}/metadata/k", f"~/{machine}/signal",
                 "/v1/apps", "/v1/apps/demo/secrets", "/v1/apps/demo/secrets/a", "/v1/platform/placements", "/_emulator/faults", "/_emulator/settings",
                 "/_emulator/tokens", f"~/{machine}/memory/reclaim", "/v1/apps/demo/deploy_token", "/v1/apps/demo/ip_assignments"]
        for i in range(600):
            body = {"config": {"image": "x", **g}} if isinstance(g := grown(3), dict) and i % 2 else g
            reply = self.post(chance.choice(paths), body, checked=False)
            self.assertLess(reply.status, 500, (body, reply))
        self.call("DELETE", "/_emulator/faults")
        self.post("/_emulator/settings", {"limits": 0})
        self.alive()

    def test_slow_sender(self):
        slow = [self.connect() for _ in range(50)]
        for connection in slow:
            connection.sendall(b"POST /v1/apps/demo/machines HTTP/1.1\r\nContent-")
        self.alive()
        for connection in slow:
            connection.close()

    def test_2000_connections(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        began = self.memory_mb()
        held = [self.connect() for _ in range(2000)]
        self.alive()
        request = f"GET /v1/apps/demo HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.emulator.token}\r\n\r\n".encode()
        for connection in held:
            connection.sendall(request)
        for connection in held:
            self.assertTrue(connection.recv(4096).startswith(b"HTTP/1.1 200"))
            connection.close()
        self.alive()
        self.assertLess(self.memory_mb(), began + 200)

    def test_proxy_garbage(self):
        chance = random.Random(3)
        for port in (self.emulator.proxy, self.emulator.proxy_tls):
            for _ in range(60):
                with self.connect(port) as connection:
                    try:
                        connection.sendall(chance.randbytes(chance.randrange(1, 300)))
                    except OSError:
                        pass
        self.alive()

    def test_silent_reader(self):
        """Asks for much and reads nothing: others are served."""
        silent = self.connect()
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = f"GET /_emulator/journal HTTP/1.1\r\n\r\n".encode()
        silent.sendall(request * 50)
        self.alive()
        silent.close()
