// The options of Node itself that the environment sets, beside those of the command line (process.execArgv).
import process from 'node:process';

export function nodeOptions(): string {
  return process.env['NODE_OPTIONS'] ?? '';
}
