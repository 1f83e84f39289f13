// The loads of the soak as a process of their own, for test/soak/main.ts.
import process from 'node:process';
import type { Targets } from '../../soak/load.ts';
import { LoadRunner, type LoadReport } from '../../soak/load-runner.ts';
import { loads } from '../../soak/loads/all.ts';
import { serveParent, settings } from './parent.ts';

export interface SoakLoadsSettings extends Targets {
  readonly seed: string;
  /** Names of loads; empty: all of them. */
  readonly only: readonly string[];
}

/** Hundreds of sockets with a few listeners each are the normal case here; what else Node warns of belongs to the report. */
const warnings: Record<string, number> = {};
process.on('warning', ({ name, message }) => {
  const text = `${name}: ${message}`.slice(0, 200);
  warnings[text] = (warnings[text] ?? 0) + 1;
});

const { seed, only, ...targets } = settings as SoakLoadsSettings;
const runners = loads
  .map((load, i) => ({ load, runner: new LoadRunner(load, i, targets, seed) }))
  .filter(({ load }) => only.length === 0 || only.includes(load.name))
  .map(({ runner }) => runner);

const commands = {
  start: async () => {
    await Promise.all(runners.map((runner) => runner.start()));
  },
  reports: (): readonly LoadReport[] => runners.map((runner) => runner.report()),
  warnings: () => warnings,
  stop: async () => {
    await Promise.all(runners.map((runner) => runner.stop()));
  },
};
serveParent({}, commands);
