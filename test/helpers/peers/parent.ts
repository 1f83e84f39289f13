// Owns the child's side of a measured process: says that it is ready, answers the test's questions, tells what happened. What can
// be asked beyond memory and resources is the peer's own.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';
import { queryObjects, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { lives, watchLives } from './lives.ts';

export interface PeerReport {
  readonly rssBytes: number;
  /** The highest ever. */
  readonly peakRssBytes: number;
  /** What keeps the event loop alive, by kind. */
  readonly resources: Readonly<Record<string, number>>;
  /** Node's warnings by name: among them, that an emitter has more listeners than anybody needs. */
  readonly warnings: readonly string[];
}

type Command = (argument: never) => unknown;
type Constructor = abstract new (...args: never[]) => object;

interface Question {
  readonly id: number;
  readonly command: string;
  readonly argument: unknown;
}

const lagResolutionMs = 10;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const warnings: string[] = [];
process.on('warning', ({ name }) => {
  // Ours, for counting objects.
  if (name !== 'ExperimentalWarning') warnings.push(name);
});

/** What the test gave this process. */
export const settings: unknown = JSON.parse(process.argv[2] ?? '{}');

/** Of any peer. */
export interface CommonSettings {
  /** `lives` can be asked. */
  readonly watchLives?: boolean;
}
// Before the peer makes anything.
if ((settings as CommonSettings).watchLives === true) watchLives();

/** Call it last. `counted`: the classes whose living instances `objects` can count; each costs a walk through the whole heap. */
export function serveParent(
  ready: Readonly<Record<string, unknown>>,
  commands: Readonly<Record<string, Command>>,
  counted: Readonly<Record<string, Constructor>> = {},
): void {
  const all: Record<string, Command> = {
    report,
    objects: (names: readonly string[]) => names.map((name) => living(counted[name])),
    collect: () => {
      collectGarbage();
      collectGarbage();
    },
    lag,
    lives: () => lives(collectGarbage),
    ...commands,
  };
  process.on('message', ({ id, command, argument }: Question) => {
    Promise.resolve()
      .then(() => {
        const answer = all[command];
        if (answer === undefined) throw new Error(`no command ${command}`);
        return answer(argument as never);
      })
      .then(
        (result) => process.send?.({ id, result }),
        (error: unknown) => process.send?.({ id, error: String(error) }),
      );
  });
  // The test is over, however it ended.
  process.once('disconnect', () => {
    process.exit(0);
  });
  process.send?.({ ready });
}

export function tellParent(event: string): void {
  process.send?.({ event });
}

let delay: ReturnType<typeof monitorEventLoopDelay> | undefined;

/** How long the event loop was late since the last time that it was asked; from the first time on. */
function lag(): { readonly p99Ms: number; readonly maxMs: number } {
  delay ??= monitorEventLoopDelay({ resolution: lagResolutionMs });
  delay.enable();
  const lateMs = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - lagResolutionMs);
  const late = { p99Ms: lateMs(delay.percentile(99)), maxMs: lateMs(delay.max) };
  delay.reset();
  return late;
}

function living(type: Constructor | undefined): number {
  if (type === undefined) throw new Error('a class that is not counted');
  return queryObjects(type, { format: 'count' });
}

function report(): PeerReport {
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  return {
    rssBytes: process.memoryUsage.rss(),
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
    resources,
    warnings,
  };
}
