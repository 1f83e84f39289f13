// Generates random HTTP/1 responses, most of them valid, and mutates their bytes. Strings are
// latin1: one character is one byte.
import type { ExpectedResponse } from '../../src/http-client/response.ts';
import type { Random } from '../soak/random.ts';

export interface FuzzCase {
  readonly bytes: Buffer;
  readonly expected: ExpectedResponse;
}

const offeredProtocols = 'websocket, echo/1';
const statuses = [200, 200, 200, 200, 201, 204, 205, 206, 301, 304, 404, 500, 503, 599] as const;
const oddStatuses = ['101', '099', '600', '999', '000', '20', '2000', '2x0'] as const;
const reasons = [
  ' OK',
  ' OK',
  ' OK',
  '',
  ' ',
  ' Not Found',
  ' r\xe9sum\xe9',
  ' \t x ',
  ' 200',
  ` ${'x'.repeat(90)}`,
] as const;
export const plainFields: readonly [string, ...string[]] = [
  'Server: nginx/1.27.3',
  'Date: Sun, 29 Nov 2026 19:00:00 GMT',
  'Content-Type: text/html; charset=utf-8',
  'X-Empty:',
  'X-Spaces: \t a  b \t ',
  'x-obs: \x80\xff',
  'X-Tab:a\tb',
  "!#$%&'*+-.^_`|~0: token",
  'Set-Cookie: a=1; Path=/',
  'Set-Cookie: b=2',
  'Upgrade: websocket',
  'Keep-Alive: timeout=5, max=100',
  'Proxy-Connection: close',
  'Trailer: X-Sum',
] as const;
export const connections: readonly [string, ...string[]] = [
  ...['keep-alive', 'close', 'Close', 'Keep-Alive', 'upgrade', 'keep-alive, close', ' , close', 'x-hop', 'close x', ''],
  ...['keep-alive, upgrade', 'Upgrade,Keep-Alive', 'closed', 'close,', '\tclose\t', 'keep-alive\t', 'keep-alive,x'],
] as const;
const oddLengths = [
  ...['', '+2', '-2', '2, 2', '2 2', '0x2', '2x', '002', '9007199254740991', '9007199254740992', ' 2 ', '\t2'],
  ...['18446744073709551615', '18446744073709551616', '00000000000000002', '99999999999999999999'],
] as const;
const codings = ['Chunked', 'CHUNKED', 'gzip', 'gzip, chunked', 'chunked, gzip', 'identity', '', 'xchunked'] as const;
const oddCodings = [
  'chunked,',
  ', chunked',
  'chunked ',
  'chunked\t',
  'chunked;a=b',
  'chunked, chunked',
  'chun ked',
] as const;
const extensions = [
  ...[
    ';a',
    ';a=b',
    ';a="b c"',
    ';a="\\"\\\\"',
    ';a=""',
    ';a=b;c="d"',
    ';a="\t\x80"',
    ';',
    ';=',
    ';a=',
    ';a="',
    ';a=b c',
  ],
  ...[' ;a', '; a', ';a =b', ';a= b', ';a="b"c', ';a="\\\x01"', ' ', '\t', ';;a', ';a=;b', ';a="b";', ',a'],
] as const;
export const inserts: readonly [string, ...string[]] = [
  ...[
    '\r',
    '\n',
    '\r\n',
    '\0',
    ' ',
    '\t',
    ':',
    ';',
    '"',
    ',',
    '=',
    '\\',
    '0',
    '1',
    'f',
    'x',
    'ff',
    '\x7f',
    '\x80',
    '\x01',
  ],
  ...[
    '\r\n\r\n',
    '0\r\n\r\n',
    'HTTP/1.1 200 OK\r\n',
    'Content-Length: 1\r\n',
    'Transfer-Encoding: chunked\r\n',
    '\r\n ',
  ],
] as const;

export function randomCase(random: Random): FuzzCase {
  const method = random.chance(0.1) ? 'HEAD' : 'GET';
  let text = '';
  if (random.chance(0.15)) for (let i = random.between(1, 3); i > 0; i -= 1) text += interim(random);
  text += response(random);
  if (random.chance(0.1)) text += random.chance(0.5) ? response(random) : random.pick(inserts);
  if (random.chance(0.6)) for (let i = random.between(1, 3); i > 0; i -= 1) text = mutated(text, random);
  if (random.chance(0.05)) text = text.slice(0, random.between(0, text.length));
  return { bytes: Buffer.from(text, 'latin1'), expected: { method, offeredProtocols } };
}

function interim(random: Random): string {
  let fields = random.chance(0.5) ? 'Link: </a.css>\r\n' : '';
  if (random.chance(0.1)) fields += 'Content-Length: 3\r\n';
  if (random.chance(0.1)) fields += `Connection: ${random.pick(connections)}\r\n`;
  const version = random.chance(0.95) ? '1.1' : '1.0';
  return `HTTP/${version} ${random.pick(['100', '102', '103', '199'])}${random.pick(reasons)}\r\n${fields}\r\n`;
}

