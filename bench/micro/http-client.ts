// Compares the CPU time of reading a response with llhttp (undici's WebAssembly build, with the
// callbacks of the tests): best of several rounds.
// Run: node bench/micro/http-client.ts
import { ResponseReader } from '../../src/http-client/response-reader.ts';
import { get } from '../../test/helpers/http-reading.ts';
import { oracleReading } from '../../test/helpers/llhttp.ts';
import { microseconds, row } from './cost.ts';

const crlf = '\r\n';
const usualFields = [
  'Content-Type: application/json; charset=utf-8',
  'Date: Sun, 29 Nov 2026 19:00:00 GMT',
  'Cache-Control: no-store',
  'ETag: "5d8c72a5edda8"',
  'Connection: keep-alive',
  'Keep-Alive: timeout=5',
];
const manyFields = [...usualFields, ...Array.from({ length: 14 }, (_, i) => `X-Field-${i}: ${'value '.repeat(8)}`)];

let pieces = 0;
let responses = 0;
const reader = new ResponseReader({
  informational: () => undefined,
  head: () => undefined,
  data: () => {
    pieces += 1;
  },
  end: () => {
    responses += 1;
  },
  upgrade: () => undefined,
});

function withLength(fields: readonly string[], bytes: number): Buffer {
  const head = ['HTTP/1.1 200 OK', ...fields, `Content-Length: ${bytes}`].join(crlf);
  return Buffer.from(`${head}${crlf}${crlf}${'x'.repeat(bytes)}`, 'latin1');
}

function chunkedWith(chunks: number, bytes: number): Buffer {
  const chunk = `${bytes.toString(16)}${crlf}${'x'.repeat(bytes)}${crlf}`;
  const head = ['HTTP/1.1 200 OK', ...usualFields, 'Transfer-Encoding: chunked'].join(crlf);
  return Buffer.from(`${head}${crlf}${crlf}${chunk.repeat(chunks)}0${crlf}${crlf}`, 'latin1');
}

/**
 * The reader modifies chunked buffers in place, so they are copied for each round; the cost shown
 * includes that copy.
 */
function measure(name: string, bytes: Buffer, perRound: number, pieceBytes = bytes.length, copied = false): void {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) parts.push(bytes.subarray(at, at + pieceBytes));
  pieces = 0;
  responses = 0;
  const ours = microseconds(() => {
    reader.expect(get);
    for (const part of parts) reader.push(copied ? Buffer.from(part) : part);
  }, perRound);
  const calling = Math.round((10 * pieces) / responses) / 10;
  const theirs = pieceBytes === bytes.length ? microseconds(() => oracleReading(bytes, 'GET'), perRound) : undefined;
  const beside = theirs === undefined ? '' : `, llhttp ${theirs.toFixed(2)} us`;
  row(`${name}${beside}, ${calling} data calls`, ours);
}

const small = withLength(usualFields, 60);
measure(`response of ${small.length} B`, small, 50_000);
const large = withLength(manyFields, 100);
measure(`response of ${large.length} B, 20 fields`, large, 20_000);
measure(`response of ${small.length} B, byte by byte`, small, 5_000, 1);
measure('64 KiB by length', withLength(usualFields, 65_536), 20_000);
measure('64 KiB in chunks of 16 KiB', chunkedWith(4, 16_384), 5_000, undefined, true);
measure('64 KiB in chunks of 1 KiB', chunkedWith(64, 1_024), 2_000, undefined, true);
measure('1 MiB in chunks of one byte', chunkedWith(174_000, 1), 5, undefined, true);
measure(
  'head of 16,000 fields',
  withLength(
    Array.from({ length: 16_000 }, () => 'a:'),
    0,
  ),
  50,
);
