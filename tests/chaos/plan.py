"""What a seed stands for: a pool, clients with the commands that they run one after another, and shocks. No chance is left after this."""
import dataclasses
import random

# Faults of the emulator that end by themselves; each strikes a few times.
FAULTS = [
    {"kind": "lost_reply", "verb": "create"}, {"kind": "lost_reply", "verb": "start"}, {"kind": "lost_reply", "verb": "delete"},
    {"kind": "lost_reply", "verb": "stop"}, {"kind": "ghost", "verb": "create"}, {"kind": "cut", "verb": "list"}, {"kind": "cut", "verb": "create"},
    {"kind": "delay", "delay_ms": 700}, {"kind": "html"}, {"kind": "empty"}, {"kind": "rate"}, {"kind": "rate", "verb": "create"},
    {"kind": "refuse", "delay_ms": 300}, {"kind": "capacity", "verb": "create", "code": "insufficient_capacity"},
    {"kind": "list_lag", "delay_ms": 800}, {"kind": "list_lacks"}, {"kind": "list_empty"}, {"kind": "wait_lies"},
    {"kind": "dies", "delay_ms": 60}, {"kind": "listens_late", "delay_ms": 900}, {"kind": "no_snapshot"},
]
# What is done to the machines, workers and links that are there when it is time.
BLOWS = ["kill_machine", "kill_worker", "cut", "destroy_machine"]


@dataclasses.dataclass
class Step:
    verb: str            # run map warm cool drain deploy
    id: str = ""         # of a run; of a map's items its beginning
    function: str = "once"
    items: int = 0
    ms: int = 0
    timeout_s: int = 60
    size: int = 1
    journal: bool = False  # map with --joblog, so that it can be gone on with


@dataclasses.dataclass
class Shock:
    after: str  # "ran": so many calls have begun; "asked": so many requests came to the engine
    count: int
    what: str   # fault, one of BLOWS, kill_client
    fault: dict = None
    client: int = 0


@dataclasses.dataclass
class Plan:
    seed: int
    slots: int
    max: int
    surge: int
    when_idle: str
    clients: list  # of lists of steps
    shocks: list

    @property
    def calm(self):
        """Nothing that runs is hit: no call may be lost. Commands that end runners, deploys and users that are killed hurt nobody; a link that is
        cut is made again, unless the machine could not be resumed."""
        hits = set(BLOWS) - {"cut"}
        return not any(shock.what in hits or (shock.fault or {}).get("kind") in ("dies", "no_snapshot") for shock in self.shocks)

    @property
    def hiccups(self):
        """Calm, and the engine says nothing that does not pass by itself: no call may fail."""
        lasting = ("capacity", "list_empty", "list_lacks")
        return self.calm and not any((shock.fault or {}).get("kind") in lasting for shock in self.shocks)

    def lines(self):
        yield f"seed {self.seed}: max {self.max}, surge {self.surge}, slots {self.slots}, when_idle {self.when_idle}"
        for number, steps in enumerate(self.clients):
            yield f"  client {number}: " + "; then ".join(tell(step) for step in steps)
        for shock in self.shocks:
            yield f"  after {shock.count} {shock.after}: {shock.what} {shock.fault or ''}" + (f"{shock.client}" if shock.what == "kill_client" else "")


def tell(step):
    if step.verb == "map":
        return f"map {step.items} × {step.ms} ms {step.function}" + (" --joblog" if step.journal else "")
    if step.verb == "run":
        return f"run {step.ms} ms {step.function}, within {step.timeout_s} s"
    return step.verb + (f" {step.size}" if step.verb == "warm" else "")


def make_step(chance, name, most):
    verb = chance.choices(["run", "map", "warm", "cool", "drain", "deploy"], [5, 5, 2, 1, 1, 1])[0]
    step = Step(verb, id=name, function=chance.choices(["once", "again", "dies_of_3"], [6, 3, 2])[0])
    if verb == "run":
        step.ms, step.timeout_s = chance.choice([0, 5, 50, 400, 2600]), chance.choice([60, 60, 60, 1])
    elif verb == "map":
        step.items, step.ms, step.journal = chance.choice([1, 7, 40, 150]), chance.choice([0, 2, 20]), chance.random() < 0.5
    elif verb == "warm":
        step.size = chance.randint(1, most)
    return step


def make_shock(chance, clients):
    calls = sum(step.items if step.verb == "map" else step.verb == "run" for steps in clients for step in steps)
    after = chance.choice(["ran", "asked"])
    count = chance.randint(1, max(1, calls * 2 // 3)) if after == "ran" else chance.randint(0, 12)
    what = chance.choices(["fault", "blow", "kill_client"], [6, 4, 1])[0]
    if what == "fault":
        fault = dict(chance.choice(FAULTS), times=chance.randint(1, 3))
        if fault.get("verb") == "create":  # most machines are made in the beginning
            after, count = "asked", chance.randint(0, 4)
        return Shock(after, count, what, fault=fault)
    if what == "blow":
        return Shock(after, count, chance.choice(BLOWS))
    return Shock(after, count, what, client=chance.randrange(len(clients)))


def plan(seed):
    chance = random.Random(seed)
    most = chance.randint(1, 4)
    clients = [[make_step(chance, f"s{seed}c{client}n{number}-", most) for number in range(chance.randint(1, 3))]
               for client in range(chance.randint(2, 4))]
    if not any(step.verb in ("run", "map") for steps in clients for step in steps):
        clients[0].append(Step("map", id=f"s{seed}c0last-", items=40, ms=2))
    return Plan(seed, chance.randint(1, 3), most, 1, chance.choice(["destroy", "destroy", "stop"]), clients,
                [make_shock(chance, clients) for _ in range(chance.randint(1, 5))])