function response(random: Random): string {
  const version = random.chance(0.85) ? '1.1' : random.pick(['1.0', '1.0', '1.0', '0.9', '2.0', '1.2']);
  const status = random.chance(0.95) ? String(random.pick(statuses)) : random.pick(oddStatuses);
  const lines: string[] = [];
  for (let i = random.between(0, 5); i > 0; i -= 1) lines.push(random.pick(plainFields));
  if (random.chance(0.4)) lines.push(`Connection: ${random.pick(connections)}`);
  if (status === '101') lines.push('Connection: upgrade', `Upgrade: ${random.pick(['websocket', 'echo/1', 'h2c'])}`);
  const body = framed(random, lines);
  for (let i = lines.length - 1; i > 0; i -= 1) {
    const j = random.between(0, i);
    [lines[i], lines[j]] = [lines[j] ?? '', lines[i] ?? ''];
  }
  return `HTTP/${version} ${status}${random.pick(reasons)}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n${body}`;
}

/** Returns the body and adds the fields that frame it to `lines`. */
export function framed(random: Random, lines: string[]): string {
  const data = content(random);
  const kind = random.next();
  if (kind < 0.1) return data;
  if (kind < 0.4) {
    lines.push(`${random.pick(['Content-Length', 'content-length', 'CONTENT-LENGTH'])}: ${data.length}`);
    return data;
  }
  if (kind < 0.5) {
    lines.push(`Content-Length:${random.pick(['', ' '])}${random.pick(oddLengths)}`);
    return data;
  }
  if (kind < 0.55) lines.push(`Content-Length: ${data.length}`);
  const coding = random.chance(0.9) ? 'chunked' : random.pick([random.pick(codings), random.pick(oddCodings)]);
  lines.push(`${random.pick(['Transfer-Encoding', 'transfer-encoding'])}: ${coding}`);
  if (random.chance(0.03)) lines.push('Transfer-Encoding: chunked');
  return chunked(random);
}

function content(random: Random): string {
  const bytes = random.chance(0.1) ? random.between(1, 400) : random.between(0, 12);
  let data = '';
  while (data.length < bytes) data += random.chance(0.1) ? random.pick(inserts) : 'abcdefgh';
  return data.slice(0, bytes);
}

function chunked(random: Random): string {
  let text = '';
  for (let i = random.between(0, 5); i > 0; i -= 1) {
    const data = content(random);
    if (data.length > 0) text += `${size(data.length, random)}\r\n${data}\r\n`;
  }
  text += `${size(0, random)}\r\n`;
  if (random.chance(0.3)) for (let i = random.between(1, 3); i > 0; i -= 1) text += `${random.pick(plainFields)}\r\n`;
  return `${text}\r\n`;
}

function size(bytes: number, random: Random): string {
  let digits = bytes.toString(16);
  if (random.chance(0.2)) digits = digits.toUpperCase();
  if (random.chance(0.1)) digits = '0'.repeat(random.pick([1, 3, 15, 16, 17])) + digits;
  if (random.chance(0.02))
    digits = random.pick(['1fffffffffffff', '20000000000000', 'ffffffffffffffff', 'fffffffffffffffff', '']);
  return random.chance(0.15) ? digits + random.pick(extensions) : digits;
}

export function mutated(text: string, random: Random): string {
  const at = place(text, random);
  const to = Math.min(text.length, at + random.between(1, random.chance(0.8) ? 3 : 40));
  const before = text.slice(0, at);
  switch (random.between(0, 6)) {
    case 0:
      return (
        before + String.fromCharCode((text.charCodeAt(at) ^ (1 << random.between(0, 7))) & 0xff) + text.slice(at + 1)
      );
    case 1:
      return before + random.pick(inserts) + text.slice(at);
    case 2:
      return before + random.pick(inserts) + text.slice(to);
    case 3:
      return before + text.slice(to);
    case 4:
      return text.slice(0, to) + text.slice(at);
    case 5:
      return before + String.fromCharCode(random.between(0, 255)) + text.slice(at);
    default: {
      const from = place(text, random);
      return before + text.slice(from, from + random.between(1, 30)) + text.slice(at);
    }
  }
}

/** Puts half of the mutations near a line end, where most syntax rules apply. */
function place(text: string, random: Random): number {
  const at = random.between(0, Math.max(0, text.length - 1));
  if (random.chance(0.5)) return at;
  const line = text.indexOf('\r\n', at);
  return line === -1 ? at : Math.min(text.length - 1, Math.max(0, line + random.between(-2, 3)));
}
