#!/usr/bin/env node
// The entry point: rejects an unsupported version of Node before it loads the rest, configures V8,
// and passes argv to cli/. Only this file must parse and run on old versions of Node.
import process from 'node:process';

// Installed first, for every command: without a listener Node opens a debugger port on SIGUSR1, and
// SIGUSR2 ends the process. Commands may add their own handling; these listeners stay.
for (const name of ['SIGUSR1', 'SIGUSR2']) process.on(name, () => undefined);

const oldestMajor = 24; // package.json, engines

if (Number.parseInt(process.versions.node, 10) < oldestMajor) {
  process.stderr.write(
    `portal-gateway needs Node ${oldestMajor} or newer, but this is ${process.version}: install a newer one from https://nodejs.org\n`,
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
