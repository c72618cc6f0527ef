// The server speaks with the transport of Visual Studio Code. KUBEWRIGHT names the program.
import assert from "node:assert";
import { spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import rpc from "vscode-jsonrpc/node.js";

const app = `apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {mode: fast}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: nginx
        envFrom:
        - configMapRef: {name: settings}
`;

test("diagnostics, a definition and the end", async () => {
  const dir = mkdtempSync(join(tmpdir(), "kubewright-"));
  writeFileSync(join(dir, "app.yaml"), app);
  const uri = pathToFileURL(join(dir, "app.yaml")).href;
  const server = spawn(process.env.KUBEWRIGHT ?? "kubewright", ["lsp"], { cwd: dir });
  const connection = rpc.createMessageConnection(
    new rpc.StreamMessageReader(server.stdout),
    new rpc.StreamMessageWriter(server.stdin),
  );
  const diagnostics = new Promise((resolve) =>
    connection.onNotification("textDocument/publishDiagnostics", resolve),
  );
  connection.listen();
  const folder = { uri: pathToFileURL(dir).href, name: "test" };
  const result = await connection.sendRequest("initialize", {
    processId: process.pid,
    rootUri: null,
    workspaceFolders: [folder],
    capabilities: {},
  });
  assert.ok(result.capabilities.renameProvider);
  connection.sendNotification("initialized", {});
  const textDocument = { uri, languageId: "yaml", version: 1, text: app };
  connection.sendNotification("textDocument/didOpen", { textDocument });
  const shown = await diagnostics;
  assert.equal(shown.uri, uri);
  assert.equal(shown.diagnostics[0].source, "kubewright");
  const line = app.split("\n").findIndex((text) => text.includes("configMapRef"));
  const position = { line, character: 32 };
  const [place] = await connection.sendRequest("textDocument/definition", { textDocument: { uri }, position });
  assert.equal(place.range.start.line, 2);
  await connection.sendRequest("shutdown");
  connection.sendNotification("exit");
  const code = await new Promise((resolve) => server.on("exit", resolve));
  assert.equal(code, 0);
  connection.dispose();
});
