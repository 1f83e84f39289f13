// Accepted tunnels as Node streams instead of byte pipes.
import type { AcceptQueue } from './accept-queue.ts';
import { SecureChannel } from '../secure/channel.ts';
import type { SecurePipe } from '../secure/secure-pipe.ts';
import { ignore } from '../../kernel/ignore.ts';

export class AcceptedChannels implements AsyncIterableIterator<SecureChannel> {
  readonly #pipes: AcceptQueue<SecurePipe>;

  constructor(pipes: AcceptQueue<SecurePipe>) {
    this.#pipes = pipes;
  }

  async next(): Promise<IteratorResult<SecureChannel, undefined>> {
    const { done, value } = await this.#pipes.next();
    if (done === true) return { value: undefined, done };
    const channel = new SecureChannel(value);
    // Without a listener, the error of an early disconnect would end the process.
    channel.on('error', ignore);
    return { value: channel, done: false };
  }

  async return(): Promise<IteratorResult<SecureChannel, undefined>> {
    await this.#pipes.return();
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
