import http.client
import time

from emulator import Group, refused


class Capacity(Group):
    def create_in(self, region):
        return self.post("~", {"region": region, "config": {"image": "x", **Group.SLEEP}})

    def test_each_code_on_create(self):
        for code, status, text in (("insufficient_capacity", 422, "could not find a candidate host"),
                                   ("race", 409, "aborted: insufficient resources available to fulfill request"),
                                   ("no_capacity", 409, "aborted: no capacity"),
                                   ("legacy", 412, "no capacity found"),
                                   ("quota", 403, "which is over the allowed quota. please consider other regions"),
                                   ("volume", 412, "insufficient resources to create new machine with existing volume"),
                                   ("payment", 422, "To create more than 1 machine per app please add a payment method")):
            with self.subTest(code):
                fault = self.fault("capacity", region="ord", code=code)
                before = len(self.get("~").json)
                self.answers(self.create_in("ord"), status, text)
                self.assertEqual(len(self.get("~").json), before)
                self.answers(self.create_in("dfw"), 200)
                self.lift(fault)
        self.answers(self.create_in("ord"), 200)

    def test_region_full(self):
        self.fault("capacity", region="ord")
        self.assertEqual(self.answers(self.create_in("ord"), 422).json["status"], "insufficient_capacity")

    def test_create_race(self):
        self.fault("capacity", code="race")
        self.assertTrue(self.answers(self.create_in("ord"), 409).error.startswith("aborted: insufficient resources available to fulfill request"))

    def test_host_full(self):
        machine = self.create()["id"]
        self.post(f"~/{machine}/stop")
        self.wait(machine, "stopped")
        fault = self.fault("capacity", code="host_full", machine=machine)
        before = self.get(f"~/{machine}").json
        text = "aborted: could not reserve resource for machine: insufficient memory available to fulfill request"
        self.assertEqual(self.answers(self.post(f"~/{machine}/start"), 409).error, text)
        self.assertEqual(self.answers(self.post(f"~/{machine}", {"config": {"image": "x"}}), 409).error, text)
        self.assertEqual(self.get(f"~/{machine}").json, before)
        self.lift(fault)
        self.answers(self.post(f"~/{machine}/start"), 200)

    def test_maintenance(self):
        machine = self.create()["id"]
        self.fault("capacity", code="maintenance", verb="update")
        self.answers(self.post(f"~/{machine}", {"config": {"image": "x"}}), 503, "deploys to this host are temporarily disabled")

    def test_older_412(self):
        self.fault("capacity", code="legacy")
        self.answers(self.create_in("iad"), 412, "no capacity found")

    def test_quota(self):
        self.fault("capacity", code="quota", region="dfw")
        self.assertIn('organization "personal" is using', self.answers(self.create_in("dfw"), 403).error)


class Replies(Group):
    def named(self, name):
        return [m for m in self.get("~").json if m["name"] == name]

    def test_ghost_create(self):
        self.fault("ghost", verb="create")
        self.answers(self.post("~", {"name": "ghost", "config": {"image": "x"}}), 408, "deadline_exceeded")
        self.assertEqual(len(self.named("ghost")), 1)

    def test_lost_reply(self):
        self.fault("lost_reply", verb="create", times=1)
        with self.assertRaises(http.client.RemoteDisconnected):
            self.post("~", {"name": "lost", "config": {"image": "x"}})
        self.assertEqual(len(self.named("lost")), 1)
        self.answers(self.post("~", {"name": "lost", "config": {"image": "x"}}), 409, self.named("lost")[0]["id"])

    def test_cut_reply(self):
        self.fault("cut", verb="create", times=1)
        with self.assertRaises(http.client.IncompleteRead) as cut:
            self.post("~", {"name": "cut", "config": {"image": "x"}})
        self.assertTrue(cut.exception.partial)
        self.assertEqual(len(self.named("cut")), 1)

    def test_delayed_reply(self):
        self.fault("delay", verb="list", delay_ms=400, times=1)
        began = time.monotonic()
        self.get("~")
        self.assertGreaterEqual(time.monotonic() - began, 0.4)

    def test_answer(self):
        self.fault("answer", verb="create", status=409, text="aborted: no way", code="unknown", times=1)
        reply = self.answers(self.post("~", {"name": "answer", "config": {"image": "x"}}, checked=False), 409, "aborted: no way")
        self.assertEqual(reply.json["status"], "unknown")
        self.assertEqual(self.named("answer"), [])

    def test_html(self):
        for status in (502, 503):
            fault = self.fault("html", verb="create", status=status)
            reply = self.answers(self.post("~", {"name": "html", "config": {"image": "x"}}, checked=False), status, "<html>")
            self.assertEqual(reply.headers["content-type"], "text/html")
            self.lift(fault)
        self.assertEqual(self.named("html"), [])

    def test_empty(self):
        self.fault("empty", verb="list", times=2)
        self.assertEqual(self.answers(self.get("~", checked=False), 500).text, "")
        self.fault("empty", verb="get_app", status=200)
        self.assertEqual(self.answers(self.get("/v1/apps/demo", checked=False), 200).text, "")

    def test_refused(self):
        self.answers(self.post("/_emulator/faults", {"kind": "refuse", "delay_ms": 300}), 201)
        self.assertTrue(refused(self.emulator.host, self.emulator.port))
        self.until(lambda: not refused(self.emulator.host, self.emulator.port))
        self.answers(self.get("~"), 200)
        self.assertEqual(self.get("/_emulator/faults").json["faults"], [])

    def test_storm(self):
        self.fault("rate", verb="create", times=3)
        statuses = [self.post("~", {"name": "storm", "config": {"image": "x"}}).status for _ in range(4)]
        self.assertEqual(statuses, [429, 429, 429, 200])

    def test_probability(self):
        self.fault("rate", verb="get_app", probability=0.5)
        statuses = [self.get("/v1/apps/demo").status for _ in range(60)]
        self.assertTrue(10 < statuses.count(429) < 50, statuses)

    def test_unknown_ones(self):
        for body in ({"kind": "nonsense"}, {"kind": "rate", "wat": 1}, {"kind": "capacity", "code": "x"}, {"kind": "rate", "times": "x"}, []):
            self.answers(self.post("/_emulator/faults", body), 400)

    def test_noted(self):
        self.fault("rate", verb="list_apps")
        self.answers(self.get("/v1/apps?org_slug=personal"), 429)
        self.assertEqual(self.get("/_emulator/journal").json["requests"][-1]["faults"], ["rate"])


