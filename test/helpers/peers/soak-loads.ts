// The loads of the soak test as a separate process, for test/soak/main.ts.
import process from 'node:process';
import type { Targets } from '../../soak/load.ts';
import { LoadRunner, type LoadReport } from '../../soak/load-runner.ts';
import { loads } from '../../soak/loads/all.ts';
import { serveParent, settings } from './parent.ts';

export interface SoakLoadsSettings {
  readonly targets: Targets;
  /** Keys by the name of the load. */
  readonly keys: Readonly<Record<string, string>>;
  readonly seed: string;
  /** Names of loads; empty: all of them. */
  readonly only: readonly string[];
}

/**
 * Errors of the loads themselves, counted by text. An error in one load does not end the others;
 * the report shows it.
 */
const faults: Record<string, number> = {};
const note = (error: Error): void => {
  const text = (error.stack ?? error.message).split('\n', 3).join(' ').slice(0, 300);
  faults[text] = (faults[text] ?? 0) + 1;
};
process.on('uncaughtException', note);
process.on('warning', note);
// Ctrl-C reaches the whole process group: the parent ends the run, and this process with it.
process.on('SIGINT', () => undefined);

const { targets, keys, seed, only } = settings as SoakLoadsSettings;
const runners = loads
  .map((load, i) => ({ load, runner: new LoadRunner(load, i, { targets, seed, key: keys[load.name] ?? '' }) }))
  .filter(({ load }) => only.length === 0 || only.includes(load.name))
  .map(({ runner }) => runner);

const commands = {
  start: async () => {
    await Promise.all(runners.map((runner) => runner.start()));
  },
  reports: (): readonly LoadReport[] => runners.map((runner) => runner.report()),
  faults: () => faults,
  stop: async () => {
    await Promise.all(runners.map((runner) => runner.stop()));
  },
};
serveParent({}, commands);
