"""How long an editor waits: python3 benches/lsp.py PROGRAM DIR, with DIR made by benches/workspace.py.

Prints, for each kind of change, the time from the change to an answer that knows of it (hover on
the name of a ConfigMap, which has its readers listed) and to the diagnostics that it brings, and
the processor time that the server takes for a change, which a busy machine does not stretch as
much. All is done in RUNS sessions; the worse one is printed, with all of them for the start.
"""

import json
import pathlib
import queue
import subprocess
import sys
import threading
import time

RUNS = 2
CHANGES = 20
# Between two keystrokes; what is found in the background meanwhile is in the way of the next one.
PAUSE = 0.15

program, root = str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(sys.argv[2]).resolve()
apps = sorted(path.parent for path in root.glob("apps/*/*/base/"))
app = apps[len(apps) // 2]
base = app / "base"


class Server:
    def __init__(self):
        self.begun = time.perf_counter()
        self.process = subprocess.Popen(
            [program, "lsp"], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.heard = queue.Queue()
        self.number = self.version = 0
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        out = self.process.stdout
        while line := out.readline():
            length = 0
            while line.strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
                line = out.readline()
            self.heard.put((time.perf_counter(), json.loads(out.read(length))))

    def send(self, **message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def ask(self, method, params):
        self.number += 1
        self.send(id=self.number, method=method, params=params)
        while (message := self.heard.get(timeout=300)[1]).get("id") != self.number:
            pass
        return message["result"]

    def open(self, path):
        document = {"uri": path.as_uri(), "languageId": "yaml", "version": 1, "text": path.read_text()}
        self.send(method="textDocument/didOpen", params={"textDocument": document})

    def change(self, path, text):
        self.version += 1
        document = {"uri": path.as_uri(), "version": 1 + self.version}
        self.send(method="textDocument/didChange", params={"textDocument": document, "contentChanges": [{"text": text}]})

    def hover(self):
        """On the name of the ConfigMap that the Deployment takes all variables from."""
        path = base / "deployment.yaml"
        lines = path.read_text().splitlines()
        line = next(n for n, text in enumerate(lines) if "configMapRef" in text) + 1
        place = {"line": line, "character": len(lines[line]) - 2}
        return self.ask("textDocument/hover", {"textDocument": {"uri": path.as_uri()}, "position": place})

    def settle(self):
        """All findings are made and told before they are asked for."""
        here = {"line": 0, "character": 0}
        document = {"uri": (base / "deployment.yaml").as_uri()}
        where = {"start": here, "end": here}
        self.ask("textDocument/codeAction", {"textDocument": document, "range": where, "context": {"diagnostics": []}})

    def processor(self):
        """Seconds that all threads of the server have run (Linux)."""
        threads = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    def since(self):
        return time.perf_counter() - self.begun


def kinds():
    """Kinds of changes: how each is called, its file, and the texts that follow each other."""
    deployment, settings = base / "deployment.yaml", base / "configmap.yaml"
    text, config = deployment.read_text(), settings.read_text()
    kustomization = base / "kustomization.yaml"
    gathers = kustomization.read_text()
    application = root / "argocd" / "prod" / f"{app.name}.yaml"
    applied = application.read_text()
    many = range(CHANGES)
    yield "keeps resources: a value is typed", deployment, [text.replace("100m", f"{n}m") for n in many]
    yield "broken, mended", deployment, ["a: [\n" + text, text] * (CHANGES // 2)
    yield "changes resources: renamed", settings, [config.replace("-settings", f"-settings{n}") for n in many]
    more = "---\n" + config.replace("-settings", "-more")
    yield "changes resources: added, removed", settings, [config + more, config] * (CHANGES // 2)
    yield "a comment in a kustomization", kustomization, [gathers + "# x\n" * n for n in many]
    fewer = gathers.replace("  - service.yaml\n", "")
    yield "a kustomization takes a file out, or in", kustomization, [fewer, gathers] * (CHANGES // 2)
    yield "an Application is typed in", application, [applied.replace("main", f"main{n}") for n in many]


def run():
    """Milliseconds by what they are of."""
    server, found = Server(), {}
    server.ask("initialize", {"processId": None, "rootUri": root.as_uri(), "capabilities": {}})
    found["start: it is there"] = [server.since()]
    server.send(method="initialized", params={})
    for name in ("deployment.yaml", "configmap.yaml", "kustomization.yaml"):
        server.open(base / name)
    server.open(root / "argocd" / "prod" / f"{app.name}.yaml")
    assert server.hover(), "nothing is known of the ConfigMap"
    found["start: first answer"] = [server.since()]
    server.settle()
    found["start: all diagnostics"] = [server.since()]
    used = {}
    for kind, path, texts in kinds():
        server.settle()
        server.hover()
        before, answers = server.processor(), []
        for text in texts:
            start = time.perf_counter()
            server.change(path, text)
            server.hover()
            answers.append(time.perf_counter() - start)
        used[kind] = (server.processor() - before) / len(texts)
        found[f"{kind}, at once"] = answers
        answers = []
        for text in texts:
            start = time.perf_counter()
            server.change(path, text)
            server.hover()
            answers.append(time.perf_counter() - start)
            time.sleep(max(0, PAUSE - answers[-1]))
        found[f"{kind}, typed"] = answers
    errors = []
    deployment, text = base / "deployment.yaml", (base / "deployment.yaml").read_text()
    for state in ["a: [\n" + text, text] * 2:
        server.change(deployment, state)
        start = time.perf_counter()
        server.settle()
        found.setdefault("broken, mended: all diagnostics", []).append(time.perf_counter() - start)
    for state in ["a: [\n" + text, text] * (CHANGES // 2):
        while not server.heard.empty():
            server.heard.get()
        start = time.perf_counter()
        server.change(deployment, state)
        while True:
            at, message = server.heard.get(timeout=300)
            if message.get("params", {}).get("uri") == deployment.as_uri():
                break
        errors.append(at - start)
    found["broken, mended: the error is told, or taken back"] = errors
    server.ask("shutdown", None)
    server.send(method="exit")
    return found, used


def show(what, seconds):
    print(f"{what}: {len(seconds)} measured, median {sorted(seconds)[len(seconds) // 2] * 1000:.0f} ms, "
          f"p95 {p95(seconds):.0f} ms", flush=True)


def p95(seconds):
    seconds = sorted(seconds)
    return seconds[min(len(seconds) - 1, int(len(seconds) * 0.95))] * 1000


runs = [run() for _ in range(RUNS)]
for what in runs[0][0]:
    show(what, max((found[what] for found, _ in runs), key=p95))
for mode in ("at once", "typed"):
    everything = [[s for what, times in found.items() if what.endswith(mode) for s in times] for found, _ in runs]
    show(f"changes of all kinds, {mode}", max(everything, key=p95))
for kind in runs[0][1]:
    print(f"{kind}: processor {max(used[kind] for _, used in runs) * 1000:.0f} ms a change")
