"""A checker for the part of JSON Schema that our schemas use. Written from the fact sheet, not from the emulator."""
import json
import os
import re

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "schemas")
TYPES = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "null": lambda v: v is None,
}
KNOWN = {"type", "properties", "required", "additionalProperties", "items", "enum", "pattern", "minimum", "anyOf",
         "$ref", "minItems", "description", "not"}
_cache = {}


def load(name):
    if name not in _cache:
        with open(os.path.join(HERE, name + ".json"), encoding="utf-8") as file:
            _cache[name] = json.load(file)
    return _cache[name]


def faults(value, schema, where="$"):
    """Every way in which value breaks schema, as text."""
    unknown = set(schema) - KNOWN
    assert not unknown, f"the checker does not know {unknown}"
    if "$ref" in schema:
        return faults(value, load(schema["$ref"]), where)
    out = []
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(TYPES[t](value) for t in types):
        return [f"{where}: {value!r} is not {' or '.join(types)}"]
    if "enum" in schema and value not in schema["enum"]:
        out.append(f"{where}: {value!r} is none of {schema['enum']}")
    if "pattern" in schema and isinstance(value, str) and not re.search(schema["pattern"], value):
        out.append(f"{where}: {value!r} does not match {schema['pattern']}")
    if "minimum" in schema and TYPES["number"](value) and value < schema["minimum"]:
        out.append(f"{where}: {value!r} is below {schema['minimum']}")
    if "anyOf" in schema and all(faults(value, option, where) for option in schema["anyOf"]):
        out.append(f"{where}: {value!r} fits no alternative")
    if "not" in schema and not faults(value, schema["not"], where):
        out.append(f"{where}: {value!r} fits what it must not")
    if isinstance(value, dict):
        out += _object_faults(value, schema, where)
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            out.append(f"{where}: fewer than {schema['minItems']} items")
        for i, item in enumerate(value):
            out += faults(item, schema.get("items", {}), f"{where}[{i}]")
    return out


def _object_faults(value, schema, where):
    out = [f"{where}: lacks {name}" for name in schema.get("required", []) if name not in value]
    properties = schema.get("properties", {})
    for name, item in value.items():
        if name in properties:
            out += faults(item, properties[name], f"{where}.{name}")
            continue
        rest = schema.get("additionalProperties", True)
        if rest is False:
            out.append(f"{where}: has {name}")
        elif isinstance(rest, dict):
            out += faults(item, rest, f"{where}.{name}")
    return out
