"""What a machine is where this computer allows no namespaces, and for who is not root."""
import os
import shutil
import subprocess
import time

import emulator
from emulator import Group, Emulator


class Plain(Group):
    options = (*Group.options, "--plain", "--set", "exec_ms=200")

    def life(self):
        machine = self.create({"env": {"GREETING": "hello"}})["id"]
        begin = time.monotonic()
        self.assertEqual(self.exec(machine, "echo $GREETING $FLY_MACHINE_ID").json["stdout"], f"hello {machine}\n")
        self.assertGreaterEqual(time.monotonic() - begin, 0.2)  # exec_ms
        pid = next(m["pid"] for m in self.get("/_emulator/machines").json["machines"] if m["id"] == machine)
        self.assertTrue(os.path.exists(f"/proc/{pid}"))
        for verb, state in (("suspend", "suspended"), ("start", "started"), ("stop", "stopped"), ("start", "started")):
            self.answers(self.post(f"~/{machine}/{verb}"), 200)
            self.wait(machine, state)
        self.answers(self.delete(f"~/{machine}?force=true"), 200)
        self.wait(machine, "destroyed")
        self.assertFalse(os.path.exists(f"/proc/{pid}"))

    def test_life(self):
        self.life()
        self.assertIn("machines have no root, files and pids of their own here (--plain)", self.emulator.output())


class Stranger(Plain):
    """As uid 65534; where it may make no namespaces either, that is said."""

    @classmethod
    def setUpClass(cls):
        cls.home = os.path.realpath(subprocess.run(["mktemp", "-d"], check=True, capture_output=True, text=True).stdout.strip())
        os.chmod(cls.home, 0o777)
        program = shutil.copy(shutil.which(emulator.PROGRAM), cls.home)
        os.chmod(program, 0o755)
        drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
        options = [o for o in cls.options if o != "--plain"]
        cls.emulator = Emulator(*options, program=[*drop, "env", f"TMPDIR={cls.home}", program], folder=cls.home)

    def test_life(self):
        self.life()
        with open(f"/proc/{self.emulator.process.pid}/status", encoding="utf-8") as status:
            self.assertNotIn("Uid:\t0\t", status.read())
