// Compares the request reader of `expose` with strict llhttp on the same bytes, and lists the
// intended differences.
import { oracleRequest, type OracleRequest } from '../helpers/llhttp-requests.ts';
import { readRequest, type RequestReading } from '../helpers/request-reading.ts';

/** Both readings of the same bytes. */
interface Compared {
  readonly text: string;
  readonly ours: RequestReading;
  readonly theirs: OracleRequest;
}

export interface RequestDifference {
  readonly name: string;
  readonly source: string;
  readonly example: string;
  readonly applies: (compared: Compared) => boolean;
}

const host = 'Host: x\r\n\r\n';

export const requestDifferences: readonly RequestDifference[] = [
  {
    name: 'methods unknown to llhttp',
    source: 'RFC 9110 §9.1: any token; the app decides',
    example: `FROBNICATE / HTTP/1.1\r\n${host}`,
    applies: ({ ours, theirs }) => ours.outcome !== 'refused' && theirs.error === 'HPE_INVALID_METHOD',
  },
  {
    name: 'non-ASCII bytes in a target',
    source: 'clients send UTF-8 there; apps read it',
    example: `GET /\xe9 HTTP/1.1\r\n${host}`,
    applies: ({ ours, theirs, text }) =>
      ours.outcome !== 'refused' && theirs.error === 'HPE_INVALID_URL' && /^[^\n]*[\x80-\xff]/.test(text.trimStart()),
  },
  {
    name: 'HTAB around `keep-alive` of HTTP/1.0, which llhttp treats as part of the option',
    source: 'RFC 9110 §5.6.3: it is whitespace',
    example: `GET / HTTP/1.0\r\nConnection: keep-alive\t\r\n${host}`,
    applies: ({ ours, text }) =>
      ours.outcome === 'complete' &&
      ours.head?.version === '1.0' &&
      text.split('\r\n').some((line) => /^(?:proxy-)?connection:/i.test(line) && line.includes('\t')),
  },
];

/**
 * Undefined: both read the same, or the reader is stricter. Otherwise a listed difference, or the
 * description of an unlisted one.
 */
export function requestDifferenceOf(bytes: Buffer): RequestDifference | string | undefined {
  const ours = readRequest([bytes]);
  const theirs = oracleRequest(bytes);
  const fault = disagreement(ours, theirs, bytes);
  if (fault === undefined) return undefined;
  const compared = { text: bytes.toString('latin1'), ours, theirs };
  return requestDifferences.find(({ applies }) => applies(compared)) ?? fault;
}

function disagreement(ours: RequestReading, theirs: OracleRequest, bytes: Buffer): string | undefined {
  if (ours.outcome === 'refused') return undefined;
  if (ours.outcome === 'incomplete') {
    return theirs.outcome === 'complete' ? 'ours waits, llhttp complete' : undefined;
  }
  const { head } = ours;
  if (theirs.outcome !== 'complete') return `ours complete, llhttp ${theirs.outcome} ${theirs.error}`;
  if (head === undefined) return 'no head';
  if (head.target !== theirs.target) return 'the target';
  if (head.version !== theirs.version) return 'the version';
  if (head.headers.join('\r\n') !== theirs.headers.join('\r\n')) return 'the headers';
  if (ours.body !== theirs.body) return 'the body';
  if (ours.trailers.join('\r\n') !== theirs.trailers.join('\r\n')) return 'the trailers';
  if (ours.rest.length !== bytes.length - theirs.endsAt) return 'where the request ends';
  if (head.persistent && !theirs.keepAlive) return 'whether the connection persists';
  return undefined;
}
