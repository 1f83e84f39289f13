// Reads a socket that we open into one reused buffer. The bytes are valid only during the callback.
import type { OnReadOpts, Socket } from 'node:net';

/** Takes all that the kernel holds for a busy connection in one call. */
const readBytes = 262_144;

/**
 * Without it each read of 64 KiB allocates a buffer that is garbage once deciphered;
 * bench/README.md has the cost.
 */
export class LentReads {
  /** For the options of connect(). */
  readonly onread: OnReadOpts;
  #take: (chunk: Buffer) => boolean = () => true;

  constructor() {
    const buffer = Buffer.allocUnsafeSlow(readBytes);
    this.onread = { buffer, callback: (bytes) => this.#take(buffer.subarray(0, bytes)) };
  }

  /**
   * Passes the data to the socket in separate buffers, as without onread. Call it right after
   * connect().
   */
  leaveTo(socket: Socket): void {
    this.#take = (chunk) => socket.push(Buffer.from(chunk));
  }

  /** From now on the bytes bypass the socket: `taker` may use a chunk only during the call. */
  divert(taker: (chunk: Buffer) => void): void {
    this.#take = (chunk) => {
      taker(chunk);
      return true;
    };
  }
}
