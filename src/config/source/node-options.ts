// Node options that the environment sets, in addition to the command line (process.execArgv).
import process from 'node:process';

export function nodeOptions(): string {
  return process.env['NODE_OPTIONS'] ?? '';
}
