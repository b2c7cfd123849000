"""A stranger's half of wire/PROTOCOL.md, from the page alone: a client, and what a runner needs to lie with."""
import base64, hashlib, hmac, json, os, socket, struct

AUTH, BIND, CALL, INPUT, END_INPUT, CANCEL, OFFER = 1, 2, 3, 4, 5, 6, 7
HELLO, BOUND, ACCEPTED, STARTED, LOG, OUTPUT, RESULT, ERROR, BUSY, DRAINING, WINDOW, USAGE, WANTED = 32, 33, 34, 35, 36, 38, 39, 40, 41, 42, 43, 44, 45
MORE, BYTES, NONE, CRITICAL = 1, 2, 4, 128
FOREVER = 2**64 - 1
PATIENCE_S = 60  # for a test that hangs, not a measure


def frame(kind, body=b"", call=0, flags=0):
    return struct.pack("<IBBHQ", len(body), kind, flags, 0, call) + body


def frames_of(message):
    out = []
    while message:
        size, kind, flags, zero, call = struct.unpack("<IBBHQ", message[:16])
        assert zero == 0 and len(message) >= 16 + size, "half a frame from the runner"
        out.append((kind, flags, call, message[16:16 + size]))
        message = message[16 + size:]
    return out


def word(text):
    data = text.encode()
    return b"\x01" + struct.pack("<I", len(data)) + data


def call_body(bind, *words, remaining_ms=FOREVER, count=None):
    return struct.pack("<IIQ", bind, len(words) if count is None else count, remaining_ms) + b"".join(map(word, words))


def proof(token, who, c, r):
    return hmac.new(token.encode(), who + c + r, hashlib.sha256).hexdigest()


def message(payload, opcode=2, masked=True, size=None):
    """A WebSocket message; size lies about its length."""
    n = len(payload) if size is None else size
    bit = 0x80 if masked else 0
    head = bytes([0x80 | opcode]) + (bytes([bit | n]) if n < 126 else
                                     bytes([bit | 126]) + struct.pack(">H", n) if n < 65536 else
                                     bytes([bit | 127]) + struct.pack(">Q", n))
    return head + (b"\0\0\0\0" if masked else b"") + payload  # a mask of zeros changes nothing


class Closed(Exception):
    """The other side ended: its close code, or 0."""


class Refused(Exception):
    """No 101: the status line."""


def connect(address):
    host, _, port = address.rpartition(":")
    if address.startswith("/"):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(PATIENCE_S)
        s.connect(address)
        return s
    return socket.create_connection((host.strip("[]"), int(port)), PATIENCE_S)


class Link:
    def __init__(self, address, token=None, nonce=None, auth=True, fields=(), auth_more=None):
        self.s, self.buffer, self.token, self.pings, self.pong = connect(address), b"", token, 0, True
        self.c = os.urandom(32) if nonce is None else nonce
        key = base64.b64encode(os.urandom(16)).decode()
        fields = ["GET /v1/link HTTP/1.1", "Host: x", "Upgrade: websocket", "Connection: Upgrade",
                  "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + key, *fields]
        if token:
            fields.append("Flame-Nonce: " + (self.c.hex() if isinstance(self.c, bytes) else self.c))
        self.s.sendall(("\r\n".join(fields) + "\r\n\r\n").encode())
        head = self._until(b"\r\n\r\n").decode()
        if " 101 " not in head.split("\r\n")[0]:
            raise Refused(head.split("\r\n")[0])
        accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        assert accept in head, head
        self.queue = []
        kind, _, call, body = self.next()
        assert kind == HELLO and call == 0
        self.hello = json.loads(body)
        if token:
            self.r = bytes.fromhex(self.hello["nonce"])
            assert hmac.compare_digest(self.hello["proof"], proof(token, b"flame-runner", self.c, self.r))
            assert token not in head and token.encode() not in body
            if auth:
                self.send(frame(AUTH, json.dumps({"proof": proof(token, b"flame-client", self.c, self.r), **(auth_more or {})}).encode()))

    def send(self, *frames):
        self.s.sendall(message(b"".join(frames)))

    def _more(self):
        try:
            data = self.s.recv(1 << 20)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Closed(0)
        self.buffer += data

    def _until(self, mark):
        while mark not in self.buffer:
            try:
                self._more()
            except Closed:
                raise Refused("nothing")
        head, _, self.buffer = self.buffer.partition(mark)
        return head

    def _take(self, n):
        while len(self.buffer) < n:
            self._more()
        out, self.buffer = self.buffer[:n], self.buffer[n:]
        return out

    def read_message(self):
        """Payload of the next binary message; answers pings; Closed(code) at a close."""
        while True:
            a, b = self._take(2)
            assert a & 0x70 == 0 and b & 0x80 == 0, "extension bits or a mask"
            n = b & 127
            n = struct.unpack(">H", self._take(2))[0] if n == 126 else struct.unpack(">Q", self._take(8))[0] if n == 127 else n
            payload = self._take(n)
            if a & 15 == 8:
                code = struct.unpack(">H", payload[:2])[0] if payload else 0
                try:
                    self.s.sendall(message(payload, 8))
                except OSError:
                    pass
                raise Closed(code)
            if a & 15 == 9:
                self.pings += 1
                if self.pong:
                    self.s.sendall(message(payload, 10))
                continue
            assert a == 0x82, "not one whole binary message"
            assert n <= 4 << 20
            return payload

    def next(self):
        while not getattr(self, "queue", []):
            self.queue = frames_of(self.read_message())
        return self.queue.pop(0)

    def bind(self, path, function, number=0, **more):
        self.send(frame(BIND, json.dumps({"bind": number, "path": path, "function": function, **more}).encode()))

    def end_of(self, call):
        """(type, flags, body) of the frame that ends a call; what else came goes to self.seen."""
        self.seen, whole = [], b""
        while True:
            kind, flags, of, body = self.next()
            if kind in (RESULT, ERROR, BUSY) and of == call:
                whole += body
                if not flags & MORE:
                    return kind, flags, whole
            else:
                assert not (kind == ERROR and of == 0), body
                self.seen.append((kind, of, body))

    def call(self, call, *words, bind=0, **more):
        self.send(frame(CALL, call_body(bind, *words, **more), call), frame(END_INPUT, b"", call))

    def add(self, path, call=1, number=0):
        """A healthy call."""
        self.bind(path, "add", number)
        self.call(call, "100", "20", bind=number)
        kind, _, body = self.end_of(call)
        assert (kind, body) == (RESULT, b"120"), (kind, body)

    def closing(self):
        """(error of the link or None, close code)"""
        error = None
        try:
            while True:
                kind, _, call, body = self.next()
                if kind == ERROR and call == 0:
                    error = json.loads(body)
        except Closed as end:
            return error, end.args[0]
