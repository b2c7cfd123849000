"""Who ran, in the order in which it began: functions of tests/plugins/ledger.cpp say so before they go on."""
import socketserver
import threading


class Ledger:
    def __init__(self):
        self.entries, self.told, book = [], set(), self

        class Entry(socketserver.StreamRequestHandler):
            def handle(self):
                try:
                    told, _, name = self.rfile.readline().decode().strip().partition(" ")
                    if name:
                        if told not in book.told:
                            book.told.add(told)
                            book.entries.append(name)  # before it goes on
                        self.wfile.write(b".")
                except OSError:
                    pass  # it died meanwhile

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads, request_queue_size = True, 1024

        self.server = Server(("127.0.0.1", 0), Entry)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def times(self, name):
        return self.entries.count(name)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
