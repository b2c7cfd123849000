import socket

from emulator import Group

# Counts, so that what it remembers shows; echoes on a port; tells how it sees time.
COUNTER = """
import socket, sys, threading
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind((sys.argv[1], 8200)); s.listen(8)
count = [0]
def serve(c):
    try:
        while c.recv(100):
            count[0] += 1
            c.sendall(b'%d\\n' % count[0])
    except OSError as error:
        print('lost', error.errno, flush=True)
while True:
    c, _ = s.accept()
    threading.Thread(target=serve, args=(c,), daemon=True).start()
"""


class Suspend(Group):
    def counter(self):
        machine = self.create({"init": {"exec": ["/bin/sh", "-c", "exec python3 -c \"$CODE\" $FLY_PRIVATE_IP"]}, "env": {"CODE": COUNTER}})
        address = (machine["private_ip"], 8200)
        self.until(lambda: self.reachable(address))
        return machine["id"], address

    def reachable(self, address):
        with socket.socket() as probe:
            return probe.connect_ex(address) == 0

    def ask(self, connection):
        connection.sendall(b"x")
        return int(connection.recv(100))

    def suspend(self, machine):
        self.answers(self.post(f"~/{machine}/suspend"), 200)
        self.wait(machine, "suspended")

    def test_memory_is_kept(self):
        machine, address = self.counter()
        hold = self.fault("hold", step="suspend")
        with socket.create_connection(address) as connection:
            self.assertEqual([self.ask(connection), self.ask(connection)], [1, 2])
            self.answers(self.post(f"~/{machine}/suspend"), 200)
            self.assertEqual(self.state(machine), "suspending")
            self.lift(hold)
            self.wait(machine, "suspended")
            self.answers(self.post(f"~/{machine}/start"), 200)
            self.wait(machine, "started")
            # The old connection is reset at both ends; the memory is not.
            connection.settimeout(20)
            with self.assertRaises(ConnectionResetError):
                connection.recv(100)
        with socket.create_connection(address) as connection:
            self.assertEqual(self.ask(connection), 3)
        self.assertEqual(self.events(machine, "exit"), [])

    def test_clock_is_behind(self):
        machine = self.create()["id"]
        self.suspend(machine)
        self.post(f"~/{machine}/start")
        self.wait(machine, "started")
        page = int(self.output(machine, "od -An -t d8 $FLY_EMULATOR_CLOCK"))
        told = next(m for m in self.get("/_emulator/machines").json["machines"] if m["id"] == machine)["clock_behind_ms"]
        self.assertEqual(page, told * 1000000)
        self.assertGreaterEqual(page, 0)
        self.assertNotEqual(self.exec(machine, "echo 99999999 > $FLY_EMULATOR_CLOCK").json["exit_code"], 0)

    def test_frozen(self):
        machine, address = self.counter()
        with socket.create_connection(address) as connection:
            self.assertEqual(self.ask(connection), 1)
            self.suspend(machine)
            connection.settimeout(0.3)
            connection.sendall(b"x")
            with self.assertRaises(TimeoutError):
                connection.recv(100)
        self.answers(self.exec(machine, "true"), 412)

    def test_lost_snapshot(self):
        machine, address = self.counter()
        with socket.create_connection(address) as connection:
            self.assertEqual(self.ask(connection), 1)
        self.suspend(machine)
        self.fault("no_snapshot")
        self.post(f"~/{machine}/start")
        self.wait(machine, "started")
        self.until(lambda: self.reachable(address))
        with socket.create_connection(address) as connection:
            self.assertEqual(self.ask(connection), 1)

    def test_stop_drops_the_snapshot(self):
        machine, address = self.counter()
        with socket.create_connection(address) as connection:
            self.assertEqual(self.ask(connection), 1)
        self.suspend(machine)
        self.answers(self.post(f"~/{machine}/stop"), 200)
        self.wait(machine, "stopped")
        self.post(f"~/{machine}/start")
        self.wait(machine, "started")
        self.until(lambda: self.reachable(address))
        with socket.create_connection(address) as connection:
            self.assertEqual(self.ask(connection), 1)

    def test_stop_while_it_wakes(self):
        """It is not asleep for good: the signal reaches it, and it ends as it wants."""
        machine = self.create({"init": {"exec": ["/bin/sh", "-c", "trap 'exit 7' INT; echo ready; while :; do sleep 0.02; done"]}})["id"]
        self.until(lambda: "ready" in self.logs(machine))
        self.suspend(machine)
        hold = self.fault("hold", step="resume")
        self.answers(self.post(f"~/{machine}/start"), 200)
        self.answers(self.post(f"~/{machine}/stop"), 200)
        self.assertEqual(self.state(machine), "stopping")
        self.lift(hold)
        self.wait(machine, "stopped")
        self.assertEqual([(e["exit_code"], e["requested_stop"]) for e in self.exit_events(machine)], [(7, True)])

    def test_refused(self):
        for config in ({"guest": {"cpu_kind": "shared", "cpus": 2, "memory_mb": 4096}}, {"schedule": "daily"},
                       {"init": {"exec": ["sleep", "1000"], "swap_size_mb": 512}}):
            machine = self.create(config)["id"]
            self.answers(self.post(f"~/{machine}/suspend"), 412, "failed_precondition")
            self.assertEqual(self.state(machine), "started")

    def test_start_cancels(self):
        machine, address = self.counter()
        hold = self.fault("hold", step="suspend")
        with socket.create_connection(address) as connection:
            self.assertEqual(self.ask(connection), 1)
            self.answers(self.post(f"~/{machine}/suspend"), 200)
            self.answers(self.post(f"~/{machine}/start"), 200)
            self.assertEqual(self.state(machine), "started")
            self.assertEqual(self.ask(connection), 2)
        self.lift(hold)

    def test_verbs_on_suspended(self):
        machine = self.create()["id"]
        self.suspend(machine)
        self.answers(self.post(f"~/{machine}/suspend"), 200)
        self.answers(self.delete(f"~/{machine}"), 200)
        self.wait(machine, "destroyed")
        stopped = self.create()["id"]
        self.post(f"~/{stopped}/stop")
        self.wait(stopped, "stopped")
        self.answers(self.post(f"~/{stopped}/suspend"), 412)


