"""A folder, an emulator and a pool of their own for one seed, and what can be done to them from outside."""
import http.client
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from ledger import Ledger

NO_ANSWER = (urllib.error.URLError, ConnectionError, http.client.HTTPException, json.JSONDecodeError)
APP_IMAGE = "registry.fly.io/demo:deployment-"


class World:
    def __init__(self, plan, prefix, plugins, emulator):
        self.plan, self.flame, self.plugin = plan, prefix + "/bin/flame", plugins + "/ledger.so"
        self.folder = tempfile.mkdtemp(prefix="flame-chaos-")
        self.chance = random.Random(plan.seed ^ 0x5EED)
        self.ledger = Ledger()
        self.deploys = 1
        self.emulator = self.start_emulator(emulator)
        time.sleep(0.8)  # the app was deployed longer ago than any list lags
        self.env = self.environment()
        # A sanitizer keeps what was freed: a machine of 256 MB dies of that alone.
        guest = 'guest = "shared-cpu-1x:2GB"\n' if os.environ.get("FLAME_SANITIZER") else ""
        with open(self.path("flame.toml"), "w") as file:
            file.write(f'[pool.default]\nbackend = "fly"\nrunner = "{prefix}/bin/flame-runner"\nslots = {plan.slots}\nmax = {plan.max}\n'
                       f'surge = {plan.surge}\nidle_timeout = "2s"\nboot_timeout = "40s"\nwhen_idle = "{plan.when_idle}"\n{guest}')

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def start_emulator(self, program):
        process = subprocess.Popen([program, "--fast", "-q", "--image", "*=/", "--port", "0", "--seed", str(self.plan.seed), "--ready-file", self.path("ready")],
                                   stdin=subprocess.DEVNULL, stdout=open(self.path("emulator.log"), "wb"), stderr=subprocess.STDOUT)
        while not os.path.exists(self.path("ready")):
            if process.poll() is not None:
                raise RuntimeError("the emulator ended: " + open(self.path("emulator.log")).read())
            time.sleep(0.01)
        with open(self.path("ready")) as file:
            self.exports = dict(re.findall(r"export (\w+)=[\"']?([^\"'\n]+)", file.read()))
        return process

    def environment(self):
        env = {"PATH": os.environ["PATH"], "HOME": self.folder, "LANG": "C.UTF-8", "TMPDIR": self.path("tmp")}
        for name in ("ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                env[name] = os.environ[name]
        for name in ("RUNTIME_DIR", "CACHE_HOME", "STATE_HOME", "CONFIG_HOME"):
            env["XDG_" + name] = self.path(name)
            os.mkdir(self.path(name), 0o700)
        os.mkdir(self.path("tmp"))
        return env | self.exports

    # ---- The engine, from outside ----

    def ask(self, path, body=None, method=None):
        """The emulator's own questions need no token; the API's limits are kept by asking again."""
        headers = {} if path.startswith("/_") else {"Authorization": "Bearer " + self.exports["FLY_API_TOKEN"].removeprefix("Bearer ")}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.exports["FLY_FLAPS_BASE_URL"] + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.loads(reply.read() or b"null")

    def patiently(self, *arguments, **more):
        for _ in range(400):
            try:
                return self.ask(*arguments, **more)
            except NO_ANSWER:  # a fault, or a limit
                time.sleep(0.05)
        raise RuntimeError(f"{arguments[0]}: no answer")

    def requests(self):
        return len(self.patiently("/_emulator/journal")["requests"])

    def running(self):
        return [m for m in self.patiently("/_emulator/machines")["machines"] if m["name"].startswith("flame-") and m["pids"]]

    def machines_api(self, rest="", **more):
        return self.patiently(f"/v1/apps/{self.exports['FLY_APP_NAME']}/machines{rest}", **more)

    # ---- Shocks ----

    def strike(self, shock, clients):
        if shock.what == "fault":
            return self.patiently("/_emulator/faults", shock.fault)
        if shock.what == "kill_client":
            return clients[shock.client].kill()
        machines = self.running()
        if machines:
            getattr(self, shock.what)(self.chance.choice(machines))

    def kill_machine(self, machine):
        kill(machine["pid"])

    def kill_worker(self, machine):
        # The machine's first process and the runner stand first.
        for pid in machine["pids"][::-1]:
            if b"flame-worker" in command_of(pid):
                return kill(pid)

    def cut(self, machine):
        """Resumed with its old connections reset, and its clock behind."""
        def change(verb):
            try:
                self.ask(f"/v1/apps/{self.exports['FLY_APP_NAME']}/machines/{machine['id']}/{verb}", {})
            except NO_ANSWER:
                pass  # it has just gone, or may not now, or has done it

        change("suspend")
        while next((m for m in self.patiently("/_emulator/machines")["machines"] if m["id"] == machine["id"]), {}).get("state") in ("suspending", "suspended"):
            change("start")
            time.sleep(0.05)

    def destroy_machine(self, machine):
        try:
            self.ask(f"/v1/apps/{self.exports['FLY_APP_NAME']}/machines/{machine['id']}?force=true", method="DELETE")
        except NO_ANSWER:
            pass

    def deploy(self):
        """As fly deploy leaves it: the app's own machine has a newer image and release."""
        self.deploys += 1
        own = None
        while own is None:  # a fault may have emptied the list
            own = next((m for m in self.machines_api() if not m["config"].get("metadata", {}).get("flame_pool")), None)
        config = own["config"]
        config["image"] = APP_IMAGE + str(self.deploys)
        config.setdefault("metadata", {})["fly_release_version"] = str(self.deploys)
        self.machines_api("/" + own["id"], body={"config": config})

    # ---- The end ----

    def write_down(self):
        """What the engine was asked and what became of its machines, for whoever looks into the folder."""
        for name, path in (("journal", "/_emulator/journal"), ("machines", f"/v1/apps/{self.exports['FLY_APP_NAME']}/machines?include_deleted=true&limit=1000")):
            with open(self.path(f"{name}.json"), "w") as file:
                json.dump(self.patiently(path), file, indent=1)

    def processes(self):
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as file:
                    if self.folder.encode() in file.read() + command_of(pid):
                        found.append(f"{pid} {command_of(pid).decode(errors='replace')}")
            except OSError:
                pass
        return found

    def command(self, words):
        return subprocess.run([self.flame, *words], stdin=subprocess.DEVNULL, capture_output=True, env=self.env, cwd=self.folder, check=False)

    def stop_emulator(self):
        self.emulator.send_signal(signal.SIGTERM)
        return self.emulator.wait()

    def close(self, keep):
        self.ledger.close()
        if self.emulator.poll() is None:
            self.emulator.kill()
            self.emulator.wait()
        if not keep:
            shutil.rmtree(self.folder)


def command_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ")
    except OSError:
        return b""


def kill(pid):
    if pid <= 0:  # a machine that has just ended has none; 0 would mean ourselves
        return
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass
