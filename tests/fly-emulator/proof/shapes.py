"""Which schema a reply of which call must fit; checked on every call that a test makes."""
import json
import re

import schema

M = r"/v1/apps/[^/]+/machines/[^/]+"
SUCCESS = [
    ("POST", r"/v1/apps", 201, "app_created"), ("GET", r"/v1/apps", 200, "apps"), ("GET", r"/v1/apps/[^/]+", 200, "app"),
    ("GET", r"/v1/apps/[^/]+/ip_assignments", 200, "addresses"), ("POST", r"/v1/apps/[^/]+/ip_assignments", 200, "any"),
    ("POST", r"/v1/apps/[^/]+/deploy_token", 200, "deploy_token"),
    ("POST", r"/v1/apps/[^/]+/machines", 200, "machine"), ("GET", r"/v1/apps/[^/]+/machines", 200, "machines"),
    ("GET", M, 200, "machine"), ("POST", M, 200, "machine"), ("DELETE", M, 200, "ok"),
    ("POST", M + "/start", 200, "start"), ("POST", M + "/(stop|suspend|restart|signal|cordon|uncordon)", 200, "ok"),
    ("GET", M + "/wait", 200, "wait"), ("POST", M + "/exec", 200, "exec"), ("GET", M + "/events", 200, "events"),
    ("GET", M + "/versions", 200, "versions"), ("GET", M + "/ps", 200, "ps"), ("GET", M + "/memory", 200, "memory"),
    ("PUT", M + "/memory", 200, "memory"), ("POST", M + "/memory/reclaim", 200, "reclaimed"),
    ("GET", M + "/lease", 200, "lease"), ("POST", M + "/lease", 201, "lease"), ("DELETE", M + "/lease", 200, "lease_dropped"),
    ("GET", M + "/metadata", 200, "metadata"), ("GET", M + "/metadata/[^/]+", 200, "metadata_value"),
    ("GET", r"/v1/apps/[^/]+/secrets", 200, "secrets"), ("POST", r"/v1/apps/[^/]+/secrets", 200, "secrets"),
    ("POST", r"/v1/apps/[^/]+/secrets/[^/]+", 201, "secret"), ("DELETE", r"/v1/apps/[^/]+/secrets/[^/]+", 200, "secret_dropped"),
    ("GET", r"/v1/orgs/[^/]+/machines", 200, "org_machines"), ("POST", "/v1/platform/placements", 200, "placements"),
    ("GET", "/v1/platform/regions", 200, "regions"), ("GET", "/v1/tokens/current", 200, "token"),
    ("GET", r"/api/v1/apps/[^/]+/logs", 200, "logs"),
]
EMPTY = [("DELETE", r"/v1/apps/[^/]+", 202), ("PATCH", M + "/metadata", 204), ("PUT", M + "/metadata", 204),
         ("POST", M + "/metadata/[^/]+", 204), ("DELETE", M + "/metadata/[^/]+", 204), ("DELETE", r"/v1/apps/[^/]+/ip_assignments/[^/]+", 204)]


def check(method, path, status, text):
    """Raises AssertionError when this reply is not one that the fact sheet knows."""
    path = path.split("?")[0]
    if path.startswith("/_emulator"):
        return
    if status < 400:
        for m, pattern, code, name in SUCCESS:
            if m == method and re.fullmatch(pattern, path) and code == status:
                return _fits(name, text, f"{method} {path} {status}")
        for m, pattern, code in EMPTY:
            if m == method and re.fullmatch(pattern, path) and code == status:
                assert text == "", f"{method} {path} {status} has a body: {text}"
                return None
        raise AssertionError(f"{method} {path} may not answer {status}")
    if path == "/" or path.startswith("/nowhere"):
        return None
    return _fits("error_or_lease_conflict", text, f"{method} {path} {status}")


def _fits(name, text, where):
    wrong = schema.faults(json.loads(text), schema.load(name))
    assert not wrong, f"{where} does not fit schemas/{name}.json: {wrong}\n{text[:2000]}"
