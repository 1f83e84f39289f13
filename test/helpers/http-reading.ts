// Reads one response with the response reader and records everything that it reports, in a
// comparable form.
import { ResponseError, type CutPoint, type ResponseErrorCode } from '../../src/http-client/malformed-response.ts';
import { ResponseReader } from '../../src/http-client/response-reader.ts';
import type { ExpectedResponse, ResponseHead } from '../../src/http-client/response.ts';

export interface Reading {
  /** complete: the whole response was read; its end may be the end of the connection. */
  outcome: 'complete' | 'upgrade' | ResponseErrorCode;
  cutPoint: CutPoint | undefined;
  readonly informational: ResponseHead[];
  head: ResponseHead | undefined;
  body: Buffer;
  /** Number of data() calls. */
  pieces: number;
  trailers: readonly string[];
  /** True: bytes follow the response. */
  excess: boolean;
  /** Bytes after a 101. */
  rest: string;
}

export const get: ExpectedResponse = { method: 'GET', offeredProtocols: '' };

/**
 * Pushes the pieces, then ends. Copies the pieces, because the reader may modify them. `pausing`:
 * each event pauses the reader, which is resumed only after everything was pushed.
 */
export function readResponse(pieces: readonly Buffer[], expected: ExpectedResponse = get, pausing = false): Reading {
  const pause = (): void => {
    if (pausing) reader.pause();
  };
  const body: Buffer[] = [];
  const reading: Reading = {
    outcome: 'cut',
    cutPoint: undefined,
    informational: [],
    head: undefined,
    body: Buffer.alloc(0),
    pieces: 0,
    trailers: [],
    excess: false,
    rest: '',
  };
  const reader: ResponseReader = new ResponseReader({
    informational: (head) => {
      reading.informational.push(head);
      pause();
    },
    head: (head) => {
      reading.head = head;
      pause();
    },
    data: (chunk) => {
      reading.pieces += 1;
      body.push(chunk);
      pause();
    },
    end: (trailers) => {
      reading.outcome = 'complete';
      reading.trailers = trailers;
    },
    upgrade: (head) => {
      reading.outcome = 'upgrade';
      reading.head = head;
    },
  });
  reader.expect(expected);
  try {
    for (const piece of pieces) reader.push(Buffer.from(piece));
    reader.end();
    while (pausing && (reader.state === 'head' || reader.state === 'body')) reader.resume();
  } catch (error) {
    if (!(error instanceof ResponseError)) throw error;
    reading.outcome = error.code;
    reading.cutPoint = error.cutPoint;
  }
  reading.body = Buffer.concat(body);
  reading.excess = reader.excess;
  reading.rest = reader.rest().toString('latin1');
  return reading;
}

/** A value that is equal for every split of the same bytes. */
export function comparable(reading: Reading): unknown {
  return { ...reading, pieces: 0, body: reading.body.toString('latin1') };
}

/** Splits at these offsets, in any order; ignores offsets outside the bytes. */
export function splitAt(bytes: Buffer, offsets: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  let from = 0;
  for (const offset of [...offsets, bytes.length].sort((a, b) => a - b)) {
    if (offset <= from || offset > bytes.length) continue;
    pieces.push(bytes.subarray(from, offset));
    from = offset;
  }
  return pieces;
}
