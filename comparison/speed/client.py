"""Requests in one scenario: reads a number of calls, does them, writes the processor time of all in nanoseconds."""

import resource
import sys
import threading

import requests

scenario, base, ca, at_once = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
comment = "It is made of leaves. " * 40
sample = {"id": 7, "name": "green tea", "tags": "tea green leaf japan spring".split(), "comment": comment}
params = {"page": 2, "limit": 50, "sort": "name", "open": "true", "q": "green tea"}
fields = {"X-Client": "bench", "X-Request-Id": "42", "X-Tenant": "shop", "Accept-Language": "en", "Cache-Control": "no-cache"}


def session():
    s = requests.Session()
    s.trust_env = False
    if ca:
        s.verify = ca
    return s


def call(s):
    if scenario == "S8":
        with s.get(base + "/lines", stream=True) as r:
            r.raise_for_status()
            if sum(1 for _ in r.iter_lines()) != 100_000:
                raise ValueError("not all lines")
        return
    if scenario == "S2":
        r = s.get(base + "/full", params=params, headers=fields, auth=("ann", "secret"))
    elif scenario == "S3":
        r = s.post(base + "/json", json=sample)
    else:
        r = s.get(base + "/json")
    r.raise_for_status()
    if r.json() != sample:
        raise ValueError("not the document")


sessions = [session() for _ in range(at_once)]  # a session is for one thread


def run(n):
    if at_once == 1:
        for _ in range(n):
            call(sessions[0])
        return
    threads = [threading.Thread(target=lambda s=s: [call(s) for _ in range(n // at_once)]) for s in sessions]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def spent():
    u = resource.getrusage(resource.RUSAGE_SELF)
    return u.ru_utime + u.ru_stime


print("ready", flush=True)
for line in sys.stdin:
    before = spent()
    run(int(line))
    print(int((spent() - before) * 1e9), flush=True)
