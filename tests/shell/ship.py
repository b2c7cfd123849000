"""A client that sends plugins by hand: python3 ship.py SOCKET FILE CASE. Prints what the runner said, a line each."""
import base64, hashlib, json, os, socket, struct, subprocess, sys

OFFER, SHIP, WANTED, STORED, ERROR = 7, 8, 45, 46, 40


class Link:
    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(path)
        key = base64.b64encode(os.urandom(16)).decode()
        self.sock.sendall(f"GET /v1/link HTTP/1.1\r\nHost: flame\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
        self.raw, self.frames = b"", b""
        while b"\r\n\r\n" not in self.raw:
            self.raw += self.sock.recv(65536)
        self.raw = self.raw.split(b"\r\n\r\n", 1)[1]
        assert self.next()[0] == 32  # hello

    def send(self, kind, call, body):
        frame = struct.pack("<IBBHQ", len(body), kind, 0, 0, call) + body
        head = b"\x82" + (bytes([0x80 | len(frame)]) if len(frame) < 126 else b"\xfe" + struct.pack(">H", len(frame))
                          if len(frame) < 65536 else b"\xff" + struct.pack(">Q", len(frame)))
        self.sock.sendall(head + b"\0\0\0\0" + frame)

    def fill(self, size):
        while len(self.raw) < size:
            more = self.sock.recv(65536)
            if not more:
                raise EOFError
            self.raw += more

    def message(self):
        self.fill(2)
        size, head = self.raw[1] & 127, 2
        if size >= 126:
            head = 4 if size == 126 else 10
            self.fill(head)
            size = int.from_bytes(self.raw[2:head], "big")
        self.fill(head + size)
        kind, body, self.raw = self.raw[0] & 15, self.raw[head:head + size], self.raw[head + size:]
        if kind == 8:
            raise EOFError
        if kind == 2:
            self.frames += body

    def next(self):
        while len(self.frames) < 16 or len(self.frames) < 16 + struct.unpack("<I", self.frames[:4])[0]:
            self.message()
        size, kind, _, _, call = struct.unpack("<IBBHQ", self.frames[:16])
        body, self.frames = self.frames[16:16 + size], self.frames[16 + size:]
        return kind, call, body


def packed(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


def offer(link, data, number=1, size=None, name=None):
    body = {"sha256": name or hashlib.sha256(data).hexdigest(), "bytes": len(data) if size is None else size}
    link.send(OFFER, number, json.dumps(body).encode())


def ship(link, data, number=1):
    zipped = packed(data)
    for at in range(0, len(zipped), 50000):
        link.send(SHIP, number, zipped[at:at + 50000])


def told(link):
    try:
        kind, call, body = link.next()
    except EOFError:
        return "closed"
    if kind == WANTED:
        return "wanted " + body.decode()
    if kind == STORED:
        error = json.loads(body).get("error")
        return "stored" if error is None else "not stored: " + error["kind"]
    return f"link ended: {json.loads(body)['kind']}" if kind == ERROR else f"frame {kind}"


def resume(path, data):
    first = Link(path)
    offer(first, data)
    print(told(first))
    ship(first, data[:300000])
    first.send(OFFER, 2, json.dumps({"sha256": "0" * 64, "bytes": 5}).encode())
    print(told(first))  # an answer to the second says that the first half has been taken
    first.sock.close()
    second = Link(path)
    while True:  # the runner may not have seen the first one go
        offer(second, data)
        said = told(second)
        if "wait" in said:
            said = told(second)
        break
    print(said)
    ship(second, data[300000:])
    print(told(second))
    offer(second, data)
    print(told(second))


def shared(path, data):
    first, second = Link(path), Link(path)
    offer(first, data)
    print(told(first))
    offer(second, data)
    print(told(second))
    ship(first, data)
    print(told(first), told(second))


def takes_over(path, data):
    first, second = Link(path), Link(path)
    offer(first, data)
    print(told(first))
    offer(second, data)
    print(told(second))
    ship(first, bytes(len(data)))  # wrong bytes
    print(told(first))
    print(told(second))
    ship(second, data)
    print(told(second))


def wrong(path, data):
    for body in (b"{", b"[]", b'{"sha256":"x","bytes":1}', json.dumps({"sha256": "0" * 64}).encode(),
                 json.dumps({"sha256": "0" * 64, "bytes": -1}).encode()):
        link = Link(path)
        link.send(OFFER, 1, body)
        print(told(link))
    link = Link(path)
    offer(link, data)
    told(link)
    link.send(SHIP, 1, b"this is not zstd")
    print(told(link))
    link = Link(path)
    offer(link, data, size=1 << 40)
    print(told(link))
    link = Link(path)
    offer(link, data, size=1000, name="1" * 64)
    told(link)
    ship(link, data)  # longer than was said
    print(told(link))
    link.send(SHIP, 9, packed(data))  # was never offered: dropped
    offer(link, b"", 3)
    print(told(link), told(link))


with open(sys.argv[2], "rb") as file:
    content = file.read()
globals()[sys.argv[3]](sys.argv[1], content)
