// llhttp from undici's WebAssembly build, in strict mode: no lenient flag is ever set. Instantiates
// it with the callbacks of one oracle and runs it over whole messages; the oracles record what the
// callbacks report.
import { createRequire } from 'node:module';
import { trimOws } from '../../src/kernel/http/ows.ts';

/** The members used here; the full types of WebAssembly belong to the DOM library. */
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
}

/** llhttp_errno value that a callback returns to stop after its message. */
export const paused = 21;
/** llhttp_errno value for an upgrade or CONNECT: llhttp stops after the head by itself. */
export const pausedForUpgrade = 22;

/** The maximum input of run(). */
const maxBytes = 4 * 1024 * 1024;

/** Callbacks return 0 to continue. Strings are latin1: one character is one byte. */
export interface LlhttpCallbacks {
  readonly type: 'request' | 'response';
  url(text: string): void;
  /** `fields`: raw pairs, trimmed. Returns 1 to skip the body. */
  headersComplete(head: { version: string; status: number; keepAlive: boolean; fields: string[] }): number;
  body(text: string): void;
  /** `trailers`: raw pairs, trimmed. */
  messageComplete(trailers: string[]): number;
}

export interface LlhttpRun {
  /** llhttp_errno value; 0: all bytes were read. */
  readonly result: number;
  /** The name of the error, such as HPE_INVALID_CHUNK_SIZE. */
  readonly error: string;
  /** Index where llhttp stopped; 0 if it read all bytes. */
  readonly stoppedAt: number;
  /** The result of ending the connection; undefined after an error. */
  readonly finish: number | undefined;
}

const require = createRequire(import.meta.url);
const code = require('undici/lib/llhttp/llhttp_simd-wasm.js') as Buffer<ArrayBuffer>;

export class LlhttpEngine {
  readonly #llhttp: Exports;
  readonly #type: number;
  readonly #bufferAt: number;
  #fields: string[] = [];
  /** True when the last callback was for a field value: the next name starts a new field. */
  #inValue = true;

  constructor(callbacks: LlhttpCallbacks) {
    this.#type = callbacks.type === 'request' ? 1 : 2;
    const env = this.#imports(callbacks);
    this.#llhttp = new WebAssembly.Instance(new WebAssembly.Module(code), { env }).exports as Exports;
    this.#llhttp._initialize();
    this.#bufferAt = this.#llhttp.malloc(maxBytes);
  }

  /** Reads the bytes, at most 4 MiB, as one connection. */
  run(bytes: Buffer): LlhttpRun {
    const llhttp = this.#llhttp;
    this.#clearFields();
    const parser = llhttp.llhttp_alloc(this.#type);
    try {
      new Uint8Array(llhttp.memory.buffer, this.#bufferAt, maxBytes).set(bytes);
      const result = llhttp.llhttp_execute(parser, this.#bufferAt, bytes.length);
      return {
        result,
        error: this.#nameOf(result),
        stoppedAt: result === 0 ? 0 : llhttp.llhttp_get_error_pos(parser) - this.#bufferAt,
        finish: result === 0 ? llhttp.llhttp_finish(parser) : undefined,
      };
    } finally {
      llhttp.llhttp_free(parser);
    }
  }

  #imports(callbacks: LlhttpCallbacks): object {
    return {
      wasm_on_url: (_: number, at: number, bytes: number) => {
        callbacks.url(this.#textAt(at, bytes));
        return 0;
      },
      wasm_on_status: () => 0,
      wasm_on_message_begin: () => {
        this.#clearFields();
        return 0;
      },
      wasm_on_header_field: (_: number, at: number, bytes: number) => {
        if (this.#inValue) this.#fields.push('', '');
        this.#append(-2, at, bytes);
        this.#inValue = false;
        return 0;
      },
      wasm_on_header_value: (_: number, at: number, bytes: number) => {
        this.#append(-1, at, bytes);
        this.#inValue = true;
        return 0;
      },
      wasm_on_headers_complete: (parser: number, status: number, _upgrade: number, keepAlive: number) => {
        const version = `${this.#llhttp.llhttp_get_http_major(parser)}.${this.#llhttp.llhttp_get_http_minor(parser)}`;
        const fields = this.#takeFields();
        return callbacks.headersComplete({ version, status, keepAlive: keepAlive !== 0, fields });
      },
      wasm_on_body: (_: number, at: number, bytes: number) => {
        callbacks.body(this.#textAt(at, bytes));
        return 0;
      },
      wasm_on_message_complete: () => callbacks.messageComplete(this.#takeFields()),
    };
  }

  #append(index: -1 | -2, at: number, bytes: number): void {
    this.#fields[this.#fields.length + index] = `${this.#fields.at(index) ?? ''}${this.#textAt(at, bytes)}`;
  }

  /** Trims values: llhttp leaves whitespace after a value to its callers. */
  #takeFields(): string[] {
    const fields = this.#fields.map((text, i) => (i % 2 === 0 ? text : trimOws(text)));
    this.#clearFields();
    return fields;
  }

  #clearFields(): void {
    this.#fields = [];
    this.#inValue = true;
  }

  #textAt(at: number, bytes: number): string {
    return Buffer.from(this.#llhttp.memory.buffer, at, bytes).toString('latin1');
  }

  #nameOf(error: number): string {
    const bytes = new Uint8Array(this.#llhttp.memory.buffer);
    const at = this.#llhttp.llhttp_errno_name(error);
    return this.#textAt(at, bytes.indexOf(0, at) - at);
  }
}
