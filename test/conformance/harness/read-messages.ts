// Parses HTTP/1.1 for both ends of a row, exactly as RFC 9112 defines it, so that only well-formed
// messages pass. Deliberately independent of the gateway's parsers.

export interface Message {
  /** The request line or status line. */
  readonly start: string;
  /** `Name: value`, as received. */
  readonly headers: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
  readonly framing: 'none' | 'length' | 'chunked' | 'close';
  readonly whole: boolean;
}

export interface Reading {
  readonly messages: readonly Message[];
  /** Bytes after the messages, or an incomplete head. */
  readonly rest: string;
  /** Why the rest is not a valid message. */
  readonly fault: string | undefined;
}

export interface ReadOptions {
  readonly kind: 'request' | 'response';
  /** True: no more bytes will arrive. */
  readonly ended: boolean;
  /** For responses: the methods of their requests, in order. */
  readonly methods?: readonly string[];
}

const headerLine = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\0\r\n]*$/;
const requestLine = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [!-~\x80-\xff]+ HTTP\/1\.[01]$/;
const statusLine = /^HTTP\/1\.1 [1-5][0-9]{2} [\t\x20-\x7e\x80-\xff]*$/;

export function readMessages(text: string, options: ReadOptions): Reading {
  const messages: Message[] = [];
  const methods = [...(options.methods ?? [])];
  let rest = text;
  try {
    for (;;) {
      const headEnd = rest.indexOf('\r\n\r\n');
      if (headEnd === -1) return { messages, rest, fault: undefined };
      const [start = '', ...headers] = rest.slice(0, headEnd).split('\r\n');
      checkHead(start, headers, options.kind);
      const after = rest.slice(headEnd + 4);
      if (options.kind === 'response' && start.startsWith('HTTP/1.1 101')) {
        messages.push({ start, headers, body: '', trailers: [], framing: 'none', whole: true });
        return { messages, rest: after, fault: undefined };
      }
      const interim = options.kind === 'response' && start.startsWith('HTTP/1.1 1');
      const method = interim ? '' : (methods.shift() ?? 'GET');
      const { message, left } = readBody(start, headers, after, options, method);
      messages.push(message);
      rest = left;
      if (!message.whole) return { messages, rest, fault: undefined };
    }
  } catch (error) {
    return { messages, rest, fault: error instanceof Error ? error.message : String(error) };
  }
}

/** The values of a header, in order. */
export function valuesOf(headers: readonly string[], name: string): string[] {
  const lower = name.toLowerCase();
  return headers.filter((line) => nameOf(line) === lower).map((line) => line.slice(line.indexOf(':') + 1).trim());
}

/** The header name in lower case. */
export function nameOf(line: string): string {
  return line.slice(0, line.indexOf(':')).toLowerCase();
}

function checkHead(start: string, headers: readonly string[], kind: ReadOptions['kind']): void {
  if (!(kind === 'request' ? requestLine : statusLine).test(start)) throw new Error(`no ${kind} line: ${start}`);
  for (const line of headers) if (!headerLine.test(line)) throw new Error(`no header line: ${line}`);
}

interface Framed {
  readonly message: Message;
  readonly left: string;
}

function readBody(
  start: string,
  headers: readonly string[],
  after: string,
  { kind, ended }: ReadOptions,
  method: string,
): Framed {
  const lengths = valuesOf(headers, 'content-length');
  const codings = valuesOf(headers, 'transfer-encoding');
  if (lengths.length > 1 || codings.length > 1) throw new Error('framed more than once');
  if (lengths.length + codings.length > 1) throw new Error('both Content-Length and Transfer-Encoding');
  const base = { start, headers, trailers: [] };
  const status = kind === 'response' ? start.slice(9, 12) : '';
  if (status.startsWith('1') || status === '204' || status === '304' || (kind === 'response' && method === 'HEAD')) {
    return { message: { ...base, body: '', framing: 'none', whole: true }, left: after };
  }
  if (codings.length === 1) {
    if (codings[0] !== 'chunked') throw new Error(`transfer coding ${codings[0] ?? ''}`);
    const { body, trailers, left } = readChunks(after);
    const whole = left !== undefined;
    return { message: { ...base, body, trailers, framing: 'chunked', whole }, left: left ?? '' };
  }
  if (lengths.length === 1) {
    const length = lengths[0] ?? '';
    if (!/^[0-9]{1,15}$/.test(length)) throw new Error(`length ${length}`);
    const body = after.slice(0, Number(length));
    const whole = body.length === Number(length);
    return { message: { ...base, body, framing: 'length', whole }, left: after.slice(Number(length)) };
  }
  if (kind === 'request') return { message: { ...base, body: '', framing: 'none', whole: true }, left: after };
  return { message: { ...base, body: after, framing: 'close', whole: ended }, left: '' };
}

/** `left` is undefined until the last chunk and the trailers are complete. */
function readChunks(text: string): { body: string; trailers: string[]; left: string | undefined } {
  let body = '';
  let rest = text;
  for (;;) {
    const lineEnd = rest.indexOf('\r\n');
    if (lineEnd === -1) return { body, trailers: [], left: undefined };
    const line = rest.slice(0, lineEnd);
    if (!/^[0-9A-Fa-f]{1,12}$/.test(line)) throw new Error(`chunk size ${line}`);
    const size = Number.parseInt(line, 16);
    rest = rest.slice(lineEnd + 2);
    if (size === 0) return { body, ...readTrailers(rest) };
    body += rest.slice(0, size);
    if (rest.length < size + 2) return { body, trailers: [], left: undefined };
    if (rest.slice(size, size + 2) !== '\r\n') throw new Error('no CRLF after a chunk');
    rest = rest.slice(size + 2);
  }
}

function readTrailers(text: string): { trailers: string[]; left: string | undefined } {
  if (text.startsWith('\r\n')) return { trailers: [], left: text.slice(2) };
  const blockEnd = text.indexOf('\r\n\r\n');
  if (blockEnd === -1) return { trailers: [], left: undefined };
  const trailers = text.slice(0, blockEnd).split('\r\n');
  for (const line of trailers) if (!headerLine.test(line)) throw new Error(`no trailer line: ${line}`);
  return { trailers, left: text.slice(blockEnd + 4) };
}
