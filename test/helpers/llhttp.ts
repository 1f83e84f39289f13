// llhttp as the oracle of the response reader: the WebAssembly build that comes with undici, strict (no lenient flag is ever set),
// asked as undici asks it: no body for HEAD and 1xx. Stops behind the first final response.
import { createRequire } from 'node:module';
import { trimOws } from '../../src/kernel/ows.ts';

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
  /** Index behind the response; for a refused one, of the byte that was refused. */
  endsAt: number;
  keepAlive: boolean;
}

/** As far as it is used here; the types of WebAssembly belong to the DOM library. */
declare const WebAssembly: {
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  _initialize(): void;
  malloc(bytes: number): number;
  llhttp_alloc(type: number): number;
  llhttp_free(parser: number): void;
  llhttp_execute(parser: number, data: number, bytes: number): number;
  llhttp_finish(parser: number): number;
  llhttp_get_error_pos(parser: number): number;
  llhttp_errno_name(error: number): number;
  llhttp_get_http_major(parser: number): number;
  llhttp_get_http_minor(parser: number): number;
  llhttp_should_keep_alive(parser: number): number;
}

const responseType = 2;
/** Of llhttp_errno. */
const paused = 21;
/** What on_headers_complete returns for a response that has no body. */
const skipBody = 1;

const require = createRequire(import.meta.url);
const code = require('undici/lib/llhttp/llhttp_simd-wasm.js') as Buffer<ArrayBuffer>;

let current: OracleReading = emptyReading();
let method = 'GET';
let fields: string[] = [];
/** The last callback was one for a field's value: the next name begins a new field. */
let inValue = true;
let isInterim = false;

const env = {
  wasm_on_url: () => 0,
  wasm_on_status: () => 0,
  wasm_on_message_begin: () => {
    fields = [];
    inValue = true;
    return 0;
  },
  wasm_on_header_field: (_: number, at: number, bytes: number) => {
    const text = textAt(at, bytes);
    if (inValue) fields.push(text, '');
    else fields[fields.length - 2] = `${fields.at(-2) ?? ''}${text}`;
    inValue = false;
    return 0;
  },
  wasm_on_header_value: (_: number, at: number, bytes: number) => {
    fields[fields.length - 1] = `${fields.at(-1) ?? ''}${textAt(at, bytes)}`;
    inValue = true;
    return 0;
  },
  wasm_on_headers_complete: (parser: number, status: number, _upgrade: number, keepAlive: number) => {
    const version = `${llhttp.llhttp_get_http_major(parser)}.${llhttp.llhttp_get_http_minor(parser)}`;
    const head = { status, version, headers: trimmed(fields) };
    fields = [];
    inValue = true;
    isInterim = status < 200 && status !== 101;
    if (isInterim) current.informational.push(head);
    else {
      current.head = head;
      current.keepAlive = keepAlive !== 0;
    }
    return method === 'HEAD' || status < 200 ? skipBody : 0;
  },
  wasm_on_body: (_: number, at: number, bytes: number) => {
    current.body += textAt(at, bytes);
    return 0;
  },
  wasm_on_message_complete: () => {
    if (isInterim) return 0;
    current.trailers.push(...trimmed(fields));
    current.outcome = 'complete';
    return paused;
  },
};

const llhttp = new WebAssembly.Instance(new WebAssembly.Module(code), { env }).exports as Exports;
llhttp._initialize();
const bufferBytes = 4 * 1024 * 1024;
const bufferAt = llhttp.malloc(bufferBytes);

/** At most 4 MiB. */
export function oracleReading(bytes: Buffer, requestMethod: string): OracleReading {
  current = emptyReading();
  method = requestMethod;
  isInterim = false;
  const parser = llhttp.llhttp_alloc(responseType);
  try {
    new Uint8Array(llhttp.memory.buffer, bufferAt, bufferBytes).set(bytes);
    const result = llhttp.llhttp_execute(parser, bufferAt, bytes.length);
    if (result !== 0) current.endsAt = llhttp.llhttp_get_error_pos(parser) - bufferAt;
    if (result !== 0 && result !== paused) {
      current.outcome = 'refused';
      current.error = nameOf(result);
    } else if (result === 0 && llhttp.llhttp_finish(parser) === paused) current.endsAt = bytes.length;
    return current;
  } finally {
    llhttp.llhttp_free(parser);
  }
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

function textAt(at: number, bytes: number): string {
  return Buffer.from(llhttp.memory.buffer, at, bytes).toString('latin1');
}

/** llhttp leaves whitespace behind a value to its callers. */
function trimmed(raw: readonly string[]): string[] {
  return raw.map((text, i) => (i % 2 === 0 ? text : trimOws(text)));
}

function nameOf(error: number): string {
  const bytes = new Uint8Array(llhttp.memory.buffer);
  const at = llhttp.llhttp_errno_name(error);
  return textAt(at, bytes.indexOf(0, at) - at);
}
