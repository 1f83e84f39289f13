// Many clients in a separate process, controlled by the test that started it: event streams that
// must keep going, and WebSockets whose every message must be echoed.
import { request, type IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { key } from '../policy.ts';
import { serveParent, settings } from './parent.ts';

export interface StreamsSettings {
  readonly port: number;
  readonly eventStreams: number;
  readonly webSockets: number;
}

/** Totals over all streams of one kind. */
export interface StreamCounts {
  readonly open: number;
  /** Ended, or never opened. */
  readonly lost: number;
  /** Messages on the stream that received the fewest. */
  readonly fewest: number;
  /** Messages that arrived out of order or changed. */
  readonly wrong: number;
}

/** Connections opened at a time, because no listener accepts thousands at once. */
const atOnce = 100;
const messageEveryMs = 1_000;

class Stream {
  open = false;
  lost = false;
  received = 0;
  wrong = 0;
}

const { port, eventStreams, webSockets } = settings as StreamsSettings;
const events = Array.from({ length: eventStreams }, () => new Stream());
const sockets = Array.from({ length: webSockets }, () => new Stream());
const closers: (() => void)[] = [];

function openEvents(stream: Stream): Promise<void> {
  return new Promise((resolve) => {
    const outgoing = request({
      port,
      path: '/peer/app/sse?interval=1000',
      agent: false,
      headers: { 'x-api-key': key },
    });
    closers.push(() => outgoing.destroy());
    const lose = (): void => {
      stream.open = false;
      stream.lost = true;
      resolve();
    };
    outgoing.on('error', () => undefined).on('close', lose);
    outgoing.on('response', (message: IncomingMessage) => {
      if (message.statusCode !== 200) {
        outgoing.destroy();
        return;
      }
      stream.open = true;
      message.on('error', () => undefined);
      message.on('data', (chunk: Buffer) => {
        for (const [, id] of chunk.toString().matchAll(/^id: (\d+)$/gm)) {
          stream.received += 1;
          if (Number(id) !== stream.received) stream.wrong += 1;
        }
      });
      resolve();
    });
    outgoing.end();
  });
}

function openSocket(stream: Stream): Promise<void> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/peer/app/ws`, {
      headers: { 'x-api-key': key },
      perMessageDeflate: false,
    });
    let sent = 0;
    const timer = setInterval(() => {
      if (socket.readyState !== WebSocket.OPEN) return;
      sent += 1;
      socket.send(`message ${sent}`);
    }, messageEveryMs);
    closers.push(() => {
      socket.terminate();
    });
    socket.on('open', () => {
      stream.open = true;
      resolve();
    });
    socket.on('message', (data: Buffer) => {
      stream.received += 1;
      if (data.toString() !== `message ${stream.received}`) stream.wrong += 1;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearInterval(timer);
      stream.open = false;
      stream.lost = true;
      resolve();
    });
  });
}

async function openAll(): Promise<void> {
  const all = [
    ...events.map((stream) => () => openEvents(stream)),
    ...sockets.map((stream) => () => openSocket(stream)),
  ];
  for (let done = 0; done < all.length; done += atOnce) {
    await Promise.all(all.slice(done, done + atOnce).map((open) => open()));
  }
}

function countsOf(streams: readonly Stream[]): StreamCounts {
  return {
    open: streams.filter(({ open }) => open).length,
    lost: streams.filter(({ lost }) => lost).length,
    fewest: Math.min(...streams.map(({ received }) => received)),
    wrong: streams.reduce((sum, { wrong }) => sum + wrong, 0),
  };
}

const commands = {
  open: openAll,
  counts: () => [countsOf(events), countsOf(sockets)],
  close: () => {
    for (const close of closers) close();
  },
};
serveParent({}, commands);
