"""fly_verbs.py BACKEND RUNTIME_DIR: what the Machines API may answer, on every verb that flame uses of it. Each answer is given once and
for ever to the request that asks for that verb; the table says whether it passes by itself, and with which code it is told. FLY_* name
the emulator."""
import json, os, subprocess, sys, tempfile, threading, urllib.request

BACKEND, RUNTIME_DIR = sys.argv[1:]
BASE, POOL, PARTS = os.environ["FLY_FLAPS_BASE_URL"], "table", 8
ENOUGH_MS, SHORT_MS, KILLED_AFTER_S = 30_000, 1_500, 10

# name: status, text, code, what it means
ANSWERS = {
    "wait's timeout": (400, "invalid_argument: invalid WaitMachineRequest.Timeout: value must be inside range [1s, 1m0s]", "", "invalid"),
    "wrong type": (400, "json: cannot unmarshal array into Go value of type a request object", "", "invalid"),
    "illegal guest": (422, "invalid config.guest.memory_mb, minimum required 512 MiB", "", "invalid"),
    "bad token": (401, "unauthorized", "", "refused"),
    "not yours": (403, "unauthorized: not allowed to access app", "", "refused"),
    "quota": (403, 'organization "personal" is using 8192 MB of memory in dfw which is over the allowed quota. please consider other regions', "", "quota"),
    "no such machine": (404, "machine not found", "", "not_found"),
    "the same, in other words": (404, "not_found: machine not found", "", "not_found"),
    "state not reached": (408, "deadline_exceeded: machine failed to reach desired state, started, currently stopped", "", "not_yet"),
    "flyd was late": (408, "deadline_exceeded: context deadline exceeded", "", "ambiguous"),
    "name taken": (409, 'already_exists: unique machine name violation, machine ID 148e272b0d1789 already exists with name "x"', "", "name_taken"),
    "leased": (409, "machine ID 148e272b0d1789 lease currently held by x@y, expires at 2026-01-01T00:00:00Z", "", "transient"),
    "race": (409, "aborted: machine update failed due to concurrent update", "", "transient"),
    "host full": (409, "aborted: could not reserve resource for machine: insufficient memory available to fulfill request", "", "full"),
    "lost a placement": (409, "aborted: insufficient resources available to fulfill request: no host", "", "full"),
    "region full": (409, "aborted: no capacity", "", "full"),
    "not from this state": (412, "failed_precondition: unable to start machine from current state: 'created'", "", "transient"),
    "replaced": (412, "failed_precondition: machine getting replaced, refusing to start", "", "transient"),
    "still active": (412, "failed_precondition: machine still active, refusing to start", "", "transient"),
    "not running": (412, "failed_precondition: machine not running", "", "transient"),
    "not stopped": (412, "failed_precondition: unable to destroy machine, not currently stopped, suspended, failed or created", "", "transient"),
    "volume's host full": (412, "insufficient resources to create new machine with existing volume 'vol_0'", "volume_placement_capacity", "full"),
    "no candidate": (422, "could not find a candidate host", "insufficient_capacity", "full"),
    "the same, 503": (503, "could not find a candidate host", "insufficient_capacity", "full"),
    "no payment": (422, "To create more than 1 machine per app please add a payment method", "", "quota"),
    "limited": (429, "rate limit exceeded", "", "limited"),
    "maintenance": (503, "unavailable: deploys to this host are temporarily disabled, please try later", "", "full"),
    "broken": (500, "unknown: something went wrong", "unknown", "ambiguous"),
    "a page": (502, "<html>", "", "ambiguous"),
    "an empty answer": (503, "nothing", "", "ambiguous"),
    "silence": (0, "", "", "silent"),
}
KINDS = {"a page": "html", "an empty answer": "empty", "silence": "delay"}  # of faults, where it is not "answer"
# meaning: the code with which it is told where it does not pass
CODES = {"invalid": "config", "refused": "refused", "quota": "limit", "not_found": "unreachable", "not_yet": "unreachable", "ambiguous": "unreachable",
         "name_taken": "unreachable", "transient": "unreachable", "full": "capacity", "limited": "unreachable", "silent": "unreachable"}
