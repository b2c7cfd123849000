# A runner that lets itself be connected to and says nothing: python3 silent_runner.py SOCKET FOLDER. Leaves in FOLDER a
# file N.open for each connection, renamed N.closed when its client gives up.
import os, selectors, socket, sys

path, folder = sys.argv[1:]
server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
server.bind(path)
server.listen(16)
events = selectors.DefaultSelector()
events.register(server, selectors.EVENT_READ)
open(f"{folder}/ready", "w").close()
count = 0
while True:
    for key, _ in events.select():
        if key.fileobj is server:
            client, _ = server.accept()
            count += 1
            events.register(client, selectors.EVENT_READ, count)
            open(f"{folder}/{count}.open", "w").close()
        elif not key.fileobj.recv(65536):
            events.unregister(key.fileobj)
            key.fileobj.close()
            os.rename(f"{folder}/{key.data}.open", f"{folder}/{key.data}.closed")
