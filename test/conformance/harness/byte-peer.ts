// One end of a byte stream that plays scripted steps and keeps everything it receives. Does not
// interpret HTTP.
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Step } from '../row.ts';
import type { Scene } from './scene.ts';

export class BytePeer {
  readonly stream: Duplex;
  received = '';
  sent = '';
  /** The other side has ended or closed: nothing more will be received. */
  over = false;
  /** The connection ended with an error. */
  broken = false;
  /** Nothing more can be sent either. */
  closed = false;
  readonly scene: Scene;

  constructor(stream: Duplex, scene: Scene) {
    this.stream = stream;
    this.scene = scene;
    if (stream instanceof Socket) stream.setNoDelay(true);
    stream.on('data', (piece: Buffer) => {
      this.received += piece.toString('latin1');
      scene.changed();
    });
    stream.on('end', () => {
      this.over = true;
      scene.changed();
    });
    stream.on('error', () => {
      this.broken = true;
    });
    stream.on('close', () => {
      if (!this.over) this.broken = true;
      this.over = true;
      this.closed = true;
      scene.changed();
    });
  }

  /**
   * Sends each step as a separate write where possible: the next step waits until the bytes are
   * flushed.
   */
  async play(steps: readonly Step[], peerReceived: () => string, wholeRequest?: () => boolean): Promise<void> {
    for (const step of steps) {
      if (typeof step === 'string') await this.send(step);
      else if ('bytewise' in step) for (const byte of step.bytewise) await this.send(byte);
      else if ('received' in step) {
        await this.scene.until(`to receive ${quoted(step.received)}`, () => this.received.includes(step.received));
      } else if ('peerReceived' in step) {
        const text = step.peerReceived;
        await this.scene.until(`the other side to receive ${quoted(text)}`, () => peerReceived().includes(text));
      } else if ('act' in step) {
        if (step.act === 'end') this.stream.end();
        else if (this.stream instanceof Socket) this.stream.resetAndDestroy();
        else this.stream.destroy();
      } else if (step.wait === 'closed') {
        await this.scene.until('the other side to close', () => this.over);
      } else if (wholeRequest !== undefined) {
        await this.scene.until('the request to be whole', wholeRequest);
      }
    }
  }

  send(text: string): Promise<void> {
    this.sent += text;
    if (this.stream.destroyed || this.stream.writableEnded) return Promise.resolve();
    return new Promise((resolve) => {
      this.stream.write(text, 'latin1', () => {
        // Waits two event loop turns, so that the reader has received the bytes.
        setImmediate(() => setImmediate(resolve));
      });
    });
  }
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 300 ? `${text.slice(0, 300)}…` : text);
}
