#!/usr/bin/env python3
"""as_runner.py MODE PATH: a runner that lies, at a Unix socket; says "ready" once it listens."""
import base64, hashlib, os, random, socket, sys, time
from flame_peer import *

mode, path = sys.argv[1:3]
HELLO_BODY = (b'{"protocol":[1,1],"abi":1,"version":"9","slots":1,"busy":0,"queued":0,"credit":16,"window_bytes":262144,'
              b'"draining":false,"capabilities":[]}')


def say(s, *frames):
    s.sendall(message(b"".join(frames), masked=False))


def read_until(s, mark):
    data = b""
    while mark not in data:
        more = s.recv(65536)
        if not more:
            return data
        data += more
    return data


def opening(s, hello=HELLO_BODY, key=None):
    head = read_until(s, b"\r\n\r\n").decode()
    key = key or next(x for x in head.split("\r\n") if x.startswith("Sec-WebSocket-Key: ")).partition(": ")[2]
    accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
    s.sendall(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n"
               % accept).encode())
    say(s, frame(HELLO, hello))


def after_call(s):
    """The client's call has come (its frames are masked: whatever comes is it)."""
    opening(s)
    s.recv(65536)


def nothing(s): s.recv(65536), read_until(s, b"\0never\0")
def before_hello(s): read_until(s, b"\r\n\r\n")
def half_head(s): read_until(s, b"\r\n\r\n"), s.sendall(b"HTTP/1.1 101 Switch")
def rubbish(s): read_until(s, b"\r\n\r\n"), s.sendall(random.Random(7).randbytes(5000).replace(b"\r", b"") + b"\x1b[2J\r\n\r\n")
def endless(s): read_until(s, b"\r\n\r\n"), s.sendall(b"HTTP/1.1 101 x\r\n" + b"X: y\r\n" * 20000)
def refuses(s): read_until(s, b"\r\n\r\n"), s.sendall(b"HTTP/1.1 500 \x1b[31mno\xff\r\n\r\n")
def other_key(s): opening(s, key="dGhlIHNhbXBsZSBub25jZQ==")
def hello_rubbish(s): opening(s, b'{"protocol":\x1b[2J')
def hello_other(s): opening(s, HELLO_BODY.replace(b"[1,1]", b"[7,9]"))
def half_frame(s): after_call(s), s.sendall(message(frame(RESULT, b"12", 1), masked=False)[:-1])
def huge_message(s): after_call(s), s.sendall(message(b"", masked=False, size=1 << 30))
def huge_frame(s): after_call(s), s.sendall(message(struct.pack("<IBBHQ", 1 << 30, RESULT, 0, 0, 1), masked=False))
def text(s): after_call(s), s.sendall(message(b"text", 1, masked=False))
def masked(s): after_call(s), s.sendall(message(frame(RESULT, b"12", 1)))
def silent(s): after_call(s), read_until(s, b"\0never\0")
def late(s):  # a machine that has much to do
    after_call(s), time.sleep(0.7)
    say(s, frame(ERROR, b'{"kind":"timed_out","fate":"timed_out","phase":"run","message":"the deadline passed"}', 1))
def mid_call(s): after_call(s)
def error_rubbish(s): after_call(s), say(s, frame(ERROR, b'{"kind":"fai\xff\x1b[2J', 1))
def error_strange(s): after_call(s), say(s, frame(ERROR, b'{"kind":"quantum","fate":"both","message":"so\\u001b[2J \\u009b it goes"}', 1))
def log_escapes(s):
    after_call(s)
    say(s, frame(LOG, b'{"level":"stdout","text":"a\\u001b[2Jb\\u009bc"}', 1), frame(LOG, b'{"level":"info","text":"\xff\xfe"}', 1),
        frame(LOG, b'{"level":"\\u001b[31m","text":"x"}', 1), frame(LOG, b"[]", 1), frame(99, b"?", 1), frame(RESULT, b"120", 1))

def another_sends(s):  # the plugin; and never ends
    after_call(s)
    say(s, frame(ERROR, b'{"kind":"plugin_missing","fate":"never_begun","message":"it is not here"}', 1))
    s.recv(65536)
    say(s, frame(WANTED, b'{"wait":true}', 1))
    print("waits", flush=True)
    read_until(s, b"\0never\0")
def leaves(s, asked=[]):  # when it is called; asked again, it says nothing
    asked.append(s)
    if len(asked) == 1:
        after_call(s)
        return s.sendall(message(struct.pack(">H", 1001), 8, masked=False))
    print("again", flush=True)
    read_until(s, b"\0never\0")


listening = socket.socket(socket.AF_UNIX)
os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
listening.bind(path)
listening.listen(16)
print("ready", flush=True)
while True:
    s, _ = listening.accept()
    try:
        globals()[mode](s)
        s.shutdown(socket.SHUT_WR)
        read_until(s, b"\0never\0")  # a close with unread bytes would take back what was said
    except OSError:
        pass
    s.close()
