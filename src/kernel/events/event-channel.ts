// Typed diagnostics channels. Publishers check `hasSubscribers` first, so that an event without
// listeners costs nothing.
import { channel } from 'node:diagnostics_channel';

/**
 * A channel of node:diagnostics_channel with typed messages. Listeners run within publish(), so
 * they must be quick and must not throw: an exception ends the process. A process has one set of
 * channels, however many gateways it runs.
 */
export interface EventChannel<Message> {
  readonly hasSubscribers: boolean;
  publish(message: Message): void;
  subscribe(listener: (message: Message, name: string | symbol) => void): void;
  unsubscribe(listener: (message: Message, name: string | symbol) => void): void;
}

/** Returns a function that removes the listener. */
export function listen<Message>(to: EventChannel<Message>, listener: (message: Message) => void): () => void {
  to.subscribe(listener);
  return () => {
    to.unsubscribe(listener);
  };
}

/** `name`: unique; published as `portal-gateway:NAME`. */
export function eventChannel<Message>(name: string): EventChannel<Message> {
  return channel(`portal-gateway:${name}`) as EventChannel<Message>;
}
