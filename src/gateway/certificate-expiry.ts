// Warns once a day, while the gateway runs, about certificates that are about to expire: a gateway
// may run for longer than they are valid.
import { checkCertificates } from '../config/check/certificates.ts';
import type { Config } from '../config/load/config.ts';
import { showPath } from '../config/schema/names.ts';
import { SeenFiles } from '../config/source/seen-files.ts';
import { systemClock } from '../kernel/clock.ts';

const defaultEveryMs = 86_400_000;

export interface CertificateWatchOptions {
  /** The configuration in use. */
  readonly config: () => Config;
  readonly warn: (line: string) => void;
  readonly failed: (error: unknown) => void;
  readonly now?: () => Date;
  readonly everyMs?: number;
}

/** Returns a function that stops it. Does not report faults in the files: a reload does. */
export function watchCertificates(options: CertificateWatchOptions): () => void {
  const { config, warn, failed, now = () => new Date(systemClock.wallMs()), everyMs = defaultEveryMs } = options;
  const timer = setInterval(() => {
    checkCertificates(config(), new SeenFiles(), now()).then(({ warnings }) => {
      for (const { path, message } of warnings) warn(`${showPath(path)} ${message}`);
    }, failed);
  }, everyMs).unref();
  return () => {
    clearInterval(timer);
  };
}
