import concurrent.futures
import time

from emulator import Group


class Limits(Group):
    options = ("--fast", "--image", "*=/", "--no-machine", "-q", "--other-app", "a2", "--other-app", "a3", "--other-app", "a4")

    def burst(self, count, call):
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            return sorted(reply.status for reply in pool.map(lambda _: call(), range(count)))

    def new(self, app):
        return self.post(f"/v1/apps/{app}/machines", {"config": {"image": "x", **self.SLEEP}, "skip_launch": True})

    def test_three_at_once(self):
        statuses = self.burst(6, lambda: self.new("a2"))
        self.assertEqual(statuses[:3], [200, 200, 200])
        self.assertIn(429, statuses)
        while (refusal := self.new("a2")).status != 429:
            pass
        self.assertEqual(refusal.json, {"error": "rate limit exceeded"})
        self.assertNotIn("retry-after", refusal.headers)

    def test_no_side_effect(self):
        statuses = self.burst(8, lambda: self.new("a3"))
        time.sleep(1.1)  # the list has a bucket of its own, create's must not matter
        self.assertEqual(len(self.get("/v1/apps/a3/machines").json), statuses.count(200))

    def test_refills_and_never_beyond_three(self):
        def drain():
            count = 0
            while self.new("a4").status == 200:
                count += 1
            return count
        began = time.monotonic()
        first = drain()
        time.sleep(4)  # longer than the burst needs: it must not hold more
        second = drain()
        elapsed = time.monotonic() - began
        self.assertGreaterEqual(first, 3)
        self.assertGreaterEqual(second, 3)
        # Of the 4 idle seconds at most 3 tokens were kept; the rest came while draining.
        self.assertLessEqual(first + second, 6 + (elapsed - 4))

    def test_per_action_and_machine(self):
        a, b = (self.answers(self.new(self.emulator.app), 200).json["id"] for _ in range(2))
        while self.new(self.emulator.app).status != 429:
            pass
        while self.post(f"~/{a}/stop").status != 429:
            pass
        self.answers(self.post(f"~/{b}/stop"), 200)
        self.answers(self.post(f"~/{a}/cordon"), 200)

    def test_get_machine(self):
        machine = None
        while machine is None:
            reply = self.new(self.emulator.app)
            machine = reply.json["id"] if reply.status == 200 else time.sleep(0.3)
        began = time.monotonic()
        count = 0
        while self.get(f"~/{machine}").status == 200:
            count += 1
        elapsed = time.monotonic() - began
        self.assertGreaterEqual(count, 10)
        self.assertLessEqual(count, 10 + 5 * elapsed + 1)
