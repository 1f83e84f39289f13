// Strict llhttp as the oracle of the response reader, called as undici calls it: no body for HEAD
// and 1xx. Stops after the first final response.
import { LlhttpEngine, paused } from './llhttp-engine.ts';

export interface OracleHead {
  readonly status: number;
  readonly version: string;
  readonly headers: string[];
}

export interface OracleReading {
  outcome: 'complete' | 'refused' | 'incomplete';
  /** The name of llhttp's error, such as HPE_INVALID_CHUNK_SIZE. */
  error: string;
  readonly informational: OracleHead[];
  head: OracleHead | undefined;
  body: string;
  readonly trailers: string[];
  /** Index after the response; for a rejected one, the index of the rejected byte. */
  endsAt: number;
  keepAlive: boolean;
}

/** The return value of on_headers_complete for a response without a body. */
const skipBody = 1;

let current: OracleReading = emptyReading();
let method = 'GET';
let isInterim = false;

const engine = new LlhttpEngine({
  type: 'response',
  url: () => undefined,
  headersComplete: ({ status, version, keepAlive, fields: headers }) => {
    const head = { status, version, headers };
    isInterim = status < 200 && status !== 101;
    if (isInterim) current.informational.push(head);
    else {
      current.head = head;
      current.keepAlive = keepAlive;
    }
    return method === 'HEAD' || status < 200 ? skipBody : 0;
  },
  body: (text) => {
    current.body += text;
  },
  messageComplete: (trailers) => {
    if (isInterim) return 0;
    current.trailers.push(...trailers);
    current.outcome = 'complete';
    return paused;
  },
});

/** At most 4 MiB. */
export function oracleReading(bytes: Buffer, requestMethod: string): OracleReading {
  current = emptyReading();
  method = requestMethod;
  isInterim = false;
  const { result, error, stoppedAt, finish } = engine.run(bytes);
  current.endsAt = finish === paused ? bytes.length : stoppedAt;
  if (result !== 0 && result !== paused) {
    current.outcome = 'refused';
    current.error = error;
  }
  return current;
}

function emptyReading(): OracleReading {
  return {
    outcome: 'incomplete',
    error: '',
    informational: [],
    head: undefined,
    body: '',
    trailers: [],
    endsAt: 0,
    keepAlive: false,
  };
}
