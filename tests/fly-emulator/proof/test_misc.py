from emulator import Group


class Exec(Group):
    def test_failed_command(self):
        machine = self.create()["id"]
        reply = self.answers(self.exec(machine, "echo out; echo err >&2; exit 3"), 200).json
        self.assertEqual((reply["stdout"], reply["stderr"], reply["exit_code"]), ("out\n", "err\n", 3))
        self.assertEqual(self.exec(machine, "kill -9 $$").json["exit_signal"], 9)
        self.assertNotEqual(self.exec(machine, ["/no/such"]).json["exit_code"], 0)

    def test_not_started(self):
        machine = self.create()["id"]
        self.post(f"~/{machine}/stop")
        self.wait(machine, "stopped")
        self.assertEqual(self.answers(self.exec(machine, "true"), 412).error, "failed_precondition: machine not running")

    def test_timeouts(self):
        machine = self.create()["id"]
        self.assertEqual(self.answers(self.exec(machine, "true", timeout=61), 400).error, "timeout must not exceed 60 seconds")
        self.answers(self.exec(machine, "true", timeout=60), 200)
        self.answers(self.exec(machine, "exec sleep 999", timeout=1), 408, "deadline_exceeded")
        self.until(lambda: "sleep 999" not in str(self.get(f"~/{machine}/ps").json))

    def test_argv_trap(self):
        machine = self.create()["id"]
        long = "touch /ran; : " + "x" * 24000
        reply = self.answers(self.exec(machine, long), 200).json
        self.assertEqual(reply["exit_code"], 0)
        self.assertIn("PayloadTooLarge", reply["stdout"])
        self.assertEqual(self.output(machine, "ls /ran 2>/dev/null || echo none"), "none")
        self.assertEqual(self.output(machine, "echo ok # " + "x" * 15000), "ok")
        self.set(argv_trap=0)
        self.answers(self.exec(machine, long), 200)
        self.assertEqual(self.output(machine, "ls /ran"), "/ran")

    def test_both_spellings(self):
        machine = self.create()["id"]
        self.assertEqual(self.post(f"~/{machine}/exec", {"cmd": "echo a b"}).json["stdout"], "a b\n")
        self.assertEqual(self.post(f"~/{machine}/exec", {"command": ["echo", "a  b"]}).json["stdout"], "a  b\n")
        self.answers(self.post(f"~/{machine}/exec", {}), 400)

    def test_stdin(self):
        machine = self.create()["id"]
        self.assertEqual(self.exec(machine, "cat", stdin="through").json["stdout"], "through")
        self.set(exec_stdin=0)
        self.assertEqual(self.exec(machine, "cat", stdin="through").json["stdout"], "")

    def test_stopped_meanwhile(self):
        import threading
        machine = self.create()["id"]
        box = []
        thread = threading.Thread(target=lambda: box.append(self.exec(machine, "echo > /began; sleep 900", timeout=60)))
        thread.start()
        self.until(lambda: self.output(machine, "ls /began 2>/dev/null || echo none") == "/began")
        self.post(f"~/{machine}/stop")
        thread.join()
        self.answers(box[0], 412, "EOF")

    def test_ps(self):
        machine = self.create()["id"]
        self.assertIn("sleep 1000", [p["command"] for p in self.get(f"~/{machine}/ps").json])


class Metadata(Group):
    def test_set_key(self):
        machine = self.create()
        self.answers(self.post(f"~/{machine['id']}/metadata/k", {"value": "v"}), 204)
        now = self.get(f"~/{machine['id']}").json
        self.assertEqual((now["config"]["metadata"], now["instance_id"]), ({"k": "v"}, machine["instance_id"]))
        self.assertEqual(len(self.events(machine["id"], "start")), 2)
        self.assertEqual(self.get(f"~/{machine['id']}/metadata/k").json, {"value": "v"})
        self.answers(self.delete(f"~/{machine['id']}/metadata/k"), 204)
        self.answers(self.get(f"~/{machine['id']}/metadata/k"), 404)

    def test_patch(self):
        machine = self.create({"metadata": {"a": "1", "b": "2", "c": "3"}}, wait=None)
        for method in ("PATCH", "PUT"):
            self.answers(self.call(method, f"~/{machine['id']}/metadata", {"metadata": {"a": None, "b": "", "d": "4"}}), 204)
            self.assertEqual(self.get(f"~/{machine['id']}/metadata").json, {"c": "3", "d": "4"})
        stale = {"metadata": {"c": "5"}, "machine_version": "01AAAAAAAAAAAAAAAAAAAAAAAA"}
        self.answers(self.call("PATCH", f"~/{machine['id']}/metadata", stale), 412)
        self.answers(self.call("PATCH", f"~/{machine['id']}/metadata", {"metadata": {"c": 5}}), 400)
        self.assertEqual(self.get(f"~/{machine['id']}/metadata").json["c"], "3")


