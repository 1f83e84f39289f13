// Compares the response reader with strict llhttp on the same bytes, and lists where the reader is
// intentionally stricter.
import type { ExpectedResponse } from '../../src/http-client/response.ts';
import { readResponse, type Reading } from '../helpers/http-reading.ts';
import { oracleReading, type OracleHead, type OracleReading } from '../helpers/llhttp.ts';

/** Both readings of the same bytes. */
export interface Compared {
  readonly text: string;
  readonly ours: Reading;
  readonly theirs: OracleReading;
}

export interface Difference {
  readonly name: string;
  readonly source: string;
  /** A response that llhttp accepts and the reader rejects or reads differently. */
  readonly example: string;
  readonly applies: (compared: Compared) => boolean;
}

const chunkedHead = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

const token = "[\\w!#$%&'*+.^`|~-]+";
/** RFC 9112 §7.1.1, without whitespace. */
const extendedChunkLine = new RegExp(`^[0-9a-f]+(?:;${token}(?:=(?:${token}|"(?:[^"\\\\]|\\\\.)*"))?)*\\r$`, 'i');

export const differences: readonly Difference[] = [
  {
    name: 'an empty line before the status line',
    source: 'RFC 9112 §2.2: only servers ignore one',
    example: '\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    applies: ({ ours, text }) => ours.outcome === 'not_http' && /(?:^|\r\n\r\n)[\r\n]/.test(text),
  },
  {
    name: 'versions other than 1.0 and 1.1',
    source: 'RFC 9112 §2.3',
    example: 'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n',
    applies: ({ ours, text }) => ours.outcome === 'not_http' && /(?:^|\r\n\r\n)HTTP\/(?:[02-9]|1\.[2-9])/.test(text),
  },
  {
    name: 'statuses below 100 and above 599',
    source: 'RFC 9110 §15',
    example: 'HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n',
    applies: ({ ours, text }) => ours.outcome === 'bad_status_line' && /(?:^|\r\n\r\n)HTTP\/1\.[01] [06-9]/.test(text),
  },
  {
    name: 'control characters in the reason phrase',
    source: 'RFC 9112 §4',
    example: 'HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n',
    applies: ({ ours, text }) =>
      ours.outcome === 'bad_status_line' &&
      // eslint-disable-next-line no-control-regex -- they are what is looked for
      /(?:^|\r\n\r\n)HTTP\/1\.[01] \d{3}(?: [^\r\n]*(?:[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n))|\r(?!\n))/.test(text),
  },
  {
    name: 'transfer codings other than one `chunked`, and any in HTTP/1.0',
    source: 'RFC 9112 §6.1',
    example: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    applies: ({ ours, theirs }) =>
      ours.outcome === 'bad_framing' &&
      heads(theirs).some((head) => {
        const codings = valuesOf(head, 'transfer-encoding');
        if (codings.length === 0) return false;
        return head.version === '1.0' || codings.length > 1 || codings[0]?.toLowerCase() !== 'chunked';
      }),
  },
  {
    name: 'lengths of more than 16 digits or 2^53 - 1',
    source: 'RFC 9110 §8.6: a recipient must prevent errors due to integer overflow',
    example: 'HTTP/1.1 200 OK\r\nContent-Length: 00000000000000000\r\n\r\n',
    applies: ({ ours, theirs }) =>
      ours.outcome === 'bad_framing' &&
      heads(theirs).some((head) =>
        valuesOf(head, 'content-length').some((value) => value.length > 16 || !Number.isSafeInteger(Number(value))),
      ),
  },
  {
    name: 'chunk sizes of more than 16 digits or 2^53 - 1',
    source: 'RFC 9112 §7.1: a recipient must prevent errors due to integer overflow',
    example: `${chunkedHead}${'0'.repeat(17)}\r\n\r\n`,
    applies: ({ ours, text }) =>
      ours.outcome === 'bad_chunk' && /\n(?:[0-9a-f]{17}|0*[2-9a-f][0-9a-f]{13}|0*[1-9a-f][0-9a-f]{14})/i.test(text),
  },
  {
    name: 'chunk extensions without a name, or with anything but a token or one quoted string after "="',
    source: 'RFC 9112 §7.1.1',
    example: `${chunkedHead}2;a=\r\nok\r\n0\r\n\r\n`,
    applies: ({ ours, text }) =>
      ours.outcome === 'bad_chunk' &&
      text.split('\n').some((line) => /^[0-9a-f]+;/i.test(line) && !extendedChunkLine.test(line)),
  },
  {
    name: 'a switch to a protocol that was not offered, or that Connection does not name',
    source: 'RFC 9110 §7.8',
    example: 'HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n',
    applies: ({ ours, theirs }) => ours.outcome === 'unoffered_upgrade' && theirs.head?.status === 101,
  },
  {
    name: 'HTAB after a transfer coding, which llhttp treats as part of its name',
    source: 'RFC 9112 §5: it is whitespace, but two readers read it differently',
    example: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\t\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
    applies: ({ ours, text }) =>
      ours.outcome === 'bad_framing' &&
      text
        .split('\r\n')
        .some((line) => /^transfer-encoding:/i.test(line) && line.slice(line.trimEnd().length).includes('\t')),
  },
  {
    name: 'interim responses that end the connection or are HTTP/1.0',
    source: 'RFC 9112 §9.6, RFC 9110 §15.2: HTTP/1.0 has none',
    example: 'HTTP/1.0 103 X\r\nConnection: keep-alive\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    applies: ({ ours, theirs }) =>
      ours.outcome === 'bad_informational' &&
      (theirs.outcome === 'incomplete' || theirs.informational.some(({ version }) => version === '1.0')),
  },
  {
    name: 'interim responses that end the connection, with HTAB after `close`',
    source: 'RFC 9112 §5, §9.6; to llhttp the tab is a part of the option',
    example: 'HTTP/1.1 103 X\r\nConnection: close\t\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    applies: ({ ours, theirs }) =>
      ours.outcome === 'bad_informational' &&
      theirs.informational.some((head) =>
        [...valuesOf(head, 'connection'), ...valuesOf(head, 'proxy-connection')].some((value) =>
          /(?:^|,)\s*close\s*(?:,|$)/i.test(value),
        ),
      ),
  },
  {
    name: 'HTAB after `keep-alive` in HTTP/1.0, which llhttp treats as part of the option',
    source: 'RFC 9112 §5, §9.3',
    example: 'HTTP/1.0 200 OK\r\nConnection: keep-alive\t\r\nContent-Length: 0\r\n\r\n',
    applies: ({ ours, theirs, text }) =>
      ours.head?.persistent === true &&
      theirs.head?.version === '1.0' &&
      !theirs.keepAlive &&
      /keep-alive *\t/i.test(text),
  },
  {
    name: 'a 205 has no content; bytes after it are excess',
    source: 'RFC 9110 §15.3.6',
    example: 'HTTP/1.1 205 X\r\nContent-Length: 2\r\n\r\nok',
    applies: ({ ours }) => ours.outcome === 'complete' && ours.head?.status === 205,
  },
];

