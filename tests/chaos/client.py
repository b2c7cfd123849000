"""One user at a shell: commands one after another, each known by its files client-N.K.{out,err,cause,log}."""
import json
import os
import signal
import subprocess
import threading
import time

PATIENCE_S = 45  # beyond a command's own deadline: it hangs


class Client(threading.Thread):
    def __init__(self, number, steps, world):
        super().__init__(daemon=True)
        self.number, self.steps, self.world = number, steps, world
        self.outcomes, self.process, self.broken, self.lock = [], None, None, threading.Lock()

    def run(self):
        try:
            self.work()
        except Exception as error:  # the check says it
            self.broken = error

    def work(self):
        for index, step in enumerate(self.steps):
            if step.verb == "deploy":
                self.world.deploy()
                continue
            outcome = self.command(index, step)
            if outcome.killed and step.verb == "map" and step.journal:
                outcome = self.command(index, step, resumed=outcome)
            self.outcomes.append(outcome)

    def kill(self):
        with self.lock:
            if self.process is not None and self.process.poll() is None:
                self.process.send_signal(signal.SIGKILL)

    def command(self, index, step, resumed=None):
        outcome = Outcome(step, self.world.path(f"client-{self.number}.{index}"), resumed, self.world)
        argv = outcome.argv(self.world)
        with open(outcome.file("in"), "rb") as given, open(outcome.file("out"), "ab") as out, open(outcome.file("err"), "ab") as err, \
                open(outcome.file("cause"), "wb") as cause:
            options = {"pass_fds": [cause.fileno()]} if step.verb == "run" else {}
            argv = [str(cause.fileno()) if word == "CAUSE" else word for word in argv]
            with self.lock:
                self.process = subprocess.Popen(argv, stdin=given, stdout=out, stderr=err, env=self.world.env, cwd=self.world.folder, **options)
            try:
                outcome.status = self.process.wait(step.timeout_s + PATIENCE_S)
            except subprocess.TimeoutExpired:
                outcome.hung = True
                self.process.send_signal(signal.SIGABRT)
                outcome.status = self.process.wait()
        return outcome


class Outcome:
    def __init__(self, step, base, resumed, world):
        self.step, self.base, self.resumed = step, base, resumed
        self.status, self.hung = None, False
        if resumed:
            time.sleep(0.5)  # what a machine that was killed told last may be on its way to the ledger yet
        self.logged_before = self.logged() if resumed else set()
        self.ran_before = {name: world.ledger.times(name) for name in self.logged_before}
        if not resumed:
            with open(self.file("in"), "w") as file:
                file.writelines(name + "\n" for name in self.names() if step.verb == "map")

    @property
    def killed(self):
        return self.status == -signal.SIGKILL

    def file(self, kind):
        return f"{self.base}.{kind}"

    def names(self):
        step = self.step
        return [f"{step.id}{n}" for n in range(step.items)] if step.verb == "map" else [step.id + "1"] if step.verb == "run" else []

    def argv(self, world):
        step, port = self.step, str(world.ledger.port)
        timeout = ["--timeout", f"{step.timeout_s}s"]
        if step.verb == "run":
            return [world.flame, "run", "--raw", *timeout, "--cause-fd", "CAUSE", world.plugin, step.function, port, str(step.ms), self.names()[0]]
        if step.verb == "map":
            journal = ["--joblog", self.file("log")] if step.journal else []
            resume = ["--resume"] if self.resumed else []
            return [world.flame, "map", *timeout, *journal, *resume, "--to", "json", world.plugin, step.function, port, str(step.ms)]
        return [world.flame, "pool", step.verb, *(["--size", str(step.size)] if step.verb == "warm" else []), *timeout]

    def records(self):
        out = []
        with open(self.file("out")) as file:
            for line in file:
                try:
                    out.append(json.loads(line))
                except json.JSONDecodeError:
                    if not self.resumed:  # half a line that a kill left
                        raise
        return out

    def logged(self):
        if not os.path.exists(self.file("log")):
            return set()
        with open(self.file("log")) as file:
            return {line.rstrip("\n").split("\t")[-1] for line in file.readlines()[1:] if line.endswith("\n")}

    def cause(self):
        with open(self.file("cause")) as file:
            text = file.read()
        return json.loads(text) if text else {}

    def told(self):
        with open(self.file("err"), errors="replace") as file:
            return file.read()
