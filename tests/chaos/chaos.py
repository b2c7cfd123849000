#!/usr/bin/env python3
"""chaos.py [--seed S] [--count N] [--keep] [--plan]: seeded mixes of run, map, warm, cool, drain and deploy by several clients at once, while the
engine's replies are lost, and machines, workers, links and clients die. After each seed everything of checks.py must hold. See README.md."""
import argparse
import multiprocessing
import os
import sys
import time

import checks
from client import Client
from plan import plan
from world import World

BUILD = os.environ.get("FLAME_BUILD", "build")
PREFIX = os.environ.get("FLAME_PREFIX", BUILD + "/stage/usr/local")


def due(shock, world, requests):
    return (len(world.ledger.entries) if shock.after == "ran" else requests) >= shock.count


def drive(world, clients):
    """Shocks strike by what has happened, not by the clock: so much has run, so much was asked of the engine."""
    shocks = list(world.plan.shocks)
    for client in clients:
        client.start()
    while any(client.is_alive() for client in clients):
        requests = world.requests() if any(shock.after == "asked" for shock in shocks) else 0
        for shock in [shock for shock in shocks if due(shock, world, requests)]:
            shocks.remove(shock)
            world.strike(shock, clients)
        time.sleep(0.005)
    for client in clients:
        client.join()
    return shocks


def one(seed, keep):
    world = World(plan(seed), os.path.abspath(PREFIX), os.path.abspath(BUILD + "/tests/plugins"), os.path.abspath(BUILD + "/tests/fly-emulator/flame-fly-emulator"))
    wrong = ["it was interrupted"]
    try:
        clients = [Client(number, steps, world) for number, steps in enumerate(world.plan.clients)]
        unused = drive(world, clients)
        ran = len(world.ledger.entries)
        broken = [repr(client.broken) for client in clients if client.broken]
        wrong = broken + list(checks.all_checks(world, clients))
        ends = " ".join(str(outcome.status) for client in clients for outcome in client.outcomes)
        told = [line for client in clients for outcome in client.outcomes if outcome.status == 125 for line in outcome.told().splitlines() if line.startswith("flame: ")][:3]
    finally:
        world.close(keep or bool(wrong))
    lines = [f"seed {seed}: {ran} calls ran, {len(world.plan.shocks) - len(unused)} of {len(world.plan.shocks)} shocks struck, statuses {ends}: "
             + ("WRONG" if wrong else "ok")]
    if wrong or keep:
        lines += [*world.plan.lines(), *(f"  125: {line}" for line in told), *(f"  WRONG: {line}" for line in wrong), f"  kept: {world.folder}"]
    print("\n".join(lines), flush=True)
    return not wrong


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=1, help="the first")
    options.add_argument("--count", type=int, default=20)
    options.add_argument("--jobs", type=int, default=3, help="seeds at a time")
    options.add_argument("--keep", action="store_true", help="keep each folder")
    options.add_argument("--plan", action="store_true", help="only tell what the seeds stand for")
    options = options.parse_args()
    seeds = range(options.seed, options.seed + options.count)
    if options.plan:
        print("\n".join(line for seed in seeds for line in plan(seed).lines()))
        return 0
    with multiprocessing.Pool(options.jobs) as pool:
        passed = sum(pool.starmap(one, [(seed, options.keep) for seed in seeds], chunksize=1))
    print(f"{passed} of {len(seeds)} seeds passed")
    return 0 if passed == len(seeds) else 1


if __name__ == "__main__":
    sys.exit(main())
