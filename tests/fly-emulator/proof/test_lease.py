import time

from emulator import Group


class Lease(Group):
    def lease(self, machine, ttl=60, **more):
        return self.post(f"~/{machine}/lease", {"ttl": ttl, "description": "proof"}, **more)

    def nonce(self, machine):
        return {"fly-machine-lease-nonce": self.answers(self.lease(machine), 201).json["data"]["nonce"]}

    def test_none(self):
        self.answers(self.get(f"~/{self.create(wait=None)['id']}/lease"), 404, "lease not found")

    def test_take(self):
        machine = self.create(wait=None)["id"]
        data = self.answers(self.lease(machine, ttl=100), 201).json["data"]
        self.assertEqual(data["description"], "proof")
        self.assertAlmostEqual(data["expires_at"], time.time() + 100, delta=5)
        other = self.create(wait=None)["id"]
        data = self.answers(self.post(f"~/{other}/lease?ttl=200"), 201).json["data"]
        self.assertAlmostEqual(data["expires_at"], time.time() + 200, delta=5)
        self.assertEqual(self.get(f"~/{other}/lease").json["data"]["nonce"], data["nonce"])

    def test_held(self):
        machine = self.create(wait=None)["id"]
        owner = self.lease(machine).json["data"]["owner"]
        refusal = self.answers(self.lease(machine), 409).json
        self.assertEqual((refusal["status"], refusal["code"]), ("error", "invalid"))
        self.assertIn(f"machine ID {machine} lease currently held by {owner}, expires at ", refusal["message"])

    def test_refresh(self):
        machine = self.create(wait=None)["id"]
        first = self.lease(machine, ttl=10).json["data"]
        header = {"fly-machine-lease-nonce": first["nonce"]}
        second = self.answers(self.lease(machine, ttl=100, headers=header), 201).json["data"]
        self.assertEqual(second["nonce"], first["nonce"])
        self.assertGreater(second["expires_at"], first["expires_at"])

    def test_guards_every_verb(self):
        machine = self.create()["id"]
        header = self.nonce(machine)
        config = {"config": {"image": "x", **self.SLEEP}}
        calls = [("POST", "/cordon", None), ("POST", "/uncordon", None), ("POST", "/restart", None), ("POST", "", config),
                 ("POST", "/suspend", None), ("POST", "/stop", None), ("POST", "/start", None), ("DELETE", "?force=true", None)]
        for method, path, body in calls:
            before = self.state(machine)
            for wrong in ({}, {"fly-machine-lease-nonce": "wrong"}):
                self.answers(self.call(method, f"~/{machine}{path}", body, headers=wrong), 409, "lease currently held by")
            self.assertEqual(self.state(machine), before)
            self.answers(self.call(method, f"~/{machine}{path}", body, headers=header), 200)
            if path in ("/restart", "", "/start"):
                self.until(lambda: self.state(machine) == "started")
            if path in ("/suspend", "/stop"):
                self.wait(machine, path[1:] + ("ed" if path == "/suspend" else "ped"))

    def test_metadata_is_not_guarded(self):
        machine = self.create(wait=None)["id"]
        self.lease(machine)
        self.answers(self.post(f"~/{machine}/metadata/k", {"value": "v"}), 204)

    def test_expires(self):
        machine = self.create()["id"]
        self.answers(self.lease(machine, ttl=1), 201)
        self.until(lambda: self.post(f"~/{machine}/cordon").status == 200)
        self.answers(self.get(f"~/{machine}/lease"), 404)

    def test_release(self):
        machine = self.create(wait=None)["id"]
        header = self.nonce(machine)
        self.answers(self.delete(f"~/{machine}/lease"), 400)
        self.answers(self.delete(f"~/{machine}/lease", headers={"fly-machine-lease-nonce": "wrong"}), 400)
        self.answers(self.delete(f"~/{machine}/lease", headers=header), 200)
        self.answers(self.get(f"~/{machine}/lease"), 404)
        self.answers(self.lease(machine), 201)