class Platform(Group):
    def test_events_limit(self):
        machine = self.create({"init": {"exec": ["/bin/sh", "-c", "exit 1"]}, "restart": {"policy": "on-failure", "max_retries": 20}}, wait=None)["id"]
        self.wait(machine, "stopped")
        count = lambda query: len(self.get(f"~/{machine}/events{query}").json)
        self.assertEqual((count(""), count("?limit=3"), count("?limit=500")), (20, 3, 50))
        self.answers(self.get(f"~/{machine}/events?limit=0"), 400)

    def test_memory(self):
        machine = self.create(wait=None)["id"]
        self.assertEqual(self.get(f"~/{machine}/memory").json, {"limit_mb": 256, "available_mb": 256})
        self.answers(self.call("PUT", f"~/{machine}/memory", {"limit_mb": 128}), 200)
        self.answers(self.call("PUT", f"~/{machine}/memory", {"limit_mb": 4096}), 400)
        self.answers(self.post(f"~/{machine}/memory/reclaim", {"amount_mb": 10}), 200)

    def test_apps(self):
        for name in ({"app_name": "one"}, {"name": "two"}):
            self.answers(self.post("/v1/apps", {**name, "org_slug": "personal"}), 201)
        self.assertEqual(self.answers(self.post("/v1/apps", {"name": "one", "org_slug": "personal"}), 422).json["status"], "name_taken")
        self.answers(self.post("/v1/apps", {"name": "Bad_Name", "org_slug": "personal"}), 422, "lowercase letters and dashes")
        self.answers(self.post("/v1/apps", {"name": "theirs", "org_slug": "acme"}), 403)
        self.answers(self.get("/v1/apps/one"), 200)
        self.assertTrue({"one", "two"} <= {a["name"] for a in self.get("/v1/apps?org_slug=personal").json["apps"]})
        machine = self.answers(self.post("/v1/apps/one/machines", {"config": {"image": "x", **self.SLEEP}}), 200).json["id"]
        self.answers(self.get(f"/v1/apps/one/machines/{machine}/wait?timeout=20"), 200)
        self.answers(self.delete("/v1/apps/one"), 412)
        self.answers(self.delete("/v1/apps/one?force=true"), 202)
        self.answers(self.get("/v1/apps/one"), 404)

    def test_secrets(self):
        base = f"/v1/apps/{self.emulator.app}/secrets"
        first = self.answers(self.post(base, {"values": {"A": "1", "B": "2"}}), 200).json["version"]
        self.assertNotIn("value", self.get(base).json["secrets"][0])
        self.assertEqual([s["value"] for s in self.get(base + "?show_secrets=true").json["secrets"]], ["1", "2"])
        self.assertGreater(self.answers(self.post(base + "/C", {"value": "3"}), 201).json["version"], first)
        self.answers(self.post(base, {"values": {"A": None}}), 200)
        self.answers(self.delete(base + "/B"), 200)
        self.assertEqual([s["name"] for s in self.get(base).json["secrets"]], ["C"])
        self.answers(self.delete(base + "/B"), 404)

    def test_regions_and_placements(self):
        self.assertEqual(self.get("/v1/platform/regions").json["Nearest"], "iad")
        self.fault("capacity", region="lhr")
        found = self.post("/v1/platform/placements", {"org_slug": "personal", "region": "lhr,ams", "count": 3}).json["Regions"]
        self.assertEqual([(r["Region"], r["Count"]) for r in found], [("ams", 3)])

    def test_tokens(self):
        self.assertEqual(self.get("/v1/tokens/current").json["tokens"][0]["org_slug"], "personal")
        token = self.post(f"/v1/apps/{self.emulator.app}/deploy_token", {"expiry": "1h"}).json["token"]
        reply = self.get("/v1/tokens/current", headers={"Authorization": token}).json["tokens"][0]
        self.assertEqual(reply["apps"], [self.emulator.app])

    def test_logs(self):
        script = "for i in $(seq 150); do echo line $i; done; sleep 1000"
        machine = self.create({"init": {"exec": ["/bin/sh", "-c", script]}})["id"]
        path = f"/api/v1/apps/{self.emulator.app}/logs?instance={machine}"
        self.until(lambda: "line 150" in self.get(path).text)
        page = self.get(path).json
        self.assertEqual(len(page["data"]), 100)
        self.assertEqual(self.get(path + "&next_token=" + page["meta"]["next_token"]).json["data"], [])

    def test_unknown_paths(self):
        self.assertEqual(self.answers(self.get("/"), 404).text, "404 page not found\n")
        self.answers(self.get("/nowhere"), 404)
        self.answers(self.call("PATCH", "~"), 405)
