// Owns the gateway's log as lines of JSON on stdout, with the field names of the product contract.
import { pino, type Logger } from 'pino';
import type { LogLevel } from '../config/environment.ts';
import type { RelayClientEvent } from '../portal/index.ts';

export type { Logger } from 'pino';

export function createLog(level: LogLevel): Logger {
  return pino({
    level,
    base: null,
    messageKey: 'message',
    timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
  });
}

export function logRelayEvent(log: Logger, event: RelayClientEvent): void {
  const { type, relay } = event;
  switch (type) {
    case 'up':
      log.info({ relay }, 'relay connected');
      break;
    case 'down':
      log.warn({ relay, code: event.error.code, reason: event.error.message }, 'relay lost');
      break;
    case 'attempt_failed': {
      const { error, retryInMs } = event;
      log.warn(
        { relay, code: error.code, reason: error.message, retry_ms: Math.round(retryInMs) },
        'relay not reached',
      );
      break;
    }
    case 'published':
    case 'publish_failed':
      // A gateway publishes nothing.
      break;
  }
}
