// The door of events/: the diagnostics channels on which the gateway publishes events, and the
// shapes of their messages. Messages contain no credential and no query string.
export * from './events/access-events.ts';
export * from './events/connection-events.ts';
export { type EventChannel, listen } from './events/event-channel.ts';
export * from './events/process-events.ts';
export * from './events/relay-events.ts';
export * from './events/request-events.ts';
