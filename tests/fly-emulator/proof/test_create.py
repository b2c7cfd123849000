import re

from emulator import Group


class Create(Group):
    options = Group.options + ("--other-app", "second", "--other-app", "foreign=acme")

    def test_minimal(self):
        machine = self.answers(self.post("~", {"config": {"image": "x"}}), 200).json
        self.assertRegex(machine["id"], "^[0-9a-f]{14}$")
        self.assertRegex(machine["instance_id"], "^[0-9A-Z]{26}$")
        self.assertRegex(machine["name"], "^[a-z]+-[a-z]+-[0-9]+$")
        self.assertEqual(machine["config"]["guest"], {"cpu_kind": "shared", "cpus": 1, "memory_mb": 256})

    def test_answers_before_boot(self):
        hold = self.fault("hold", step="launch")
        machine = self.create(wait=None)
        self.assertIn(machine["state"], ("created", "starting"))
        launch = [e for e in machine["events"] if e["type"] == "launch"]
        self.assertEqual((launch[0]["status"], launch[0]["source"], launch[0]["request"]), ("created", "user", None))
        self.assertEqual(self.state(machine["id"]), "created")
        self.lift(hold)
        self.wait(machine["id"], "started")

    def test_image_is_required(self):
        for body in ({"config": {}}, {}, {"config": {"image": ""}}, {"config": None}):
            self.answers(self.post("~", body), 400, "image")

    def test_name_in_use(self):
        first = self.create(name="once", wait=None)
        refusal = self.answers(self.post("~", {"name": "once", "config": {"image": "x"}}), 409)
        self.assertEqual(refusal.json, {"error": "already_exists: unique machine name violation, machine ID "
                                                 f"{first['id']} already exists with name \"once\""})

    def test_name_is_free_after_destroy(self):
        first = self.create(name="again")
        self.answers(self.delete(f"~/{first['id']}?force=true"), 200)
        self.wait(first["id"], "destroyed")
        self.assertNotEqual(self.create(name="again", wait=None)["id"], first["id"])

    def test_name_in_another_app(self):
        self.create(name="both", wait=None)
        self.answers(self.post("/v1/apps/second/machines", {"name": "both", "config": {"image": "x"}}), 200)

    def test_skip_launch(self):
        self.set(settle_ms=-1)
        machine = self.create(skip_launch=True, wait=None)
        self.assertEqual(self.state(machine["id"]), "created")
        self.assertEqual([e["type"] for e in self.events(machine["id"])], ["launch"])
        self.answers(self.post(f"~/{machine['id']}/start"), 200)
        self.wait(machine["id"], "started")

    def test_skip_launch_settles(self):
        self.set(settle_ms=1)
        machine = self.create(skip_launch=True, wait=None)
        self.wait(machine["id"], "stopped")
        self.assertEqual([e["type"] for e in self.events(machine["id"])], ["launch"])

    def test_lease_at_birth(self):
        machine = self.create(lease_ttl=60, wait=None)
        self.assertTrue(machine["nonce"])
        self.assertNotIn("nonce", self.get(f"~/{machine['id']}").json)
        lease = self.get(f"~/{machine['id']}?include_leases=true").json["lease"]
        self.assertNotIn("nonce", lease)

    def test_sizes_not_sold(self):
        for guest, field in (({"cpu_kind": "shared", "cpus": 3, "memory_mb": 768}, "cpus"),
                             ({"cpu_kind": "shared", "cpus": 1, "memory_mb": 4096}, "memory_mb"),
                             ({"cpu_kind": "shared", "cpus": 1, "memory_mb": 300}, "memory_mb"),
                             ({"cpu_kind": "performance", "cpus": 8, "memory_mb": 8192}, "memory_mb"),
                             ({"cpu_kind": "quantum", "cpus": 1, "memory_mb": 256}, "cpu_kind")):
            self.answers(self.post("~", {"config": {"image": "x", "guest": guest}}), 400, field)
        self.answers(self.post("~", {"config": {"image": "x", "guest": {"cpu_kind": "performance", "cpus": 8, "memory_mb": 8192}}}),
                     400, "minimum required 16384 MiB")
        self.set(bad_guest=422)
        self.answers(self.post("~", {"config": {"image": "x", "guest": {"cpus": 3, "memory_mb": 768}}}), 422, "cpus")

    def test_who_may(self):
        self.answers(self.get("/v1/apps/nobody/machines"), 404, "app not found")
        self.answers(self.get("/v1/apps/foreign/machines"), 403)
        self.answers(self.get("~", headers={"Authorization": None}), 401)
        self.answers(self.get("~", token="garbage"), 401)
        self.answers(self.get("~", headers={"Authorization": self.emulator.token}), 401)
        self.answers(self.get("~", token=self.add_token(expired=True)), 401)
        self.answers(self.get("~", token=self.add_token(org="acme")), 403)

    def test_token_kinds(self):
        deploy = self.add_token(kind="deploy", app=self.emulator.app)
        self.answers(self.get("~", token=deploy), 200)
        self.answers(self.get("/v1/apps/second/machines", token=deploy), 403)
        self.answers(self.get(f"/v1/orgs/personal/machines", token=deploy), 403)
        readonly = self.add_token(kind="readonly")
        self.answers(self.get("~", token=readonly), 200)
        self.answers(self.post("~", {"config": {"image": "x"}}, token=readonly), 403)
        machine = self.create()
        exec_only = self.add_token(kind="exec", app=self.emulator.app)
        self.answers(self.post(f"~/{machine['id']}/exec", {"command": ["true"]}, token=exec_only), 200)
        self.answers(self.post(f"~/{machine['id']}/stop", token=exec_only), 403)

    def test_schemes(self):
        token = self.emulator.token
        for value in (f"Bearer {token}", f"FlyV1 {token}", f"bearer FlyV1 {token}", f"FlyV1 fm1r_other,{token}"):
            self.answers(self.get("~", headers={"Authorization": value}), 200)

    def test_wrong_types(self):
        for config in ({"image": 3}, {"image": "x", "env": {"A": 1}}, {"image": "x", "init": {"exec": "sh"}},
                       {"image": "x", "auto_destroy": "yes"}, {"image": "x", "guest": []}, []):
            self.answers(self.post("~", {"config": config}), 400, "json: cannot unmarshal")
        self.answers(self.post("~", "{"), 400)
        self.answers(self.post("~", "[1]"), 400)

    def test_region_list(self):
        self.fault("capacity", region="fra")
        machine = self.create(region="fra,lhr", wait=None)
        self.assertEqual(machine["region"], "lhr")
        self.answers(self.post("~", {"region": "atlantis", "config": {"image": "x"}}), 400, "atlantis")
        self.assertIn(self.create(region="eu", wait=None)["region"], ("ams", "arn", "cdg", "lhr"))

    def test_min_secrets_version(self):
        version = self.answers(self.post(f"/v1/apps/{self.emulator.app}/secrets", {"values": {"KEY": "v1"}}), 200).json["version"]
        self.answers(self.post("~", {"min_secrets_version": version + 1, "config": {"image": "x"}}), 412)
        machine = self.create(min_secrets_version=version)
        self.assertEqual(self.output(machine["id"], "echo $KEY"), "v1")

    def test_normal_forms(self):
        machine = self.create({"services": [{"internal_port": 80, "autostop": "off"}, {"internal_port": 81, "autostop": "stop"},
                                            {"internal_port": 82, "autostop": "suspend"}],
                               "stop_config": {"timeout": 15000000000, "signal": "SIGTERM"},
                               "checks": {"up": {"type": "tcp", "port": 80, "interval": "15s", "timeout": 1500000000}}}, wait=None)
        config = machine["config"]
        self.assertEqual([s["autostop"] for s in config["services"]], [False, True, "suspend"])
        self.assertEqual(config["stop_config"]["timeout"], "15s")
        self.assertEqual((config["checks"]["up"]["interval"], config["checks"]["up"]["timeout"]), ("15s", "1.5s"))

    def test_bad_duration(self):
        self.answers(self.post("~", {"config": {"image": "x", "stop_config": {"timeout": "soon"}}}), 400, "timeout")

    def test_request_ids(self):
        seen = {self.get("~").headers["fly-request-id"], self.get("/nowhere").headers["fly-request-id"],
                self.get("~", token="bad").headers["fly-request-id"]}
        self.assertEqual(len(seen), 3)
        for one in seen:
            self.assertTrue(re.fullmatch("[0-9A-Z]{26}-[a-z]{3}", one), one)


