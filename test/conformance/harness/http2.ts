// Plays one row over HTTP/2: translates its HTTP/1.1 request and expectations to RFC 9113.
// Connection management and message framing have no counterpart there and are left out on both
// sides.
import assert from 'node:assert/strict';
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import type { ExpectedResponse, Row, Seen } from '../row.ts';
import { checkApp } from './check-app.ts';
import { checkResponses } from './check-client.ts';
import { followUpBody, followUpPath } from './raw-app.ts';
import { nameOf, readMessages, type Message } from './read-messages.ts';
import type { Staged } from './run-row.ts';

const ofConnections = /^(connection|keep-alive|proxy-connection|te|transfer-encoding|upgrade)$/;

interface Request {
  readonly fields: string[];
  readonly body: string;
  readonly trailers: readonly string[];
}

export async function runRowOverHttp2({ row, app, scene, id, key }: Staged, port: number): Promise<void> {
  const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  session.on('error', scene.changed);
  let messages: Message[] = [];
  try {
    const client = new Http2Exchange(session, translated(row.send), scene.changed);
    await scene.until('the answer', () => client.over);
    ({ messages } = client);
    const path = `/peer/${id}${followUpPath}`;
    const authority = [':authority', 'gw.test', ':scheme', 'https', 'x-api-key', key];
    const followed = new Http2Exchange(
      session,
      { fields: [':method', 'GET', ':path', path, ...authority], body: '', trailers: [] },
      scene.changed,
    );
    await scene.until('the answer to a request afterwards', () => followed.over);
    const expected = overHttp2(row);
    checkApp(expected, app, key);
    checkResponses(expected.client.responses, messages, app);
    assert.equal(followed.messages.at(-1)?.body, followUpBody, 'a later request on the same connection');
  } catch (error) {
    const received = app.connections.map((connection) => JSON.stringify(connection.received)).join('\n');
    throw new Error(
      `${error instanceof Error ? error.message : String(error)}\nclient sent     ${JSON.stringify(row.send)}\n` +
        `client received ${JSON.stringify(messages)}\napp received    ${received}`,
      { cause: error },
    );
  } finally {
    session.destroy();
  }
}

class Http2Exchange {
  readonly messages: Message[] = [];
  over = false;
  #head: { start: string; headers: string[] } | undefined = undefined;
  #body = '';
  #trailers: string[] = [];

  constructor(session: ClientHttp2Session, { fields, body, trailers }: Request, changed: () => void) {
    const ends = body === '' && trailers.length === 0;
    const stream: ClientHttp2Stream = session.request(fields, {
      endStream: ends,
      waitForTrailers: trailers.length > 0,
    });
    stream.on('headers', (_headers, _flags, raw: string[]) => {
      this.messages.push({ ...headOf(raw), body: '', trailers: [], framing: 'none', whole: true });
    });
    stream.on('response', (_headers, _flags, raw: string[]) => {
      this.#head = headOf(raw);
    });
    stream.on('trailers', (_headers, _flags, raw: string[]) => {
      this.#trailers = linesOf(raw);
    });
    stream.on('wantTrailers', () => {
      stream.sendTrailers(
        Object.fromEntries(trailers.map((line) => [nameOf(line), line.slice(line.indexOf(':') + 2)])),
      );
    });
    stream.on('data', (piece: Buffer) => {
      this.#body += piece.toString('latin1');
    });
    stream.on('error', changed);
    stream.on('close', () => {
      const whole = stream.rstCode === 0 && !stream.aborted;
      if (this.#head !== undefined) {
        this.messages.push({ ...this.#head, body: this.#body, trailers: this.#trailers, framing: 'none', whole });
      }
      this.over = true;
      changed();
    });
    if (!ends) stream.end(Buffer.from(body, 'latin1'));
  }
}

/** The same request in HTTP/2 (RFC 9113 §8.3). */
function translated(send: Row['send']): Request {
  if (typeof send !== 'string') throw new Error('a row in steps has no counterpart in HTTP/2');
  const [message] = readMessages(send, { kind: 'request', ended: true }).messages;
  if (message === undefined) throw new Error('a row without a complete request has no counterpart in HTTP/2');
  const [method = '', target = ''] = message.start.split(' ');
  const fields = [':method', method, ':path', target, ':scheme', 'https'];
  const others: string[] = [];
  for (const line of message.headers) {
    const name = nameOf(line);
    const value = line.slice(line.indexOf(':') + 1).trim();
    if (name === 'host') fields.push(':authority', value);
    else if (!ofConnections.test(name)) others.push(name, value);
  }
  return { fields: [...fields, ...others], body: message.body, trailers: message.trailers };
}

/** The row's expectations as they apply over HTTP/2 and TLS. */
function overHttp2(row: Row): Row {
  const { app, client } = row;
  return {
    ...row,
    ...(app !== undefined && { app: { ...app, sees: app.sees.map(seenOverHttp2) } }),
    client: { ...client, responses: client.responses.map(respondOverHttp2) },
  };
}

function seenOverHttp2(seen: Seen): Seen {
  const added = (seen.added ?? []).map((line) => {
    switch (nameOf(line)) {
      case 'x-forwarded-proto':
        return 'x-forwarded-proto: https';
      case 'forwarded':
        return line.replace('proto=http', 'proto=https');
      case 'via':
        return line.replace(/1\.1 portal-gateway$/, '2 portal-gateway');
      default:
        return line;
    }
  });
  return { ...seen, added, headers: (seen.headers ?? []).map(lowered) };
}

function respondOverHttp2(response: ExpectedResponse): ExpectedResponse {
  return {
    ...response,
    framing: 'none',
    headers: (response.headers ?? []).map(lowered),
    trailers: (response.trailers ?? []).map(lowered),
    added: (response.added ?? []).filter((line) => !ofConnections.test(nameOf(line))),
  };
}

function lowered(line: string): string {
  return nameOf(line) + line.slice(line.indexOf(':'));
}

function headOf(raw: readonly string[]): { start: string; headers: string[] } {
  const status = raw[raw.indexOf(':status') + 1] ?? '';
  return { start: `HTTP/1.1 ${status} `, headers: linesOf(raw) };
}

function linesOf(raw: readonly string[]): string[] {
  const lines: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? '';
    if (!name.startsWith(':')) lines.push(`${name}: ${raw[i + 1] ?? ''}`);
  }
  return lines;
}
