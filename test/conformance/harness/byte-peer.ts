// Owns one end of a connection that speaks bytes as it is told: keeps all that it received, and plays steps. Knows no HTTP.
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Step } from '../row.ts';
import type { Scene } from './scene.ts';

export class BytePeer {
  readonly stream: Duplex;
  received = '';
  sent = '';
  /** The other side has ended or is gone: nothing more will be received. */
  over = false;
  /** It did not end in order. */
  broken = false;
  /** Nothing can be sent any more either. */
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

  /** What is sent in one step arrives by itself, as far as that can be had: the next waits until it has gone out. */
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
        // A turn or two, so that whoever reads has read.
        setImmediate(() => setImmediate(resolve));
      });
    });
  }
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 300 ? `${text.slice(0, 300)}…` : text);
}
