// The reader's work grows linearly with the bytes, and no single buffer blocks the event loop.
// Measured in CPU time of this thread; the bounds allow for code that is not compiled yet and for a
// busy machine.
import assert from 'node:assert/strict';
import process from 'node:process';
import { describe, test } from 'node:test';
import { get } from '../../test/helpers/http-reading.ts';
import { maxHeadBytes } from './head-scanner.ts';
import { ResponseReader } from './response-reader.ts';
import type { ExpectedResponse } from './response.ts';

const mebibyte = 1024 * 1024;
/** Maximum for one pushed buffer of 1 MiB. */
const maxPushMs = 10;
const rounds = 8;

let pieces = 0;
const handler = {
  informational: () => undefined,
  head: () => undefined,
  data: () => {
    pieces += 1;
  },
  end: () => undefined,
  upgrade: () => undefined,
};

/**
 * Milliseconds of the cheapest of several rounds; the first ones run before the code is compiled.
 */
function cpuMsOf(text: string, pieceBytes = Number.POSITIVE_INFINITY, expected: ExpectedResponse = get): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round += 1) {
    const bytes = Buffer.from(text, 'latin1');
    const parts: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += pieceBytes) parts.push(bytes.subarray(at, at + pieceBytes));
    const reader = new ResponseReader(handler);
    reader.expect(expected);
    pieces = 0;
    const before = process.threadCpuUsage();
    for (const part of parts) reader.push(part);
    const { user, system } = process.threadCpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}

function filled(unit: string, bytes: number): string {
  return unit.repeat(Math.floor(bytes / unit.length));
}

const chunkedHead = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

describe('reads a buffer of 1 MiB in at most 10 ms and delivers its data in one piece', () => {
  for (const [name, chunk] of [
    ['chunks of one byte', '1\r\nx\r\n'],
    ['chunks with extensions', '1;a=b\r\nx\r\n'],
    ['chunks with quoted extensions', '4;a="b\\"c"\r\nabcd\r\n'],
    ['chunks of 64 bytes', `40\r\n${'x'.repeat(64)}\r\n`],
  ] as const) {
    test(name, () => {
      assert.ok(cpuMsOf(chunkedHead + filled(chunk, mebibyte)) < maxPushMs);
      assert.equal(pieces, 1);
    });
  }
});

test('delivers 600,000 one-byte chunks in buffers of 64 KiB as one piece per buffer', () => {
  const text = `${chunkedHead}${'1\r\nx\r\n'.repeat(600_000)}0\r\n\r\n`;
  cpuMsOf(text, 65_536);
  assert.ok(pieces <= Math.ceil(text.length / 65_536));
});

const start = 'HTTP/1.1 200 OK\r\n';
const costly: Record<string, string> = {
  'one-letter fields': filled('a:\r\n', maxHeadBytes - 100),
  'one-letter values': filled('a:b\r\n', maxHeadBytes - 100),
  'whitespace around a value': `X:${' '.repeat(30_000)}a${'\t'.repeat(30_000)}\r\n`,
  'whitespace within a value': `X: ${filled('a      ', 60_000)}\r\n`,
  'options of Connection': `Connection: ${filled('a,', 60_000)}\r\n`,
  'Connection again and again': filled('Connection: a\r\n', 60_000),
  'options of Upgrade': `Upgrade: ${filled('a,', 60_000)}\r\n`,
  'Upgrade again and again': filled('Upgrade: a\r\n', 60_000),
  'parameters of Keep-Alive': `Keep-Alive: ${filled(', timeout ', 60_000)}\r\n`,
  'Keep-Alive again and again': filled('Keep-Alive: ,  timeout\r\n', 60_000),
};

describe('reads a head of 64 KiB in at most 10 ms', () => {
  for (const [name, fields] of Object.entries(costly)) {
    test(name, () => {
      assert.ok(cpuMsOf(`${start}${fields}\r\n`) < maxPushMs);
    });
  }
});

test('checks a 101 against a list of 64 KiB in at most 10 ms', () => {
  const text = `HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: ${filled('echo,', 60_000)}\r\n\r\n`;
  assert.ok(cpuMsOf(text, undefined, { method: 'GET', offeredProtocols: 'echo' }) < maxPushMs);
});

test('reads interim responses of 64 KiB in at most 10 ms', () => {
  assert.ok(cpuMsOf('HTTP/1.1 103 E\r\n\r\n'.repeat(1_024)) < maxPushMs);
});

describe('byte by byte, four times the bytes take less than eight times as long', () => {
  const heads = (bytes: number): string => `${start}${filled('X-Field: value\r\n', bytes)}`;
  const bodies = (bytes: number): string => chunkedHead + filled('5\r\nhello\r\n', bytes);
  const trailers = (bytes: number): string => `${chunkedHead}0\r\n${filled('X-Field: value\r\n', bytes)}`;
  for (const [name, text] of Object.entries({ heads, bodies, trailers })) {
    test(name, () => {
      const small = cpuMsOf(text(15_000), 1);
      const large = cpuMsOf(text(60_000), 1);
      assert.ok(large < 8 * Math.max(small, 0.5), `${small} ms, then ${large} ms`);
    });
  }
});
