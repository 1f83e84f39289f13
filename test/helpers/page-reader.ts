// Follows a page as its reader does: pastes its blocks in order, each into its terminal, on a
// machine with an empty home. A server runs until the page stops it. A command that keeps its
// terminal is stopped by Ctrl-C, if the page says so, before the next block is pasted there.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import type { TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';
import { pagePorts, prepareMachine, withPorts, type Ports } from './page-programs.ts';
import { failuresIn, PageTerminal } from './page-terminal.ts';
import { commandsOf, isServer, keepsTerminal, type Step } from './pasted-page.ts';
import { tempDirectory } from './temp-directory.ts';

const maxStartMs = 30_000;
const maxReloadMs = 5_000;
const lookEveryMs = 30;

export interface StepResult {
  readonly step: Step;
  /** Undefined: the step was not reached, since one before it did not end. */
  readonly failures: readonly string[] | undefined;
  readonly output: string;
}

interface Server {
  readonly kind: string;
  readonly pid: number;
  readonly port: number;
  readonly log: string;
  readonly command: string;
}

/** A terminal, and the step whose last command keeps it. */
interface Place {
  readonly terminal: PageTerminal;
  occupant?: { readonly step: Step; readonly done: () => boolean } | undefined;
}

/** The steps that are run; the caller has left out those whose needs are not met. */
export async function runSteps(t: TestContext, steps: readonly Step[]): Promise<StepResult[]> {
  // Before the folder goes, which has the list of the servers.
  const readers: Reader[] = [];
  t.after(() => Promise.all(readers.map((reader) => reader.close())));
  const machine = await tempDirectory(t);
  const ports: Ports = new Map(
    await Promise.all(
      pagePorts.map(async (port) => [port, port === 3000 ? await app(t, machine) : await freePort()] as const),
    ),
  );
  await prepareMachine(
    machine,
    ports,
    steps.some(({ text }) => text.includes('npm install -g .')),
  );
  const reader = new Reader(machine, steps, ports);
  readers.push(reader);
  const results: StepResult[] = [];
  for (const step of steps) results.push(await reader.follow(step));
  return results;
}

class Reader {
  readonly #machine: string;
  readonly #steps: readonly Step[];
  readonly #ports: Ports;
  readonly #places = new Map<string, Place>();
  #stuck = false;

  constructor(machine: string, steps: readonly Step[], ports: Ports) {
    this.#machine = machine;
    this.#steps = steps;
    this.#ports = ports;
  }

