// The client's side of an exchange that is held at a point: resolves when it has seen everything
// sent so far, and with the final outcome.
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { points, type Point } from '../helpers/exchange-points.ts';
import { key } from '../helpers/policy.ts';
import type { Place } from './exchange-table.ts';

export interface HeldExchange {
  /** Resolves when the client has received what the app sends up to the point. */
  readonly seen: Promise<void>;
  /**
   * `200 "helloworld"`: complete. `200 "hello" cut`: started, and visibly incomplete. `502
   * tunnel_failed`: an error response of the gateway. `nothing`: the connection closed without a
   * response. After a 101 only the end of the connection can be seen.
   */
  readonly outcome: Promise<string>;
  /** Sends the rest of the request. */
  finish(): void;
  /** Disconnects the client. */
  leave(): void;
}

const dialling: Point = { kind: 'plain', sent: '', rest: '' };

export function holdAt(port: number, lease: string, place: Place): HeldExchange {
  const point = place === 'dialling' ? dialling : points[place];
  const seen = Promise.withResolvers<undefined>();
  const outcome = Promise.withResolvers<string>();
  const outgoing = open(port, `/peer/${place === 'dialling' ? 'mute' : lease}/${place}`, point.kind);
  let socket: Readable | undefined;
  let responded = false;
  let reset = false;
  if (point.seen === undefined) seen.resolve(undefined);

  const read = (message: IncomingMessage, stream: Readable, early: string): void => {
    let body = early;
    responded = true;
    const look = (): void => {
      if (body === point.seen) seen.resolve(undefined);
    };
    look();
    stream.on('data', (chunk: Buffer) => {
      body += chunk.toString();
      look();
    });
    stream.on('error', () => undefined);
    stream.on('close', () => {
      outcome.resolve(described(message, body, reset));
    });
  };
  outgoing.on('response', (message) => {
    read(message, message, '');
  });
  outgoing.on('upgrade', (message, upgraded, early) => {
    socket = upgraded;
    read(message, upgraded, early.toString());
    upgraded.on('end', () => upgraded.end());
  });
  outgoing.on('error', () => {
    // Set before the response ends: Node takes any end of the connection for the end of a body
    // without a length.
    reset = true;
  });
  outgoing.on('close', () => {
    if (!responded) outcome.resolve('nothing');
  });
  return {
    seen: seen.promise.then(() => undefined),
    outcome: outcome.promise,
    finish: () => {
      if (point.kind === 'upload') outgoing.end('world');
    },
    leave: () => {
      reset = true;
      outgoing.destroy();
      socket?.destroy();
    },
  };
}

function open(port: number, path: string, kind: Point['kind']): ClientRequest {
  const outgoing = request({
    host: '127.0.0.1',
    port,
    path,
    method: kind === 'upload' ? 'POST' : 'GET',
    agent: false,
    headers: { 'x-api-key': key, ...(kind === 'upgrade' && { connection: 'Upgrade', upgrade: 'echo' }) },
  });
  if (kind === 'upload') outgoing.write('hello');
  else outgoing.end();
  return outgoing;
}

function described(message: IncomingMessage, body: string, reset: boolean): string {
  const status = String(message.statusCode);
  if (message.headers['content-type'] === 'application/problem+json') {
    return `${status} ${(JSON.parse(body) as { code: string }).code}`;
  }
  const whole = (message.complete && !reset) || message.statusCode === 101;
  return `${status} "${body.trimEnd()}"${whole ? '' : ' cut'}`;
}
