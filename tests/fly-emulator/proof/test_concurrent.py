"""Fifty clients at once: lifecycle, leases and limits. The emulator has one thread; TSan runs say that it stays so."""
import concurrent.futures
import os
import random

from emulator import Group

CLIENTS = 50


class Concurrent(Group):
    options = ("--fast", "--image", "*=/", "--no-machine", "-q", "--set", "limits=0")

    def run_all(self, work):
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            return list(pool.map(work, range(CLIENTS)))

    def test_lifecycles(self):
        def live(number):
            machine = self.create(name=f"client-{number}")["id"]
            self.answers(self.post(f"~/{machine}/stop"), 200)
            self.wait(machine, "stopped", 60)
            self.answers(self.post(f"~/{machine}/start"), 200)
            self.wait(machine, "started", 60)
            self.answers(self.delete(f"~/{machine}?force=true"), 200)
            self.wait(machine, "destroyed", 60)
            return machine
        self.assertEqual(len(set(self.run_all(live))), CLIENTS)

    def test_one_name(self):
        replies = self.run_all(lambda _: self.post("~", {"name": "one", "skip_launch": True, "config": {"image": "x"}}))
        statuses = sorted(reply.status for reply in replies)
        self.assertEqual(statuses, [200] + [409] * (CLIENTS - 1))

    def test_one_lease(self):
        machine = self.create()["id"]
        replies = self.run_all(lambda _: self.post(f"~/{machine}/lease", {"ttl": 60}))
        self.assertEqual(sorted(reply.status for reply in replies), [201] + [409] * (CLIENTS - 1))

    def test_one_machine(self):
        """Everybody does anything to one machine; it always ends in a state that the sheet knows."""
        machine = self.create()["id"]

        def play(number):
            chance = random.Random(number)
            for _ in range(8):
                path = chance.choice(["start", "stop", "suspend", "restart", "cordon", "signal", ""])
                body = {"signal": "SIGUSR1"} if path == "signal" else {"config": {"image": "x", **self.SLEEP}} if path == "" else None
                reply = self.post(f"~/{machine}" + (f"/{path}" if path else ""), body)
                self.assertIn(reply.status, (200, 409, 412))
        self.run_all(play)
        self.until(lambda: self.state(machine) in ("started", "stopped", "suspended"))

    def test_limits_are_shared(self):
        self.set(limits=1)
        before = len(self.get("~").json)
        replies = self.run_all(lambda _: self.post("~", {"skip_launch": True, "config": {"image": "x"}}))
        created = [reply.status for reply in replies].count(200)
        self.assertGreaterEqual(created, 3)
        self.assertLess(created, CLIENTS)
        self.set(limits=0)
        self.assertEqual(len(self.get("~").json), before + created)
