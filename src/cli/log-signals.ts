// Signals for the log of a running gateway: SIGUSR1 opens its file again, SIGUSR2 toggles the debug
// level. Elsewhere both are ignored: src/main.ts listens to them in every command.
import process from 'node:process';
import type { GatewayLog } from '../observe/logs/log.ts';

/** Returns a function that removes the listeners. */
export function onLogSignals(log: GatewayLog, signals: NodeJS.EventEmitter = process): () => void {
  const reopen = (): void => {
    if (log.reopen === undefined) log.logger.info('SIGUSR1 ignored: the log goes to stdout, not to a file');
    else {
      log.reopen();
      log.logger.info('log file reopened');
    }
  };
  const toggle = (): void => {
    log.level.toggle();
  };
  signals.on('SIGUSR1', reopen).on('SIGUSR2', toggle);
  return () => {
    signals.off('SIGUSR1', reopen).off('SIGUSR2', toggle);
  };
}