class Update(Group):
    def update(self, machine, config=None, **body):
        return self.post(f"~/{machine}", {"config": {"image": "x", **self.SLEEP, **(config or {})}, **body})

    def test_new_version(self):
        machine = self.create({"env": {"WHICH": "old"}})
        hold = self.fault("hold", step="update")
        reply = self.answers(self.update(machine["id"], {"env": {"WHICH": "new"}}), 200).json
        self.assertNotEqual(reply["instance_id"], machine["instance_id"])
        self.assertIn(reply["state"], ("replacing", "updating"))
        self.lift(hold)
        self.wait(machine["id"], "started")
        self.assertEqual(self.output(machine["id"], "echo $WHICH $FLY_MACHINE_VERSION"), "new " + reply["instance_id"])
        versions = self.get(f"~/{machine['id']}/versions").json
        self.assertEqual([v["version"] for v in versions], [reply["instance_id"], machine["instance_id"]])
        old = self.get(f"~/{machine['id']}?version={machine['instance_id']}").json
        self.assertEqual((old["state"], old["config"]["env"]), ("replaced", {"WHICH": "old"}))

    def test_stopped_stays_stopped(self):
        machine = self.create()["id"]
        self.post(f"~/{machine}/stop")
        self.wait(machine, "stopped")
        starts = len(self.events(machine, "start"))
        self.answers(self.update(machine), 200)
        self.wait(machine, "stopped")
        self.assertEqual(len(self.events(machine, "start")), starts)

    def test_drops_what_is_not_sent(self):
        machine = self.create({"env": {"A": "1"}, "metadata": {"m": "1"}, "services": [{"internal_port": 80}]})["id"]
        config = self.answers(self.update(machine), 200).json["config"]
        for name in ("env", "metadata", "services"):
            self.assertNotIn(name, config)

    def test_stale_version(self):
        machine = self.create()
        before = self.get(f"~/{machine['id']}").json
        self.answers(self.update(machine["id"], current_version="01AAAAAAAAAAAAAAAAAAAAAAAA"), 409)
        self.assertEqual(self.get(f"~/{machine['id']}").json, before)
        self.answers(self.update(machine["id"], current_version=machine["instance_id"]), 200)

    def test_while_replacing(self):
        machine = self.create()["id"]
        hold = self.fault("hold", step="update")
        self.update(machine)
        self.assertEqual(self.answers(self.post(f"~/{machine}/start"), 412).json,
                         {"error": "failed_precondition: machine getting replaced, refusing to start"})
        self.answers(self.update(machine), 409, "aborted: machine update failed due to concurrent update")
        self.answers(self.delete(f"~/{machine}"), 412)
        self.lift(hold)
        self.wait(machine, "started")

    def test_without_launch(self):
        machine = self.create()["id"]
        self.answers(self.update(machine, skip_launch=True), 200)
        self.wait(machine, "stopped")
        self.answers(self.post(f"~/{machine}/start"), 200)
        self.wait(machine, "started")

    def test_unknown_image(self):
        machine = self.create()["id"]
        self.answers(self.post(f"~/{machine}", {"config": {"image": ""}}), 400)