/**
 * Undefined: both read the same. Otherwise the listed difference, or a description of an unlisted
 * one.
 */
export function differenceOf(bytes: Buffer, expected: ExpectedResponse): Difference | string | undefined {
  const ours = readResponse([bytes], expected);
  const theirs = oracleReading(bytes, expected.method);
  const fault = disagreement(ours, theirs, bytes, expected.method === 'HEAD');
  if (fault === undefined) return undefined;
  const compared = { text: bytes.toString('latin1'), ours, theirs };
  return differences.find(({ applies }) => applies(compared)) ?? fault;
}

const framingErrors: ReadonlySet<string> = new Set([
  'HPE_INVALID_CONTENT_LENGTH',
  'HPE_UNEXPECTED_CONTENT_LENGTH',
  'HPE_INVALID_TRANSFER_ENCODING',
]);

function disagreement(ours: Reading, theirs: OracleReading, bytes: Buffer, isHead: boolean): string | undefined {
  const isSwitch = ours.outcome === 'upgrade';
  // The reader checks framing fields once, at the end of their section.
  if ((ours.cutPoint === 'head' || ours.cutPoint === 'trailers') && framingErrors.has(theirs.error)) return undefined;
  if (ours.outcome === 'cut')
    return theirs.outcome === 'incomplete' ? undefined : `ours waits, llhttp ${describe(theirs)}`;
  if (ours.outcome !== 'complete' && !isSwitch) {
    if (theirs.outcome === 'refused') return undefined;
    return `ours ${ours.outcome}, llhttp ${describe(theirs)}`;
  }
  if (theirs.outcome !== 'complete') return `ours ${ours.outcome}, llhttp ${describe(theirs)}`;
  if (ours.informational.length !== theirs.informational.length) return 'the number of interim responses';
  for (const [i, head] of ours.informational.entries())
    if (!isSame(head, theirs.informational[i])) return 'an interim head';
  if (!isSame(ours.head, theirs.head)) return 'the head';
  if (ours.body.toString('latin1') !== theirs.body) return 'the body';
  if (ours.trailers.join('\r\n') !== theirs.trailers.join('\r\n')) return 'the trailers';
  const behind = bytes.length - theirs.endsAt;
  if (isSwitch ? ours.rest.length !== behind : ours.excess !== behind > 0) return 'where the message ends';
  if (ours.head?.persistent === true && !theirs.keepAlive && !isHead) {
    return 'whether the connection persists';
  }
  return undefined;
}

function describe({ outcome, error }: OracleReading): string {
  return error === '' ? outcome : `${outcome} ${error}`;
}

function isSame(ours: Reading['head'], theirs: OracleHead | undefined): boolean {
  if (ours === undefined || theirs === undefined) return false;
  return (
    ours.status === theirs.status &&
    ours.version === theirs.version &&
    ours.headers.join('\r\n') === theirs.headers.join('\r\n')
  );
}

function heads(theirs: OracleReading): OracleHead[] {
  return theirs.head === undefined ? theirs.informational : [...theirs.informational, theirs.head];
}

function valuesOf(head: OracleHead | undefined, wanted: string): string[] {
  return (head?.headers ?? []).filter((_, i, all) => i % 2 === 1 && all[i - 1]?.toLowerCase() === wanted);
}
