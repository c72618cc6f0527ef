#!/usr/bin/env node
// Starts the program of the package for this platform, which npm installs beside this one.
"use strict";

const { spawn } = require("child_process");

const target = `${process.platform}-${process.arch}`;
const file = process.platform === "win32" ? "kubewright.exe" : "kubewright";

let program;
try {
  program = require.resolve(`@kubewright/${target}/${file}`);
} catch {
  const known = Object.keys(require("./package.json").optionalDependencies).map((name) => name.split("/")[1]);
  console.error(
    known.includes(target)
      ? `kubewright: the package @kubewright/${target} is missing; install again without --omit=optional`
      : `kubewright: there is no package for ${target}; cargo install kubewright builds one`,
  );
  process.exit(2);
}

const child = spawn(program, process.argv.slice(2), { stdio: "inherit" });
child.on("error", (error) => {
  console.error(`kubewright: ${program} does not start: ${error.message}`);
  process.exit(2);
});
// What ends this process ends the program, and the other way round.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => child.kill(signal));
}
child.on("exit", (code, signal) => {
  if (signal) {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  } else {
    process.exit(code);
  }
});
