// llhttp as the oracle of the request reader: the WebAssembly build that comes with undici, strict (no lenient flag is ever set). Stops
// behind the first request.
import { createRequire } from 'node:module';
import { trimOws } from '../../src/kernel/ows.ts';

export interface OracleRequest {
  outcome: 'complete' | 'refused' | 'incomplete';
  /** The name of llhttp's error, such as HPE_INVALID_CHUNK_SIZE. */
  error: string;
  target: string;
  version: string;
  headers: readonly string[];
  body: string;
  trailers: readonly string[];
  /** Index behind the request; for a refused one, of the byte that was refused. */
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
  llhttp_get_error_pos(parser: number): number;
  llhttp_errno_name(error: number): number;
  llhttp_get_http_major(parser: number): number;
  llhttp_get_http_minor(parser: number): number;
}

const requestType = 1;
/** Of llhttp_errno. */
const paused = 21;
/** An upgrade, or CONNECT: llhttp stops behind the head by itself. */
const pausedForUpgrade = 22;

const require = createRequire(import.meta.url);
const code = require('undici/lib/llhttp/llhttp_simd-wasm.js') as Buffer<ArrayBuffer>;

let current: OracleRequest = emptyReading();
let fields: string[] = [];
/** The last callback was one for a field's value: the next name begins a new field. */
let inValue = true;
let heads = 0;

const env = {
  wasm_on_url: (_: number, at: number, bytes: number) => {
    current.target += textAt(at, bytes);
    return 0;
  },
  wasm_on_status: () => 0,
  wasm_on_message_begin: () => 0,
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
  wasm_on_headers_complete: (parser: number, _status: number, _upgrade: number, keepAlive: number) => {
    current.version = `${llhttp.llhttp_get_http_major(parser)}.${llhttp.llhttp_get_http_minor(parser)}`;
    current.headers = trimmed(fields);
    current.keepAlive = keepAlive !== 0;
    fields = [];
    inValue = true;
    heads += 1;
    return 0;
  },
  wasm_on_body: (_: number, at: number, bytes: number) => {
    current.body += textAt(at, bytes);
    return 0;
  },
  wasm_on_message_complete: () => {
    current.trailers = trimmed(fields);
    current.outcome = 'complete';
    return paused;
  },
};

const llhttp = new WebAssembly.Instance(new WebAssembly.Module(code), { env }).exports as Exports;
llhttp._initialize();
const bufferBytes = 1024 * 1024;
const bufferAt = llhttp.malloc(bufferBytes);

/** At most 1 MiB. */
export function oracleRequest(bytes: Buffer): OracleRequest {
  current = emptyReading();
  fields = [];
  inValue = true;
  heads = 0;
  const parser = llhttp.llhttp_alloc(requestType);
  try {
    new Uint8Array(llhttp.memory.buffer, bufferAt, bufferBytes).set(bytes);
    const result = llhttp.llhttp_execute(parser, bufferAt, bytes.length);
    if (result !== 0) current.endsAt = llhttp.llhttp_get_error_pos(parser) - bufferAt;
    if (result !== 0 && result !== paused && !(result === pausedForUpgrade && heads > 0)) {
      current.outcome = 'refused';
      current.error = nameOf(result);
    }
    return current;
  } finally {
    llhttp.llhttp_free(parser);
  }
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
