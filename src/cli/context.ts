// Owns what every command is given. Knows none of them.
import type { Environment } from '../config/source/environment.ts';
import type { Terminal } from './terminal.ts';

export interface CliContext {
  readonly terminal: Terminal;
  /** Aborts on Ctrl-C and SIGTERM: stop, tidy up, and be done. */
  readonly signal: AbortSignal;
  /** Sets how long the command may take to stop, if that is longer than 30 s. The process is ended 10 s after that. */
  readonly stopWithin: (ms: number) => void;
  /** Throws EnvironmentError; not called before a command runs, so that --help always works. */
  readonly environment: () => Environment;
}
