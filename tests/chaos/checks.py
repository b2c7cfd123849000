"""What must hold after any seed. Each check gives the sentences that say what does not."""
import os
import re
import stat
import time

HIT = ("lost", "crashed", "oom", "exited")
PATIENCE_S = 90  # for machines to leave by their own timers; a test that hangs, not a measure


def all_checks(world, clients):
    outcomes = [outcome for client in clients for outcome in client.outcomes]
    for outcome in outcomes:
        for wrong in of_command(outcome, world):
            yield f"{os.path.basename(outcome.base)}: {wrong}"
    yield from ran_too_often(outcomes, world)
    yield from left_behind(world)


# ---- Each command ----

def of_command(outcome, world):
    step = outcome.step
    if outcome.hung:
        yield f"'{step.verb}' outlived its deadline"
        return
    if re.search("Sanitizer|runtime error:|terminate called", outcome.told()):
        yield "it went wrong itself: " + outcome.told()[:2000]
    if outcome.killed:
        return
    # 137: a worker was killed under it.
    legal = {"run": {0, 124, 125, 137}, "map": {0, 123, 124, 125}}.get(step.verb, {0, 124, 125})
    if outcome.status not in legal:
        yield f"status {outcome.status}: {outcome.told()[:500]}"
    if outcome.status not in (0, 123) and not re.search("^flame: ", outcome.told(), re.M):
        yield f"status {outcome.status} and nothing told"
    if outcome.status not in (0, 123, 124) and world.plan.hiccups and nobody_hit(world):
        yield f"nothing went wrong that does not pass, and the status is {outcome.status}: {outcome.told()[:500]}"
    if "no runner was ready within" in outcome.told():  # every fault ends by itself
        yield "boot_timeout passed: " + outcome.told()[:500]
    yield from {"run": of_run, "map": of_map}.get(step.verb, lambda *_: ())(outcome, world)


def of_run(outcome, world):
    name = outcome.names()[0]
    with open(outcome.file("out")) as file:
        out = file.read()
    if out != (name + "\n" if outcome.status == 0 else ""):
        yield f"status {outcome.status}, and stdout is {out!r}"
    if outcome.status == 0:
        if world.ledger.times(name) == 0:
            yield f"{name} was answered and never ran"
        return
    cause = outcome.cause()
    if cause.get("kind") in HIT and nobody_hit(world):
        yield f"nobody was hit, and {name} is {cause}"
    if not cause.get("fate"):
        yield f"status {outcome.status} without a fate: {cause}"
    if cause.get("fate") == "never_begun" and world.ledger.times(name) > 0:
        yield f"{name} is said never to have begun, and ran"


def of_map(outcome, world):
    step, records, names = outcome.step, outcome.records(), outcome.names()
    seen = [record["item"] for record in records]
    lacks = set(names) - set(seen) - outcome.logged_before
    if lacks and outcome.status in (0, 123):
        yield f"no answer for {sorted(lacks)[:5]}"
    if not outcome.resumed:
        if len(seen) != len(set(seen)):
            yield "more than one answer for an item"
        if [record["seq"] for record in records] != sorted(record["seq"] for record in records):
            yield "out of order"
    for record in records:
        if "result" in record and (record["result"] != record["item"] or world.ledger.times(record["item"]) == 0):
            yield f"a wrong answer: {record}"
        if "result" in record and not record["runner"].startswith("flame-"):
            yield f"nobody answered, it says: {record}"
        if record.get("error", {}).get("kind") in HIT and not (step.function == "dies_of_3" and record["item"].endswith("3")) and nobody_hit(world):
            yield f"nobody was hit, and {record}"
        if record.get("error", {}).get("fate") == "never_begun" and world.ledger.times(record["item"]) > 0 and not outcome.resumed:
            yield f"said never to have begun, and ran: {record}"
    failed = any("error" in record for record in records)
    before = bool(outcome.resumed)  # what had failed then is not repeated, and no failure of this run
    if outcome.status == 0 and failed and not before or outcome.status == 123 and not failed:
        yield f"status {outcome.status}, and {'some' if failed else 'none'} failed"
    for name in outcome.logged_before:
        if world.ledger.times(name) > outcome.ran_before[name]:
            yield f"{name} was logged, and ran again"


