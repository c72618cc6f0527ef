"""How long an editor waits: python3 benches/lsp.py PROGRAM DIR FILE, with FILE a manifest below DIR.

Prints the time from the start to the first answer, from a change to an answer that knows of it,
and from a change to the diagnostics that it brings; and the processor time that the server takes
for a change, which a busy machine does not stretch as much.
"""

import json
import pathlib
import queue
import subprocess
import sys
import threading
import time

CHANGES = 40

program, root, file = str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(sys.argv[2]).resolve(), sys.argv[3]
start = time.perf_counter()
server = subprocess.Popen(
    [program, "lsp"], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
)
heard = queue.Queue()


def listen():
    while line := server.stdout.readline():
        length = 0
        while line.strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
            line = server.stdout.readline()
        heard.put(json.loads(server.stdout.read(length)))


def send(**message):
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    server.stdin.flush()


def ask(number, method, params):
    send(id=number, method=method, params=params)
    while heard.get(timeout=120).get("id") != number:
        pass


def change(version, text):
    document = {"uri": uri, "version": version}
    send(method="textDocument/didChange", params={"textDocument": document, "contentChanges": [{"text": text}]})


def told():
    while True:
        message = heard.get(timeout=120)
        if message.get("method") == "textDocument/publishDiagnostics" and message["params"]["uri"] == uri:
            return


def processor():
    """Seconds that all threads of the server have run (Linux)."""
    threads = pathlib.Path(f"/proc/{server.pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def show(what, seconds, used):
    seconds.sort()
    at = lambda part: seconds[min(len(seconds) - 1, int(len(seconds) * part))] * 1000
    each = used / len(seconds) * 1000
    print(f"{what}: median {at(0.5):.0f} ms, p95 {at(0.95):.0f} ms; processor {each:.0f} ms each")


threading.Thread(target=listen, daemon=True).start()
uri = (root / file).as_uri()
text = (root / file).read_text()
here = {"textDocument": {"uri": uri}, "position": {"line": 0, "character": 0}}
ask(1, "initialize", {"processId": None, "rootUri": root.as_uri(), "capabilities": {}})
send(method="initialized", params={})
document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
send(method="textDocument/didOpen", params={"textDocument": document})
ask(2, "textDocument/hover", here)
print(f"start to first answer: {(time.perf_counter() - start) * 1000:.0f} ms; processor {processor() * 1000:.0f} ms")
told()


def settle():
    """Until the server has nothing to do: findings are made in the background."""
    used, last = processor(), -1
    while used - last > 0.005:
        time.sleep(2)
        used, last = processor(), used


def answered(what, first, texts):
    settle()
    answers, used = [], processor()
    for number, typed in enumerate(texts, first):
        before = time.perf_counter()
        change(number, typed)
        ask(number, "textDocument/hover", here)
        answers.append(time.perf_counter() - before)
    show(what, answers, processor() - used)


answered("change to answer", 100, [text + "# x\n" * number for number in range(CHANGES)])
# No YAML any more, and YAML again.
answered("change to answer, YAML or none", 300, ["a: [\n" + text, text] * (CHANGES // 2))
settle()
diagnostics, used = [], processor()
for number in range(10):
    for state in ("a: [\n" + text, text):
        before = time.perf_counter()
        change(1000 + number, state)
        told()
        diagnostics.append(time.perf_counter() - before)
show("change to diagnostics", diagnostics, processor() - used)
send(id=9999, method="shutdown")
send(method="exit")
