"""relay.py LISTEN REAL LOG cut|hold BYTES [GATE]: a Unix socket in front of another (REAL may have a *). The first connection that brings so
many bytes from the client is cut there, or held until somebody writes to the fifo GATE. LOG gets a line when it listens, and for each
connection that ends the bytes that its client sent."""
import glob, os, socket, sys, threading

listen, real, log, what, limit = sys.argv[1:5] + [int(sys.argv[5])]
done = threading.Event()


def tell(text):
    with open(log, "a") as file:
        file.write(f"{text}\n")


def shut(*sockets):
    for one in sockets:
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def back(runner, client):
    try:
        while data := runner.recv(65536):
            client.sendall(data)
    except OSError:
        pass
    shut(runner, client)


def serve(client):
    runner = socket.socket(socket.AF_UNIX)
    runner.connect(glob.glob(real)[0])
    threading.Thread(target=back, args=(runner, client), daemon=True).start()
    sent = 0
    try:
        while data := client.recv(65536):
            runner.sendall(data)
            sent += len(data)
            if sent >= limit and not done.is_set():
                done.set()
                if what == "cut":
                    break
                with open(sys.argv[6]) as gate:
                    gate.read()
    except OSError:
        pass
    tell(sent)
    shut(runner, client)


server = socket.socket(socket.AF_UNIX)
server.bind(listen)
server.listen(64)
tell("listening")
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
