import base64
import os
import time

from emulator import Group


class Lifecycle(Group):
    def start(self, machine_id):
        return self.post(f"~/{machine_id}/start")

    def stop(self, machine_id, body=None):
        return self.post(f"~/{machine_id}/stop", body)

    def stopped(self, config=None):
        machine = self.create(config)
        self.answers(self.stop(machine["id"]), 200)
        self.wait(machine["id"], "stopped")
        return machine["id"]

    def run_once(self, command, wait="stopped", **config):
        machine = self.create({"init": {"exec": ["/bin/sh", "-c", command]}, **config}, wait=None)
        self.wait(machine["id"], wait)
        return machine["id"]

    def test_launch_then_start(self):
        machine = self.create()["id"]
        kinds = [(e["type"], e["status"]) for e in self.events(machine)]
        self.assertEqual(kinds, [("start", "started"), ("start", "starting"), ("launch", "created")])
        stamps = [e["timestamp"] for e in self.events(machine)]
        self.assertEqual(stamps, sorted(stamps, reverse=True))

    def test_start_while_launching(self):
        hold = self.fault("hold", step="launch")
        machine = self.create(wait=None)["id"]
        self.assertEqual(self.answers(self.start(machine), 412).json,
                         {"error": "failed_precondition: unable to start machine from current state: 'created'"})
        self.lift(hold)
        self.wait(machine, "started")

    def test_start_while_starting(self):
        hold = self.fault("hold", step="boot")
        machine = self.create(wait=None)["id"]
        self.until(lambda: self.state(machine) == "starting")
        self.answers(self.start(machine), 412, "machine still attempting to start")
        self.lift(hold)

    def test_start_on_started(self):
        machine = self.create()["id"]
        self.answers(self.start(machine), 412)
        self.set(start_on_started=200)
        self.assertEqual(self.answers(self.start(machine), 200).json["status"], "error")
        self.assertEqual(self.state(machine), "started")
        self.assertEqual(len(self.events(machine, "start")), 2)

    def test_stop(self):
        machine = self.create({"init": {"exec": ["/bin/sh", "-c", "trap 'exit 0' INT; echo ready; while :; do sleep 0.05; done"]}})["id"]
        self.until(lambda: "ready" in self.logs(machine))
        hold = self.fault("hold", step="stop", machine=machine)
        self.answers(self.stop(machine), 200)
        self.assertEqual(self.state(machine), "stopping")
        self.lift(hold)
        self.wait(machine, "stopped")
        exit_event = self.exit_events(machine)[0]
        self.assertEqual((exit_event["requested_stop"], exit_event["exit_code"]), (True, 0))

    def test_stop_on_stopped(self):
        machine = self.stopped()
        before = len(self.events(machine))
        self.answers(self.stop(machine), 200)
        self.assertEqual((self.state(machine), len(self.events(machine))), ("stopped", before))

    def test_stop_signal_then_kill(self):
        deaf = "trap 'echo got TERM' TERM; echo ready; while :; do sleep 0.05; done"
        machine = self.create({"init": {"exec": ["/bin/sh", "-c", deaf]}})["id"]
        self.until(lambda: "ready" in self.logs(machine))
        self.answers(self.stop(machine, {"signal": "SIGTERM", "timeout": "1s"}), 200)
        self.wait(machine, "stopped")
        self.assertIn("got TERM", self.logs(machine))
        exit_event = self.exit_events(machine)[0]
        self.assertEqual((exit_event["guest_signal"], exit_event["exit_code"]), (9, 137))

    def test_stop_config_signal(self):
        command = "trap 'exit 7' USR1; echo ready; while :; do sleep 0.05; done"
        machine = self.create({"init": {"exec": ["/bin/sh", "-c", command]}, "stop_config": {"signal": "SIGUSR1"}})["id"]
        self.until(lambda: "ready" in self.logs(machine))
        self.answers(self.stop(machine), 200)
        self.wait(machine, "stopped")
        self.assertEqual(self.exit_events(machine)[0]["exit_code"], 7)

    def test_stop_with_array(self):
        machine = self.create()["id"]
        self.answers(self.stop(machine, []), 400, "cannot unmarshal array")
        self.answers(self.stop(machine, {"signal": "SIGNOTHING"}), 400)
        self.assertEqual(self.state(machine), "started")

    def test_still_active(self):
        self.set(still_active_ms=60000)
        machine = self.stopped()
        self.assertEqual(self.answers(self.start(machine), 412).json,
                         {"error": "failed_precondition: machine still active, refusing to start"})
        self.set(still_active_ms=0)
        self.answers(self.start(self.stopped()), 200)

    def test_stop_resets_files(self):
        machine = self.create()["id"]
        self.output(machine, "echo mark > /var/mark")
        self.assertEqual(self.output(machine, "cat /var/mark"), "mark")
        self.stop(machine)
        self.wait(machine, "stopped")
        self.answers(self.start(machine), 200)
        self.wait(machine, "started")
        self.assertEqual(self.output(machine, "cat /var/mark || echo none"), "none")
        self.assertFalse(os.path.exists("/var/mark"))  # nor was it ever this computer's

    def test_persistent_files(self):
        machine = self.create({"rootfs": {"persist": "always"}})["id"]
        self.output(machine, "echo mark > /var/mark")
        self.stop(machine)
        self.wait(machine, "stopped")
        self.start(machine)
        self.wait(machine, "started")
        self.assertEqual(self.output(machine, "cat /var/mark"), "mark")

    def test_environment(self):
        self.post(f"/v1/apps/{self.emulator.app}/secrets", {"values": {"SECRET": base64.b64encode(b"hush").decode()}})
        machine = self.create({"env": {"MINE": "1"}, "files": [
            {"guest_path": "/etc/deep/er/file", "raw_value": base64.b64encode(b"content").decode(), "mode": 0o600},
            {"guest_path": "/etc/from-secret", "secret_name": "SECRET"}]})
        self.assertEqual(self.output(machine["id"], "cat /etc/deep/er/file; stat -c %a /etc/deep/er/file"), "content600")
        self.assertEqual(self.output(machine["id"], "cat /etc/from-secret"), "hush")
        names = {line.split("=")[0] for line in self.output(machine["id"], ["env"]).splitlines()}
        fly = {name for name in names if name.startswith("FLY_")}
        self.assertEqual(names - fly, {"MINE", "SECRET"})
        self.assertTrue({"FLY_APP_NAME", "FLY_MACHINE_ID", "FLY_ALLOC_ID", "FLY_REGION", "FLY_PUBLIC_IP", "FLY_IMAGE_REF",
                         "FLY_MACHINE_VERSION", "FLY_PRIVATE_IP", "FLY_PROCESS_GROUP", "FLY_VM_MEMORY_MB"} <= fly)
        self.assertEqual(self.output(machine["id"], "echo $FLY_PRIVATE_IP $FLY_MACHINE_ID $FLY_MACHINE_VERSION"),
                         f"{machine['private_ip']} {machine['id']} {machine['instance_id']}")
        bare = self.create(skip_secrets=True)["id"]
        self.assertEqual(self.output(bare, "echo x$SECRET"), "x")

    def test_restart_verb(self):
        machine = self.create()
        self.answers(self.post(f"~/{machine['id']}/restart"), 200)
        self.until(lambda: len(self.events(machine["id"], "start")) == 4)
        self.wait(machine["id"], "started")
        states = [(e["type"], e["status"]) for e in self.events(machine["id"])]
        self.assertEqual(states[:4], [("start", "started"), ("start", "starting"), ("exit", "stopped"), ("restart", "restarting")])
        self.assertEqual(self.get(f"~/{machine['id']}").json["instance_id"], machine["instance_id"])

    def test_exit_and_policy(self):
        self.assertEqual(len(self.exit_events(self.run_once("exit 0", restart={"policy": "no"}))), 1)
        self.assertEqual(len(self.exit_events(self.run_once("exit 0", restart={"policy": "on-failure"}))), 1)
        machine = self.create({"init": {"exec": ["/bin/sh", "-c", "exit 0"]}, "restart": {"policy": "always"}}, wait=None)["id"]
        self.until(lambda: len(self.exit_events(machine)) >= 3)
        self.assertTrue(self.exit_events(machine)[0]["restarting"])
        self.delete(f"~/{machine}?force=true")

    def test_retries(self):
        machine = self.run_once("exit 1", restart={"policy": "on-failure", "max_retries": 3})
        exits = [e["request"] for e in self.events(machine, "exit")]
        self.assertEqual([e["restart_count"] for e in exits], [3, 2, 1, 0])
        self.assertEqual([e["exit_event"]["restarting"] for e in exits], [False, True, True, True])
        self.assertEqual([e["exit_event"]["exit_code"] for e in exits], [1, 1, 1, 1])

    def test_ten_retries_by_default(self):
        machine = self.create({"init": {"exec": ["/bin/sh", "-c", "exit 1"]}, "restart": {}}, wait=None)["id"]
        self.wait(machine, "stopped")
        self.assertEqual(len(self.exit_events(machine)), 11)

    def test_auto_destroy(self):
        for code in (0, 3):
            machine = self.run_once(f"exit {code}", wait="destroyed", auto_destroy=True)
            self.assertNotIn(machine, [m["id"] for m in self.get("~").json])
            self.assertEqual(self.exit_events(machine)[0]["exit_code"], code)

    def test_out_of_memory(self):
        hog = "x = bytearray(400 << 20)\nimport time\ntime.sleep(1000)"
        machine = self.create({"init": {"exec": ["python3", "-c", hog]}}, wait=None)["id"]
        self.wait(machine, "stopped")
        self.assertTrue(self.exit_events(machine)[0]["oom_killed"])

    def test_command_that_is_not_there(self):
        machine = self.create({"init": {"exec": ["/no/such"]}}, wait=None)["id"]
        self.wait(machine, "stopped")
        self.assertEqual(self.exit_events(machine)[0]["exit_code"], 1)
        self.assertIn("could not exec /no/such", self.logs(machine))

    def test_signal(self):
        machine = self.create({"init": {"exec": ["/bin/sh", "-c", "trap 'exit 9' USR2; echo ready; while :; do sleep 0.05; done"]}})["id"]
        self.until(lambda: "ready" in self.logs(machine))
        self.answers(self.post(f"~/{machine}/signal", {"signal": "SIGWHAT"}), 400)
        self.answers(self.post(f"~/{machine}/signal", {"signal": "SIGUSR2"}), 200)
        self.wait(machine, "stopped")
        exit_event = self.exit_events(machine)[0]
        self.assertEqual((exit_event["exit_code"], exit_event["requested_stop"]), (9, False))
        killed = self.create()["id"]
        self.answers(self.post(f"~/{killed}/signal", {"signal": 9}), 200)
        self.wait(killed, "stopped")
        self.answers(self.post(f"~/{killed}/signal", {"signal": 9}), 412)

    def test_delete(self):
        machine = self.create()["id"]
        self.assertEqual(self.answers(self.delete(f"~/{machine}"), 412).error,
                         "failed_precondition: unable to destroy machine, not currently stopped, suspended, failed or created")
        self.answers(self.delete(f"~/{machine}?force=true"), 200)
        other = self.create()["id"]
        self.answers(self.delete(f"~/{other}?kill=true"), 200)
        self.answers(self.delete(f"~/{self.stopped()}"), 200)

    def test_delete_twice(self):
        machine = self.create()["id"]
        self.delete(f"~/{machine}?force=true")
        self.answers(self.delete(f"~/{machine}?force=true"), 404)
        self.set(second_delete=200)
        self.answers(self.delete(f"~/{machine}?force=true"), 200)
        self.wait(machine, "destroyed")
        self.answers(self.delete(f"~/{machine}"), 200)
        self.assertEqual(len([e for e in self.events(machine, "destroy") if e["status"] == "destroyed"]), 1)

    def test_cordon(self):
        machine = self.create(skip_service_registration=True, wait=None)["id"]
        cordoned = lambda: self.get(f"~/{machine}").json["cordoned"]
        self.assertTrue(cordoned())
        for verb, then in (("uncordon", False), ("uncordon", False), ("cordon", True), ("cordon", True)):
            self.answers(self.post(f"~/{machine}/{verb}"), 200)
            self.assertEqual(cordoned(), then)

    def test_pull_failure(self):
        self.fault("pull")
        machine = self.create(wait=None)["id"]
        self.assertIn(self.get(f"~/{machine}/wait?timeout=20").status, (404, 408))
        self.assertFalse(self.events(machine, "start"))

    def test_processes_are_gone(self):
        machine = self.create({"init": {"exec": ["/bin/sh", "-c", "sleep 1001 & setsid sleep 1002 & wait"]}})["id"]
        own = lambda: next(m for m in self.get("/_emulator/machines").json["machines"] if m["id"] == machine)["pids"]
        self.until(lambda: len(own()) >= 3)
        pids = own()
        self.answers(self.delete(f"~/{machine}?force=true"), 200)
        self.wait(machine, "destroyed")
        for pid in pids:
            self.assertFalse(os.path.exists(f"/proc/{pid}"), pid)

    def test_journal(self):
        machine = self.create(name="noted", wait=None)
        rows = self.get("/_emulator/journal").json["requests"]
        row = next(r for r in rows if any("noted" in c for c in r["changed"]))
        self.assertEqual((row["method"], row["path"], row["status"]), ("POST", f"/v1/apps/{self.emulator.app}/machines", 200))
        self.assertRegex(row["token"], "^[0-9a-f]{12}$")
        self.assertNotIn(self.emulator.token, self.get("/_emulator/journal").text)
        self.assertIn(machine["id"], row["changed"][0])

    def test_bill(self):
        machine = self.create({"guest": {"cpu_kind": "performance", "cpus": 1, "memory_mb": 2048}}, region="fra")["id"]
        line = lambda: next(m for m in self.get("/_emulator/bill").json["machines"] if m["id"] == machine)
        self.assertAlmostEqual(line()["usd_per_second"], 0.000012732 * 1.154, places=12)
        self.assertGreaterEqual(line()["started_seconds"], 1)
        self.stop(machine)
        self.wait(machine, "stopped")
        first = line()
        time.sleep(0.05)
        second = line()
        self.assertEqual(first["started_seconds"], second["started_seconds"])
        self.assertGreater(second["resting_usd"], first["resting_usd"])
        self.assertAlmostEqual(first["running_usd"], first["started_seconds"] * first["usd_per_second"], places=12)
