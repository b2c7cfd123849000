"""older_runner.py RUNNER OLD=NEW… -- --listen ADDRESS ARGUMENTS…: flame-runner as an image with another flame would hold it. The runner itself listens on
the next port; what it says first on each connection is changed in these words, of the same length."""
import os, socket, subprocess, sys, threading

at = sys.argv.index("--")
real, changes, arguments = sys.argv[1], [word.split("=", 1) for word in sys.argv[2:at]], sys.argv[at + 1:]
place = arguments.index("--listen") + 1
host, port = os.path.expandvars(arguments[place]).rsplit(":", 1)
arguments[place] = f"{host}:{int(port) + 1}"
runner = subprocess.Popen([real, *arguments])


def carry(source, target, change):
    try:
        data = source.recv(65536)
        while data:
            if change and b'"protocol"' in data:
                for old, new in changes:
                    assert len(old) == len(new) and old.encode() in data
                    data = data.replace(old.encode(), new.encode(), 1)
            target.sendall(data)
            data = source.recv(65536)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve(client):
    try:
        behind = socket.create_connection((host, int(port) + 1))
    except OSError:
        return client.close()
    threading.Thread(target=carry, args=(client, behind, False), daemon=True).start()
    carry(behind, client, True)


server = socket.create_server((host, int(port)))
threading.Thread(target=lambda: os._exit(runner.wait()), daemon=True).start()
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