READS = {"limited", "ambiguous"}  # pass on every GET
# verb of the API: the request whose work asks for it, the state that its machine is in before, what passes when it is answered once, what
# even passes when it is answered for ever, and codes that differ.
VERBS = {
    "list": ("list", None, READS, set(), {"not_found": "config"}),
    "logs": ("logs", "started", READS, set(), {}),
    "list_addresses": ("boot", None, READS, set(), {}),
    "take_lease": ("lease", None, {"limited", "not_found", "invalid"}, set(), {"invalid": "unreachable", "transient": "busy"}),
    "create": ("boot", None, READS | {"transient", "not_yet", "name_taken"}, set(), {"not_found": "config"}),
    # What it says is nothing but a way to wait: a look decides.
    "wait": ("start", "stopped", set(CODES) - {"not_found"}, set(CODES) - {"not_found", "silent"} - READS, {"not_found": "has_left"}),
    "get": ("connect", "started", READS, set(), {meaning: "timed_out" for meaning in CODES} | {"not_found": "has_left"}),
    "start": ("start", "stopped", READS | {"transient"}, set(), {"full": "name_taken", "not_found": "name_taken"}),
    "stop": ("stop", "started", READS | {"transient", "not_found"}, {"not_found"}, {}),
    "suspend": ("suspend", "started", READS | {"transient"}, set(), {}),
    "delete": ("destroy", "started", READS | {"transient", "not_found"}, set(), {}),
}
# Of a 409 that may have been a lost race it is worth asking again; of a lease it means that another has it.
PASS_ONCE = {("create", "host full"), ("create", "lost a placement"), ("create", "region full")}
DIFFER = {("take_lease", name): "unreachable" for name in ("not from this state", "replaced", "still active", "not running", "not stopped")}
# Verbs that do not wait for the deadline, but for these.
SOON_TOLD = {"logs": set(), "take_lease": {"limited"}}
# Words of ours instead of the API's.
OWN_WORDS = {("get", "not_found"), ("list", "not_found"), ("create", "not_found"), ("start", "not_found"), ("take_lease", "not_found"),
             ("take_lease", "invalid"), ("take_lease", "transient"), ("wait", "not_found"), ("wait", "limited"), ("wait", "ambiguous"), ("start", "full"), ("delete", "not_found")}




def http(method, path, body=None):
    request = urllib.request.Request(BASE + path, None if body is None else json.dumps(body).encode(), method=method)
    if not path.startswith("/_emulator"):
        request.add_header("Authorization", "Bearer " + os.environ["FLY_API_TOKEN"])
    with urllib.request.urlopen(request, timeout=60) as reply:
        text = reply.read()
    return json.loads(text) if text else None


