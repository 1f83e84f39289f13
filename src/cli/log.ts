// Owns the gateway's log as lines of JSON on stdout, with the field names of the product contract.
import { pino, type DestinationStream, type Logger, type LoggerOptions } from 'pino';
import type { LogLevel } from '../config/environment.ts';
import type { RelayClientEvent } from '../portal/index.ts';

export type { Logger } from 'pino';

/** `destination`: stdout unless given. */
export function createLog(level: LogLevel, destination?: DestinationStream): Logger {
  const options: LoggerOptions = {
    level,
    base: null,
    messageKey: 'message',
    timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** A relay that stays away is worth one warning for each reason, not one for each attempt. */
export function relayEventLog(log: Logger): (event: RelayClientEvent) => void {
  const lastFault = new Map<string, string>();
  return (event) => {
    const { type, relay } = event;
    switch (type) {
      case 'up':
        lastFault.delete(relay);
        log.info({ relay }, 'relay connected');
        break;
      case 'down':
        log.warn({ relay, code: event.error.code, reason: event.error.message }, 'relay lost');
        break;
      case 'attempt_failed': {
        const { error, retryInMs } = event;
        const level = lastFault.get(relay) === error.code ? 'debug' : 'warn';
        lastFault.set(relay, error.code);
        log[level](
          { relay, code: error.code, reason: error.message, retry_ms: Math.round(retryInMs) },
          'relay not reached, trying on',
        );
        break;
      }
      case 'published':
      case 'publish_failed':
        // A gateway publishes nothing.
        break;
    }
  };
}
