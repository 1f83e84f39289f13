// Events of the process: its configuration and its log.
import { type EventChannel, eventChannel } from './event-channel.ts';

export interface ConfigReloaded {
  readonly outcome: 'applied' | 'rejected';
}

/** A configuration reload was applied or rejected. */
export const configReloaded: EventChannel<ConfigReloaded> = eventChannel('config-reloaded');

export interface LogDropped {
  readonly lines: number;
}

/** Log lines were dropped because they could not be written fast enough. */
export const logDropped: EventChannel<LogDropped> = eventChannel('log-dropped');
