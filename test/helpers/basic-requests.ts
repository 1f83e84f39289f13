// A gateway that accepts Basic, and requests to it by hand.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { startPlainGateway, type PlainGateway } from './plain-gateway.ts';
import type { testPolicy } from './policy.ts';

export type PolicyParts = NonNullable<Parameters<typeof testPolicy>[0]>;

export function basic(password: string, user = 'any'): readonly string[] {
  return ['Authorization', `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`];
}
/** Responds with the method and the Authorization that the app received. */
function show({ method = '', headers }: IncomingMessage, response: ServerResponse): void {
  response.setHeader('X-App', 'yes').end(`${method} ${headers.authorization ?? '-'}`);
}

export async function start(t: TestContext, policy: PolicyParts): Promise<PlainGateway> {
  const gateway = await startPlainGateway(t, show, { policy: { baseDomain: 'peers.test', ...policy } });
  gateway.app.on('upgrade', (_request, socket) => {
    socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  });
  return gateway;
}

export const on: PolicyParts = { auth: { basic: true } };
export const id: string = 'A'.repeat(26);

export interface Outcome {
  readonly status: number;
  readonly code: string | undefined;
  readonly detail: string | undefined;
  readonly text: string;
  readonly challenges: readonly string[];
}

/** Sends the request by hand, so that its Host is free. */
export async function ask(gateway: PlainGateway, line: string, headers: readonly string[]): Promise<Outcome> {
  const { host = '', fields } = withoutHost(headers);
  const lines = fields.map((name, i) => (i % 2 === 0 ? `${name}: ${fields[i + 1] ?? ''}\r\n` : '')).join('');
  const socket = gateway.raw(`${line} HTTP/1.1\r\nHost: ${host || `127.0.0.1:${gateway.port}`}\r\n${lines}\r\n`);
  let received = '';
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    received += chunk.toString();
    const [head = '', body] = received.split('\r\n\r\n');
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
    if (body !== undefined && Buffer.byteLength(body) >= length) break;
  }
  const [head = '', text = ''] = received.split('\r\n\r\n');
  const problem = text.startsWith('{') ? (JSON.parse(text) as { code: string; detail: string }) : undefined;
  return {
    status: Number(head.slice(9, 12)),
    code: problem?.code,
    detail: problem?.detail,
    text,
    challenges: Array.from(head.matchAll(/^www-authenticate: (.*)$/gim), ([, value = '']) => value.trim()),
  };
}

function withoutHost(headers: readonly string[]): { host: string | undefined; fields: readonly string[] } {
  if (headers[0] !== 'Host') return { host: undefined, fields: headers };
  return { host: headers[1], fields: headers.slice(2) };
}