  async follow(step: Step): Promise<StepResult> {
    if (this.#stuck) return { step, failures: undefined, output: '' };
    const place = this.#placeOf(step);
    const taken = await this.#free(place, step);
    if (taken.length > 0) return { step, failures: taken, output: '' };
    const before = this.#servers().length;
    const failures = await this.#paste(place, step);
    failures.push(...(await this.#wait(place, step, before)));
    const output = place.terminal.take();
    failures.push(...failuresIn(output));
    // A server that fails later does so in the terminal where it was started.
    for (const other of this.#places.values()) if (other !== place) failures.push(...failuresIn(other.terminal.take()));
    return { step, failures, output };
  }

  async close(): Promise<void> {
    // SIGHUP, which the end of a terminal sends, reloads a gateway.
    for (const { pid } of this.#servers()) {
      try {
        process.kill(-pid, 'SIGKILL');
      } catch {
        // Has ended.
      }
    }
    // A shell has its prompt back once its servers have ended, unless another command hangs.
    for (const { terminal } of this.#places.values()) {
      if (!this.#stuck) await terminal.until(terminal.paste('wait'));
      await terminal.close();
    }
  }

  #placeOf({ terminal: name }: Step): Place {
    const place = this.#places.get(name) ?? { terminal: new PageTerminal(this.#machine) };
    this.#places.set(name, place);
    return place;
  }

  /** Stops what keeps the terminal, if the page says so. */
  async #free(place: Place, next: Step): Promise<string[]> {
    const { occupant, terminal } = place;
    if (occupant === undefined || occupant.done()) {
      place.occupant = undefined;
      return [];
    }
    const at = (step: Step): number => this.#steps.indexOf(step);
    const between = this.#steps.slice(at(occupant.step) + 1, at(next) + 1).map(({ prose }) => prose);
    const introduction = this.#steps.find(({ page }) => page === occupant.step.page)?.prose ?? '';
    if (![introduction, occupant.step.text, ...between].some((text) => text.includes('Ctrl-C')))
      return [`the terminal is taken by "${occupant.step.text.trim()}", and the page does not say to press Ctrl-C`];
    place.occupant = undefined;
    terminal.interrupt();
    // What was typed ahead is gone with the interrupt.
    const done = terminal.paste('');
    if (!(await terminal.until(done))) return this.#stick('Ctrl-C does not end the command');
    // The exit code of what Ctrl-C ended, such as make, or a program that reads its output.
    return failuresIn(terminal.take()).filter((failure) => !failure.startsWith('exit code 130:'));
  }

  async #paste(place: Place, step: Step): Promise<string[]> {
    const { terminal } = place;
    const text = withPorts(step.text, this.#ports);
    if (step.file !== undefined) return this.#write(place, step.file, text);
    const done = terminal.paste(text);
    if (keepsTerminal(commandsOf(text).at(-1) ?? '')) place.occupant = { step, done };
    else if (!(await terminal.until(done))) return this.#stick('the commands do not end');
    return terminal.ended ? this.#stick('the commands end the shell') : [];
  }

  /** Writes a file of the page, and waits until a gateway that runs with it has reloaded it. */
  async #write({ terminal }: Place, file: string, text: string): Promise<string[]> {
    const source = join(this.#machine, 'steps/file');
    await writeFile(source, text);
    const logs = this.#servers().filter((server) => runs(server) && server.command.includes(file));
    const reloads = (): number => logs.flatMap(({ log }) => read(log).match(/configuration reloaded/g) ?? []).length;
    const before = reloads();
    if (!(await terminal.until(terminal.paste(`cp '${source}' '${file}'\n`)))) return this.#stick('cp does not end');
    const deadline = Date.now() + maxReloadMs;
    while (logs.length > 0 && reloads() === before) {
      if (Date.now() > deadline) return [`the gateway has not reloaded ${file}`];
      await setTimeout(lookEveryMs);
    }
    return [];
  }

  /** Waits until the servers that the step started serve, as a reader sees them do. */
  async #wait(place: Place, step: Step, before: number): Promise<string[]> {
    if (this.#stuck) return [];
    const commands = step.file === undefined ? commandsOf(step.text) : [];
    const expected = commands.filter(isServer).length;
    const stopped = commands.some((command) => /\bkill\b/.test(command));
    const deadline = Date.now() + maxStartMs;
    const overdue = (): boolean => Date.now() > deadline || place.terminal.ended;
    while (this.#servers().length < before + expected && !place.occupant?.done()) {
      if (overdue()) return ['a server has not started'];
      await setTimeout(lookEveryMs);
    }
    const failures: string[] = [];
    for (const server of this.#servers().slice(before)) {
      const notes = (): string => `${read(server.log)}${read(`${server.log}.notes`)}`;
      while (runs(server) && !(await serves(server)) && !overdue()) await setTimeout(lookEveryMs);
      if (overdue()) failures.push(`portal-gateway ${server.kind} is not ready: ${notes()}`);
      else if (!runs(server) && !stopped) failures.push(`portal-gateway ${server.kind} has ended: ${notes()}`);
    }
    // The shell reports the end of a command later than the command ends.
    if (failures.length > 0 && place.occupant !== undefined) await place.terminal.until(place.occupant.done);
    // Every shell that can says which of its jobs have ended.
    for (const { occupant, terminal } of this.#places.values())
      if (occupant === undefined || occupant.done()) await terminal.until(terminal.paste(''));
    return failures;
  }

  #stick(failure: string): string[] {
    this.#stuck = true;
    return [failure];
  }

  #servers(): Server[] {
    return read(join(this.#machine, 'servers/started'))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [kind = '', pid, port, log = '', command = ''] = line.split('\t');
        return { kind, pid: Number(pid), port: Number(port), log, command };
      });
  }
}

function read(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

function runs({ pid }: Server): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** By its own output: another server may have its port. */
async function serves({ kind, port, log }: Server): Promise<boolean> {
  switch (kind) {
    case 'start': {
      if (!read(log).includes('listening')) return false;
      // A connection that is kept would make the gateway wait for it when it stops.
      const request = get({ host: '127.0.0.1', port, path: '/health/ready', agent: false });
      const [response] = (await once(request, 'response').catch(() => [])) as [IncomingMessage?];
      response?.resume();
      return response?.statusCode === 200;
    }
    case 'dev':
      return /^try /m.test(read(log));
    default:
      // The output of an expose in a pipe is not seen.
      return read(log) !== '' || !existsSync(log);
  }
}

/** The app that the pages assume on port 3000. It has a git repository, as a folder of files. */
async function app(t: TestContext, machine: string): Promise<number> {
  const bare = join(machine, 'app');
  await promisify(execFile)('git', ['init', '--quiet', '--bare', bare]);
  await promisify(execFile)('git', ['-C', bare, 'update-server-info']);
  const server = createServer(({ url = '' }, response) => {
    const [, path] = /^\/repository\.git\/([\w/-]+)(?:\?|$)/.exec(url) ?? [];
    if (path === undefined) response.end('hello from the app\n');
    else if (existsSync(join(bare, path))) response.end(readFileSync(join(bare, path)));
    else response.writeHead(404).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}
