# Checks a file against the documented "JSON Object Format" of Chrome traces, as far as complete events and metadata go.
# Prints how many complete events of category "call" there are, and on how many rows.
import json, sys

METADATA = {"process_name": {"name": str}, "process_labels": {"labels": str}, "process_sort_index": {"sort_index": int},
            "thread_name": {"name": str}, "thread_sort_index": {"sort_index": int}}
trace = json.load(open(sys.argv[1]))
assert isinstance(trace, dict) and isinstance(trace["traceEvents"], list)
assert trace.get("displayTimeUnit", "ms") in ("ms", "ns")


def number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


rows, named = {}, set()
for event in trace["traceEvents"]:
    assert isinstance(event["name"], str) and isinstance(event["pid"], int) and isinstance(event["tid"], int), event
    assert event["ph"] in ("X", "M"), event
    if event["ph"] == "M":
        wanted = METADATA[event["name"]]
        assert all(isinstance(event["args"][key], kind) for key, kind in wanted.items()), event
        named.add((event["name"], event["pid"], event["tid"]))
        continue
    assert isinstance(event["cat"], str) and number(event["ts"]) and number(event["dur"]) and event["dur"] >= 0, event
    assert isinstance(event.get("args", {}), dict), event
    assert ("process_name", event["pid"], 0) in named, "a process without a name"
    if event["cat"] == "call":
        assert ("thread_name", event["pid"], event["tid"]) in named, "a row without a name"
        rows.setdefault((event["pid"], event["tid"]), []).append((event["ts"], event["ts"] + event["dur"]))
for spans in rows.values():
    spans.sort()
    assert all(a[1] <= b[0] for a, b in zip(spans, spans[1:])), "events of a row overlap without being nested"
print(sum(map(len, rows.values())), len(rows))
