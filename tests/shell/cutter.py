"""cutter.py PLACE TARGET: a TCP relay in front of a runner, for links that are to be lost. TARGET names a file of JSON whose .address.tcp
is the runner. Its own port comes to be in PLACE/port; PLACE/log gets a line for each connection that it takes ("open") or cuts ("cut").
Orders come by the fifo PLACE/orders, one a line:
    cut                   all connections, now: both ends see a reset
    away                  the same, and whoever connects hears nothing until
    back                  comes; they are let go then
    seeded SEED TIMES LEAST MOST  the next ones, each after so many bytes that passed it, both ways together"""
import ctypes, json, os, random, socket, struct, sys, threading

place, target = sys.argv[1:3]
libc, UNSPECIFIED = ctypes.CDLL(None), struct.pack("H14x", socket.AF_UNSPEC)
lock = threading.Lock()
open_now, waiting = set(), []
away = False
cuts = []  # how many bytes the next connections live for


def tell(text):
    with open(f"{place}/log", "a") as file:
        file.write(f"{text}\n")


def reset(one):
    """Connecting a socket anew to nothing is how Linux resets it while another thread waits on it."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    libc.connect(one.fileno(), UNSPECIFIED, len(UNSPECIFIED))


class Connection:
    def __init__(self, client):
        with open(target) as file:
            host, port = json.load(file)["address"]["tcp"].rsplit(":", 1)
        self.ends = [client, socket.create_connection((host, int(port)))]
        self.left = cuts.pop() if cuts else None
        self.gone = False
        open_now.add(self)
        tell("open")
        for one in (0, 1):
            threading.Thread(target=self.pass_on, args=(self.ends[one], self.ends[1 - one]), daemon=True).start()

    def pass_on(self, here, there):
        try:
            while data := here.recv(65536):
                if self.left is not None:
                    with lock:
                        data, self.left = data[: self.left], max(0, self.left - len(data))
                there.sendall(data)
                if self.left == 0:
                    return self.end(cut=True)
        except OSError:
            pass
        self.end()

    def end(self, cut=False):
        with lock:
            if self.gone:
                return
            self.gone = True
            open_now.discard(self)
        for one in self.ends:
            if cut:
                reset(one)
            try:
                one.shutdown(socket.SHUT_RDWR)  # wakes the other thread
            except OSError:
                pass
            one.close()
        if cut:
            tell("cut")


def obey(words):
    global away
    if words[0] in ("cut", "away"):
        away = words[0] == "away"
        for one in list(open_now):
            one.end(cut=True)
    elif words[0] == "back":
        away = False
        while waiting:
            waiting.pop().close()
    elif words[0] == "seeded":
        chance = random.Random(int(words[1]))
        cuts.extend(chance.randint(int(words[3]), int(words[4])) for _ in range(int(words[2])))
    tell(words[0] + " done")


def take_orders():
    while True:
        with open(f"{place}/orders") as orders:
            for line in orders:
                obey(line.split())


os.mkfifo(f"{place}/orders")
server = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=take_orders, daemon=True).start()
with open(f"{place}/port.new", "w") as file:
    file.write(str(server.getsockname()[1]))
os.rename(f"{place}/port.new", f"{place}/port")
while True:
    client = server.accept()[0]
    if away:
        waiting.append(client)
        continue
    try:
        Connection(client)
    except OSError:  # the runner is gone
        client.close()
