// Owns how a socket that we open is read: into one buffer, over and over, that is lent to whoever takes the bytes. Knows nothing of
// what they mean.
import type { OnReadOpts, Socket } from 'node:net';

/** What the kernel holds for a busy connection is taken in one call. */
const readBytes = 262_144;

/**
 * Without it each read of 64 KiB is a new buffer, which is garbage as soon as it is deciphered: bench/README.md has what that
 * costs.
 */
export class LentReads {
  /** For the options of connect(). */
  readonly onread: OnReadOpts;
  #take: (chunk: Buffer) => boolean = () => true;

  constructor() {
    const buffer = Buffer.allocUnsafeSlow(readBytes);
    this.onread = { buffer, callback: (bytes) => this.#take(buffer.subarray(0, bytes)) };
  }

  /** The socket has its data like any other, in buffers of its own. Call it right after connect(). */
  leaveTo(socket: Socket): void {
    this.#take = (chunk) => socket.push(Buffer.from(chunk));
  }

  /** From now on the bytes pass by the socket: a chunk is the taker's during the call. */
  divert(taker: (chunk: Buffer) => void): void {
    this.#take = (chunk) => {
      taker(chunk);
      return true;
    };
  }
}
