"""Requests in use, driven by lines of JSON: one call in, one outcome out."""

import json
import socket
import sys

import requests

host, port = sys.argv[1].rsplit(":", 1)


# Whatever host and port a URL names, the listener answers.
def resolve(*args, **kwargs):
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, int(port)))]


socket.getaddrinfo = resolve


class Stream:
    """A body that can be read once."""

    def __init__(self, data):
        self.parts = [data.encode()]

    def __iter__(self):
        while self.parts:
            yield self.parts.pop()


session = requests.Session()
print(json.dumps({"text": f"{requests.__version__} on Python {sys.version.split()[0]}"}), flush=True)
for line in sys.stdin:
    call = json.loads(line)
    out = {}
    try:
        if call["do"] == "post":
            r = session.post(call["url"], data=Stream(call["body"]))
        elif call["do"] == "upload":
            with open(call["path"], "rb") as f:
                r = session.post(call["url"], files={"file": f})
        else:
            r = session.get(call["url"], headers=call["fields"])
        if call["do"] == "decode":
            r.json()
        out = {"status": r.status_code, "text": r.text}
    except Exception as e:
        out = {"error": str(e)}
    print(json.dumps(out), flush=True)
