import base64
import concurrent.futures
import http.client
import json
import os
import sys

from emulator import Group

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../wire"))
from flame_peer import ERROR, Closed, Link


class Light(Group):
    options = ("--light", "--fast", "--set", "limits=0", "--image", "*=/", "--no-machine", "-q")
    COUNT = 1000

    def test_a_thousand(self):
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            list(pool.map(lambda n: self.create(name=f"m{n}", wait=None), range(self.COUNT)))
        self.until(lambda: len(self.get("~?state=started&summary=true").json) == self.COUNT)
        machines = self.get("~").json
        self.assertEqual(len({m["private_ip"] for m in machines}), self.COUNT)
        for machine in machines[::97]:
            connection = http.client.HTTPConnection(machine["private_ip"], 8080, timeout=10)
            connection.request("GET", "/healthz")
            self.assertIn(machine["private_ip"], connection.getresponse().read().decode())
            connection.close()
        found, cursor = set(), ""
        while True:
            reply = self.get(f"~?summary=true&limit=300&cursor={cursor}")
            found |= {m["id"] for m in reply.json}
            cursor = reply.headers.get("fly-next-cursor", "")
            if not cursor:
                break
        self.assertEqual(len(found), self.COUNT)
        some = machines[0]["id"]
        for verb, state in (("suspend", "suspended"), ("start", "started"), ("stop", "stopped")):
            self.answers(self.post(f"~/{some}/{verb}"), 200)
            self.wait(some, state)

    def test_hello_on_a_link(self):
        token = "a-token-of-this-test-0123456789"
        machine = self.create(name="linked", wait="started", config={
            "image": "any:1", "init": {"exec": ["/flame-runner", "--name", "pool-7", "--token-file", "/t"]},
            "files": [{"guest_path": "/t", "raw_value": base64.b64encode(token.encode()).decode()}]})
        link = Link(machine["private_ip"] + ":8080", token)  # checks the proof
        self.assertEqual(link.hello["runner"], "pool-7")
        link.bind("/app/math.so", "add")
        link.call(5, "1", "2")
        kind, _, body = link.end_of(5)
        self.assertEqual((kind, json.loads(body)["fate"]), (ERROR, "never_begun"))
        self.answers(self.post(f"~/{machine['id']}/stop"), 200)
        with self.assertRaises((Closed, ConnectionResetError)):
            link.next()
