// Reads one request, split into any pieces, with the request reader and returns one comparable
// value.
import { RequestReader } from '../../src/expose/request/request-reader.ts';
import type { TunnelRequestHead } from '../../src/expose/request/check-request-head.ts';
import { GatewayError } from '../../src/kernel/errors/gateway-error.ts';
import type { RawHeaders } from '../../src/kernel/http/http.ts';

export interface RequestReading {
  /** refused: see `code`. */
  outcome: 'complete' | 'refused' | 'incomplete';
  code: string;
  head: TunnelRequestHead | undefined;
  body: string;
  trailers: RawHeaders;
  /** Bytes after the request. */
  rest: string;
}

export function readRequest(pieces: readonly Buffer[]): RequestReading {
  const reading: RequestReading = {
    outcome: 'incomplete',
    code: '',
    head: undefined,
    body: '',
    trailers: [],
    rest: '',
  };
  const reader = new RequestReader({
    head: (head) => {
      reading.head = head;
    },
    data: (chunk) => {
      reading.body += chunk.toString('latin1');
    },
    end: (trailers) => {
      reading.outcome = 'complete';
      reading.trailers = trailers;
    },
  });
  try {
    // Copied, because the reader owns its input and moves the data of small chunks within it.
    for (const piece of pieces) reader.push(Buffer.from(piece));
    if (reading.outcome === 'complete') reading.rest = reader.rest().toString('latin1');
  } catch (error) {
    reading.outcome = 'refused';
    reading.code = error instanceof GatewayError ? error.code : String(error);
  }
  return reading;
}
