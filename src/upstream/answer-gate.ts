// Owns the look at an app's bytes before a parser gets them, for what parsers let through or can't take: status lines of other
// protocols and versions, statuses that are none, bytes that nobody asked for, floods of interim answers, and a 100, which undici
// takes for the end (all by experiment: test/e2e/bad-answers.test.ts). Reads heads, never bodies; and of those only the line.
import { GatewayError } from '../kernel/errors.ts';

/** resting: no request is under way. awaiting: a head must come. open: the rest is the parser's, or another protocol's. */
type State = 'resting' | 'awaiting' | 'open';

/** Real ones have some tens of bytes. */
const maxStatusLineBytes = 4 * 1024;
/** All interim answers to one request: as much as one head may have. */
const maxInterimBytes = 64 * 1024;
/** What an interim answer costs at least: the shortest of them must not come a thousand times either. */
const leastInterimBytes = 64;

/** RFC 9112 §4: what precedes the minor version. */
const start = Buffer.from('HTTP/1.');
const statusOffset = 'HTTP/1.1 '.length;
const nothing: Buffer = Buffer.alloc(0);
/** What a 100 is to the parser: the registry of statuses has no such one, and if an app uses it, it is told from ours by order. */
const disguise = Buffer.from('199');
const endOfHead = '\r\n\r\n';

export class AnswerGate {
  #state: State = 'resting';
  #maySwitch = false;
  #interimBytes = 0;
  /** The beginning of a head whose line, or for an interim answer whose end, is still to come. */
  #held: Buffer = nothing;
  #silent = true;
  /** Of the interim answers that were admitted and not yet told: whether it is a 100. */
  readonly #interim: boolean[] = [];
  #version: '1.0' | '1.1' = '1.1';

  /** Not a byte has come since the request went out. */
  get silent(): boolean {
    return this.#silent;
  }

  /** No request is under way. */
  get resting(): boolean {
    return this.#state === 'resting';
  }

  /** Of the last answer. */
  get version(): '1.0' | '1.1' {
    return this.#version;
  }

  /** A request goes out. `maySwitch`: it asks for another protocol. */
  await(maySwitch: boolean): void {
    this.#state = 'awaiting';
    this.#maySwitch = maySwitch;
    this.#interimBytes = 0;
    this.#silent = true;
  }

  /** The answer is complete. */
  rest(): void {
    this.#state = 'resting';
  }

  /** What an interim answer is in truth, in the order in which the parser tells of them. */
  interimStatus(parsed: number): number {
    return this.#interim.shift() === true ? 100 : parsed;
  }

  /** What of the bytes the parser may see, perhaps none for now. Throws GatewayError bad_upstream_response. */
  admit(chunk: Buffer): Buffer {
    switch (this.#state) {
      case 'open':
        return chunk;
      case 'awaiting':
        this.#silent = false;
        return this.#heads(this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]));
      case 'resting':
        throw unasked();
    }
  }

  #heads(bytes: Buffer): Buffer {
    this.#held = nothing;
    let at = 0;
    while (at < bytes.length) {
      const status = this.#statusAt(bytes, at);
      if (status === 101 && !this.#maySwitch) throw bad('The app switched to another protocol unasked.');
      if (status === 101 || (status !== undefined && status >= 200)) {
        this.#state = 'open';
        return bytes;
      }
      const end = status === undefined ? -1 : bytes.indexOf(endOfHead, at);
      if (end === -1) {
        this.#hold(bytes.subarray(at));
        return bytes.subarray(0, at);
      }
      const next = end + endOfHead.length;
      this.#countInterim(next - at);
      this.#interim.push(status === 100);
      if (status === 100) disguise.copy(bytes, at + statusOffset);
      at = next;
    }
    return bytes;
  }

  /** Undefined: the line is not complete. */
  #statusAt(bytes: Buffer, at: number): number | undefined {
    const known = Math.min(start.length, bytes.length - at);
    for (let i = 0; i < known; i += 1) {
      if (bytes[at + i] !== start[i]) throw bad('The app answered with something that is not HTTP/1.');
    }
    let end = at + known;
    while (end < bytes.length && isText(bytes[end] ?? 0)) end += 1;
    if (end - at > maxStatusLineBytes) throw bad('The status line of the answer is too long.');
    if (end === bytes.length || (end + 1 === bytes.length && bytes[end] === 0x0d)) return undefined;
    const status = statusOf(bytes, at + start.length, end);
    if (status === undefined || bytes[end] !== 0x0d || bytes[end + 1] !== 0x0a) {
      throw bad('The status line of the answer is malformed.');
    }
    this.#version = bytes[at + start.length] === 0x30 ? '1.0' : '1.1';
    return status;
  }

  #hold(bytes: Buffer): void {
    if (bytes.length > maxInterimBytes) throw bad('An interim answer is too large.');
    this.#held = bytes;
  }

  #countInterim(bytes: number): void {
    this.#interimBytes += Math.max(bytes, leastInterimBytes);
    if (this.#interimBytes > maxInterimBytes) throw bad('The app sent too many interim answers.');
  }
}

/**
 * Of what follows `HTTP/1.`: minor version, status, reason. Undefined: it is none. RFC 9110 §15: statuses are 100 to 599; what else
 * some servers use among themselves is invalid, and HTTP/2 could not carry it. The space before an empty reason is often left out.
 * By bytes, and not by an expression: every answer passes here.
 */
function statusOf(bytes: Buffer, from: number, to: number): number | undefined {
  if (to - from < 5 || (bytes[from] !== 0x30 && bytes[from] !== 0x31) || bytes[from + 1] !== 0x20) return undefined;
  if (to - from > 5 && bytes[from + 5] !== 0x20) return undefined;
  let status = 0;
  for (let i = from + 2; i < from + 5; i += 1) {
    const digit = (bytes[i] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    status = status * 10 + digit;
  }
  return status >= 100 && status <= 599 ? status : undefined;
}

/** RFC 9112 §4: HTAB, SP, visible characters and bytes beyond ASCII. */
function isText(byte: number): boolean {
  return (byte >= 0x20 && byte !== 0x7f) || byte === 0x09;
}

export function unasked(): GatewayError {
  return bad('The app sent something that nobody had asked for.');
}

function bad(detail: string): GatewayError {
  return new GatewayError('bad_upstream_response', detail);
}
