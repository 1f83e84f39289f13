// SIGUSR1 and SIGUSR2 to the gateway: it reopens the log file and toggles the debug level, and
// nothing else happens.
import process from 'node:process';
import type { Load } from '../load.ts';

export const load: Load = {
  name: 'signals',
  rate: '1 signal each 2 s to the gateway, USR1 or USR2',
  start({ every, random, gateway, count }) {
    every({ perSecond: 0.5, atOnce: 1, timeoutMs: 1_000 }, () => {
      const signal = random.pick(['SIGUSR1', 'SIGUSR2'] as const);
      process.kill(gateway.pid, signal);
      count(signal);
    });
  },
};
