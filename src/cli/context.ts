// The context that every command receives.
import type { Environment } from '../config/source/environment.ts';
import type { Terminal } from './terminal.ts';

export interface CliContext {
  readonly terminal: Terminal;
  /** Aborts on Ctrl-C and SIGTERM: the command should clean up and end. */
  readonly signal: AbortSignal;
  /**
   * Sets how long the command may take to stop, if that is longer than 30 s. The process is killed
   * 10 s after that.
   */
  readonly stopWithin: (ms: number) => void;
  /** Throws EnvironmentError. Only commands that need it call it, so that --help always works. */
  readonly environment: () => Environment;
}
