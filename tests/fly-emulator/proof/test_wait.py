import threading

from emulator import Group


class Wait(Group):
    RANGE = "invalid_argument: invalid WaitMachineRequest.Timeout: value must be inside range [1s, 1m0s]"

    def test_range(self):
        machine = self.create()["id"]
        for bad in ("0", "61", "90", "-1", "x", ""):
            self.assertEqual(self.answers(self.get(f"~/{machine}/wait?timeout={bad}"), 400).error, self.RANGE)
        for good in ("1", "60"):
            self.answers(self.get(f"~/{machine}/wait?timeout={good}"), 200)

    def test_default_state(self):
        machine = self.create()["id"]
        self.assertEqual(self.answers(self.get(f"~/{machine}/wait"), 200).json["state"], "started")

    def test_already_there(self):
        machine = self.create()
        reply = self.answers(self.get(f"~/{machine['id']}/wait?state=started&timeout=1"), 200).json
        self.assertEqual((reply["ok"], reply["state"], reply["version"]), (True, "started", machine["instance_id"]))

    def test_not_reached(self):
        machine = self.create()["id"]
        reply = self.answers(self.get(f"~/{machine}/wait?state=stopped&timeout=1"), 408)
        self.assertEqual(reply.error, "deadline_exceeded: machine failed to reach desired state, stopped, currently started")

    def in_background(self, path):
        box = []
        thread = threading.Thread(target=lambda: box.append(self.get(path)))
        thread.start()
        return thread, box

    def test_either_state(self):
        for query in ("state=stopped&state=destroyed", "state=stopped,destroyed"):
            for end, verb in (("stopped", "stop"), ("destroyed", "delete")):
                machine = self.create()["id"]
                thread, box = self.in_background(f"~/{machine}/wait?{query}&timeout=20")
                if verb == "stop":
                    self.post(f"~/{machine}/stop")
                else:
                    self.delete(f"~/{machine}?force=true")
                thread.join()
                self.assertEqual(self.answers(box[0], 200).json["state"], end)

    def test_unknown_state(self):
        machine = self.create()["id"]
        self.answers(self.get(f"~/{machine}/wait?state=bogus"), 400)

    def test_destroyed_and_vanished(self):
        machine = self.create()["id"]
        self.delete(f"~/{machine}?force=true")
        self.wait(machine, "destroyed")
        self.answers(self.get(f"~/{machine}/wait?state=destroyed&timeout=1"), 200)
        self.answers(self.get(f"~/{machine}/wait?state=started&timeout=1"), 404)
        self.set(retention_ms=0)
        self.answers(self.get(f"~/{machine}/wait?state=destroyed&timeout=1"), 404)

    def test_old_version(self):
        machine = self.create()
        self.answers(self.post(f"~/{machine['id']}", {"config": {"image": "x", **self.SLEEP}}), 200)
        for name in ("version", "instance_id"):
            reply = self.get(f"~/{machine['id']}/wait?{name}={machine['instance_id']}&timeout=1")
            self.answers(reply, 408, "replaced")
        self.assertEqual(self.get(f"~/{machine['id']}?version={machine['instance_id']}").json["state"], "replaced")
        self.answers(self.get(f"~/{machine['id']}/wait?version=01AAAAAAAAAAAAAAAAAAAAAAAA&timeout=1"), 404)

    def test_destroying_after_wait(self):
        self.set(destroyed_lag_ms=60000)
        machine = self.create()["id"]
        self.delete(f"~/{machine}?force=true")
        self.wait(machine, "destroyed")
        self.assertEqual(self.state(machine), "destroying")

    def test_from_event(self):
        machine = self.create()["id"]
        last = self.events(machine)[0]["id"]
        self.answers(self.get(f"~/{machine}/wait?from_event_id={last}&timeout=1"), 408)
