#!/usr/bin/env node
// Owns the entry: refuses a Node that can't run the rest, before the rest is loaded, sets V8 up, and hands argv to cli/. This
// file alone must parse and run on old Node.
import process from 'node:process';

// First, and for every command: without a listener Node opens a debugger port on SIGUSR1, and SIGUSR2 ends the process. What the two do
// beyond that is the command's; these listeners stay.
for (const name of ['SIGUSR1', 'SIGUSR2']) process.on(name, () => undefined);

const oldestMajor = 24; // package.json, engines

if (Number.parseInt(process.versions.node, 10) < oldestMajor) {
  process.stderr.write(
    `portal-gateway needs Node ${oldestMajor} or newer and this is ${process.version}: install a newer one from https://nodejs.org\n`,
  );
  process.exitCode = 1;
} else {
  const { keepDebuggerPortClosed } = await import('./cli/debugger-port.ts');
  keepDebuggerPortClosed();
  const { countLiveBuffersOnly } = await import('./cli/buffer-accounting.ts');
  countLiveBuffersOnly();
  const { main } = await import('./cli/main.ts');
  await main(process.argv.slice(2));
}