class Lists(Group):
    def test_lag(self):
        self.fault("list_lag", delay_ms=60000)
        machine = self.create()["id"]
        self.assertNotIn(machine, [m["id"] for m in self.get("~").json])
        self.answers(self.get(f"~/{machine}"), 200)

    def test_lacks(self):
        kept, lost = self.create()["id"], self.create()["id"]
        self.fault("list_lacks", machine=lost)
        ids = [m["id"] for m in self.get("~").json]
        self.assertTrue(kept in ids and lost not in ids)

    def test_empty(self):
        self.create(wait=None)
        self.fault("list_empty", times=1)
        self.assertEqual(self.get("~").json, [])
        self.assertNotEqual(self.get("~").json, [])


class Machines(Group):
    def test_wait_lies(self):
        machine = self.create()["id"]
        self.fault("wait_lies")
        self.answers(self.get(f"~/{machine}/wait?timeout=1"), 408, "currently started")

    def test_never_starts(self):
        self.fault("never_starts")
        machine = self.create(wait=None)["id"]
        self.answers(self.get(f"~/{machine}/wait?timeout=1"), 408, "currently starting")
        self.answers(self.delete(f"~/{machine}?force=true"), 200)
        self.wait(machine, "destroyed")

    def test_dies(self):
        self.fault("dies", delay_ms=50)
        machine = self.create(wait=None)["id"]
        self.wait(machine, "stopped")
        self.assertEqual(self.exit_events(machine)[0]["guest_signal"], 9)

    def test_oom(self):
        self.fault("oom")
        machine = self.create(wait=None)["id"]
        self.wait(machine, "stopped")
        self.assertTrue(self.exit_events(machine)[0]["oom_killed"])

    def test_listens_late(self):
        self.fault("listens_late", delay_ms=300)
        machine = self.create({"init": {"exec": ["python3", "-m", "http.server", "8100"]}})
        self.assertTrue(refused(machine["private_ip"], 8100))
        self.until(lambda: not refused(machine["private_ip"], 8100))

    def test_exec_cut(self):
        machine = self.create()["id"]
        self.fault("exec_cut", bytes=3)
        self.assertEqual(self.exec(machine, "echo abcdef").json["stdout"], "abc")

    def test_host_gone(self):
        machine = self.create({"init": {"exec": ["python3", "-m", "http.server", "8101"]}})
        self.until(lambda: not refused(machine["private_ip"], 8101))
        fault = self.fault("host_gone", machine=machine["id"])
        shown = self.get(f"~/{machine['id']}").json
        self.assertEqual(shown["host_status"], "unreachable")
        self.assertNotIn("config", shown)
        self.assertIn("incomplete_config", shown)
        self.answers(self.post(f"~/{machine['id']}/stop"), 503)
        self.lift(fault)
        self.assertEqual(self.get(f"~/{machine['id']}").json["host_status"], "ok")
        self.assertTrue(self.exec(machine["id"], "echo back").json["stdout"])



class AtStart(Group):
    options = Group.options + ("--fault", '{"kind":"capacity","region":"fra","code":"race"}', "--set", "pull_ms=1..2")

    def test_from_the_command_line(self):
        self.answers(self.post("~", {"region": "fra", "config": {"image": "x"}}), 409)
        self.assertEqual(self.get("/_emulator/settings").json["pull_ms"], [1, 2])
