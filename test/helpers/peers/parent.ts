// The child's side of a measured process: reports that it is ready, serves the test's commands,
// sends events. Provides memory and resource reports; each peer adds its own commands.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';
import { queryObjects, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { lives, watchLives } from './lives.ts';

export interface PeerReport {
  readonly rssBytes: number;
  /** The peak so far. */
  readonly peakRssBytes: number;
  /** The resources that keep the event loop alive, by kind. */
  readonly resources: Readonly<Record<string, number>>;
  /** Node's warnings by name, such as the one for too many listeners on an emitter. */
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
  // Ours: caused by the API that counts objects.
  if (name !== 'ExperimentalWarning') warnings.push(name);
});

/** The settings that the test passed to this process. */
export const settings: unknown = JSON.parse(process.argv[2] ?? '{}');

/** Settings of every peer. */
export interface CommonSettings {
  /** Enables the `lives` command. */
  readonly watchLives?: boolean;
}
// Before the peer creates any object.
if ((settings as CommonSettings).watchLives === true) watchLives();

/**
 * Call it last. `counted`: the classes whose live instances `objects` can count; each count walks
 * the whole heap.
 */
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
        const response = all[command];
        if (response === undefined) throw new Error(`unknown command ${command}`);
        return response(argument as never);
      })
      .then(
        (result) => process.send?.({ id, result }),
        (error: unknown) => process.send?.({ id, error: String(error) }),
      );
  });
  // The test has ended, for whatever reason.
  process.once('disconnect', () => {
    process.exit(0);
  });
  process.send?.({ ready });
}

export function tellParent(event: string): void {
  process.send?.({ event });
}

let delay: ReturnType<typeof monitorEventLoopDelay> | undefined;

/** Event loop delay since the last call; measured from the first call on. */
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
