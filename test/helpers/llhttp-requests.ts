// Strict llhttp as the oracle of the request reader. Stops after the first request.
import { LlhttpEngine, paused, pausedForUpgrade } from './llhttp-engine.ts';

export interface OracleRequest {
  outcome: 'complete' | 'refused' | 'incomplete';
  /** The name of llhttp's error, such as HPE_INVALID_CHUNK_SIZE. */
  error: string;
  target: string;
  version: string;
  headers: readonly string[];
  body: string;
  trailers: readonly string[];
  /** Index after the request; for a rejected one, the index of the rejected byte. */
  endsAt: number;
  keepAlive: boolean;
}

let current: OracleRequest = emptyReading();
let heads = 0;

const engine = new LlhttpEngine({
  type: 'request',
  url: (text) => {
    current.target += text;
  },
  headersComplete: ({ version, keepAlive, fields }) => {
    current.version = version;
    current.headers = fields;
    current.keepAlive = keepAlive;
    heads += 1;
    return 0;
  },
  body: (text) => {
    current.body += text;
  },
  messageComplete: (trailers) => {
    current.trailers = trailers;
    current.outcome = 'complete';
    return paused;
  },
});

/** At most 4 MiB. */
export function oracleRequest(bytes: Buffer): OracleRequest {
  current = emptyReading();
  heads = 0;
  const { result, error, stoppedAt } = engine.run(bytes);
  current.endsAt = stoppedAt;
  if (result !== 0 && result !== paused && !(result === pausedForUpgrade && heads > 0)) {
    current.outcome = 'refused';
    current.error = error;
  }
  return current;
}

function emptyReading(): OracleRequest {
  return {
    outcome: 'incomplete',
    error: '',
    target: '',
    version: '',
    headers: [],
    body: '',
    trailers: [],
    endsAt: 0,
    keepAlive: false,
  };
}