class Verb:
    """A part of one verb's rows, on an app of its own, so that its faults strike nobody else."""

    def __init__(self, verb, part):
        self.verb, self.rows = verb, list(ANSWERS)[part::PARTS]
        self.asked, self.state, self.once, self.always, self.codes = VERBS[verb]
        self.app = f"{verb.replace('_', '-')}-{part}"
        if verb == "list_addresses":
            http("POST", f"/v1/apps/{self.app}/ip_assignments", {"type": "shared_v4"})

    def api(self, method, rest, body=None):
        return http(method, f"/v1/apps/{self.app}/machines{rest}", body)

    def machine_in(self, name):
        """A machine of the pool as a boot would have left it, in the state that is wanted."""
        metadata = {"flame_pool": name.rsplit("-", 1)[0].removeprefix("flame-"), "flame_generation": "one", "flame_port": "8899"}
        files = [{"guest_path": "/run/flame-token", "raw_value": "dG9rZW4="}]
        config = {"image": "x", "init": {"exec": ["flame-runner"]}, "restart": {"policy": "no"}, "metadata": metadata, "files": files}
        machine = self.api("POST", "", {"name": name, "config": config})["id"]
        self.api("GET", f"/{machine}/wait?state=started&timeout=60")
        if self.state == "stopped":
            self.api("POST", f"/{machine}/stop")
            self.api("GET", f"/{machine}/wait?state=stopped&timeout=60")

    def ask(self, remaining_ms, name):
        """As flame asks: a backend that does not answer in time is killed. Each has paced nothing yet."""
        with tempfile.TemporaryDirectory(dir=RUNTIME_DIR) as runtime_dir:
            settings = {"slots": 1, "idle_timeout_ms": 60000, "max_lifetime_ms": 0, "sandbox": "default", "when_idle": "stop", "image": "x"}
            if self.verb == "list_addresses":
                settings |= {"connect": "proxy", "proxy_url": BASE}
            request = {"pool": name.rsplit("-", 1)[0].removeprefix("flame-"), "runtime_dir": runtime_dir, "settings": settings, "generation": "one", "guest": "", "holder": "x", "ttl_ms": 30000,
                       "lease": "", "name": name, "remaining_ms": remaining_ms, "verb": self.asked, "id": 1}
            with subprocess.Popen([BACKEND], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
                                  env=os.environ | {"FLY_APP_NAME": self.app}) as backend:
                timer = threading.Timer(remaining_ms / 1000 + KILLED_AFTER_S, backend.kill)
                timer.start()
                answer = None
                # connect is asked of one that was seen.
                for verb in (["list"] if self.verb == "get" else []) + [self.asked]:
                    backend.stdin.write(json.dumps(request | {"verb": verb}) + "\n")
                    answer = next(answer for answer in map(json.loads, backend.stdout) if "note" not in answer)
                timer.cancel()
                backend.stdin.close()
            return answer

    def fault(self, row, for_ever):
        status, text, code, _ = ANSWERS[row]
        fault = {"kind": KINDS.get(row, "answer"), "verb": self.verb, "app": self.app}
        fault |= {"delay_ms": 600_000} if row == "silence" else {"status": status, "text": text}
        if code:
            fault["code"] = code
        if not for_ever:
            fault["times"] = 1
        return http("POST", "/_emulator/faults", fault)["id"]

    def wrong(self, row, for_ever):
        """What was not as the table says; and the answer."""
        status, text, _, meaning = ANSWERS[row]
        name = f"flame-{POOL}{list(ANSWERS).index(row)}{'a' if for_ever else 'b'}-0"  # each has a pool of its own
        if self.state:
            self.machine_in(name)
        fault = self.fault(row, for_ever)
        answer = self.ask(SHORT_MS if for_ever else ENOUGH_MS, name)
        hits = next(one["hits"] for one in http("GET", "/_emulator/faults")["faults"] if one["id"] == fault)
        http("DELETE", f"/_emulator/faults/{fault}")
        there = [one["name"] for one in self.api("GET", "")].count(name)
        passes = meaning in (self.always if for_ever else self.once) or (not for_ever and (self.verb, row) in PASS_ONCE)
        if hits == 0:
            yield "never met"
        if self.asked == "boot" and there != (1 if "ok" in answer else 0):
            yield f"{there} machines"
        if (self.verb, meaning) == ("create", "silent"):  # done, and perhaps found in time
            return
        if passes != ("ok" in answer):
            yield f"should {'' if passes else 'not '}have passed: {answer}"
        elif not passes:
            told = answer["error"]
            code = DIFFER.get((self.verb, row), self.codes.get(meaning, CODES[meaning]))
            if for_ever and (self.verb not in SOON_TOLD or meaning in SOON_TOLD[self.verb]) and meaning != "full":
                code = "timed_out"  # what would have passed by itself
            if told["code"] != code:
                yield f"code {told['code']}, not {code}: {told}"
            if (self.verb, meaning) not in OWN_WORDS and meaning != "silent" and (text not in told["message"] or f"({status}, request 01" not in told["message"]):
                yield f"not the API's words: {told}"
            if for_ever and hits < 2 and meaning != "silent" and self.asked != "boot":  # which looks instead
                yield "not asked again"
            if not for_ever and hits > 1:
                yield f"asked {hits} times"

    def times(self, row, meaning):
        if meaning == "silent":
            return (True,)
        if self.verb == "wait" and meaning in READS:
            return (False,)  # at the deadline the look may come in time, or not
        return (False, True) if meaning in self.once or (self.verb, row) in PASS_ONCE else (False,)

    def check(self):
        for row in self.rows:
            meaning = ANSWERS[row][3]
            # What is told at once needs no second look.
            for for_ever in self.times(row, meaning):
                try:
                    said = list(self.wrong(row, for_ever))
                except Exception as error:
                    said = [repr(error)]
                tell(said, f"{self.verb}, {row}, {'for ever' if for_ever else 'once'}")


count, wrong, lock = 0, 0, threading.Lock()


def tell(said, what):
    global count, wrong
    with lock:
        count += 1
        if said:
            wrong += 1
            print(f"{what}: {'; '.join(said)}")


threads = [threading.Thread(target=Verb(verb, part).check) for verb in VERBS for part in range(PARTS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(f"{count} answers, {wrong} wrong")
sys.exit(1 if wrong else 0)
