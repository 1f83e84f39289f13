// Owns what every command is given. Knows none of them.
import type { Environment } from '../config/environment.ts';
import type { Terminal } from './terminal.ts';

export interface CliContext {
  readonly terminal: Terminal;
  /** Aborts on Ctrl-C and SIGTERM: stop, tidy up, and be done. */
  readonly signal: AbortSignal;
  /** How long the command needs at most to stop, where that is longer than half a minute. The process is ended some time after it. */
  readonly stopWithin: (ms: number) => void;
  /** Throws EnvironmentError; not called before a command runs, so that --help always works. */
  readonly environment: () => Environment;
}
