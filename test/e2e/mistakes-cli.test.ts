// The mistakes that people make on the command line: each gives an exit code, and a message that
// has what happened, where, and what to do. More of them are in cli-bad-input.test.ts.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { PassThrough } from 'node:stream';
import { before, test, type TestContext } from 'node:test';
import { run } from '../../src/cli/program.ts';
import { terminalOn } from '../../src/cli/terminal.ts';
import { startCli, temporaryDirectory } from '../helpers/cli.ts';
import { type Mistake, mistakes } from '../helpers/cli-mistakes.ts';
import { settingMistakes } from '../helpers/setting-mistakes.ts';
import { freePort } from '../helpers/free-port.ts';
import { listen, withPorts } from '../helpers/local-ports.ts';
import { directoryVariable, recorder } from '../secrecy/recorded-output.ts';

/** The commands run in this process: nothing else of this machine's environment reaches them. */
const kept = ['PATH', 'HOME', directoryVariable];

const ports = { TAKEN: 0, OTHER: 0, FREE: 0 };
before(async () => {
  for (const name of Object.keys(process.env)) if (!kept.includes(name)) Reflect.deleteProperty(process.env, name);
  // An app that responds 200 to everything, as single-page apps do.
  ports.TAKEN = await listen(createHttpServer((_request, response) => response.end('{"status":"ok"}')));
  ports.OTHER = await listen(createTcpServer(respondAsMail));
  ports.FREE = await freePort();
});

/** A client that is greeted before its request could see only the end of the connection. */
function respondAsMail(socket: Socket): void {
  socket.on('error', () => undefined).once('data', () => socket.end('220 mail\r\n'));
}

/** In this process, which has loaded the modules of all commands. */
async function runHere(t: TestContext, { args, environment = {} }: Mistake, directory: string): Promise<Outcome> {
  const names = Object.keys(environment);
  for (const [name, value] of Object.entries(environment)) process.env[name] = value;
  const before = process.cwd();
  process.chdir(directory);
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  let text = '';
  const record = recorder({ args, stream: 'stderr' });
  stderr.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    record(chunk);
  });
  try {
    const line = args.map((arg) => withPorts(arg, ports));
    const shutdown = { signal: t.signal, stopWithin: () => undefined };
    const code = await run(line, terminalOn(stdout.resume(), stderr), shutdown);
    await new Promise(setImmediate);
    return { code, text };
  } finally {
    process.chdir(before);
    for (const name of names) Reflect.deleteProperty(process.env, name);
  }
}

/** For commands that read stdin. */
async function runApart(t: TestContext, { args, input }: Mistake, cwd: string): Promise<Outcome> {
  const cli = startCli(
    t,
    args.map((arg) => withPorts(arg, ports)),
    { XDG_STATE_HOME: cwd },
    input,
    { cwd },
  );
  return { code: await cli.exited, text: cli.stderr() };
}

interface Outcome {
  readonly code: number | null;
  readonly text: string;
}

for (const [name, mistake] of Object.entries({ ...mistakes, ...settingMistakes })) {
  test(`${name}: exit ${mistake.code}`, async (t) => {
    const directory = await temporaryDirectory(t);
    process.env['XDG_STATE_HOME'] = directory;
    for (const [file, text] of Object.entries(mistake.files ?? {}))
      await writeFile(join(directory, file), withPorts(text, ports), { mode: 0o600 });
    const { code, text } = await (mistake.input === undefined ? runHere : runApart)(t, mistake, directory);
    assert.equal(code, mistake.code, text);
    const spans = [mistake.what, mistake.where, mistake.remedy].map((part) => {
      const match = part.exec(text) ?? assert.fail(`${String(part)} is not in: ${text}`);
      return { start: match.index, end: match.index + match[0].length };
    });
    // The same words cannot stand for two of the parts.
    for (const { start, end } of spans)
      assert.equal(spans.filter((other) => other.start < end && start < other.end).length, 1, text);
    // A stack is not a message.
    assert.doesNotMatch(text, /^ +at /m);
    if (mistake.code !== 0) assert.equal(text.trimEnd().split('\n').length, 1, text);
  });
}