def ran_too_often(outcomes, world):
    for outcome in outcomes:
        if outcome.step.function == "again":
            continue
        most = 2 if outcome.resumed else 1  # what ran when flame was killed was not logged
        for name in outcome.names():
            if world.ledger.times(name) > most:
                yield f"{name} ran {world.ledger.times(name)} times"


# ---- Machines ----

def machines(world):
    """Every machine of ours that there ever was, with its events."""
    listed = world.machines_api("?include_deleted=true&limit=1000")
    return [m for m in listed if m["config"].get("metadata", {}).get("flame_pool")]


def nobody_hit(world):
    """By the plan; and no user's drain or cool met a machine just while a cut had it suspended: its memory, with the calls in it, is dropped."""
    def dropped(events):
        return any(before["status"] in ("suspending", "suspended") and after["type"] in ("stop", "exit", "destroy") for after, before in zip(events, events[1:]))

    return world.plan.calm and not any(dropped(machine["events"]) for machine in machines(world))


def too_many(world):
    """By the engine's own times: how many there were at once."""
    moments = []
    for machine in machines(world):
        events = machine["events"]
        born = min(event["timestamp"] for event in events)
        moments.append((born, 1))
        gone = [event["timestamp"] for event in events if event["type"] == "destroy" or event["status"] == "destroyed"]
        if gone:
            moments.append((max(gone), -1))
    there = most = 0
    for _, change in sorted(moments):
        there += change
        most = max(most, there)
    limit = world.plan.max + world.plan.surge
    if most > limit:
        yield f"{most} machines at once; max + surge is {limit}"


def bill(world):
    """The seconds that are billed are those between each start and its stop, or exit: one that is stopping may wait long
    for the calls of a client that was killed, and is not billed for that."""
    billed = {m["id"]: m["started_seconds"] for m in world.patiently("/_emulator/bill")["machines"]}
    for machine in machines(world):
        seconds, since, spans = 0.0, None, 0
        for event in sorted(reversed(machine["events"]), key=lambda e: e["timestamp"]):
            starts = event["status"] == "started"
            if starts and since is None:
                since, spans = event["timestamp"], spans + 1
            elif since is not None and event["status"] in ("stopping", "suspending", "stopped", "suspended", "destroyed", "exited", "failed"):
                seconds, since = seconds + (event["timestamp"] - since) / 1000, None
        if abs(billed[machine["id"]] - seconds) > spans + 1:
            yield f"{machine['id']} is billed {billed[machine['id']]} s, and ran {seconds:.1f} s in {spans} spans"


# ---- Nothing left ----

def left_behind(world):
    """Machines leave by their own timers; those that a fault has frozen, or that the pool keeps at rest, are destroyed."""
    world.patiently("/_emulator/faults", method="DELETE")
    until = time.monotonic() + PATIENCE_S
    # A client that was killed leaves a backend that notices within a second or two, and may have made a machine by then.
    while any("flame-backend" in process for process in world.processes()) and time.monotonic() < until:
        time.sleep(0.1)
    while world.running() and time.monotonic() < until:
        time.sleep(0.1)
    if world.running():
        yield f"still running: {[m['name'] for m in world.running()]}"
    world.command(["pool", "destroy", "--yes"])
    yield from too_many(world)
    yield from bill(world)
    world.write_down()
    rest = [m["name"] for m in machines(world) if m["state"] not in ("destroyed", "destroying")]
    if rest:
        yield f"machines that destroy left: {rest}"
    if (status := world.stop_emulator()) != 0:
        yield f"the emulator ended with {status}"
    if found := world.processes():
        yield f"processes: {found}"
    for folder, _, files in os.walk(world.folder):
        for name in files:
            path = os.path.join(folder, name)
            if stat.S_ISSOCK(os.lstat(path).st_mode) or re.search(r"\.(new|tmp|part)\b", name) or folder == world.path("tmp"):
                yield f"left behind: {os.path.relpath(path, world.folder)}"
    token = world.exports["FLY_API_TOKEN"].split()[-1].encode()
    for folder, _, files in os.walk(world.folder):
        for name in files:
            path = os.path.join(folder, name)
            if name not in ("ready", "emulator.log") and stat.S_ISREG(os.lstat(path).st_mode) and token in open(path, "rb").read():
                yield f"the engine's token stands in {os.path.relpath(path, world.folder)}"