class List(Group):
    def test_deleted_ones(self):
        kept, stopped, gone = (self.create() for _ in range(3))
        self.post(f"~/{stopped['id']}/stop")
        self.wait(stopped["id"], "stopped")
        self.delete(f"~/{gone['id']}?force=true")
        self.wait(gone["id"], "destroyed")
        ids = [m["id"] for m in self.get("~").json]
        self.assertIn(kept["id"], ids)
        self.assertIn(stopped["id"], ids)
        self.assertNotIn(gone["id"], ids)
        self.assertIn(gone["id"], [m["id"] for m in self.get("~?include_deleted=true").json])

    def test_metadata_filter(self):
        both = self.create({"metadata": {"pool": "a", "role": "w"}}, wait=None)["id"]
        one = self.create({"metadata": {"pool": "a"}}, wait=None)["id"]
        self.create({"metadata": {"pool": "ab"}}, wait=None)
        self.assertEqual({m["id"] for m in self.get("~?metadata.pool=a").json}, {both, one})
        self.assertEqual([m["id"] for m in self.get("~?metadata.pool=a&metadata.role=w").json], [both])

    def test_region_and_state_filter(self):
        here = self.create(region="nrt")["id"]
        stopped = self.create(region="nrt")["id"]
        other = self.create(region="syd")["id"]
        self.post(f"~/{stopped}/stop")
        self.wait(stopped, "stopped")
        self.assertEqual({m["id"] for m in self.get("~?region=nrt").json}, {here, stopped})
        self.assertEqual({m["id"] for m in self.get("~?region=nrt&state=started").json}, {here})
        found = {m["id"] for m in self.get("~?state=started,stopped").json}
        self.assertTrue({here, stopped, other} <= found)
        self.answers(self.get("~?state=bogus"), 400)

    def test_summary(self):
        self.create(wait=None)
        for machine in self.get("~?summary=true").json:
            for name in ("config", "checks", "events", "host_status", "nonce"):
                self.assertNotIn(name, machine)

    def test_pages(self):
        wanted = {self.create({"metadata": {"page": "1"}}, wait=None)["id"] for _ in range(5)}
        found, cursor, pages = [], "", 0
        while True:
            reply = self.get(f"~?metadata.page=1&limit=2&cursor={cursor}")
            found += [m["id"] for m in reply.json]
            pages += 1
            cursor = reply.headers.get("fly-next-cursor", "")
            if not cursor:
                break
        self.assertEqual((set(found), len(found), pages), (wanted, 5, 3))
        for bad in ("0", "1001", "x"):
            self.answers(self.get(f"~?limit={bad}"), 400)

    def test_of_org(self):
        mine = self.create(wait=None)["id"]
        self.assertIn(mine, [m["id"] for m in self.get("/v1/orgs/personal/machines").json["machines"]])
        self.answers(self.get("/v1/orgs/acme/machines"), 403)

    def test_unknown_id(self):
        self.answers(self.get("~/00000000000000"), 404, "machine not found")

    def test_destroyed_is_remembered(self):
        machine = self.create()["id"]
        self.delete(f"~/{machine}?force=true")
        self.wait(machine, "destroyed")
        self.assertEqual(self.state(machine), "destroyed")
        self.assertTrue(self.events(machine, "destroy"))
        self.set(retention_ms=0)
        self.answers(self.get(f"~/{machine}"), 404)
