// A client that speaks HTTP/1.1 on one connection and observes how it ends, and an app for it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TestContext } from 'node:test';
import { key } from './policy.ts';

export interface KeptResponse {
  readonly status: number;
  readonly body: string;
  /** The response announces the end of the connection. */
  readonly closes: boolean;
}

export class KeepAliveClient {
  readonly socket: Duplex;
  #received = '';
  #ended = false;
  #changed: () => void = () => undefined;

  constructor(socket: Duplex) {
    this.socket = socket;
    socket
      .on('error', () => undefined)
      .on('data', (chunk: Buffer) => {
        this.#received += chunk.toString('latin1');
        this.#changed();
      });
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        this.#ended = true;
        this.#changed();
      });
    }
  }

  /** True once the gateway's FIN or a reset has arrived. */
  get ended(): boolean {
    return this.#ended;
  }

  send(path: string, method = 'GET'): void {
    this.socket.write(request(path, method), 'latin1');
  }

  /** The next whole response; undefined when the connection ends first. */
  async response(): Promise<KeptResponse | undefined> {
    for (;;) {
      const response = this.#take();
      if (response !== undefined || this.#ended) return response;
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  async over(): Promise<void> {
    while (!this.#ended) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  #take(): KeptResponse | undefined {
    const [, head = '', rest = ''] = /^([^]*?\r\n\r\n)([^]*)$/.exec(this.#received) ?? [];
    const length = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1]);
    if (head === '' || rest.length < length) return undefined;
    this.#received = rest.slice(length);
    return {
      status: Number(head.slice(9, 12)),
      body: rest.slice(0, length),
      closes: /\r\nconnection: close\r\n/i.test(head),
    };
  }
}

/** A request to the app; only a POST has a body. */
export function request(path: string, method = 'GET'): string {
  const body = method === 'POST' ? `Content-Length: ${path.length}\r\n\r\n${path}` : '\r\n';
  return `${method} ${path} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\n${body}`;
}

/** Connects over plain TCP. */
export async function keepAliveClient(t: Pick<TestContext, 'after'>, port: number): Promise<KeepAliveClient> {
  const socket: Socket = connect({ host: '127.0.0.1', port });
  t.after(() => socket.destroy());
  const client = new KeepAliveClient(socket);
  await once(socket, 'connect');
  return client;
}

/** Opens several connections, each kept alive after a first response. */
export async function keepAliveClients(
  t: Pick<TestContext, 'after'>,
  port: number,
  count: number,
): Promise<KeepAliveClient[]> {
  const all = await Promise.all(Array.from({ length: count }, () => keepAliveClient(t, port)));
  await Promise.all(
    all.map(async (client) => {
      client.send('/peer/app/first');
      assert.equal((await client.response())?.closes, false);
    }),
  );
  return all;
}

/** An app whose responses repeat the request's method, URL and body. */
export const echo: RequestListener = (request, response) => {
  const body: Buffer[] = [];
  request
    .on('data', (chunk: Buffer) => body.push(chunk))
    .on('end', () => response.end(`${request.method ?? ''} ${request.url ?? ''} ${Buffer.concat(body).toString()}`));
};

/** Resolves once the port refuses connections. */
export async function refused(port: number): Promise<void> {
  for (;;) {
    const socket = connect({ host: '127.0.0.1', port });
    const code = await new Promise((resolve) => {
      socket
        .once('connect', () => {
          resolve('connected');
        })
        .once('error', (error: NodeJS.ErrnoException) => {
          resolve(error.code);
        });
    });
    socket.destroy();
    if (code === 'ECONNREFUSED') return;
  }
}

/** An app that responds as `serve` does, but only once it is opened. */
export function gate(serve: RequestListener): { readonly serve: RequestListener; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  return {
    serve: (request, response) => {
      void promise.then(() => {
        serve(request, response);
      });
    },
    open: () => {
      resolve(undefined);
    },
  };
}
